"""Samples of what the services use and how they answer, kept on this machine as the baseline of tomorrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.kube import metrics, objects
from scripts.kube.kubectl import Kubectl

KEPT = 2000  # samples; at one every minute a day and a half


@dataclass(frozen=True)
class RequestCounters:
    """Counters of one pod since it started: requests and errors (5xx) but for probes, seconds spent on `timed`."""

    requests: float = 0.0
    errors: float = 0.0
    seconds: float = 0.0
    timed: float = 0.0


@dataclass(frozen=True)
class ServiceSample:
    """One service at one moment. cpu in millicores, memory in bytes, of single pods; restarts of all pods."""

    replicas: int = 0
    cpu: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, float] = field(default_factory=dict)
    restarts: Mapping[str, int] = field(default_factory=dict)
    answered: Mapping[str, RequestCounters] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """All services at one moment: `at` is a POSIX time in seconds."""

    at: float
    services: Mapping[str, ServiceSample]


@dataclass(frozen=True)
class Rates:
    """The rates between two samples of a service. None where too little happened to tell."""

    at: float
    per_second: float
    error_share: float | None
    latency: float | None
    restarts: int


def take(kubectl: Kubectl, namespace: str, pods: Sequence[Mapping[str, Any]]) -> Sample:
    """Look once. What does not answer (no metrics server, no /metrics) is missing, not wrong."""
    running = [pod for pod in pods if pod.get("status", {}).get("phase") == "Running"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        used = pool.submit(kubectl.ask, "get", "--raw", metrics.USE.format(namespace))
        answers = {
            name: text for name, text in pool.map(lambda pod: _metrics(kubectl, namespace, pod), running) if text
        }
        use = used.result().out
    return sample_of(pods, read_use(use), answers, datetime.now(UTC).timestamp())


def sample_of(
    pods: Sequence[Mapping[str, Any]], use: Mapping[str, tuple[float, float]], answers: Mapping[str, str], at: float
) -> Sample:
    """Return a sample from the pods, what the metrics API said of them and the text of their metrics."""
    services: dict[str, dict[str, Any]] = {}
    for pod in pods:
        name = pod["metadata"]["name"]
        service = objects.app_of(pod)
        if not service or objects.is_terminating(pod):
            continue
        seen = services.setdefault(service, {"replicas": 0, "cpu": {}, "memory": {}, "restarts": {}, "answered": {}})
        seen["replicas"] += 1
        statuses = pod.get("status", {}).get("containerStatuses", ())
        seen["restarts"][name] = sum(status.get("restartCount", 0) for status in statuses)
        if name in use:
            seen["cpu"][name], seen["memory"][name] = use[name]
        if name in answers:
            counted = metrics.read(answers[name])
            # Asked through a Service, it is the process that says which pod it was.
            seen["answered"][f"born {counted.born}" if counted.born else name] = answered(counted)
    return Sample(at, {name: ServiceSample(**seen) for name, seen in services.items()})


def read_use(text: str) -> dict[str, tuple[float, float]]:
    """Return pod → (millicores, bytes) as the metrics API answers it; nothing where it does not."""
    with suppress(ValueError, KeyError, TypeError):
        return metrics.use(parsing.from_json(text)["items"])
    return {}


def answered(counted: metrics.Counters) -> RequestCounters:
    """Return the sums of what a process counted that matter here."""
    return RequestCounters(sum(counted.requests.values()), counted.errors, counted.seconds, counted.timed)


def rates(samples: Sequence[Sample], service: str) -> list[Rates]:
    """Return what happened between each two samples that follow each other. A counter that fell has started anew."""
    found = []
    pairs = [
        (before, after)
        for before, after in pairwise(samples)
        if service in before.services and service in after.services
    ]
    for before, after in pairs:
        old, new = before.services[service], after.services[service]
        sums = dict.fromkeys(("requests", "errors", "seconds", "timed"), 0.0)
        for pod, now in new.answered.items():
            then = old.answered.get(pod)
            if then is None:
                continue
            fresh = now.requests < then.requests
            for name in sums:
                sums[name] += getattr(now, name) - (0.0 if fresh else getattr(then, name))
        restarts = sum(max(0, count - old.restarts.get(pod, 0)) for pod, count in new.restarts.items())
        elapsed = max(after.at - before.at, 0.001)
        found.append(
            Rates(
                after.at,
                sums["requests"] / elapsed,
                sums["errors"] / sums["requests"] if sums["requests"] >= 5 else None,
                sums["seconds"] / sums["timed"] if sums["timed"] >= 5 else None,
                restarts,
            )
        )
    return found


class Store:
    """A file with one sample a line, the oldest first. It holds numbers and names, never logs or values."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> list[Sample]:
        """Return what is kept; a line that cannot be read is left out."""
        if not self._file.is_file():
            return []
        found = []
        for line in self._file.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                found.append(_sample(parsing.from_json(line)))
        return sorted(found, key=lambda sample: sample.at)

    def add(self, sample: Sample) -> list[Sample]:
        """Keep a sample, and forget the oldest beyond KEPT."""
        found = [*self.read(), sample][-KEPT:]
        write_whole(self._file, "".join(json.dumps(asdict(item)) + "\n" for item in found), mode=0o600)
        return found


def recent(samples: Iterable[Sample], now: float, hours: float) -> list[Sample]:
    """Return those of the last hours."""
    return [sample for sample in samples if sample.at >= now - 3600 * hours]


def _sample(data: Mapping[str, Any]) -> Sample:
    services = {}
    for name, seen in data["services"].items():
        answered = {pod: RequestCounters(**counters) for pod, counters in seen.pop("answered").items()}
        services[name] = ServiceSample(**seen, answered=answered)
    return Sample(float(data["at"]), services)


def _metrics(kubectl: Kubectl, namespace: str, pod: Mapping[str, Any]) -> tuple[str, str]:
    name = objects.name_of(pod)
    ports = [port["containerPort"] for port in objects.app_container(pod).get("ports", ())]
    if not ports or 5432 in ports:
        return name, ""
    where = metrics.proxy_name(pod)
    answer = kubectl.ask("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{where}/proxy/metrics", timeout=10)
    if not answer and "could not find the requested resource" in answer.err:
        # This API server passes on to Services alone: one of the pods answers, not always the same.
        labels = pod["metadata"].get("labels") or {}
        found = objects.services_selecting(labels, namespace, kubectl.items("services", namespace))
        scheme = "https" if where.startswith("https:") else ""
        service = objects.name_of(found[0]) if found else ""
        answer = kubectl.proxy_get(namespace, service, ports[0], "/metrics", scheme=scheme) if service else answer
        if metrics.BORN not in answer.out:
            return name, ""
    return name, answer.out if answer else ""
