"""Read metrics of pods and services, for the live view and for the advice alike.

From counts to what happened between two looks: rates, the share of errors, latencies.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from scripts.kube.objects import app_container, name_of
from scripts.kube.quantities import cpu, memory

# Asked by machines, not by people.
QUIET = frozenset(("/healthz", "/readyz", "/livez", "/health", "/ready", "/metrics"))
REQUESTS = "http_requests_total"
DURATION = "http_request_duration_seconds"
BORN = "process_start_time_seconds"
ROUTE, STATUS = ("route", "path", "handler"), ("status", "code")  # what frameworks call them
USE = "/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods"  # where the metrics API tells what pods use

Labels = tuple[str, str, str]  # method, route, status


@dataclass(frozen=True)
class Counters:
    """The counters of a process since its start: requests, and durations by upper bound in seconds (cumulative).

    `seconds` were spent on `timed` requests; `born` is the POSIX time of the start, empty where it is not told.
    """

    requests: Mapping[Labels, float] = field(default_factory=dict)
    buckets: Mapping[tuple[str, str], Mapping[float, float]] = field(default_factory=dict)
    seconds: float = 0.0
    timed: float = 0.0
    born: str = ""
    counts: bool = True

    @property
    def errors(self) -> float:
        """Return how many were answered with 5xx. A status of 0 is a request whose client went away: nobody's error."""
        return sum(value for labels, value in self.requests.items() if labels[2].startswith("5"))


@dataclass(frozen=True)
class Traffic:
    """Requests a second, the share answered with 5xx (None without requests), and latencies in seconds."""

    rate: float
    errors: float | None
    p50: float | None
    p95: float | None


def parse(text: str) -> Counters:
    """Read a service's `/metrics`. Raises ValueError for what is no exposition, or does not count requests."""
    found = read(text)
    if not found.counts:
        raise ValueError(f"{REQUESTS} is not among its metrics")
    return found


def read(text: str) -> Counters:
    """Read what a service's `/metrics` counts; lines that are no metric are passed over, requests of probes left out.

    `counts` says whether it counts requests at all.
    """
    requests: dict[Labels, float] = defaultdict(float)
    buckets: dict[tuple[str, str], dict[float, float]] = defaultdict(dict)
    sums = {"sum": 0.0, "count": 0.0}
    born, counts = "", False
    for family in _families(text):
        # A counter's family is named without its suffix.
        counts = counts or family.name in (REQUESTS, REQUESTS.removesuffix("_total"))
        for sample in family.samples:
            method, route, status = (_label(sample.labels, names) for names in (("method",), ROUTE, STATUS))
            if sample.name == BORN:
                born = repr(sample.value)
            elif route in QUIET:
                continue
            elif sample.name == REQUESTS:
                requests[method, route, status] += sample.value
            elif sample.name == f"{DURATION}_bucket":
                buckets[method, route][float(sample.labels["le"])] = sample.value
            elif (part := sample.name.removeprefix(f"{DURATION}_")) in sums:
                sums[part] += sample.value
    return Counters(dict(requests), dict(buckets), sums["sum"], sums["count"], born, counts)


def _label(labels: Mapping[str, str], names: Iterable[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _families(text: str) -> list[Metric]:
    try:
        return list(text_string_to_metric_families(text))
    except ValueError:
        return list(text_string_to_metric_families("\n".join(_sound_lines(text))))


def _sound_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        try:
            list(text_string_to_metric_families(line))
            yield line
        except ValueError:
            continue


def use(items: Iterable[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return pod → (millicores, bytes) of PodMetrics. Raises ValueError or KeyError for what cannot be read."""
    return {name_of(item): _used(item) for item in items}


def _used(item: Mapping[str, Any]) -> tuple[float, float]:
    usages = [container["usage"] for container in item["containers"]]
    return sum(cpu(one["cpu"]) for one in usages), sum(memory(one["memory"]) for one in usages)


def proxy_name(pod: Mapping[str, Any]) -> str:
    """Return the pod as the proxy subresource wants it: `[https:]NAME:PORT`, by what its app's container declares.

    Raises KeyError or IndexError where it declares no port.
    """
    container = app_container(pod)
    secure = container.get("readinessProbe", {}).get("httpGet", {}).get("scheme") == "HTTPS"
    name = f"{name_of(pod)}:{container['ports'][0]['containerPort']}"
    return f"https:{name}" if secure else name


def restarted(before: Counters, after: Counters) -> bool:
    """Return whether the process began to count anew in between."""
    return any(after.requests.get(labels, 0.0) < value for labels, value in before.requests.items())


def increase(before: Counters, after: Counters) -> Counters:
    """Return what was counted in between; a process that began anew counts from zero."""
    start = Counters() if restarted(before, after) else before
    requests = {labels: value - start.requests.get(labels, 0.0) for labels, value in after.requests.items()}
    buckets = {
        route: {bound: value - start.buckets.get(route, {}).get(bound, 0.0) for bound, value in bounds.items()}
        for route, bounds in after.buckets.items()
    }
    return Counters(requests, buckets)


def traffic(increases: Iterable[Counters], seconds: float) -> Traffic:
    """Return the traffic of several processes together, over `seconds`."""
    total = failed = 0.0
    bounds: dict[float, float] = defaultdict(float)
    for counted in increases:
        total += sum(counted.requests.values())
        failed += counted.errors
        for route in counted.buckets.values():
            for bound, value in route.items():
                bounds[bound] += value
    share = failed / total if total else None
    return Traffic(total / seconds, share, quantile(0.5, bounds), quantile(0.95, bounds))


def quantile(share: float, bounds: Mapping[float, float]) -> float | None:
    """Return the duration that `share` of the observations stay under, as Prometheus' histogram_quantile estimates it.

    None without observations; the highest finite bound where the answer lies beyond it.
    """
    ordered = sorted(bounds.items())
    if not ordered or not math.isinf(ordered[-1][0]) or ordered[-1][1] <= 0:
        return None
    rank = share * ordered[-1][1]
    low = below = 0.0
    for bound, count in ordered:
        if count >= rank:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / (count - below) if count > below else bound
        low, below = bound, count
    return low
