import asyncpg
from fastapi import FastAPI

from src.settings import settings

app = FastAPI()


@app.on_event("startup")
async def start():
    app.state.pool = await asyncpg.create_pool(settings.database_url)


@app.get("/health")
async def health():
    return {"status": "healthy"}
