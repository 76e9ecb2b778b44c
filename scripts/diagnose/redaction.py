"""Findings quote logs, and logs may hold keys and connection strings."""

from __future__ import annotations

from scripts.secrets.redact import redact


def clean(text: str) -> str:
    """Return the text with everything that looks like a secret replaced."""
    return redact(text)[0]
