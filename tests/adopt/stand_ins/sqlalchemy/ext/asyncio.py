"""A connection to a database that is awaited, without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class AsyncEngine:
    open = False

    def begin(self) -> AsyncEngine:
        return self

    connect = begin

    async def __aenter__(self) -> AsyncEngine:
        self.open = True
        return self

    async def __aexit__(self, *error: object) -> None:
        self.open = False

    async def run_sync(self, make: Callable[..., Any], **words: bool) -> Any:
        return make(self, **words)
