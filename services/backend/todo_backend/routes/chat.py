"""Messages to the agent, and the conversation so far."""

from collections.abc import AsyncIterator
from datetime import timedelta

from fastapi import APIRouter, HTTPException
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from todo_backend import conversation
from todo_backend.access import Caller, InSession, Person, limit
from todo_backend.conversation import AgentFailed
from todo_backend.models import Message
from todo_backend.schemas import ChatMessage, ChatReply, History, HistoryItem, Problem
from todo_backend.state import InState, State
from todo_backend.tokens import Kind

HISTORY_SHOWN = 200
"""Messages a page gets of the conversation."""

router = APIRouter(prefix="/api/chat", tags=["chat"], responses={code: {"model": Problem} for code in (401, 403, 429)})


@router.post("", responses={502: {"model": Problem}, 503: {"model": Problem}})
async def chat(body: ChatMessage, caller: Person, state: InState, session: InSession) -> ChatReply:
    """Ask the agent; answers when it has done all it was asked."""
    limit(state.limits.chat, str(caller.user_id))
    # Give the connection back: the agent's tools need one of this pool while we wait for it.
    await session.close()
    try:
        return await conversation.ask(state, caller.user_id, body.message, _tools_token(state, caller))
    except AgentFailed as failure:
        raise HTTPException(failure.status, str(failure), failure.headers) from None


@router.post("/stream", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def chat_stream(body: ChatMessage, caller: Person, state: InState, session: InSession) -> StreamingResponse:
    """Ask the agent; server-sent events `delta`, then `done` or `error`."""
    limit(state.limits.chat, str(caller.user_id))
    await session.close()
    events: AsyncIterator[bytes] = conversation.stream(state, caller.user_id, body.message, _tools_token(state, caller))
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@router.get("/history")
async def history(caller: Person, session: InSession) -> History:
    """The newest messages, oldest first."""
    rows = await session.scalars(
        select(Message).where(Message.user_id == caller.user_id).order_by(Message.id.desc()).limit(HISTORY_SHOWN)
    )
    return History(items=[HistoryItem.model_validate(row) for row in reversed(rows.all())])


def _tools_token(state: State, caller: Caller) -> str:
    """The user's own right to their todos, for as long as one message may take."""
    lifetime = timedelta(seconds=state.settings.chat_timeout_seconds + 30)
    return state.signer.issue(Kind.TOOLS, caller.user_id, caller.session_id, lifetime)
