from fastapi import FastAPI
from sqlalchemy import create_engine

from app.config import Config

config = Config()
engine = create_engine(config.database_url)
app = FastAPI(root_path="/api")


@app.get("/health")
def health():
    return {}


@app.get("/ready")
def ready():
    return {}
