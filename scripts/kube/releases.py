"""Helm releases as the cluster records them: which revision is live, from which inputs, and what state it is in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scripts.kube.kubectl import Kubectl, manifest

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
GOOD = ("deployed", "superseded")
RECORD = "todo-chatbot-verified"  # ConfigMap: which revisions a health check passed, and when


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


def verified(kubectl: Kubectl, namespace: str, release: str) -> dict[int, str]:
    """Revision → when a health check passed it (UTC, ISO 8601)."""
    marks = _record(kubectl, namespace)
    prefix = f"{release}."
    return {int(key.removeprefix(prefix)): value for key, value in marks.items() if key.startswith(prefix)}


def mark_verified(kubectl: Kubectl, namespace: str, revisions: Mapping[str, int]) -> None:
    """Remember that these revisions (release → number) passed a health check."""
    known = _record(kubectl, namespace)
    new = {f"{name}.{number}" for name, number in revisions.items()} - known.keys()
    if not new:
        return
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    record = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": RECORD, "namespace": namespace},
        "data": known | dict.fromkeys(sorted(new), moment),
    }
    text = manifest(record)
    kubectl.effect(
        "apply", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "--filename", "-",
        stdin=text, shown_stdin=text,
    )  # fmt: skip


def _record(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    answer = kubectl.ask("get", "configmap", RECORD, "--namespace", namespace, "--ignore-not-found", "-o", "json")
    marks: dict[str, str] = json.loads(answer.out).get("data", {}) if answer.out.strip() else {}
    return marks
