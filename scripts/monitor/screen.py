"""A view as text for a terminal of any size, 80×24 included."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scripts.kube.quantities import MIB
from scripts.monitor.model import EventRow, PodRow, Scaling, ServiceRow, View

MISSING = "–"
USE = ("CPU/REQ/LIM", "MEM/REQ/LIM")
FEW_EVENTS = 5  # shown where space is short
NEARLY = 0.9  # of its limit: worth a colour
SLOW = 1.0  # seconds: likewise
GAPS = 2  # empty lines, where there is room
WIDE = 110  # columns: room for plots
TREND, BAR = 20, 12  # characters of a plot
STEPS = "▁▂▃▄▅▆▇█"
NUMBERS = re.compile(r"\d[\d.:]*")


def render(view: View, width: int, height: int, rates: Mapping[str, Sequence[float]] | None = None) -> RenderableType:
    """Return the whole screen, not higher than `height` lines. `rates` are each service's last requests a second."""
    told, events = notes(view), merged(view.events)
    pods, shown, gap = fit(len(view.services), len(told), len(view.pods), len(events), height)
    space = [Text()] if gap else []
    parts: list[RenderableType] = [_heading(view), _services(view.services, width, rates or {})]
    parts += [Text(f"{MISSING} {line}", style="yellow", no_wrap=True, overflow="ellipsis") for line in told]
    parts += [*space, _pods(view.pods[:pods], width)]
    if hidden := len(view.pods) - pods:
        parts.append(Text(f"… and {hidden} more pods", style="dim"))
    if shown:
        parts += [*space, _events(events[:shown], width)]
    return Group(*parts)


def fit(services: int, told: int, pods: int, events: int, height: int) -> tuple[int, int, bool]:
    """Return how many pods and events have room: at first a few events, then pods, then more events.

    The last says whether all that still leaves room for an empty line between the parts.
    """
    room = height - 1 - (services + 1) - told - 1  # the heading, the services with theirs, notes, the pods' heading
    some = min(events, FEW_EVENTS)
    for_events = some + 1 if some and room > some + 3 else 0
    shown = min(pods, max(1, room - for_events))
    if shown < pods and shown > 1:
        shown -= 1  # the line that says how many more there are
    gap = room - shown - for_events >= GAPS
    rest = room - shown - (shown < pods) - 1 - GAPS * gap
    return shown, (min(events, max(some, rest)) if for_events else 0), gap


def merged(events: Sequence[EventRow]) -> list[EventRow]:
    """Return one row for what is told of several objects in the same words; numbers and addresses do not count."""
    found: dict[tuple[str, str], list[EventRow]] = {}
    for event in events:
        found.setdefault((event.reason, NUMBERS.sub("", event.message)), []).append(event)
    return [_merge(same) for same in found.values()]


def _merge(same: Sequence[EventRow]) -> EventRow:
    objects = {event.about for event in same}
    kinds = {about.split("/", 1)[0] for about in objects}
    about = f"{len(objects)} {kinds.pop() if len(kinds) == 1 else 'object'}s" if len(objects) > 1 else same[0].about
    return replace(same[0], about=about, count=sum(event.count for event in same))


def notes(view: View) -> list[str]:
    """Return what is missing, and why, in one line each; the same reason of several pods is told once."""
    told: dict[str, None] = {}
    for source, reason in view.missing.items():
        if not source.startswith("metrics of "):
            told[f"{source}: {reason}"] = None
    for service in view.services:
        if service.missing and service.traffic is None:
            told[f"{service.name}: {service.missing}"] = None
    return list(told)


def _heading(view: View) -> Text:
    span = f"over {view.seconds:.1f} s" if view.seconds else "first look"
    words = Text(f"{view.namespace} on {view.context}", style="bold", no_wrap=True, overflow="ellipsis")
    return words.append(f"  {view.now[11:19]} UTC  {span}  Ctrl-C ends", style="not bold dim")


def _table(*columns: str, right: Sequence[str] = (), widths: Sequence[int | None] = ()) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold cyan")
    for name, width in zip_longest(columns, widths):
        table.add_column(
            name, justify="right" if name in right else "left", no_wrap=True, overflow="ellipsis", width=width
        )
    return table


def _services(rows: Sequence[ServiceRow], width: int, rates: Mapping[str, Sequence[float]]) -> Table:
    numbers = ("READY", "REQ/S", "5XX", "P50", "P95")
    trend = ("TREND",) if width >= WIDE else ()
    table = _table("SERVICE", "READY", "REQ/S", *trend, "5XX", "P50", "P95", "AUTOSCALER", right=numbers)
    for row in rows:
        traffic = row.traffic
        slow = traffic is not None and (traffic.p95 or 0) >= SLOW
        table.add_row(
            row.name,
            Text(f"{row.ready}/{row.wanted}", style="green" if row.ready >= row.wanted else "bold red"),
            MISSING if traffic is None else f"{traffic.rate:.1f}",
            *(Text(sparkline(rates.get(row.name, ())).ljust(TREND), style="cyan") for _ in trend),
            Text(share(traffic.errors if traffic else None), style="bold red" if traffic and traffic.errors else ""),
            duration(traffic.p50 if traffic else None),
            Text(
                duration(traffic.p95 if traffic else None),
                style="yellow" if slow else "",
            ),
            autoscaler(row.scaling),
        )
    return table


def _pods(rows: Sequence[PodRow], width: int) -> Table:
    bars = width >= WIDE
    use = tuple(name for column in USE for name in ((column, "OF LIMIT") if bars else (column,)))
    table = _table("POD", "PHASE", "READY", "RST", "AGE", *use, right=("READY", "RST", "AGE", *USE))
    for row in rows:
        whole = row.ready == row.containers
        cells = [
            cell
            for used, request, limit, size, unit in (
                (row.cpu, row.cpu_request, row.cpu_limit, 1, "m"),
                (row.memory, row.memory_request, row.memory_limit, MIB, "Mi"),
            )
            for cell in (_used(used, request, limit, size, unit), *((_bar(used, limit),) if bars else ()))
        ]
        table.add_row(
            row.name,
            Text(row.trouble or row.phase, style="bold red" if row.trouble else "" if whole else "yellow"),
            f"{row.ready}/{row.containers}",
            Text(str(row.restarts), style="yellow" if row.restarts else ""),
            row.age,
            *cells,
        )
    return table


def _events(rows: Sequence[EventRow], width: int) -> Table:
    reason, since = 16, 4
    about = min(max(8, width * 3 // 10), max(5, *(len(_short(row.about)) for row in rows)))
    message = max(8, width - reason - since - about - 3)
    table = _table("EVENT", "AGE", "ABOUT", "MESSAGE", right=("AGE",), widths=(reason, since, about, message))
    for row in rows:
        times = f" (×{row.count})" if row.count > 1 else ""
        style = "yellow" if row.type == "Warning" else ""
        table.add_row(Text(row.reason, style=style), row.age, _short(row.about), Text(row.message + times))
    return table


def _short(about: str) -> str:
    """Return `pod/NAME` without the kind: names say enough, and space is short."""
    return about.split("/", 1)[-1]


def _near(used: float | None, limit: float | None) -> bool:
    return used is not None and limit is not None and used > limit * NEARLY


def _used(used: float | None, request: float | None, limit: float | None, size: float, unit: str) -> Text:
    """Return the cells for used, requested and allowed."""
    first, *rest = [MISSING if item is None else f"{item / size:.0f}" for item in (used, request, limit)]
    style = "bold red" if _near(used, limit) else ""
    return Text(first, style=style).append("/" + "/".join(rest) + unit, style="" if style else "dim")


def _bar(used: float | None, limit: float | None) -> Text:
    """Return how much of the limit is used, as a bar."""
    if used is None or not limit:
        return Text(" " * BAR)
    full = min(BAR, round(used / limit * BAR))
    style = "bold red" if _near(used, limit) else "green"
    return Text("━" * full, style=style).append("─" * (BAR - full), style="dim")


def sparkline(values: Sequence[float]) -> str:
    """Return a small plot, from zero to the largest value."""
    top = max(values, default=0.0)
    return "".join(STEPS[round(value / top * (len(STEPS) - 1))] if top else STEPS[0] for value in values)


def autoscaler(scaling: Scaling | None) -> str:
    """Return `2 of 2–4: cpu 45%/70%`, with an arrow while it is changing; nothing where there is none."""
    if scaling is None:
        return ""
    change = f"→{scaling.wanted}" if scaling.wanted != scaling.replicas else ""
    metrics = " ".join(f"{name} {current or MISSING}/{target}" for name, current, target in scaling.metrics)
    return f"{scaling.replicas}{change} of {scaling.least}–{scaling.most}: {metrics}"


def share(value: float | None) -> str:
    """Return it in percent."""
    return MISSING if value is None else f"{value:.1%}"


def duration(seconds: float | None) -> str:
    """Return it in ms, or from a second on in s."""
    if seconds is None:
        return MISSING
    return f"{seconds:.1f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"
