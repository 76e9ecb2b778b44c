"""Data that a program or a model sent, of which nobody can be sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapped(value: object) -> Mapping[str, Any]:
    """Return a mapping as it is, and nothing for anything else."""
    return value if isinstance(value, Mapping) else {}
