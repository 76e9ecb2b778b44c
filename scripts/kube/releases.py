"""Helm releases as the cluster records them: which revision is live, from which inputs, and what state it is in."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
DEV = "todo-chatbot/dev"  # label of pods that somebody works on: their files may be other ones than their image's
GOOD = ("deployed", "superseded")


@dataclass(frozen=True)
class Revision:
    """One revision of a release, read from the labels of helm's own Secret; the Secret's content is not needed.

    `dev` is whether it is one that somebody works on: no verified release. `written` is when helm last wrote it, in
    seconds since 1970; 0 where it does not say.
    """

    release: str
    number: int
    status: str
    inputs: str
    dev: bool = False
    written: int = 0


def revisions(secrets: Iterable[Mapping[str, Any]]) -> dict[str, list[Revision]]:
    """Release name → its revisions, oldest first. A Secret that only bears helm's label is none."""
    found: dict[str, list[Revision]] = {}
    for secret in secrets:
        labels = secret["metadata"].get("labels") or {}
        if labels.get("owner") == "helm" and labels.get("name") and labels.get("version", "").isdecimal():
            revision = Revision(
                labels["name"],
                int(labels["version"]),
                labels.get("status", ""),
                labels.get("inputs", ""),
                labels.get("dev") == "true",
                _written(secret, labels),
            )
            found.setdefault(revision.release, []).append(revision)
    for items in found.values():
        items.sort(key=lambda item: item.number)
    return found


def _written(secret: Mapping[str, Any], labels: Mapping[str, str]) -> int:
    """Return when helm last wrote a revision: by the cluster's clock where it was written once, as a pending one is."""
    created = secret["metadata"].get("creationTimestamp")
    if created and labels.get("status") in PENDING:
        return int(datetime.fromisoformat(created).timestamp())
    return max(_seconds(labels.get(name)) for name in ("createdAt", "modifiedAt"))  # a new one has the old one's, too


def _seconds(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def at_work(history: list[Revision], now: float, limit: float) -> int:
    """Return since when somebody's helm has been at work on a release, in seconds since 1970; 0 where nobody's can be.

    What has been pending for longer than `limit` seconds was left so.
    """
    newest = history[-1] if history else None
    if newest is None or newest.status not in (*PENDING, "uninstalling") or now - newest.written > limit:
        return 0
    return newest.written


def repair(history: list[Revision]) -> tuple[str, int] | None:
    """Return how to get a release out of a state in which helm refuses to work, left by a run that was killed.

    ("rollback", revision) to the newest good one, ("uninstall", 0) if there is none, or None if nothing is wrong.
    """
    if not history or history[-1].status not in (*PENDING, "uninstalling"):
        return None
    good = [item.number for item in history if item.status in GOOD]
    if history[-1].status == "uninstalling" or not good:
        return ("uninstall", 0)
    return ("rollback", good[-1])


def newest_good(history: list[Revision], proved: Iterable[int], below: int) -> int | None:
    """Return the revision to go back to when number `below` failed: the newest that a health check passed.

    One that helm has forgotten counts too: its proof holds helm's record of it.
    """
    unfit = {item.number for item in history if item.status not in (*GOOD, "failed")}
    passed = [number for number in proved if number < below and number not in unfit]
    return max(passed, default=None)


def live_before(history: list[Revision]) -> Revision | None:
    """Return the revision that was live before the newest one, whether or not a health check has passed it.

    Its proof may have been lost, or somebody else's helm may have made it: then it is all that there is to return to.
    """
    return next((item for item in reversed(history[:-1]) if item.status in GOOD), None)


def contents(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what helm keeps of a revision, out of its own Secret. Raises UserError if it cannot be read.

    helm packs it as JSON, gzip and base64; the API adds another base64.
    """
    try:
        packed = base64.b64decode(base64.b64decode(record["data"]["release"]))
        found: dict[str, Any] = parsing.from_json(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error):
        name = record.get("metadata", {}).get("name", "a Secret of helm's")
        raise UserError(f"{name}: helm's record of a revision cannot be read", "see: helm history") from None
    return found


def numbered(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return helm's records that tell their revision, the oldest first."""
    known = [one for one in records if one["metadata"]["labels"].get("version", "").isdecimal()]
    return sorted(known, key=lambda one: int(one["metadata"]["labels"]["version"]))


def installation(record: Mapping[str, Any]) -> str:
    """Return what tells an installation of a release from a later one of the same name: when helm first deployed it."""
    return str(contents(record).get("info", {}).get("first_deployed", ""))


def deployed_at(record: Mapping[str, Any]) -> str:
    """Return when helm deployed a revision, by its record: that tells it from another one of its number."""
    return str(contents(record).get("info", {}).get("last_deployed", ""))


def record_name(release: str, number: int) -> str:
    """Return the name of the Secret in which helm keeps a revision."""
    return f"sh.helm.release.v1.{release}.v{number}"


def current(history: Iterable[Revision]) -> Revision | None:
    """Return the newest revision that is deployed, None where there is none."""
    return next((item for item in reversed(list(history)) if item.status == "deployed"), None)
