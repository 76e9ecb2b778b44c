"""Assembles the agent's HTTP service."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from todo_agent.answerer import Answerer
from todo_agent.failed import Failed
from todo_agent.settings import Settings
from todo_common import metrics
from todo_common.client import make_client
from todo_common.health import Health
from todo_common.middleware import Envelope

MAX_BODY = 256 * 1024
"""Bytes of a question with its history."""


class Turn(BaseModel):
    """One earlier message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["user", "assistant"]
    content: str = Field(max_length=2000)


class Ask(BaseModel):
    """What the backend sends: the conversation is the backend's to remember, so that any replica can answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    message: str = Field(min_length=1, max_length=2000)
    history: list[Turn] = Field(default=[], max_length=40)

    def turns(self) -> list[dict[str, str]]:
        """The history as the model gets it."""
        return [turn.model_dump() for turn in self.history]


def create_app(settings: Settings) -> tuple[ASGIApp, Health]:
    """The application, and the readiness the server drains."""
    answerer = Answerer(settings)
    # Each probe has a connection of its own: a pooled one may lead to a replica that has just left.
    probe = make_client(settings.tls_ca_file, timeout=2, headers={"connection": "close"})
    alive = settings.mcp_server_url.removesuffix("/mcp") + "/healthz"

    async def mcp_answers() -> None:
        (await probe.get(alive)).raise_for_status()

    health = Health({"model loop": answerer.check, "mcp": mcp_answers})

    async def chat(request: Request) -> Response:
        try:
            ask, token = await _read(request)
            answer = await answerer.answer(ask.message, ask.turns(), token)
        except Failed as failure:
            return JSONResponse({"detail": str(failure)}, failure.status)
        return JSONResponse({"reply": answer.reply, "actions": answer.actions})

    async def stream(request: Request) -> Response:
        try:
            ask, token = await _read(request)
        except Failed as failure:
            return JSONResponse({"detail": str(failure)}, failure.status)

        async def events() -> AsyncIterator[bytes]:
            try:
                async for name, data in answerer.stream(ask.message, ask.turns(), token):
                    yield _event(name, data)
            except Failed as failure:
                yield _event("error", {"message": str(failure)})

        return StreamingResponse(events(), media_type="text/event-stream")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        answerer.load()
        yield
        await probe.aclose()
        await answerer.close()

    routes = [Route("/chat", chat, methods=["POST"]), Route("/chat/stream", stream, methods=["POST"])]
    app = Starlette(routes=[*routes, *health.routes(), metrics.ROUTE], lifespan=lifespan)
    return Envelope(app, health, max_body=MAX_BODY), health


async def _read(request: Request) -> tuple[Ask, str]:
    """The question and the token of the user who asks. Raises Failed."""
    try:
        ask = Ask.model_validate_json(await request.body())
    except ValidationError as error:
        raise Failed(422, _problems(error)) from error
    token = _bearer(request)
    if not token:
        raise Failed(401, "a bearer token is needed")
    return ask, token


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _problems(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False))


def _event(name: str, data: dict[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
