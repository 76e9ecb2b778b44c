"""An answer while it is made."""

from dataclasses import dataclass, field
from typing import Any

Event = tuple[str, dict[str, Any]]
"""`delta` with a piece of text, or `done` with the whole reply."""


@dataclass
class Answer:
    """What the user reads, and which tools were used for it."""

    reply: str = ""
    actions: list[dict[str, Any]] = field(default_factory=list)
    tokens: int = 0
