"""Rollouts: whether Deployments have reached what their specification asks, and what they are waiting for.

The decisions follow `kubectl rollout status`: the controller has seen the newest generation, every replica is updated,
none of the old ones is left, and all are available.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# The kubelet's words: `Readiness probe failed: HTTP probe failed with statuscode: 503`.
PROBE = re.compile(r"(Readiness|Startup|Liveness) probe failed")
STATUS = re.compile(r"statuscode: (\d+)")
SIGNS = {"connection refused": "refused", "deadline exceeded": "no answer", "timed out": "no answer"}


@dataclass(frozen=True)
class Progress:
    """How far one Deployment is. `failed` says that it will not get there by itself."""

    name: str
    complete: bool
    text: str
    failed: bool = False


def progress(deployment: Mapping[str, Any]) -> Progress:
    """Where a Deployment stands, in the words a person waits with."""
    name = deployment["metadata"]["name"]
    spec, status = deployment["spec"], deployment.get("status", {})
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available, ready = status.get("availableReplicas", 0), status.get("readyReplicas", 0)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return Progress(name, False, "waiting for the controller")
    for condition in status.get("conditions", ()):
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Progress(name, False, condition.get("message", "progress deadline exceeded"), failed=True)
    if updated < wanted:
        return Progress(name, False, f"{updated}/{wanted} updated")
    if total > updated:
        return Progress(name, False, f"{total - updated} old to end")
    if available < updated:
        return Progress(name, False, f"{ready}/{wanted} ready")
    return Progress(name, True, f"{ready}/{wanted} ready")


def waiting_for(pods: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]], now: datetime) -> str:
    """The most telling thing that pods of one Deployment wait for, and for how long; nothing if none waits.

    `events` are those of the namespace: they say what the probes were answered.
    """
    answered = _answers(events)
    told = [text for pod in pods if "deletionTimestamp" not in pod["metadata"] for text in _waits(pod, answered, now)]
    return told[0] if told else ""


def _answers(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What the last failed probe of each pod was answered, by the pod's uid: `readiness 503`."""
    failed = [event for event in events if event.get("reason") == "Unhealthy"]
    failed.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    told = {}
    for event in failed:
        message = str(event.get("message", ""))
        if kind := PROBE.match(message):
            code = STATUS.search(message)
            reason = code[1] if code else next((short for sign, short in SIGNS.items() if sign in message), "fails")
            told[event.get("involvedObject", {}).get("uid", "")] = f"{kind[1].lower()} {reason}"
    return told


def _waits(pod: Mapping[str, Any], answered: Mapping[str, str], now: datetime) -> Iterator[str]:
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        state = container.get("state", {})
        if waiting := state.get("waiting"):
            yield str(waiting.get("reason", "waiting"))
        elif (running := state.get("running")) and not container.get("ready"):
            since = datetime.fromisoformat(running["startedAt"]) if running.get("startedAt") else now
            probe = answered.get(pod["metadata"].get("uid", ""), "started, not ready")
            yield f"{probe} for {(now - since).total_seconds():.0f} s"
    if status.get("phase") == "Pending" and not status.get("containerStatuses"):
        yield "pending"
