"""What happens around every request: id, log line, metrics, trace, security headers, size limit, last-resort errors."""

import json
import logging
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from todo_common import metrics, tracing
from todo_common.context import REQUEST_ID_HEADER, accept_request_id, request_id
from todo_common.health import Health

MAX_BODY = 64 * 1024
"""Bytes of a request body; the longest legitimate one is a chat message with its history."""

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: logged at DEBUG only."""

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
}

log = logging.getLogger("todo_common.access")


class BodyTooLarge(Exception):
    """The request body grew past the limit while it was being read."""


class Envelope:
    """Outermost ASGI middleware of every service."""

    def __init__(self, app: ASGIApp, health: Health, max_body: int = MAX_BODY) -> None:
        self._app = app
        self._health = health
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        token = request_id.set(accept_request_id(headers.get(REQUEST_ID_HEADER)))
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(message)
            await send(message)

        metrics.IN_FLIGHT.inc()
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
        try:
            with tracing.server_span(f"{scope['method']} {scope['path']}", headers, attributes) as span:
                try:
                    await self._limited(scope, headers, receive, send_with_headers)
                except BodyTooLarge:
                    if not status:
                        await _answer(send_with_headers, 413, f"the body is larger than {self._max_body} bytes")
                except Exception:
                    log.exception("unexpected error")
                    if not status:
                        await _answer(send_with_headers, 500, "internal error")
                finally:
                    self._record(scope, status, time.perf_counter() - started)
                if span is not None:
                    span.set_attributes({"http.response.status_code": status, "http.route": _route(scope)})
        finally:
            metrics.IN_FLIGHT.dec()
            request_id.reset(token)

    async def _limited(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._max_body:
            raise BodyTooLarge
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body:
                raise BodyTooLarge
            return message

        await self._app(scope, counted, send)

    def _add_headers(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        headers[REQUEST_ID_HEADER] = request_id.get()
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("cache-control", "no-store")
        if self._health.draining:
            # Clients open their next connection elsewhere, so none is lost when this one goes away.
            headers["connection"] = "close"

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        metrics.REQUESTS.labels(scope["method"], route, str(status)).inc()
        metrics.DURATION.labels(scope["method"], route).observe(seconds)
        log.log(
            logging.DEBUG if scope["path"] in QUIET else logging.INFO,
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "status": status or "aborted",
                "milliseconds": round(seconds * 1000, 1),
                "client": (scope.get("client") or ("",))[0],
            },
        )


def _route(scope: dict[str, Any]) -> str:
    """The route's pattern, so that ids in paths do not multiply metrics."""
    if route := scope.get("route"):
        return str(route.path)
    return str(scope["path"]) if "endpoint" in scope else "unmatched"


async def _answer(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
