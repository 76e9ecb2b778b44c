"""Statistics that a few bad samples cannot upset: medians instead of means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

CONSISTENT = 1.4826  # makes the MAD of normal noise equal its standard deviation
MOST_POINTS = 200  # of a series; slopes between all pairs of more would take long


@dataclass(frozen=True)
class Trend:
    """A line through a series. `slope` is per second, `spread` the usual distance of a point from the line."""

    level: float
    slope: float
    spread: float
    span: float
    points: int

    def at(self, seconds: float) -> float:
        """Return the value expected so many seconds after the last sample; never below 0."""
        return max(0.0, self.level + self.slope * seconds)

    def high(self, seconds: float) -> float:
        """Return the highest value to expect until then: the higher end of the line, and twice the spread."""
        return max(self.at(0), self.at(seconds)) + 2 * self.spread


def trend(points: Sequence[tuple[float, float]]) -> Trend | None:
    """Return the Theil-Sen line through (seconds, value), or None with fewer than three points."""
    series = sorted(points)[-MOST_POINTS:]
    if len(series) < 3:
        return None
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(series, 2) if b[0] > a[0]]
    slope = median(slopes) if slopes else 0.0
    last = series[-1][0]
    level = median(value + slope * (last - at) for at, value in series)
    residuals = [abs(value - (level - slope * (last - at))) for at, value in series]
    return Trend(level, slope, CONSISTENT * median(residuals), last - series[0][0], len(series))


@dataclass(frozen=True)
class Outlier:
    """A value against its own baseline. `distance` is in robust standard deviations."""

    value: float
    usual: float
    spread: float
    distance: float


def outlier(value: float, baseline: Sequence[float], floor: float, limit: float = 3.5) -> Outlier | None:
    """Return whether `value` lies above its baseline by more than `limit` robust deviations.

    `floor` is a spread below which nothing counts: without it, a baseline that never moved would make anything odd.
    None with fewer than five earlier values.
    """
    if len(baseline) < 5:
        return None
    usual = median(baseline)
    spread = max(CONSISTENT * median(abs(item - usual) for item in baseline), floor)
    distance = (value - usual) / spread
    return Outlier(value, usual, spread, distance) if distance > limit else None


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not below `share` of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]
