"""Define the samples and the verdict of a proof of scaling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Phase = Literal["load", "calm"]


@dataclass(frozen=True)
class Autoscaler:
    """A HorizontalPodAutoscaler: its bounds, and how it decides.

    `targets` maps resources to the average use, in percent of the pods' requests, that it works towards. It removes
    pods when less was enough for `window` seconds, `step` pods every `period` seconds, and adds some only when more was
    wanted for `delay` seconds. `lent` is one that is there for
    the proof only, in the words of the record that is kept; `grows` and `shrinks` say that it may add pods, and
    remove some.
    """

    name: str
    least: int
    most: int
    targets: Mapping[str, int]
    window: int = 300
    step: int = 1
    period: int = 15
    lent: bool = False
    grows: bool = True
    shrinks: bool = True
    delay: int = 0


@dataclass(frozen=True)
class Tick:
    """The load tool's counts of the last `seconds`. Latencies are milliseconds, None where nothing was answered."""

    users: int
    seconds: float
    requests: int
    failed: int
    p50: float | None
    p95: float | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replicas:
    """The cluster's counts: pods that the autoscaler asks for, that there are, that are ready, and what they use.

    `use` maps resources to the average use in percent of the request, as the autoscaler saw it last.
    """

    desired: int
    current: int
    ready: int
    use: Mapping[str, int]


@dataclass(frozen=True)
class Sample:
    """One second of the proof. `second` counts from the start of the load, `rate` is requests a second."""

    second: float
    phase: Phase
    users: int
    rate: float
    requests: int
    failed: int
    p50: float | None
    p95: float | None
    desired: int
    current: int
    ready: int
    use: Mapping[str, int]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proof:
    """The whole of it. `started` is UTC in ISO 8601, `start` the replicas before the load."""

    started: str
    environment: str
    target: str
    service: str
    users: int
    start: int
    autoscaler: Autoscaler
    samples: tuple[Sample, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Return whether it was shown."""
        return not self.problems
