"""A connection to a database that is awaited, without one."""

from __future__ import annotations

from collections.abc import Callable


class AsyncEngine:
    open = False

    def begin(self) -> AsyncEngine:
        return self

    async def __aenter__(self) -> AsyncEngine:
        self.open = True
        return self

    async def __aexit__(self, *error: object) -> None:
        self.open = False

    async def run_sync(self, make: Callable[..., None], **words: bool) -> None:
        make(self, **words)
