import os

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from sqlmodel import create_engine, text

SECRET_KEY = os.getenv("SECRET_KEY", "a development secret")
ACCESS_TOKEN_EXPIRE_MINUTES = int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30"))
engine = create_engine(os.environ["DATABASE_URL"])

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["http://localhost:3000"], allow_credentials=True)
router = APIRouter(prefix="/api/v1")


@app.get("/healthz")
def healthz():
    return {}


@router.get("/plans")
def plans():
    with engine.connect() as connection:
        return [row.title for row in connection.execute(text("SELECT title FROM plan"))]


app.include_router(router)
