"""One message through the agent, remembered in the database."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from todo_backend.models import Message
from todo_backend.schemas import ChatReply
from todo_backend.state import State
from todo_common.repeat import NOT_BEGUN

HISTORY_SENT = 20
"""Messages of the conversation the agent is reminded of."""

LEFT_SECONDS = 5.0
"""Time at the end of the process for answers whose readers have gone."""

UNREACHABLE = "The assistant cannot be reached right now. Your todos are safe; try again in a moment."
BROKE_OFF = "The assistant broke off in the middle. What it has done is in your list: look there, then ask again."

log = logging.getLogger(__name__)
_running: set[asyncio.Task[None]] = set()


class AgentFailed(Exception):
    """The agent did not answer; the text is for the user."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers


async def ask(state: State, user_id: int, message: str, token: str) -> ChatReply:
    """The agent's whole answer. Raises AgentFailed."""
    payload = {"message": message, "history": await _history(state, user_id)}
    try:
        response = await state.agent.post("/chat", json=payload, headers=_headers(token))
    except httpx2.HTTPError as error:
        failure = _lost(error)
        await _remember_break(state, user_id, message, failure)
        raise failure from error
    if response.status_code != 200:
        failure = _failure(response.status_code, response.content, response.headers)
        await _remember_break(state, user_id, message, failure)
        raise failure
    try:
        reply = ChatReply.model_validate_json(response.content)
    except ValidationError as error:
        log.error("the agent's answer does not fit the contract", extra={"problems": error.error_count()})
        raise AgentFailed(502, UNREACHABLE) from error
    await _remember(state, user_id, message, reply.reply)
    return reply


async def stream(state: State, user_id: int, message: str, token: str) -> AsyncIterator[bytes]:
    """The agent's answer as server-sent events. It is finished and remembered even if the reader goes away."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    task = asyncio.create_task(_pump(state, user_id, message, token, queue))
    _running.add(task)
    task.add_done_callback(_running.discard)
    while (event := await queue.get()) is not None:
        yield event


async def finish() -> None:
    """Wait for answers that are still coming though their readers have gone, at the end of the process."""
    if _running:
        await asyncio.wait(_running, timeout=LEFT_SECONDS)


def event(name: str, data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def _pump(state: State, user_id: int, message: str, token: str, queue: asyncio.Queue[bytes | None]) -> None:
    told, begun = "", False
    try:
        payload = {"message": message, "history": await _history(state, user_id)}
        begun = True
        async with state.agent.stream("POST", "/chat/stream", json=payload, headers=_headers(token)) as response:
            if response.status_code != 200:
                raise _failure(response.status_code, await response.aread(), response.headers)
            finished = False
            async for name, data in _events(response.aiter_lines()):
                if name == "done":
                    reply = ChatReply.model_validate(data)
                    await _remember(state, user_id, message, reply.reply)
                elif name == "error":
                    failure = AgentFailed(502, str(data.get("message", "")))
                    await _remember_break(state, user_id, message, failure, told)
                told += str(data.get("text", "")) if name == "delta" else ""
                finished = finished or name in ("done", "error")
                queue.put_nowait(event(name, data))
            if not finished:
                raise AgentFailed(502, BROKE_OFF)
    except (AgentFailed, httpx2.HTTPError) as problem:
        failure = problem if isinstance(problem, AgentFailed) else _lost(problem)
        queue.put_nowait(event("error", {"message": str(failure)}))
        await _remember_break(state, user_id, message, failure, told)
    except Exception:  # the reader must learn that nothing more will come
        log.exception("the conversation broke off")
        queue.put_nowait(event("error", {"message": BROKE_OFF if begun else UNREACHABLE}))
    finally:
        queue.put_nowait(None)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name, data = "message", ""
    async for line in lines:
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""


async def _history(state: State, user_id: int) -> list[dict[str, str]]:
    async with state.database.sessions() as session:
        rows = await session.execute(
            select(Message.role, Message.content)
            .where(Message.user_id == user_id)
            .order_by(Message.id.desc())
            .limit(HISTORY_SENT)
        )
        return [{"role": row.role, "content": row.content[:2000]} for row in reversed(rows.all())]


async def _remember(state: State, user_id: int, message: str, reply: str) -> None:
    """Keep a message and its answer, if the database is there: who was told of a failure would have it done again."""
    try:
        async with state.database.sessions() as session:
            session.add(Message(user_id=user_id, role="user", content=message))
            await session.flush()
            session.add(Message(user_id=user_id, role="assistant", content=reply))
            await session.commit()
    except (SQLAlchemyError, OSError):
        log.exception("the conversation cannot be remembered")


async def _remember_break(state: State, user_id: int, message: str, failure: AgentFailed, told: str = "") -> None:
    """Keep a message that the agent began to answer, with what there is of it and why it ended: the next one has to
    know that part may be done. What never reached the agent is no part of the conversation.
    """
    if str(failure) != UNREACHABLE:
        await _remember(state, user_id, message, f"{told}\n\n{failure}".strip())


def _headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _lost(error: httpx2.HTTPError) -> AgentFailed:
    """The agent never had the message, or it had it and is gone: it may have done part of it then."""
    begun = not isinstance(error, NOT_BEGUN)
    log.warning("the agent is lost", extra={"error": f"{type(error).__name__}: {error}", "begun": begun})
    return AgentFailed(503, BROKE_OFF if begun else UNREACHABLE)


def _failure(status: int, body: bytes, headers: httpx2.Headers) -> AgentFailed:
    """The agent's own words where it has some for the user, else ours."""
    try:
        detail = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = UNREACHABLE
    retry = {"Retry-After": headers["retry-after"]} if "retry-after" in headers else None
    log.warning("the agent failed", extra={"agent_status": status, "detail": detail})
    return AgentFailed(503 if status in (429, 503) else 502, detail if status in (502, 503) else UNREACHABLE, retry)
