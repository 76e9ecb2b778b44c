"""The status of a Deployment: counters, and the conditions Available, Progressing and ReplicaFailure."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common, rolling
from embedded.controllers.common import MANAGER, Key
from embedded.objects.values import parse_timestamp, timestamp
from embedded.store import Store

RESOURCE = "deployments.apps"
NO_DEADLINE = 2**31 - 1


def write_status(store: Store, key: Key, created: str | None, now: float) -> float | None:
    """Write what the ReplicaSets say. `created` names a ReplicaSet made just now.

    Returns the seconds until the progress deadline, while there is one.
    """
    deployment = store.get(RESOURCE, *key)
    if deployment is None:
        return None
    sets = common.owned(store, "replicasets.apps", deployment)
    new = rolling.find_new(deployment, sorted(sets, key=lambda item: item["metadata"]["creationTimestamp"]))
    counters = {} if created else _counters(deployment, sets, new)
    conditions = _conditions(deployment, sets, new, counters, created, now)
    kept = deployment.get("status", {})

    def change(obj: dict[str, Any]) -> None:
        before = obj.get("status", {})
        status = dict(before) if created else dict(counters)
        if "collisionCount" in before:
            status["collisionCount"] = before["collisionCount"]
        status["conditions"] = conditions
        obj["status"] = status

    store.modify(RESOURCE, *key, change, subresource="status", manager=MANAGER)
    return _until_deadline(deployment, conditions, counters or kept, now)


def _counters(deployment: dict[str, Any], sets: list[dict[str, Any]], new: dict[str, Any] | None) -> dict[str, Any]:
    def total(field: str) -> int:
        return sum(item.get("status", {}).get(field, 0) for item in sets)

    wanted = sum(item["spec"].get("replicas", 1) for item in sets)
    counters = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": total("replicas"),
        "updatedReplicas": new.get("status", {}).get("replicas", 0) if new else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": total("availableReplicas"),
        "unavailableReplicas": max(0, wanted - total("availableReplicas")),
        "terminatingReplicas": total("terminatingReplicas"),
    }
    always = ("observedGeneration", "terminatingReplicas")
    return {name: value for name, value in counters.items() if value or name in always}


def _conditions(
    deployment: dict[str, Any],
    sets: list[dict[str, Any]],
    new: dict[str, Any] | None,
    counters: dict[str, Any],
    created: str | None,
    now: float,
) -> list[dict[str, Any]]:
    spec = deployment["spec"]
    found = list(deployment.get("status", {}).get("conditions", ()))
    if created:
        text = f'Created new replica set "{created}"'
        return _set(found, "Progressing", "True", "NewReplicaSetCreated", text, now, touch=True)
    replicas = spec.get("replicas", 1)
    unavailable = replicas
    if spec.get("strategy", {}).get("type") != "Recreate":
        unavailable = rolling.bounds(spec.get("strategy", {}), replicas).unavailable
    else:
        unavailable = 0
    if counters.get("availableReplicas", 0) >= replicas - unavailable:
        text = "Deployment has minimum availability."
        found = _set(found, "Available", "True", "MinimumReplicasAvailable", text, now)
    else:
        text = "Deployment does not have minimum availability."
        found = _set(found, "Available", "False", "MinimumReplicasUnavailable", text, now)
    if spec.get("progressDeadlineSeconds", 600) != NO_DEADLINE:
        found = _progress(deployment, found, new, counters, now)
    failure = next((item for one in sets if (item := common.condition(one, "ReplicaFailure"))), None)
    if failure:
        found = _set(found, "ReplicaFailure", "True", failure["reason"], failure["message"], now)
    else:
        found = [item for item in found if item["type"] != "ReplicaFailure"]
    return found


def _progress(
    deployment: dict[str, Any],
    found: list[dict[str, Any]],
    new: dict[str, Any] | None,
    counters: dict[str, Any],
    now: float,
) -> list[dict[str, Any]]:
    spec, before = deployment["spec"], deployment.get("status", {})
    current = next((item for item in found if item["type"] == "Progressing"), None)
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if spec.get("paused"):
        return _set(found, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now)
    if current and current["reason"] == "DeploymentPaused":
        found = _set(found, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", now, touch=True)
        current = next(item for item in found if item["type"] == "Progressing")
    settled = before.get("observedGeneration") == counters["observedGeneration"]
    if (
        current
        and current["reason"] == "NewReplicaSetAvailable"
        and settled
        and before.get("replicas", 0) == before.get("updatedReplicas", 0)
    ):
        return found  # once complete, a pod lost or added is no progress and no lack of it
    if is_complete(spec.get("replicas", 1), counters):
        text = f"{name} has successfully progressed."
        return _set(found, "Progressing", "True", "NewReplicaSetAvailable", text, now, touch=True)
    if _progressed(before, counters):
        text = f"{name} is progressing."
        return _set(found, "Progressing", "True", "ReplicaSetUpdated", text, now, touch=True)
    if current and _overdue(deployment, current, now):
        text = f"{name} has timed out progressing."
        return _set(found, "Progressing", "False", "ProgressDeadlineExceeded", text, now)
    if current is None:
        text = f"{name} is progressing."
        return _set(found, "Progressing", "True", "ReplicaSetUpdated", text, now)
    return found


def is_complete(replicas: int, counters: dict[str, Any]) -> bool:
    """Return whether everything is updated, available, and nothing old is left."""
    keys = ("updatedReplicas", "replicas", "availableReplicas")
    return all(counters.get(key, 0) == replicas for key in keys)


def _progressed(before: dict[str, Any], now: dict[str, Any]) -> bool:
    def grew(field: str) -> bool:
        return bool(now.get(field, 0) > before.get(field, 0))

    old_now = now.get("replicas", 0) - now.get("updatedReplicas", 0)
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    return grew("updatedReplicas") or grew("readyReplicas") or grew("availableReplicas") or old_now < old_before


def _overdue(deployment: dict[str, Any], current: dict[str, Any], now: float) -> bool:
    deadline: float = deployment["spec"].get("progressDeadlineSeconds", 600)
    if current["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return bool(current["reason"] == "ProgressDeadlineExceeded")
    return now >= parse_timestamp(current["lastUpdateTime"]) + deadline


def _until_deadline(
    deployment: dict[str, Any], conditions: list[dict[str, Any]], counters: dict[str, Any], now: float
) -> float | None:
    deadline: float = deployment["spec"].get("progressDeadlineSeconds", 600)
    current = next((item for item in conditions if item["type"] == "Progressing"), None)
    over = ("NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused")
    if current is None or current["reason"] in over or deadline == NO_DEADLINE:
        return None
    return max(0.1, parse_timestamp(current["lastUpdateTime"]) + deadline - now)


def _set(
    conditions: list[dict[str, Any]],
    kind: str,
    status: str,
    reason: str,
    message: str,
    now: float,
    *,
    touch: bool = False,
) -> list[dict[str, Any]]:
    """Return the conditions with one replaced.

    One that says the same stays where and as it is, unless it is touched.
    """
    moment = timestamp(now)
    old = next((item for item in conditions if item["type"] == kind), None)
    same = old is not None and (old["status"], old["reason"]) == (status, reason)
    if old is not None and same and not touch and old["message"] == message:
        return conditions
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else moment
    new = {
        "type": kind,
        "status": status,
        "lastUpdateTime": moment,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    return [*(item for item in conditions if item["type"] != kind), new]
