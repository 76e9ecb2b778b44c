"""/healthz: the process is alive. /readyz: it can do its work now, or which dependency keeps it from that."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CHECK_TIMEOUT = 4.0
"""Seconds a dependency has to answer: fewer than the probe that asks for it."""

Check = Callable[[], Awaitable[None]]
"""Returns if the dependency can be used, raises with a reason if not."""

log = logging.getLogger(__name__)


class Health:
    """Readiness of one process: its dependencies, and whether it is draining."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._last: frozenset[str] = frozenset()
        self.draining = False

    async def missing(self) -> dict[str, str]:
        """Ask all dependencies at once; the ones that fail, with the reason in words."""
        problems = await asyncio.gather(*(_ask(check) for check in self._checks.values()))
        return {name: problem for name, problem in zip(self._checks, problems, strict=True) if problem}

    async def readyz(self, _: Request) -> JSONResponse:
        if self.draining:
            return JSONResponse({"status": "draining"}, status_code=503)
        missing = await self.missing()
        if frozenset(missing) != self._last:
            self._last = frozenset(missing)
            log.warning("readiness changed", extra={"missing": missing}) if missing else log.info("ready")
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, status_code=503)
        return JSONResponse({"status": "ready"})

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
        ]


async def _healthz(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _ask(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT:g} s"
    except Exception as error:  # whatever a driver raises, the answer is "not ready", in one line
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return None
