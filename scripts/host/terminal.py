"""The person at the terminal."""

from __future__ import annotations

import re

# What a terminal acts upon instead of showing it: sequences that move, colour and erase, and all else but tab and line.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Return a text from elsewhere without what a terminal acts upon: it could repaint what stands there."""
    return _CONTROL.sub("", text)


def typed(question: str) -> str:
    """Ask, and return the line that was typed without blanks around it; nothing where the input has ended (Ctrl-D)."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""
