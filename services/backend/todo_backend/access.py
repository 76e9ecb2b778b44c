"""Who is calling: the dependencies that routes ask for."""

import math
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, HTTPException, Request, Response, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from todo_backend.models import Session, User
from todo_backend.ratelimit import RateLimiter
from todo_backend.state import InState, State
from todo_backend.tokens import Claims, InvalidToken, Kind

COOKIE = "session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_SITE = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for the app's own pages and for what the user typed."""

_bearer = HTTPBearer(auto_error=False, description="the token of login, register or refresh")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="set by login and register")


@dataclass(frozen=True)
class Caller:
    user_id: int
    username: str
    session_id: uuid.UUID
    kind: Kind


async def get_session(state: InState) -> AsyncIterator[AsyncSession]:
    async with state.database.sessions() as session:
        yield session


InSession = Annotated[AsyncSession, Depends(get_session)]


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})


def limit(limiter: RateLimiter, key: str, amount: float = 1.0) -> None:
    """Raise 429 with the seconds to wait if the key has used up its rate."""
    if wait := limiter.take(key, amount):
        seconds = math.ceil(wait)
        raise HTTPException(429, f"too many requests, try again in {seconds} s", {"Retry-After": str(seconds)})


def client_address(request: Request) -> str:
    """The browser's address: the last hop the frontend saw, since only the frontend reaches this service."""
    forwarded = request.headers.get("x-forwarded-for", "").rsplit(",", 1)[-1].strip()
    return forwarded or (request.client.host if request.client else "")


def set_cookie(request: Request, response: Response, state: State, user_id: int, session_id: uuid.UUID) -> None:
    lifetime = timedelta(hours=state.settings.session_hours)
    response.set_cookie(
        COOKIE,
        state.signer.issue(Kind.SESSION, user_id, session_id, lifetime),
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        samesite="strict",
        secure="https" in (request.url.scheme, request.headers.get("x-forwarded-proto")),
        path="/",
    )


async def get_caller(
    request: Request,
    response: Response,
    state: InState,
    session: InSession,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    cookie: Annotated[str | None, Security(_cookie)],
) -> Caller:
    """The user behind the bearer token or, without one, the session cookie."""
    if bearer is not None:
        caller, _ = await _find(state, session, bearer.credentials, (Kind.API, Kind.TOOLS))
    elif cookie is not None:
        if request.method not in SAFE_METHODS and request.headers.get("sec-fetch-site", "none") not in SAME_SITE:
            raise HTTPException(403, "requests from other sites are refused")
        caller, expires_at = await _find(state, session, cookie, (Kind.SESSION,))
        await _keep_alive(request, response, state, session, caller, expires_at)
    else:
        raise unauthorized("log in first")
    limit(state.limits.api, str(caller.user_id))
    return caller


async def get_person(caller: Annotated[Caller, Depends(get_caller)]) -> Caller:
    """The caller, unless it is a tool acting for them: tools reach todos and nothing else."""
    if caller.kind is Kind.TOOLS:
        raise HTTPException(403, "this token opens todos only")
    return caller


AnyCaller = Annotated[Caller, Depends(get_caller)]
Person = Annotated[Caller, Depends(get_person)]


async def _find(state: State, session: AsyncSession, token: str, kinds: tuple[Kind, ...]) -> tuple[Caller, datetime]:
    try:
        claims: Claims = state.signer.read(token, kinds)
    except InvalidToken:
        raise unauthorized("the session has expired, log in again") from None
    row = (
        await session.execute(
            select(User.username, Session.expires_at)
            .join(Session, Session.user_id == User.id)
            .where(User.id == claims.user_id, Session.id == claims.session_id, Session.expires_at > datetime.now(UTC))
        )
    ).first()
    if row is None:
        raise unauthorized("the session has ended, log in again")
    return Caller(claims.user_id, row.username, claims.session_id, claims.kind), row.expires_at


async def _keep_alive(
    request: Request, response: Response, state: State, session: AsyncSession, caller: Caller, expires_at: datetime
) -> None:
    """Past half of its time, a session in use gets all of it again."""
    now = datetime.now(UTC)
    lifetime = timedelta(hours=state.settings.session_hours)
    if expires_at - now < lifetime / 2:
        await session.execute(update(Session).where(Session.id == caller.session_id).values(expires_at=now + lifetime))
        await session.commit()
        set_cookie(request, response, state, caller.user_id, caller.session_id)
