"""From what services count to what happened between two looks: rates, the share of errors, latencies."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from scripts.monitor.model import Counters, Traffic

QUIET = frozenset(("/healthz", "/readyz", "/metrics"))  # asked by machines, not by people
REQUESTS = "http_requests_total"
BUCKETS = "http_request_duration_seconds_bucket"


def parse(text: str) -> Counters:
    """Read a service's `/metrics`. Raises ValueError for what is no exposition, or does not count requests."""
    requests: dict[tuple[str, str, str], float] = {}
    buckets: dict[tuple[str, str], dict[float, float]] = defaultdict(dict)
    known = False
    for family in text_string_to_metric_families(text):
        # A counter's family is named without its suffix.
        known = known or family.name in (REQUESTS, REQUESTS.removesuffix("_total"))
        for sample in family.samples:
            labels = sample.labels
            if labels.get("route") in QUIET:
                continue
            if sample.name == REQUESTS:
                requests[labels["method"], labels["route"], labels["status"]] = sample.value
            elif sample.name == BUCKETS:
                buckets[labels["method"], labels["route"]][float(labels["le"])] = sample.value
    if not known:
        raise ValueError(f"{REQUESTS} is not among its metrics")
    return Counters(requests, dict(buckets))


def restarted(before: Counters, after: Counters) -> bool:
    """Whether the process began to count anew in between."""
    return any(after.requests.get(labels, 0.0) < value for labels, value in before.requests.items())


def increase(before: Counters, after: Counters) -> Counters:
    """What was counted in between; a process that began anew counts from zero."""
    start = Counters() if restarted(before, after) else before
    requests = {labels: value - start.requests.get(labels, 0.0) for labels, value in after.requests.items()}
    buckets = {
        route: {bound: value - start.buckets.get(route, {}).get(bound, 0.0) for bound, value in bounds.items()}
        for route, bounds in after.buckets.items()
    }
    return Counters(requests, buckets)


def traffic(increases: Iterable[Counters], seconds: float) -> Traffic:
    """The traffic of several processes together, over `seconds`."""
    total = failed = 0.0
    bounds: dict[float, float] = defaultdict(float)
    for counted in increases:
        total += sum(counted.requests.values())
        # A status of 0 is a request whose client went away: nobody's error.
        failed += sum(value for labels, value in counted.requests.items() if labels[2].startswith("5"))
        for route in counted.buckets.values():
            for bound, value in route.items():
                bounds[bound] += value
    share = failed / total if total else None
    return Traffic(total / seconds, share, quantile(0.5, bounds), quantile(0.95, bounds))


def quantile(share: float, bounds: Mapping[float, float]) -> float | None:
    """The duration that `share` of the observations stay under, as Prometheus' histogram_quantile estimates it.

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
