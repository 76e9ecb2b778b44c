"""What the routes work with: built once per process, handed to them by FastAPI."""

from dataclasses import dataclass
from typing import Annotated

import httpx2
from fastapi import Depends, Request

from todo_backend.database import Database
from todo_backend.ratelimit import RateLimiter
from todo_backend.settings import Settings, split_keys
from todo_backend.tokens import TokenSigner
from todo_common.client import make_client


@dataclass(frozen=True)
class Limits:
    auth: RateLimiter
    login: RateLimiter
    api: RateLimiter
    chat: RateLimiter


@dataclass(frozen=True)
class State:
    settings: Settings
    database: Database
    signer: TokenSigner
    limits: Limits
    agent: httpx2.AsyncClient


def make_state(settings: Settings) -> State:
    return State(
        settings=settings,
        database=Database(settings.database_url.get_secret_value(), settings.database_pool_size),
        signer=TokenSigner(split_keys(settings.auth_secret), split_keys(settings.jwt_secret)),
        limits=Limits(
            auth=RateLimiter(settings.rate_limit_auth),
            login=RateLimiter(settings.rate_limit_login),
            api=RateLimiter(settings.rate_limit_api),
            chat=RateLimiter(settings.rate_limit_chat),
        ),
        agent=make_client(
            settings.tls_ca_file,
            base_url=settings.agent_url,
            timeout=httpx2.Timeout(settings.chat_timeout_seconds, connect=3.0),
            # One connection a message: a pooled one may lead to a replica that has just left.
            headers={"connection": "close"},
            repeat_seconds=settings.repeat_seconds,
        ),
    )


def get_state(request: Request) -> State:
    return request.app.state.services


InState = Annotated[State, Depends(get_state)]
