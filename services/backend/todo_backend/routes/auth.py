"""Accounts and logins."""

import uuid
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from todo_backend.access import COOKIE, InSession, Person, client_address, limit, set_cookie
from todo_backend.models import Session, User
from todo_backend.passwords import hash_password, verify_password
from todo_backend.schemas import Credentials, LoginOut, Problem, UserOut
from todo_backend.state import InState, State
from todo_backend.tokens import Kind

router = APIRouter(prefix="/api/auth", tags=["auth"])


@router.post("/register", status_code=201, responses={409: {"model": Problem}, 429: {"model": Problem}})
async def register(
    body: Credentials, request: Request, response: Response, state: InState, session: InSession
) -> LoginOut:
    """Make an account and log in."""
    limit(state.limits.auth, client_address(request))
    user = User(username=body.username, password_hash=await hash_password(body.password))
    session.add(user)
    try:
        await session.flush()
    except IntegrityError:
        raise HTTPException(409, "this user name is taken") from None
    return await _start_session(request, response, state, session, user)


@router.post("/login", responses={401: {"model": Problem}, 429: {"model": Problem}})
async def login(
    body: Credentials, request: Request, response: Response, state: InState, session: InSession
) -> LoginOut:
    """Log in. Sets the session cookie and returns a bearer token."""
    name = body.username.lower()
    limit(state.limits.auth, client_address(request))
    limit(state.limits.login, name, amount=0)
    user = await session.scalar(select(User).where(func.lower(User.username) == name))
    if not await verify_password(user.password_hash if user else None, body.password) or user is None:
        limit(state.limits.login, name)
        raise HTTPException(401, "wrong user name or password")
    return await _start_session(request, response, state, session, user)


@router.post("/refresh", responses={401: {"model": Problem}, 403: {"model": Problem}, 429: {"model": Problem}})
async def refresh(caller: Person, state: InState) -> LoginOut:
    """A new bearer token for a login that still stands."""
    return _login_out(state, caller.user_id, caller.username, caller.session_id)


@router.post(
    "/logout",
    status_code=204,
    responses={401: {"model": Problem}, 403: {"model": Problem}, 429: {"model": Problem}},
)
async def logout(caller: Person, response: Response, session: InSession) -> None:
    """End this login: its cookie and every token made for it stop working."""
    await session.execute(delete(Session).where(Session.id == caller.session_id))
    await session.commit()
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.get("/me", responses={401: {"model": Problem}, 403: {"model": Problem}, 429: {"model": Problem}})
async def me(caller: Person) -> UserOut:
    """Who is logged in."""
    return UserOut(id=caller.user_id, username=caller.username)


async def _start_session(
    request: Request, response: Response, state: State, session: AsyncSession, user: User
) -> LoginOut:
    now = datetime.now(UTC)
    login_session = Session(
        id=uuid.uuid4(), user_id=user.id, expires_at=now + timedelta(hours=state.settings.session_hours)
    )
    session.add(login_session)
    await session.execute(delete(Session).where(Session.user_id == user.id, Session.expires_at < now))
    await session.commit()
    set_cookie(request, response, state, user.id, login_session.id)
    return _login_out(state, user.id, user.username, login_session.id)


def _login_out(state: State, user_id: int, username: str, session_id: uuid.UUID) -> LoginOut:
    lifetime = timedelta(minutes=state.settings.access_token_minutes)
    token = state.signer.issue(Kind.API, user_id, session_id, lifetime)
    return LoginOut(token=token, user=UserOut(id=user_id, username=username))
