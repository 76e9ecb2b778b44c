"""The loop: look, compare with the look before, show."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.live import Live

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.monitor import sampling, screen
from scripts.monitor.model import Sample, View
from scripts.monitor.rows import view

SCHEMA = 1  # of the JSON; a change of meaning raises it
SHORTEST, LONGEST = 0.5, 3600.0
Seen = TypeVar("Seen")
PAGE = 1000  # lines: what is printed once may be as long as it is


def run(session: Session, *, interval: float, once: bool, as_json: bool) -> None:
    """Show the release until Ctrl-C, or with `once` (and where there is no terminal) a single time.

    `interval` is in seconds. Raises UserError if the cluster does not answer.
    """
    if not SHORTEST <= interval <= LONGEST:
        raise UserError(f"--interval {interval:g}: must be {SHORTEST:g} to {LONGEST:g} seconds")
    console = Console(highlight=False)
    namespace, context = session.settings.release.namespace, session.cluster.context
    services = frozenset(
        name for one in session.settings.services for name in (one.label or one.name, one.deployment or one.name)
    )

    def compared(before: Sample, after: Sample) -> View:
        return view(before, after, namespace=namespace, context=context)

    async def single(socket: Path) -> View:
        async with sampling.open_sampler(socket, namespace, services) as look:
            before = await look.sample()
            await asyncio.sleep(interval)
            return compared(before, await look.sample())

    async def endless(socket: Path) -> None:
        rates: defaultdict[str, list[float]] = defaultdict(list)
        with Live(console=console, screen=True, auto_refresh=False) as live:

            def show(shown: View) -> None:
                for service in shown.services:
                    if service.traffic:
                        rates[service.name] = [*rates[service.name], service.traffic.rate][-screen.TREND :]
                live.update(screen.render(shown, console.width, console.height, rates), refresh=True)

            async with sampling.open_sampler(socket, namespace, services) as look:
                await follow(look.sample, until_told(), interval, lambda before, after: show(compared(before, after)))

    with suppress(KeyboardInterrupt), sampling.proxy(session.kubectl) as socket:
        if not (once or as_json) and console.is_terminal:
            asyncio.run(endless(socket))
            return
        found = asyncio.run(single(socket))
        print_view(found, console, as_json=as_json)


def until_told() -> asyncio.Event:
    """Set by Ctrl-C and by the signal TERM, which from now on do nothing else."""
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    return over


async def follow(
    look: Callable[[], Awaitable[Seen]], over: asyncio.Event, interval: float, show: Callable[[Seen, Seen], None]
) -> None:
    """Show the first look at once, then each with the one before it, until `over`."""
    ended = asyncio.ensure_future(over.wait())
    before: Seen | None = None
    while not ended.done():
        looking = asyncio.ensure_future(look())
        await asyncio.wait((looking, ended), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            looking.cancel()
            await asyncio.wait((looking,))
            return
        after = looking.result()
        show(before or after, after)
        before = after
        await asyncio.wait((ended,), timeout=interval)


def as_record(found: View) -> dict[str, Any]:
    """Return the view as `--json` prints it: null is what could not be read, and `missing` says why."""
    return {"schema": SCHEMA} | asdict(found)


def print_view(found: View, console: Console, *, as_json: bool) -> None:
    """Print it once: as JSON, or as it would be on a screen high enough."""
    if as_json:
        print(json.dumps(as_record(found), indent=1))
    else:
        console.print(screen.render(found, console.width, PAGE))
