"""`invoke status --watch`: the table in place on a terminal, else a line whenever a service changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scripts.context.session import Session
from scripts.kube.kubectl import is_forbidden
from scripts.monitor import live, sampling
from scripts.release.operate import status_rows

INTERVAL = 1.0  # seconds between two looks
AGE = 3  # the column that changes although nothing happens
Row = tuple[str, ...]


@dataclass(frozen=True)
class StatusSnapshot:
    """One look: the rows of `invoke status`, its heading first, and by source why something could not be read."""

    now: datetime
    rows: Sequence[Row] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def run(session: Session) -> None:
    """Show the release's table until Ctrl-C. Raises UserError if the cluster does not answer at first."""
    console = Console(highlight=False)
    namespace, context = session.settings.release.namespace, session.cluster.context

    async def endless(socket: Path) -> None:
        async with sampling.open_sampler(socket, namespace, frozenset()) as sampler:
            if not console.is_terminal:
                await live.follow(snapshots(sampler), live.until_told(), INTERVAL, print_changes)
                return
            with Live(console=console, auto_refresh=False) as shown:

                def show(_: StatusSnapshot, now: StatusSnapshot) -> None:
                    shown.update(render(now, f"{namespace} on {context}"), refresh=True)

                await live.follow(snapshots(sampler), live.until_told(), INTERVAL, show)

    with suppress(KeyboardInterrupt), sampling.proxy(session.kubectl) as socket:
        asyncio.run(endless(socket))


def snapshots(sampler: sampling.Sampler) -> Callable[[], Awaitable[StatusSnapshot]]:
    """Return what takes a look; where something could not be read, with the rows of the look before.

    What this account may not list stays unread: the rest is shown without it.
    """
    rows: Sequence[Row] = ()

    async def look() -> StatusSnapshot:
        nonlocal rows
        objects, problems = await sampler.workloads()
        now = sampler.now()
        hidden = [source for source, why in problems.items() if is_forbidden(why)]
        if len(hidden) == len(problems):
            rows = status_rows(objects, now, hidden=hidden)
        return StatusSnapshot(now, rows, problems)

    return look


def render(seen: StatusSnapshot, where: str) -> RenderableType:
    """Return the table with a heading, and what could not be read."""
    heading = Text(f"{where}  {seen.now:%H:%M:%S} UTC  Ctrl-C ends", style="bold", no_wrap=True, overflow="ellipsis")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold cyan")
    for name in seen.rows[0] if seen.rows else ():
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for service, ready, *rest in seen.rows[1:]:
        have, wanted = ready.split("/")
        table.add_row(service, Text(ready, style="" if int(have) >= int(wanted) else "bold red"), *rest)
    notes = [Text(f"– {source}: {reason}", style="yellow") for source, reason in seen.problems.items()]
    return Group(heading, table, *notes)


def print_changes(before: StatusSnapshot, after: StatusSnapshot) -> None:
    """Print what changed; of the first look, which is given as both, everything."""
    for line in changes(StatusSnapshot(before.now) if before is after else before, after):
        print(line, flush=True)


def changes(before: StatusSnapshot, after: StatusSnapshot) -> list[str]:
    """Return a line for each service that is not as it was, its age apart; for one that is gone; for what
    cannot be read.
    """
    told = [f"– {source}: {reason}" for source, reason in after.problems.items() if source not in before.problems]
    told += [f"{source} can be read again" for source in before.problems if source not in after.problems]
    old, new = ({row[0]: row for row in seen.rows[1:]} for seen in (before, after))
    widths = [max(map(len, column)) for column in zip(*after.rows, strict=True)]
    told += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for name, row in new.items()
        if name not in old or _lasting(old[name]) != _lasting(row)
    ]
    told += [f"{name}  gone" for name in old if name not in new]
    return [f"{after.now:%H:%M:%S}  {line}" for line in told]


def _lasting(row: Row) -> Row:
    return row[:AGE] + row[AGE + 1 :]
