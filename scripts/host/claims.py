"""Programs that end with 0 and say that they failed: the one place where a claim of success is held against the words.

What a program says is only half of a proof: whoever loads, pushes or enables looks afterwards whether it is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Belied:
    """Words of a program that belie its exit status, where its arguments begin with `verb`."""

    program: str
    verb: tuple[str, ...]
    words: re.Pattern[str]


# As measured: minikube 1.38.1.
KNOWN = (
    Belied("minikube", ("image", "load"), re.compile(r"unable to add it to cache|^X |^! .*(?:error|failed)", re.M)),
    Belied("minikube", ("image", "build"), re.compile(r"^X |^! .*(?:error|failed)|failed to build", re.M | re.I)),
    Belied("minikube", ("addons", "enable"), re.compile(r"returned an error|^X ", re.M)),
    Belied("minikube", ("service",), re.compile(r"has no node port|not meant to be exposed")),
)


def belied(argv: Sequence[str | Path], out: str, err: str) -> str:
    """Return the line in which a program that ended with 0 says that it failed; empty where it says no such thing."""
    program, arguments = Path(argv[0]).name, tuple(str(word) for word in argv[1:])
    for known in KNOWN:
        if known.program == program and arguments[: len(known.verb)] == known.verb:
            for text in (err, out):
                if found := known.words.search(text):
                    start = text.rfind("\n", 0, found.start()) + 1
                    return text[start:].splitlines()[0].strip()
    return ""
