import os

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

url = os.getenv("DATABASE_URL", "").replace("postgresql://", "postgresql+asyncpg://").split("?")[0]
engine = create_async_engine(url)
app = FastAPI()


@app.on_event("startup")
async def tables():
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)


@app.get("/health/live")
async def live():
    return {}


@app.get("/health/ready")
async def ready():
    return {}
