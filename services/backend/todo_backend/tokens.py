"""Signed tokens. Each names a login (`sid`), so ending the login ends every token made for it."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import jwt

ALGORITHM = "HS256"


class Kind(StrEnum):
    """What a token opens; its audience."""

    SESSION = "session"
    """The browser's cookie."""
    API = "api"
    """A bearer token from login."""
    TOOLS = "tools"
    """What the agent gets for one message: todos only."""


class InvalidToken(Exception):
    """Not signed by us, expired, or of the wrong kind."""


@dataclass(frozen=True)
class Claims:
    kind: Kind
    user_id: int
    session_id: uuid.UUID


@dataclass(frozen=True)
class Key:
    id: str
    secret: bytes

    @classmethod
    def derive(cls, secret: str) -> "Key":
        """A key of the length the algorithm wants, named by a fingerprint that tells nothing about it."""
        digest = hashlib.sha256(b"todo-chatbot signing key\0" + secret.encode()).digest()
        return cls(hashlib.sha256(digest).hexdigest()[:12], digest)


class TokenSigner:
    """Signs with the newest key, accepts all."""

    def __init__(self, session_keys: list[str], api_keys: list[str]) -> None:
        sessions = [Key.derive(secret) for secret in session_keys]
        bearers = [Key.derive(secret) for secret in api_keys]
        self._keys = {Kind.SESSION: sessions, Kind.API: bearers, Kind.TOOLS: bearers}

    def issue(self, kind: Kind, user_id: int, session_id: uuid.UUID, lifetime: timedelta) -> str:
        key = self._keys[kind][0]
        now = datetime.now(UTC)
        claims = {"sub": str(user_id), "sid": str(session_id), "aud": kind.value, "iat": now, "exp": now + lifetime}
        return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.id})

    def read(self, token: str, kinds: tuple[Kind, ...]) -> Claims:
        """Check signature, expiry and kind. Raises InvalidToken."""
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = next((key for kind in kinds for key in self._keys[kind] if key.id == key_id), None)
            if key is None:
                raise InvalidToken("signed with an unknown key")
            # A key opens only the kinds it signs: whoever has one secret cannot forge what the other one guards.
            return _verify(token, key, [kind.value for kind in kinds if key in self._keys[kind]])
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidToken(str(error)) from error


def _verify(token: str, key: Key, audience: list[str]) -> Claims:
    required = {"require": ["exp", "sub", "sid", "aud"]}
    claims = jwt.decode(token, key.secret, algorithms=[ALGORITHM], audience=audience, options=required)
    return Claims(Kind(claims["aud"]), int(claims["sub"]), uuid.UUID(claims["sid"]))
