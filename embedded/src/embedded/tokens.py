"""Tokens of ServiceAccounts: JSON Web Tokens that this server signs and knows again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded.files import write_private

AUDIENCE = "https://kubernetes.default.svc.cluster.local"
HEADER = {"alg": "HS256", "typ": "JWT"}
SECONDS = 3600


def secret(path: Path) -> bytes:
    """Return the key in a file, made anew where there is none."""
    if not path.exists():
        write_private(path, secrets.token_bytes(32))
    return path.read_bytes()


class Issuer:
    """Signs tokens with one key; `clock` tells seconds since the epoch."""

    def __init__(self, key: bytes | None = None, clock: Callable[[], float] = time.time) -> None:
        self._key = key or secrets.token_bytes(32)
        self._clock = clock

    def issue(
        self, namespace: str, account: str, uid: str, *, audiences: list[str] | None = None, seconds: int = SECONDS,
        bound: dict[str, dict[str, str]] | None = None,
    ) -> tuple[str, float]:  # fmt: skip
        """Return a token of a ServiceAccount and the moment it ends; `bound` says what it ends with earlier."""
        issued = int(self._clock())
        claims = {
            "aud": audiences or [AUDIENCE],
            "exp": issued + seconds,
            "iat": issued,
            "iss": AUDIENCE,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account, "uid": uid}} | (bound or {}),
            "nbf": issued,
            "sub": f"system:serviceaccount:{namespace}:{account}",
        }
        body = ".".join(_encode(json.dumps(part, separators=(",", ":")).encode()) for part in (HEADER, claims))
        return f"{body}.{_encode(self._sign(body))}", issued + seconds

    def of_pod(self, pod: dict[str, Any], account: dict[str, Any] | None, projection: dict[str, Any]) -> str:
        """Return the token that a pod mounts by a projected volume."""
        meta = pod["metadata"]
        audience = projection.get("audience")
        token, _ = self.issue(
            meta["namespace"],
            pod["spec"].get("serviceAccountName", "default"),
            (account or {"metadata": {"uid": ""}})["metadata"]["uid"],
            audiences=[audience] if audience else None,
            seconds=int(projection.get("expirationSeconds", SECONDS)),
            bound={"pod": {"name": meta["name"], "uid": meta["uid"]}},
        )
        return token

    def check(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token; None for one that is not ours, or has ended."""
        body, _, signature = token.rpartition(".")
        try:
            if not hmac.compare_digest(_decode(signature), self._sign(body)):
                return None
            claims: dict[str, Any] = json.loads(_decode(body.partition(".")[2]))
        except ValueError:
            return None
        return claims if claims["exp"] > self._clock() else None

    def _sign(self, body: str) -> bytes:
        return hmac.digest(self._key, body.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
