"""The person at the terminal."""

from __future__ import annotations


def typed(question: str) -> str:
    """Ask, and return the line that was typed without blanks around it; nothing where the input has ended (Ctrl-D)."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""
