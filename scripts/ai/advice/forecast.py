"""Forecast how many pods a service needs, by the trend of what it used lately."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.ai.live_release import LiveRelease, Section
from scripts.ai.samples import Sample
from scripts.ai.trends import Trend, quantile, trend
from scripts.kube import objects
from scripts.kube.quantities import cpu, show_cpu

AHEAD = 900.0  # seconds that are looked ahead
GOAL = 0.7  # of the requested cpu
FEWEST = 2  # pods of a service that has several: for updates and failures without downtime
LONG_ENOUGH = 120.0  # seconds of the past from which on a slope is more than noise
RECENT = 3600.0  # seconds of the past that a trend is drawn through


def collect(live: LiveRelease) -> Section:
    """Return one paragraph for each service that is asked for, with the command that would change something."""
    lines: list[str] = []
    data: list[dict[str, Any]] = []
    commands: list[str] = []
    autoscalers = {item["spec"]["scaleTargetRef"]["name"]: item for item in live.state.kind("HorizontalPodAutoscaler")}
    for deployment in live.state.kind("Deployment"):
        name = str(deployment["metadata"]["name"])
        if name not in live.services or name == live.settings.database.name:
            continue
        row = forecast(name, deployment, list(live.samples))
        autoscaler = autoscalers.get(name)
        words = command(name, row, autoscaler)
        lines += [*describe(row), *([_owner(autoscaler)] if autoscaler else [])]
        data.append(row | {"autoscaler": autoscaler["metadata"]["name"] if autoscaler else ""})
        commands += [live.command(*words)] if words else []
    if not lines:
        return Section("Forecast", ("No Deployment of that name runs here.",), data=[])
    return Section("Forecast", tuple(lines), data, tuple(commands), urgency=3 if commands else 0)


def forecast(name: str, deployment: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the numbers of one service: cpu in millicores over all its pods."""
    container = objects.app_container(objects.template(deployment))
    request = cpu(str(((container.get("resources") or {}).get("requests") or {}).get("cpu", "0")))
    replicas = int(deployment["spec"].get("replicas", 1))
    last = samples[-1].at if samples else 0.0
    points = [
        (sample.at, sum(sample.services[name].cpu.values()))
        for sample in samples
        if name in sample.services and sample.services[name].cpu and sample.at >= last - RECENT
    ]
    line = trend(points)
    span = points[-1][0] - points[0][0] if points else 0.0
    if span < LONG_ENOUGH:
        line = None
    now = points[-1][1] if points else 0.0
    # Above a line through few points there is more room for surprise than the line knows of.
    expected = (
        max(quantile([value for _, value in points], 0.95), line.high(_ahead(line)) if line else 0.0) if points else 0.0
    )
    needed = math.ceil(expected / (request * GOAL)) if request and points else replicas
    return {
        "service": name,
        "replicas": replicas,
        "suggested": max(needed, min(replicas, FEWEST)),
        "cpuNow": round(now, 1),
        "cpuExpected": round(expected, 1),
        "cpuRequest": request,
        "trendPerHour": round(line.slope * 3600, 1) if line else None,
        "samples": len(points),
        "seconds": round(span),
    }  # fmt: skip


def _ahead(line: Trend) -> float:
    """Return how far ahead is looked: no further than twice what was seen of the past."""
    return min(AHEAD, 2 * line.span)


def describe(row: Mapping[str, Any]) -> list[str]:
    """Return the numbers in words."""
    name = row["service"]
    if not row["samples"]:
        return [f"{name}: no use is known (kubectl top pods), so {row['replicas']} pods are left as they are."]
    trending = f"seen for too short a time for a trend ({row['samples']} samples in {row['seconds']} s)"
    if row["trendPerHour"] is not None:
        trending = f"trend {row['trendPerHour']:+.0f}m an hour over the last {row['seconds']} s"
    lines = [
        f"{name}: {row['replicas']} pods use {show_cpu(row['cpuNow'])} of cpu together, {trending}; "
        f"{show_cpu(row['cpuExpected'])} are to be expected at most within {AHEAD / 60:.0f} minutes."
    ]
    if not row["cpuRequest"]:
        return [*lines, f"{name} requests no cpu, so nothing says how much one pod can do."]
    need = f"At {GOAL:.0%} of {show_cpu(row['cpuRequest'])} requested a pod that takes {row['suggested']} pods"
    if row["suggested"] == row["replicas"]:
        return [*lines, f"{need}: what there is."]
    return [
        *lines,
        f"{need}, {'more' if row['suggested'] > row['replicas'] else 'fewer'} than the {row['replicas']} there are.",
    ]


def command(name: str, row: Mapping[str, Any], autoscaler: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the words that change the number of pods; nothing where it fits.

    An autoscaler is told its bounds instead.
    """
    if row["suggested"] == row["replicas"] or not row["cpuRequest"] or not row["samples"]:
        return ()
    if autoscaler is None:
        return ("scale", f"deployment/{name}", f"--replicas={row['suggested']}")
    low, high = int(autoscaler["spec"].get("minReplicas", 1)), int(autoscaler["spec"]["maxReplicas"])
    if row["suggested"] <= high:
        return ()
    patch = f'{{"spec":{{"minReplicas":{low},"maxReplicas":{row["suggested"]}}}}}'
    return ("patch", "hpa", str(autoscaler["metadata"]["name"]), "--type=merge", "--patch", patch)


def _owner(autoscaler: Mapping[str, Any]) -> str:
    spec = autoscaler["spec"]
    return (
        f"  The autoscaler {autoscaler['metadata']['name']} holds it between {spec.get('minReplicas', 1)} and "
        f"{spec['maxReplicas']} pods; a number set by hand is overruled by it."
    )
