"""Fit the facts into a prompt: the newest and the most telling lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scripts.ai.types import FactKind
from scripts.host.terminal import printable

LINE = 600  # characters of a line
END = 150_000  # characters of either end of a text that is looked at
# Characters that hide text or turn it round, so that a person reads something else than a model.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
_TELLING = re.compile(
    r"error|exception|fatal|panic|fail|refused|denied|forbidden|unauthori|timed? ?out|back-?off|killed|oom|evicted|"
    r"unhealthy|cannot|could not|not found|no such|missing|invalid|exit code|traceback|critical|exceeded|insufficient|"
    r"warning|crash|unready|pending|0/\d",
    re.IGNORECASE,
)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.,]+Z?|\b\d+(?:\.\d+)?m?s\b|\b[0-9a-f]{8,}\b|\d+")


def clean(text: str) -> str:
    """Return the text without escape sequences, control characters and hidden ones.

    Before secrets are looked for: a character nobody sees would hide them.
    """
    return _HIDDEN.sub("", printable(text.replace("\r\n", "\n").replace("\t", "  "))).strip("\n")


def ends(text: str) -> str:
    """Return the beginning and the end of a text that is far longer than any budget, in whole lines.

    Before secrets are looked for, which takes its time. A line without an end is cut again, long before this place.
    """
    if len(text) <= 2 * END:
        return text
    head, tail = text[:END].rpartition("\n"), text[-END:].partition("\n")
    first, last = head[0] or head[2], tail[2]
    return f"{first}\n… {len(text) - len(first) - len(last)} characters left out …\n{last}"


def fit(texts: Sequence[tuple[str, FactKind, int]], budget: int) -> list[str]:
    """Return the texts (text, kind, weight), cut so that together they have at most about `budget` characters.

    What one leaves unused, the others get. After secrets are out: half of one could no longer be recognised.
    """
    rooms = [0] * len(texts)
    open_ = set(range(len(texts)))
    left = budget
    while open_:
        weight = sum(texts[number][2] for number in open_)
        small = [number for number in open_ if len(texts[number][0]) <= left * texts[number][2] / weight]
        if not small:
            for number in open_:
                rooms[number] = int(left * texts[number][2] / weight)
            break
        for number in small:
            rooms[number] = len(texts[number][0])
            left -= rooms[number]
            open_.discard(number)
    return [cut(text, kind, room) for (text, kind, _), room in zip(texts, rooms, strict=True)]


def cut(text: str, kind: FactKind, room: int) -> str:
    """Return one text in at most about `room` characters, with a word on what is left out."""
    lines = [line if len(line) <= LINE else line[:LINE] + " …" for line in text.split("\n")]
    if kind == "log":
        lines = _joined(lines)
    if sum(len(line) + 1 for line in lines) - 1 <= room:
        return "\n".join(lines)
    kept = _chosen(lines, kind, room)
    shown: list[str] = []
    last = -1
    for number in [*sorted(kept), len(lines)]:
        if number - last > 1:
            shown.append(f"… {number - last - 1} line{'s' * (number - last > 2)} left out …")
        if number < len(lines):
            shown.append(lines[number])
        last = number
    return "\n".join(shown)


def _chosen(lines: Sequence[str], kind: FactKind, room: int) -> set[int]:
    """Return the lines to keep.

    Of a log half the room is for its end, the rest for what tells something, newest first.
    """
    kept: set[int] = set()

    def take(numbers: Sequence[int], limit: int) -> None:
        used = sum(len(lines[number]) + 1 for number in kept)
        for number in numbers:
            size = len(lines[number]) + 1
            if number not in kept and used + size <= limit:
                kept.add(number)
                used += size

    forwards, backwards = range(len(lines)), range(len(lines) - 1, -1, -1)
    telling = [number for number in backwards if _TELLING.search(lines[number])]
    room -= 40  # for the words on what is left out
    if kind == "log":
        _take_end(lines, kept, room // 2)
        take(telling, room)
        take(backwards, room)
    else:
        take(forwards[:1], room)  # the heading of a table
        take(telling[::-1], room * 3 // 4)
        take(forwards, room)
    return kept


def _take_end(lines: Sequence[str], kept: set[int], room: int) -> None:
    used = 0
    for number in range(len(lines) - 1, -1, -1):
        used += len(lines[number]) + 1
        if used > room:
            return
        kept.add(number)


def _joined(lines: Sequence[str]) -> list[str]:
    """Return the text, in which lines that say the same but for times and numbers became one: the newest."""
    found: list[tuple[str, str, int]] = []
    for line in lines:
        same = _STAMP.sub("#", line)
        if found and found[-1][1] == same:
            found[-1] = (line, same, found[-1][2] + 1)
        else:
            found.append((line, same, 1))
    return [f"{line} (said {count} times)" if count > 1 else line for line, _, count in found]
