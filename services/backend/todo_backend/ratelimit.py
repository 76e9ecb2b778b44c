"""Token buckets in memory: one per key, on one replica."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_KEYS = 10_000
"""Buckets kept; the one longest unused goes first."""

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


class RateLimiter:
    """Allows `rate` (for instance "30/minute"), all at once or spread out."""

    def __init__(self, rate: str, clock: Callable[[], float] = time.monotonic) -> None:
        match = re.fullmatch(r"(\d+)/(second|minute|hour)", rate)
        if match is None:
            raise ValueError(f"not a rate: {rate}")
        self._capacity = float(match[1])
        self._per_second = self._capacity / _SECONDS[match[2]]
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, amount: float = 1.0) -> float:
        """0 if allowed; else the seconds until it would be, and nothing is taken. An amount of 0 only asks."""
        now = self._clock()
        left, at = self._buckets.get(key, (self._capacity, now))
        left = min(self._capacity, left + (now - at) * self._per_second)
        missing = max(amount, 1.0) - left
        if missing <= 0:
            left -= amount
        self._buckets[key] = (left, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)
        return max(0.0, missing / self._per_second)
