from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel
from sqlalchemy import String
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.future import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.config import settings

engine = create_async_engine(settings.database_url)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Errand(Base):
    __tablename__ = "errand"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))


class NewErrand(BaseModel):
    title: str


@asynccontextmanager
async def life(app):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=life)
app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=["*"])


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/api/errands")
async def errands():
    async with sessions() as session:
        return [{"id": one.id, "title": one.title} for one in (await session.execute(select(Errand))).scalars()]


@app.post("/api/errands", status_code=201)
async def add(new: NewErrand):
    async with sessions() as session:
        one = Errand(title=new.title)
        session.add(one)
        await session.commit()
        return {"id": one.id, "title": one.title}
