"""The proof as a picture: load, use, replicas and latency over the same time, as SVG inside a page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.reporting.pages import render
from scripts.verify.scaling.model import Proof, Sample

WIDTH = 860.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 34.0, 44.0
GAP = 36.0  # above each chart, for its heading
BLUE, GREEN, AMBER, VIOLET, RED, TEAL = "#2f8fb9", "#3f9c6b", "#c08a1e", "#7a6fd7", "#d0457a", "#3d9d97"
FAILED = "#d93025"
TEMPLATE = Path(__file__).parent / "plot.svg.jinja"
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
    """Return what is drawn, from the top."""
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
    """Return the picture. Colours of ink and lines are those of the page."""
    samples = proof.samples
    end = max(samples[-1].second, 1.0)
    drawn = charts(proof)
    height = TOP + sum(GAP + chart.height for chart in drawn) + BOTTOM
    floor = height - BOTTOM

    def x(second: float) -> float:
        return LEFT + second / end * (WIDTH - LEFT - RIGHT)

    placed, y = [], TOP
    for chart in drawn:
        y += GAP
        placed.append(_chart(chart, samples, x, y))
        y += chart.height
    return render(
        TEMPLATE,
        width=f"{WIDTH:.0f}",
        height=f"{height:.0f}",
        left=f"{LEFT:.1f}",
        right=f"{WIDTH - RIGHT:.1f}",
        heading=f"{LEFT:.0f}",
        label=f"{proof.service} under load: requests, use, replicas and latency over {end:.0f} seconds",
        tint=BLUE,
        phases=_phases(samples, x, floor),
        charts=placed,
        failed=FAILED,
        failures=[
            {"x": f"{x(one.second):.1f}", "failed": one.failed, "problems": "; ".join(one.problems)}
            for one in samples
            if one.failed
        ],
        failures_y=f"{TOP + GAP + drawn[0].height:.1f}",
        times=[{"x": f"{x(mark):.1f}", "text": f"{mark:g}"} for mark in steps(end, wanted=10) if mark <= end],
        times_y=f"{floor + 18:.1f}",
        middle=f"{(LEFT + WIDTH - RIGHT) / 2:.1f}",
        seconds_y=f"{floor + 36:.1f}",
    ).strip()


def steps(top: float, *, wanted: int, whole: bool = False) -> list[float]:
    """Return round values from 0 to at least `top`, about `wanted` of them beside 0: 1, 2 or 5 times a power of ten
    apart.
    """
    rough = max(top, 1e-9) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    size = max(size, 1.0) if whole else size
    return [size * number for number in range(math.ceil(top / size - 1e-9) + 1)]


def _chart(chart: Chart, samples: Sequence[Sample], x: Callable[[float], float], top: float) -> dict[str, Any]:
    """Return where everything of a chart stands, whose upper edge is at `top`."""
    values = [value for curve in chart.curves for one in samples if (value := curve.value(one)) is not None]
    highest = max([*values, *(value for _, value in chart.bounds)], default=1.0) or 1.0
    marks = steps(highest, wanted=4 if chart.whole else 3, whole=chart.whole)
    floor = top + chart.height

    def y(value: float) -> float:
        return floor - value / marks[-1] * chart.height

    return {
        "heading": chart.heading,
        "heading_y": f"{top - 10:.1f}",
        "curves": chart.curves,
        "marks_x": f"{LEFT - 7:.1f}",
        "marks": [{"y": f"{y(one):.1f}", "text_y": f"{y(one) + 4:.1f}", "text": f"{one:,.4g}"} for one in marks],
        "bounds_x": f"{WIDTH - RIGHT - 4:.1f}",
        "bounds": [
            {"y": f"{y(value):.1f}", "text_y": f"{y(value) + 14:.1f}", "name": name} for name, value in chart.bounds
        ],
        "paths": [
            _line([(x(second), y(value)) for second, value in run], curve, floor)
            for curve in chart.curves
            for run in _runs(curve, samples)
        ],
    }


def _runs(curve: Curve, samples: Sequence[Sample]) -> Iterator[list[tuple[float, float]]]:
    """Yield stretches without a hole, as (second, value)."""
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


def _line(points: Sequence[tuple[float, float]], curve: Curve, floor: float) -> dict[str, Any]:
    line = _path(points, curve)
    area = f"{line}V{floor:.1f}H{points[0][0]:.1f}Z" if curve.filled else ""
    return {"line": line, "area": area, "colour": curve.colour, "dashed": curve.dashed}


def _phases(samples: Sequence[Sample], x: Callable[[float], float], floor: float) -> dict[str, Any]:
    """Return where the time under load has its tint, and both times their names."""
    calm = next((one.second for one in samples if one.phase == "calm"), samples[-1].second)
    names = [{"x": f"{LEFT + 6:.1f}", "text": f"load: {max(one.users for one in samples)} people"}]
    if calm < samples[-1].second:
        place = max(x(calm) + 6, LEFT + 120)
        names.append({"x": f"{place:.1f}", "text": f"little load: {samples[-1].users} people"})
    return {
        "top": f"{TOP - 4:.1f}",
        "width": f"{x(calm) - LEFT:.1f}",
        "height": f"{floor - TOP + 4:.1f}",
        "text": f"{TOP - 12:.1f}",
        "names": names,
    }
