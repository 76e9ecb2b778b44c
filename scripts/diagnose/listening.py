"""Follow the logs of containers from one look to the next: a program that says new things goes on, however slowly."""

from __future__ import annotations

import re
from datetime import datetime

from scripts.diagnose.model import Logs

STUCK_SECONDS = 30.0  # in which a program that goes on with its start says something new
# What differs in a line that is said again: the time, an address, an id.
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d?:\d\d:\d\d(?:[.,]\d+)?Z?|\b\d{10,}(?:\.\d+)?\b|\b\d+(?:\.\d+){3}(?::\d+)?"
    r"|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b"
)
REQUEST = re.compile(r"\b(?:GET|HEAD)\b|kube-probe|/(?:health|ready|live)", re.IGNORECASE)  # such as one of a probe


class Listener:
    """The lines that logs held so far, for one who looks again and again."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], set[str]] = {}
        self._last_new: dict[tuple[str, str], datetime] = {}

    def advancing(self, logs: Logs, now: datetime) -> frozenset[tuple[str, str]]:
        """Take note of what the logs hold, and return whose held something new within `STUCK_SECONDS`."""
        for key, lines in logs.items():
            said = {bare for line in lines if (bare := _without_moment(line))}
            known = self._said.setdefault(key, set())
            if said - known:
                self._last_new[key] = now
            known |= said
        return frozenset(key for key, at in self._last_new.items() if (now - at).total_seconds() < STUCK_SECONDS)


def _without_moment(line: str) -> str:
    """Return a line without what differs each time that it is said; nothing of one that tells of a request."""
    return "" if REQUEST.search(line) else MOMENT.sub("", line).strip()
