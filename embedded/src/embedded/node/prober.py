"""Probes over the life of a container: when each is made, and what follows from its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from embedded.node.probes import Counter, Result

Record = Callable[[str, str, str], None]
Make = Callable[[dict[str, Any]], Callable[[], Awaitable[Result]]]
"""From a probe to what performs it once; raises ValueError when it cannot be performed."""


FIRST = {"Startup": 0.05, "Readiness": 0.05, "Liveness": 1.0}
"""Seconds from a container's start to its first probe where no initialDelaySeconds is longer: a process needs a moment
to listen, and a kubelet's liveness probes begin at any time within their period."""


class Prober:
    """The probes of one running container.

    `on_started` and `on_ready` are told each change; `on_failed` gets "liveness" or "startup" when the container has to
    be restarted.
    """

    def __init__(
        self,
        container: dict[str, Any],
        make: Make,
        record: Record,
        *,
        on_started: Callable[[], None],
        on_ready: Callable[[bool], None],
        on_failed: Callable[[str], None],
    ) -> None:
        self._container = container
        self._make = make
        self._record = record
        self._on_started = on_started
        self._on_ready = on_ready
        self._on_failed = on_failed

    async def run(self, already_started: bool) -> None:
        """Probe until cancelled. `already_started` skips the startup probe of a container taken over."""
        startup = self._container.get("startupProbe")
        if startup and not already_started and not await self._startup(startup):
            return
        self._on_started()
        async with asyncio.TaskGroup() as group:
            if self._container.get("livenessProbe"):
                group.create_task(self._liveness(self._container["livenessProbe"]))
            if self._container.get("readinessProbe"):
                group.create_task(self._readiness(self._container["readinessProbe"]))
            else:
                self._on_ready(True)

    async def _startup(self, probe: dict[str, Any]) -> bool:
        counter = Counter(probe, initial=None)
        async for ok in self._outcomes(probe, "Startup"):
            if counter.add(ok):
                if not ok:
                    self._on_failed("startup")
                return ok
        return False

    async def _liveness(self, probe: dict[str, Any]) -> None:
        counter = Counter(probe, initial=True)
        async for ok in self._outcomes(probe, "Liveness"):
            if counter.add(ok) and not ok:
                self._on_failed("liveness")
                return

    async def _readiness(self, probe: dict[str, Any]) -> None:
        counter = Counter(probe, initial=False)
        async for ok in self._outcomes(probe, "Readiness"):
            if counter.add(ok):
                self._on_ready(ok)

    async def _outcomes(self, probe: dict[str, Any], called: str) -> AsyncIterator[bool]:
        """Yield the outcomes of a probe at its pace; one that could not be made is told and left out."""
        period = probe.get("periodSeconds", 10)
        loop = asyncio.get_running_loop()
        at = loop.time() + max(probe.get("initialDelaySeconds", 0), FIRST[called])
        while True:
            await asyncio.sleep(max(0.0, at - loop.time()))
            at = max(at + period, loop.time())
            try:
                result = await self._make(probe)()
            except ValueError as error:
                result = Result(False, str(error), error=True)
            if not result.ok:
                word = "errored" if result.error else "failed"
                self._record("Warning", "Unhealthy", f"{called} probe {word}: {result.message}")
            if not result.error:
                yield result.ok
