"""Helm releases as the cluster records them: which revision is live, from which inputs, and what state it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
GOOD = ("deployed", "superseded")


@dataclass(frozen=True)
class Revision:
    """One revision of a release, read from the labels of helm's own Secret; the Secret's content is not needed."""

    release: str
    number: int
    status: str
    inputs: str


def revisions(secrets: Iterable[Mapping[str, Any]]) -> dict[str, list[Revision]]:
    """Release name → its revisions, oldest first."""
    found: dict[str, list[Revision]] = {}
    for secret in secrets:
        labels = secret["metadata"].get("labels", {})
        if labels.get("owner") == "helm":
            revision = Revision(
                labels["name"], int(labels["version"]), labels.get("status", ""), labels.get("inputs", "")
            )
            found.setdefault(revision.release, []).append(revision)
    for items in found.values():
        items.sort(key=lambda item: item.number)
    return found


def repair(history: list[Revision]) -> tuple[str, int] | None:
    """How to get a release out of a state in which helm refuses to work, left by a run that was killed.

    ("rollback", revision) to the newest good one, ("uninstall", 0) if there is none, or None if nothing is wrong.
    """
    if not history or history[-1].status not in (*PENDING, "uninstalling"):
        return None
    good = [item.number for item in history if item.status in GOOD]
    if history[-1].status == "uninstalling" or not good:
        return ("uninstall", 0)
    return ("rollback", good[-1])


def newest_good(history: list[Revision], verified: Iterable[int], below: int) -> int | None:
    """The revision to return to when number `below` failed: the newest one that a health check passed."""
    known = set(verified)
    candidates = [item.number for item in history if item.number < below and item.status in (*GOOD, "failed")]
    passed = [number for number in candidates if number in known]
    return passed[-1] if passed else None
