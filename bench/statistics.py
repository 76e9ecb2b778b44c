"""Seconds of several rounds, summed up and compared."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Seconds of one contestant in one scenario."""

    least: float
    median: float
    most: float


def summary(seconds: Sequence[float]) -> Summary:
    """min, median and max. Raises ValueError if there are none."""
    if not seconds:
        raise ValueError("nothing was measured")
    return Summary(min(seconds), statistics.median(seconds), max(seconds))


def table(measured: Mapping[str, Mapping[str, Sequence[float]]]) -> list[tuple[str, ...]]:
    """A row a scenario: min / median / max of each contestant, and how many times longer the first takes."""
    contestants = list(dict.fromkeys(name for scenario in measured.values() for name in scenario))
    rows: list[tuple[str, ...]] = [("SCENARIO", *(f"{name} s (min/median/max)" for name in contestants), "RATIO")]
    for scenario, results in measured.items():
        found = [summary(results[name]) for name in contestants]
        cells = [f"{item.least:.1f} / {item.median:.1f} / {item.most:.1f}" for item in found]
        rows.append((scenario, *cells, f"{found[0].median / found[-1].median:.1f}"))
    return rows
