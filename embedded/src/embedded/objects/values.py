"""Plain values of the API: copies, times, durations."""

from __future__ import annotations

import datetime
from typing import Any


def clone(value: Any) -> Any:
    """Return a deep copy of JSON data."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def share(new: Any, old: Any) -> Any:
    """Return `new` with every part that equals the same part of `old` taken from there: two versions, one memory."""
    if isinstance(new, dict) and isinstance(old, dict):
        for key, value in new.items():
            if key in old:
                new[key] = share(value, old[key])
        return (
            old if len(new) == len(old) and all(key in old and value is old[key] for key, value in new.items()) else new
        )
    if isinstance(new, list) and isinstance(old, list):
        new[: len(old)] = [share(one, other) for one, other in zip(new, old, strict=False)]
        same = len(new) == len(old) and all(one is other for one, other in zip(new, old, strict=True))
        return old if same else new
    return old if type(new) is type(old) and new == old else new


def timestamp(seconds: float) -> str:
    """Return metav1.Time: seconds since the epoch as RFC 3339 in UTC, whole seconds."""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(seconds: float) -> str:
    """Return metav1.MicroTime: as `timestamp`, with microseconds."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> float:
    """Return seconds since the epoch; raises ValueError when the text is not RFC 3339."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def human_duration(seconds: float) -> str:
    """Return a duration in the one or two units that tell most: 45s, 3m20s, 5h, 2d3h, 400d."""
    seconds = int(seconds)
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(large: int, unit: str, small: int, smaller_unit: str) -> str:
    return f"{large}{unit}{small}{smaller_unit}" if small else f"{large}{unit}"
