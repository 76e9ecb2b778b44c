"""Changes of the store, and how those who wait for them hear of them."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

LAG = 4096  # events a watcher may have waiting


@dataclasses.dataclass(frozen=True)
class Event:
    """One committed change: type is ADDED, MODIFIED or DELETED; the object is read-only, `old` what it replaced."""

    type: str
    object: dict[str, Any]
    revision: int
    old: dict[str, Any] | None = None


class Watch:
    """The changes of one resource as an async iterator; `close` ends it."""

    def __init__(
        self, resource: str, namespace: str, backlog: Iterable[Event], forget: Callable[[Watch], None]
    ) -> None:
        self._forget = forget
        self.resource = resource
        self.namespace = namespace
        self._events = collections.deque(backlog)
        self._wake = asyncio.Event()
        self._closed = False
        if self._events:
            self._wake.set()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()

    async def wait(self, seconds: float) -> list[Event]:
        """Return all events there are, waiting up to `seconds` for a first one; empty when none came."""
        if not self._events and not self._closed:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                return []
        events = list(self._events)
        self._events.clear()
        return events

    @property
    def closed(self) -> bool:
        """Return whether the watch has ended."""
        return self._closed

    def close(self) -> None:
        """Hear of nothing more; an iteration under way ends."""
        self._closed = True
        self._forget(self)
        self._wake.set()

    def push(self, event: Event) -> None:
        """Take one event if it is of the watched namespace; a watcher that lags too far behind is ended."""
        if not self.namespace or event.object["metadata"].get("namespace") == self.namespace:
            self._events.append(event)
            self._wake.set()
            if len(self._events) > LAG:
                self.close()
