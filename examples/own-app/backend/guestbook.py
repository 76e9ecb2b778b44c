"""A guest book: GET and POST /entries, kept in the PostgreSQL that DATABASE_URL names."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TABLE = "CREATE TABLE IF NOT EXISTS entries (id bigserial PRIMARY KEY, name text NOT NULL, message text NOT NULL)"
LOCK = 20_250_101  # pods that start at the same moment make the table one after the other
LONGEST = 500  # characters


@asynccontextmanager
async def database() -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection whose changes are kept if the block ends well."""
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
        yield connection


async def alive(request: Request) -> JSONResponse:
    """The process runs. It asks nothing else: a missing database is no reason to restart it."""
    return JSONResponse({"status": "alive"})


async def ready(request: Request) -> JSONResponse:
    """Entries can be read and written; the first time this makes the table."""
    try:
        async with database() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            await connection.execute(TABLE)
    except psycopg.Error as error:
        return JSONResponse({"status": "not ready", "problem": type(error).__name__}, 503)
    return JSONResponse({"status": "ready"})


async def read(request: Request) -> JSONResponse:
    """The newest entries first."""
    async with database() as connection:
        rows = await connection.execute("SELECT name, message FROM entries ORDER BY id DESC LIMIT 100")
        return JSONResponse([{"name": name, "message": message} async for name, message in rows])


async def write(request: Request) -> JSONResponse:
    """Add an entry, a JSON object with the texts `name` and `message`."""
    try:
        given = await request.json()
        name, message = (given[key].strip()[:LONGEST] for key in ("name", "message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return JSONResponse({"detail": "send a JSON object with the texts name and message"}, 422)
    if not name or not message:
        return JSONResponse({"detail": "name and message must not be empty"}, 422)
    async with database() as connection:
        await connection.execute("INSERT INTO entries (name, message) VALUES (%s, %s)", [name, message])
    return JSONResponse({"name": name, "message": message}, 201)


app = Starlette(
    routes=[
        Route("/alive", alive),
        Route("/ready", ready),
        Route("/entries", read, methods=["GET"]),
        Route("/entries", write, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", "8000")), access_log=False)  # noqa: S104 in a pod
