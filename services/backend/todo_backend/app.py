"""Assembles the backend."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.types import ASGIApp

from todo_backend import conversation
from todo_backend.database import first_line
from todo_backend.routes import auth, chat, todos
from todo_backend.schemas import Problem
from todo_backend.settings import Settings
from todo_backend.state import make_state
from todo_common import metrics
from todo_common.health import Health
from todo_common.middleware import Envelope

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> tuple[ASGIApp, Health]:
    """The application, and the readiness the server drains."""
    api, health = create_api(settings)
    return Envelope(api, health), health


def create_api(settings: Settings) -> tuple[FastAPI, Health]:
    """The API without what all services have around it."""
    state = make_state(settings)
    health = Health({"database": state.database.check})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        migration = asyncio.create_task(state.database.migrate())
        yield
        migration.cancel()
        await conversation.finish()
        await state.agent.aclose()
        await state.database.close()

    app = FastAPI(
        title="Todo Chatbot",
        version="1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={code: {"model": Problem} for code in (400, 413, 422, 503)},
    )
    app.state.services = state
    app.router.routes.extend([*health.routes(), metrics.ROUTE])
    for module in (auth, todos, chat):
        app.include_router(module.router)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(kind, _database_gone)
    return app, health


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    problems = (f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}" for item in found)
    return JSONResponse({"detail": "; ".join(problems).removeprefix(": ")}, status_code=422)


async def _database_gone(_: Request, error: Exception) -> JSONResponse:
    log.warning("the database failed", extra={"error": first_line(error)})
    return JSONResponse(
        {"detail": "the database cannot be reached, try again in a moment"}, 503, headers={"Retry-After": "2"}
    )
