"""Schedules of CronJobs: five fields, or a word such as @daily. Pure."""

from __future__ import annotations

import datetime
import functools
import zoneinfo

WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
HORIZON = 5 * 366  # days after which a schedule has no next time


@functools.lru_cache(maxsize=256)
def parse(text: str) -> tuple[frozenset[int], ...]:
    """Return the minutes, hours, days, months and weekdays of a schedule. Raises ValueError, naming the field."""
    if "TZ" in text:
        raise ValueError("cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    parts = WORDS.get(text.strip().lower(), text).split()
    if len(parts) != len(FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: [{text}]")
    found = [_field(part, *field) for part, field in zip(parts, FIELDS, strict=True)]
    found[4] = frozenset(day % 7 for day in found[4])
    return tuple(found)


def _field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    names = {word: number for number, word in enumerate(MONTHS, 1)} if name == "month" else {}
    names |= {word: number for number, word in enumerate(DAYS)} if name == "day of week" else {}
    values: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            if span in ("*", "?"):
                begin, end = low, high
            else:
                begin = names[first] if first in names else int(first)
                end = (names[last] if last in names else int(last)) if dash else high if step else begin
            every = int(step) if step else 1
        except ValueError:
            raise ValueError(f"failed to parse {name} {part!r}") from None
        if not (low <= begin <= end <= high and every > 0):
            raise ValueError(_beyond(part, low, high, begin, end, every))
        values |= set(range(begin, end + 1, every))
    return frozenset(values)


def _beyond(part: str, low: int, high: int, begin: int, end: int, every: int) -> str:
    """Return what is wrong with a range, in the words of the real server."""
    if begin < low:
        return f"beginning of range ({begin}) below minimum ({low}): {part}"
    if end > high:
        return f"end of range ({end}) above maximum ({high}): {part}"
    if begin > end:
        return f"beginning of range ({begin}) beyond end of range ({end}): {part}"
    return f"step of range should be a positive number: {part}" if every < 1 else part


def zone(name: str) -> datetime.tzinfo:
    """Return a time zone by name, UTC by default. Raises ValueError for one that is not known."""
    try:
        return zoneinfo.ZoneInfo(name) if name else datetime.UTC
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def following(text: str, after: float, time_zone: str = "") -> float | None:
    """Return the first moment of a schedule after another, in seconds since the epoch; None when there is none."""
    minutes, hours, days, months, weekdays = parse(text)
    fields = WORDS.get(text.strip().lower(), text).split()
    either = not fields[2].startswith(("*", "?")) and not fields[4].startswith(("*", "?"))
    place = zone(time_zone)
    start = datetime.datetime.fromtimestamp(after, place).replace(second=0, microsecond=0)
    for offset in range(HORIZON):
        day = (start + datetime.timedelta(days=offset)).date()
        of_month, of_week = day.day in days, (day.weekday() + 1) % 7 in weekdays
        if day.month not in months or not ((of_month or of_week) if either else (of_month and of_week)):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=place).timestamp()
                if moment > after:
                    return moment
    return None
