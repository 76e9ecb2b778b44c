"""Calls that outlive the replica they were sent to.

A call that nobody has begun is sent again, to whichever replica the Service leads to by then. A call that carries an
idempotency key is sent again whatever became of the first one: whoever makes changes makes them once per key. A replica
that is about to go does not know a signing secret newer than itself: what it does not let in is asked elsewhere.
"""

import asyncio
import logging
import random
import uuid

import httpx2

IDEMPOTENCY_KEY = "idempotency-key"
"""The header; the same in every copy of one call, another one in every call."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two tries."""

NOT_BEGUN = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

log = logging.getLogger(__name__)


def new_key() -> str:
    """A key nobody has used."""
    return uuid.uuid4().hex


class RepeatingTransport(httpx2.AsyncBaseTransport):
    """Sends again, for as many seconds as it is given, what is lost with a replica that goes away."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, seconds: float) -> None:
        self._inner = inner
        self._seconds = seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send. Raises the last failure once the time is up, and any failure at once that must not be repeated."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._seconds, FIRST_PAUSE
        while True:
            over = loop.time() + pause > deadline
            try:
                response = await self._send(request)
                if over or not _is_out_of_date(response):
                    return response
                await response.aclose()
                why = "an old replica does not know the caller"
            except httpx2.TransportError as error:
                if over or not _may_repeat(request, error):
                    raise
                why = type(error).__name__
            log.info("a call is sent again", extra={"url": str(request.url), "error": why})
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 spreads calls, guards nothing
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        if IDEMPOTENCY_KEY in request.headers:
            await response.aread()  # an answer that breaks off is one that has to be asked for again
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _is_out_of_date(response: httpx2.Response) -> bool:
    """Whether a replica that is about to go says that the caller is unknown: nothing was begun there."""
    return response.status_code == httpx2.codes.UNAUTHORIZED and response.headers.get("connection") == "close"


def _may_repeat(request: httpx2.Request, error: httpx2.TransportError) -> bool:
    return isinstance(error, NOT_BEGUN) or request.method == "GET" or IDEMPOTENCY_KEY in request.headers
