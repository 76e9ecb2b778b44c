"""Define a look at the release, and the comparison of two. None stands for what could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.kube.metrics import Counters, Traffic


@dataclass(frozen=True)
class Sample:
    """One look. `at` is in seconds of a clock that never jumps; `now` the time of day in ISO 8601.

    `usage` is pod → (millicores, bytes); `counters` pod → what it counted; `problems` source → why it is missing.
    A source is a kind in the plural, `usage`, or `metrics of POD`. `services` are the names of those that count
    requests, `serving` their pods that are ready.
    """

    at: float
    now: str
    objects: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    usage: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    counters: Mapping[str, Counters] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    services: frozenset[str] = frozenset()
    serving: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scaling:
    """A HorizontalPodAutoscaler: bounds, replicas now and wanted, and for each metric (name, current, target)."""

    least: int
    most: int
    replicas: int
    wanted: int
    metrics: tuple[tuple[str, str | None, str], ...]


@dataclass(frozen=True)
class ServiceRow:
    """A Deployment with what it answers. `missing` says why there is no `traffic`; a database, for one, counts none."""

    name: str
    ready: int
    wanted: int
    scaling: Scaling | None
    traffic: Traffic | None
    missing: str = ""


@dataclass(frozen=True)
class PodRow:
    """A pod: millicores and bytes, as used, requested and allowed at most. `trouble` says what holds it up."""

    name: str
    phase: str
    ready: int
    containers: int
    restarts: int
    age: str
    cpu: float | None
    cpu_request: float | None
    cpu_limit: float | None
    memory: float | None
    memory_request: float | None
    memory_limit: float | None
    trouble: str = ""


@dataclass(frozen=True)
class EventRow:
    """An event; `count` is how often it happened."""

    age: str
    type: str
    about: str
    reason: str
    message: str
    count: int


@dataclass(frozen=True)
class View:
    """Everything to be shown. `seconds` lie between the two samples; `missing` says what could not be read, and why."""

    namespace: str
    context: str
    now: str
    seconds: float
    services: tuple[ServiceRow, ...]
    pods: tuple[PodRow, ...]
    events: tuple[EventRow, ...]
    missing: Mapping[str, str]
