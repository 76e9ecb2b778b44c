"""A text as it reads without what is wrapped around it.

A secret inside of JSON inside of a log line is written with escapes and behind a time stamp, one in a URL with percent
codes, one on a terminal between colours. The shapes of secrets are looked for in the text as it is and in this view.
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Any number of backslashes or of `25` at once: however deep the nesting, what is meant is the last character. A row of
# backslashes is looked at from its first one only: from each would take a row of sixty thousand a minute.
# The third row are lines that go on, and letters in disguise.
_WRAPPED = re.compile(
    r"(?<!\\)\\+(?:u00(?P<code>[0-7][0-9A-Fa-f])|x(?P<hex>[0-7][0-9A-Fa-f])|(?P<octal>[01][0-7]{2})|(?P<escape>[nrt\"'/]))"
    r"|%(?:25){0,20}(?P<percent>[0-7][0-9A-Fa-f])|\x1b\[[0-?]{0,40}[ -/]{0,9}[@-~]"
    r"|\\\r?\n|[\u00ad\u200b-\u200d\u2060\ufeff]|(?P<wide>[\uff01-\uff5e])"
    r"|&(?:(?P<entity>quot|apos|amp|lt|gt)|#(?P<number>\d{2,3})|#[xX](?P<sign>[0-9A-Fa-f]{2}));"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_ENTITIES = {"quot": '"', "apos": "'", "amp": "&", "lt": "<", "gt": ">"}
# What loggers and kubectl put before a line: a pod, a time, a level, the name of a container.
_PREFIX = re.compile(
    r"^(?:\[[^\]\n]{1,120}\] ?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,40} |std(?:out|err) [FP] |> "
    r"|(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|NOTICE|FATAL)[:|]? {1,2}|(?:[\w.-]{1,80})? {0,20}\| ?){1,6}",
    re.MULTILINE,
)


# A comparison of two texts puts a sign before each line that only one of them has.
_COMPARED = re.compile(r"^(?:@@ |\+[ \t]*[\w\"'{])", re.MULTILINE)
_MARK = re.compile(r"^[-+](?=[ \t\w\"'{])", re.MULTILINE)
# Where a long word is broken: at the end of a line, with the sign that says so and what stands before the next one, or
# between two pieces of a program's text.
_BREAK = re.compile(r"[\\=]?\r?\n[ \t]*|[\"'][ \t]{1,9}(?:\+[ \t]{1,9})?[\"']")


@dataclass(frozen=True)
class View:
    """A reading of a text; `place` leads back."""

    text: str
    _starts: array[int]
    _ends: array[int]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the view, which is not empty, stands in the text."""
        return self._starts[start], self._ends[end - 1]


def unwrapped(text: str) -> View | None:
    """Return the text without its wrapping; None where there is none."""
    return _view(text, _wraps(text))


def joined(text: str) -> View | None:
    """Return the text as one line, for what is known to the letter and may be broken over two; None where it is."""
    breaks = ((*match.span(), "") for match in _BREAK.finditer(text))
    prefixes = ((*match.span(), "") for match in _PREFIX.finditer(text) if match[0])
    return _view(text, itertools.chain(breaks, prefixes))


def without_marks(text: str) -> str:
    """Return a comparison of two texts without its signs, each letter where it was; any other text as it is."""
    return _MARK.sub(" ", text) if _COMPARED.search(text) else text


def _view(text: str, wraps: Iterable[tuple[int, int, str]]) -> View | None:
    pieces: list[str] = []
    starts, ends = array("Q"), array("Q")
    for start, end, shown in _pieces(text, wraps):
        if shown is None:
            pieces.append(text[start:end])
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        elif shown:
            pieces.append(shown)
            starts.append(start)
            ends.append(end)
    view = "".join(pieces)
    return View(view, starts, ends) if view != text else None


def _pieces(text: str, wraps: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str | None]]:
    """Start, end, and the one character that is meant (or none at all); None for what stays as it is."""
    position = 0
    for start, end, shown in sorted(wraps):
        if start < position:
            continue
        yield position, start, None
        yield start, end, shown
        position = end
    yield position, len(text), None


def _wraps(text: str) -> Iterator[tuple[int, int, str]]:
    yield from ((*match.span(), _meant(match)) for match in _WRAPPED.finditer(text))
    yield from ((*match.span(), "") for match in _PREFIX.finditer(text) if match[0])


def _meant(match: re.Match[str]) -> str:
    if match["escape"]:
        return _ESCAPES.get(match["escape"], match["escape"])
    if match["entity"]:
        return _ENTITIES[match["entity"]]
    if match["octal"]:
        return chr(int(match["octal"], 8))
    if match["wide"]:
        return chr(ord(match["wide"]) - 0xFEE0)
    if match["number"]:
        return chr(int(match["number"]))
    code = match["code"] or match["percent"] or match["hex"] or match["sign"]
    return chr(int(code, 16)) if code else ""
