"""Settings of the backend."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from todo_common.settings import ServiceSettings

MIN_SECRET = 16
"""Characters a signing secret must have."""


def _keys(value: SecretStr) -> SecretStr:
    if any(len(key) < MIN_SECRET for key in split_keys(value)):
        raise ValueError(f"needs at least {MIN_SECRET} characters (several, separated by commas: the newest first)")
    return value


def _rate(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*/(second|minute|hour)", value):
        raise ValueError("must look like 30/minute (second, minute or hour)")
    return value


def _database_url(value: SecretStr) -> SecretStr:
    if not re.match(r"postgres(ql)?(\+\w+)?://", value.get_secret_value()):
        raise ValueError("must start with postgresql://")
    return value


SigningKeys = Annotated[SecretStr, AfterValidator(_keys)]
Rate = Annotated[str, AfterValidator(_rate)]


class Settings(ServiceSettings):
    """Each field is read from the variable of its name in upper case."""

    port: int = Field(default=8000, ge=1, le=65535)
    database_url: Annotated[SecretStr, AfterValidator(_database_url)]
    database_pool_size: int = Field(default=10, ge=1, le=100)
    auth_secret: SigningKeys
    """Signs session cookies. Rotation: put the new secret first, drop the old one after SESSION_HOURS."""
    jwt_secret: SigningKeys
    """Signs bearer tokens. Rotation: as above, after ACCESS_TOKEN_MINUTES."""
    session_hours: float = Field(default=12, gt=0, le=720)
    access_token_minutes: float = Field(default=30, gt=0, le=1440)
    agent_url: str = "http://agent-service:8001"
    chat_timeout_seconds: float = Field(default=60, gt=0, le=600)
    rate_limit_auth: Rate = "60/minute"
    """Registrations and logins from one client address, on one replica."""
    rate_limit_login: Rate = "10/minute"
    """Failed logins of one user name, on one replica."""
    rate_limit_api: Rate = "6000/minute"
    """Requests of one user, on one replica."""
    rate_limit_chat: Rate = "30/minute"
    """Chat messages of one user, on one replica."""


def split_keys(value: SecretStr) -> list[str]:
    """The secrets of a setting, the one that signs first."""
    return [key.strip() for key in value.get_secret_value().split(",")]
