"""The proof as a picture: load, use, replicas and latency over the same time, as SVG inside a page."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scripts.verify.scaling.model import Proof, Sample

WIDTH = 860.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 34.0, 44.0
GAP = 36.0  # above each chart, for its heading
BLUE, GREEN, AMBER, VIOLET, RED, TEAL = "#2f8fb9", "#3f9c6b", "#c08a1e", "#7a6fd7", "#d0457a", "#3d9d97"
FAILED = "#d93025"
STYLE = """
.scaling text { font: 12px system-ui, sans-serif; paint-order: stroke; stroke: Canvas; stroke-width: 3px; }
.scaling .soft { opacity: .75; }
.scaling .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; } .scaling .bound { stroke-dasharray: 2 4; }
.scaling .grid { opacity: .8; } .scaling .heading { font-weight: 600; }
"""
Value = Callable[[Sample], float | None]


@dataclass(frozen=True)
class Curve:
    """One line of a chart. `steps` holds a value until the next one, `filled` colours what is below."""

    name: str
    colour: str
    value: Value
    steps: bool = False
    filled: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """One of the charts. `bounds` are horizontal marks with names, `whole` says that there are no halves."""

    heading: str
    height: float
    curves: tuple[Curve, ...]
    bounds: tuple[tuple[str, float], ...] = ()
    whole: bool = False


def charts(proof: Proof) -> list[Chart]:
    """What is drawn, from the top."""
    scaler = proof.autoscaler
    uses = [
        Curve(name, colour, lambda one, name=name: one.use.get(name), steps=True)  # type: ignore[misc]
        for name, colour in zip(scaler.targets, (TEAL, VIOLET), strict=False)
    ]
    targets = tuple((f"{name} target {goal} %", float(goal)) for name, goal in scaler.targets.items())
    return [
        Chart("Load, requests/s", 110, (Curve("answered", BLUE, lambda one: one.rate, filled=True),)),
        Chart("Use as the autoscaler sees it, % of the request", 90, tuple(uses), targets),
        Chart(
            "Replicas, pods",
            90,
            (
                Curve("ready", GREEN, lambda one: one.ready, steps=True, filled=True),
                Curve("asked for", AMBER, lambda one: one.desired, steps=True, dashed=True),
            ),
            (("minimum", float(scaler.least)), ("maximum", float(scaler.most))),
            whole=True,
        ),
        Chart(
            "Latency, ms",
            110,
            (Curve("p95", RED, lambda one: one.p95), Curve("p50", VIOLET, lambda one: one.p50)),
        ),
    ]


def draw(proof: Proof) -> str:
    """The picture. Colours of ink and lines are those of the page."""
    samples = proof.samples
    end = max(samples[-1].second, 1.0)
    drawn = charts(proof)
    height = TOP + sum(GAP + chart.height for chart in drawn) + BOTTOM
    floor = height - BOTTOM

    def x(second: float) -> float:
        return LEFT + second / end * (WIDTH - LEFT - RIGHT)

    parts = list(_phases(samples, x, floor))
    y = TOP
    for chart in drawn:
        y += GAP
        parts += _chart(chart, samples, x, y)
        y += chart.height
    parts += _failures(samples, x, TOP + GAP + drawn[0].height)
    parts += _times(end, x, floor)
    label = f"{proof.service} under load: requests, use, replicas and latency over {end:.0f} seconds"
    return (
        f'<svg class="scaling" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def steps(top: float, *, wanted: int, whole: bool = False) -> list[float]:
    """Round values from 0 to at least `top`, about `wanted` of them beside 0: 1, 2 or 5 times a power of ten apart."""
    rough = max(top, 1e-9) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    size = max(size, 1.0) if whole else size
    return [size * number for number in range(math.ceil(top / size - 1e-9) + 1)]


def _chart(chart: Chart, samples: Sequence[Sample], x: Callable[[float], float], top: float) -> Iterator[str]:
    values = [value for curve in chart.curves for one in samples if (value := curve.value(one)) is not None]
    highest = max([*values, *(value for _, value in chart.bounds)], default=1.0) or 1.0
    marks = steps(highest, wanted=4 if chart.whole else 3, whole=chart.whole)
    floor = top + chart.height

    def y(value: float) -> float:
        return floor - value / marks[-1] * chart.height

    yield f'<text class="heading" x="{LEFT:.0f}" y="{top - 10:.1f}">{html.escape(chart.heading)}</text>'
    yield _legend(chart.curves, top - 10)
    for mark in marks:
        yield f'<line class="grid" x1="{LEFT:.1f}" x2="{WIDTH - RIGHT:.1f}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        yield f'<text class="soft" x="{LEFT - 7:.1f}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:,.4g}</text>'
    for name, value in chart.bounds:
        yield (
            f'<line class="bound" x1="{LEFT:.1f}" x2="{WIDTH - RIGHT:.1f}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'style="stroke: currentColor"/><text class="soft" x="{WIDTH - RIGHT - 4:.1f}" y="{y(value) + 14:.1f}" '
            f'text-anchor="end">{html.escape(name)}</text>'
        )
    for curve in chart.curves:
        for run in _runs(curve, samples):
            points = [(x(second), y(value)) for second, value in run]
            yield _area(points, curve, floor) + _line(points, curve)


def _runs(curve: Curve, samples: Sequence[Sample]) -> Iterator[list[tuple[float, float]]]:
    """Stretches without a hole, as (second, value)."""
    run: list[tuple[float, float]] = []
    for one in samples:
        value = curve.value(one)
        if value is not None:
            run.append((one.second, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _path(points: Sequence[tuple[float, float]], curve: Curve) -> str:
    words = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    words += [f"H{x:.1f}V{y:.1f}" if curve.steps else f"L{x:.1f} {y:.1f}" for x, y in points[1:]]
    return "".join(words)


def _line(points: Sequence[tuple[float, float]], curve: Curve) -> str:
    dashes = ' stroke-dasharray="6 4"' if curve.dashed else ""
    return f'<path class="line" d="{_path(points, curve)}" stroke="{curve.colour}"{dashes}/>'


def _area(points: Sequence[tuple[float, float]], curve: Curve, floor: float) -> str:
    if not curve.filled:
        return ""
    closed = f"{_path(points, curve)}V{floor:.1f}H{points[0][0]:.1f}Z"
    return f'<path d="{closed}" fill="{curve.colour}" fill-opacity="0.16"/>'


def _legend(curves: Sequence[Curve], y: float) -> str:
    words = "&#160;&#160; ".join(
        f'<tspan style="fill: {curve.colour}">{"╌╌" if curve.dashed else "━"}</tspan> {html.escape(curve.name)}'
        for curve in curves
    )
    return f'<text x="{WIDTH - RIGHT:.1f}" y="{y:.1f}" text-anchor="end">{words}</text>'


def _phases(samples: Sequence[Sample], x: Callable[[float], float], floor: float) -> Iterator[str]:
    """The time under load has a tint, and both times a name."""
    calm = next((one.second for one in samples if one.phase == "calm"), samples[-1].second)
    yield (
        f'<rect x="{LEFT:.1f}" y="{TOP - 4:.1f}" width="{x(calm) - LEFT:.1f}" height="{floor - TOP + 4:.1f}" '
        f'fill="{BLUE}" fill-opacity="0.06"/>'
    )
    people = max(one.users for one in samples)
    yield f'<text class="soft" x="{LEFT + 6:.1f}" y="{TOP - 12:.1f}">load: {people} people</text>'
    if calm < samples[-1].second:
        few = samples[-1].users
        place = max(x(calm) + 6, LEFT + 120)
        yield f'<text class="soft" x="{place:.1f}" y="{TOP - 12:.1f}">little load: {few} people</text>'


def _failures(samples: Sequence[Sample], x: Callable[[float], float], y: float) -> Iterator[str]:
    for one in samples:
        if one.failed:
            told = html.escape("; ".join(one.problems))
            yield (
                f'<circle cx="{x(one.second):.1f}" cy="{y:.1f}" r="4" fill="{FAILED}"><title>{one.failed} failed: '
                f"{told}</title></circle>"
            )


def _times(end: float, x: Callable[[float], float], floor: float) -> Iterator[str]:
    for mark in steps(end, wanted=10):
        if mark <= end:
            yield f'<text class="soft" x="{x(mark):.1f}" y="{floor + 18:.1f}" text-anchor="middle">{mark:g}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle:.1f}" y="{floor + 36:.1f}" text-anchor="middle">seconds since the start of the load</text>'
