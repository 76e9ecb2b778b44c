"""Replies in JSON."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from embedded.errors import ApiError

JSON = "application/json"


def encode(value: Any) -> bytes:
    """Return JSON as the server writes it: compact, one line, a newline at its end."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def reply(value: Any, *, status: int = 200, warnings: list[str] | None = None) -> web.Response:
    """Return a JSON reply; warnings become Warning headers that clients show to people."""
    response = web.Response(body=encode(value), status=status, headers={"Content-Type": JSON})
    for text in warnings or ():
        response.headers.add("Warning", '299 - "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return response


def refusal(error: ApiError) -> web.Response:
    """Return a refused request as a Status."""
    response = reply(error.status(), status=error.code)
    seconds = (error.details or {}).get("retryAfterSeconds")
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response
