"""A view as text for a terminal of any size, 80×24 included."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scripts.monitor.model import EventRow, PodRow, Scaling, ServiceRow, View
from scripts.recipes.quantities import MIB

MISSING = "–"
USE = ("CPU/REQ/LIM", "MEM/REQ/LIM")
FEW_EVENTS = 5  # shown where space is short
NEARLY = 0.9  # of its limit: worth a colour


def render(view: View, width: int, height: int) -> RenderableType:
    """The whole screen, not higher than `height` lines."""
    told = notes(view)
    pods, events = fit(len(view.services), len(told), len(view.pods), len(view.events), height)
    parts: list[RenderableType] = [_heading(view), _services(view.services)]
    parts += [Text(f"{MISSING} {line}", style="yellow", no_wrap=True, overflow="ellipsis") for line in told]
    parts.append(_pods(view.pods[:pods]))
    if hidden := len(view.pods) - pods:
        parts.append(Text(f"… and {hidden} more pods", style="dim"))
    if events:
        parts.append(_events(view.events[:events], width))
    return Group(*parts)


def fit(services: int, told: int, pods: int, events: int, height: int) -> tuple[int, int]:
    """How many pods and events have room: at first a few events, then pods, then more events."""
    room = height - 1 - (services + 1) - told - 1  # the heading, the services with theirs, notes, the pods' heading
    some = min(events, FEW_EVENTS)
    for_events = some + 1 if some and room > some + 3 else 0
    shown = min(pods, max(1, room - for_events))
    if shown < pods and shown > 1:
        shown -= 1  # the line that says how many more there are
    rest = room - shown - (shown < pods) - 1
    return shown, (min(events, max(some, rest)) if for_events else 0)


def notes(view: View) -> list[str]:
    """What is missing, and why, in one line each; the same reason of several pods is told once."""
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
    words = f"{view.namespace} on {view.context}  {view.now[11:19]} UTC  {span}  Ctrl-C ends"
    return Text(words, style="bold", no_wrap=True, overflow="ellipsis")


def _table(*columns: str, right: Sequence[str] = (), widths: Sequence[int | None] = ()) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold cyan")
    for name, width in zip_longest(columns, widths):
        table.add_column(
            name, justify="right" if name in right else "left", no_wrap=True, overflow="ellipsis", width=width
        )
    return table


def _services(rows: Sequence[ServiceRow]) -> Table:
    numbers = ("READY", "REQ/S", "5XX", "P50", "P95")
    table = _table("SERVICE", "READY", "REQ/S", "5XX", "P50", "P95", "AUTOSCALER", right=numbers)
    for row in rows:
        traffic = row.traffic
        table.add_row(
            row.name,
            Text(f"{row.ready}/{row.wanted}", style="" if row.ready >= row.wanted else "bold red"),
            MISSING if traffic is None else f"{traffic.rate:.1f}",
            Text(share(traffic and traffic.errors), style="bold red" if traffic and traffic.errors else ""),
            duration(traffic and traffic.p50),
            duration(traffic and traffic.p95),
            autoscaler(row.scaling),
        )
    return table


def _pods(rows: Sequence[PodRow]) -> Table:
    table = _table("POD", "PHASE", "READY", "RST", "AGE", *USE, right=("READY", "RST", "AGE", *USE))
    for row in rows:
        whole = row.ready == row.containers
        table.add_row(
            row.name,
            Text(row.trouble or row.phase, style="bold red" if row.trouble else "" if whole else "yellow"),
            f"{row.ready}/{row.containers}",
            Text(str(row.restarts), style="yellow" if row.restarts else ""),
            row.age,
            _used(row.cpu, row.cpu_request, row.cpu_limit, 1, "m"),
            _used(row.memory, row.memory_request, row.memory_limit, MIB, "Mi"),
        )
    return table


def _events(rows: Sequence[EventRow], width: int) -> Table:
    reason, since = 16, 4
    about = max(8, width * 3 // 10)
    message = max(8, width - reason - since - about - 3)
    table = _table("EVENT", "AGE", "ABOUT", "MESSAGE", right=("AGE",), widths=(reason, since, about, message))
    for row in rows:
        times = f" (×{row.count})" if row.count > 1 else ""
        style = "yellow" if row.type == "Warning" else ""
        table.add_row(Text(row.reason, style=style), row.age, _short(row.about), Text(row.message + times))
    return table


def _short(about: str) -> str:
    """`pod/NAME` without the kind: names say enough, and space is short."""
    return about.split("/", 1)[-1]


def _used(used: float | None, request: float | None, limit: float | None, size: float, unit: str) -> Text:
    """Used, requested and allowed."""
    shown = [MISSING if item is None else f"{item / size:.0f}" for item in (used, request, limit)]
    near = used is not None and limit is not None and used > limit * NEARLY
    return Text("/".join(shown) + unit, style="bold red" if near else "")


def autoscaler(scaling: Scaling | None) -> str:
    """`2 of 2–4: cpu 45%/70%`, with an arrow while it is changing; nothing where there is none."""
    if scaling is None:
        return ""
    change = f"→{scaling.wanted}" if scaling.wanted != scaling.replicas else ""
    metrics = " ".join(f"{name} {current or MISSING}/{target}" for name, current, target in scaling.metrics)
    return f"{scaling.replicas}{change} of {scaling.least}–{scaling.most}: {metrics}"


def share(value: float | None) -> str:
    """In percent."""
    return MISSING if value is None else f"{value:.1%}"


def duration(seconds: float | None) -> str:
    """In ms, or from a second on in s."""
    if seconds is None:
        return MISSING
    return f"{seconds:.1f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"
