from fastapi import FastAPI
from sqlalchemy import create_engine, text

from app.config import Config

config = Config()
engine = create_engine(config.database_url)
app = FastAPI(root_path="/api")


@app.get("/health")
def health():
    return {}


@app.get("/ready")
def ready():
    with engine.connect() as connection:
        return {"aims": len(connection.execute(text("SELECT title FROM aim")).all())}
