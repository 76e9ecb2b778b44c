"""Seconds of several rounds, summed up and compared."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Rounds = Mapping[str, Sequence[float]]
"""Contestant → seconds, one a round."""

PIPELINE = "pipeline"


@dataclass(frozen=True)
class Summary:
    """Of several figures."""

    least: float
    median: float
    most: float

    def __str__(self) -> str:
        return f"{self.least:.1f} / {self.median:.1f} / {self.most:.1f}"


def summary(figures: Sequence[float]) -> Summary:
    """min, median and max. Raises ValueError if there are none."""
    if not figures:
        raise ValueError("nothing was measured")
    return Summary(min(figures), statistics.median(figures), max(figures))


def ratios(rounds: Rounds, contestant: str) -> Summary:
    """How many times as long as the pipeline a contestant took, round by round."""
    return summary([other / own for other, own in zip(rounds[contestant], rounds[PIPELINE], strict=True)])


def table(measured: Mapping[str, Rounds]) -> list[tuple[str, ...]]:
    """A row a scenario: seconds of each contestant, and its ratio to the pipeline, as min / median / max."""
    contestants = list(dict.fromkeys(name for rounds in measured.values() for name in rounds))
    others = [name for name in contestants if name != PIPELINE]
    rows = [("SCENARIO", *(f"{name} s" for name in contestants), *(f"{name} / {PIPELINE}" for name in others))]
    for scenario, rounds in measured.items():
        seconds = [str(summary(rounds[name])) for name in contestants]
        rows.append((scenario, *seconds, *(str(ratios(rounds, name)) for name in others)))
    return rows
