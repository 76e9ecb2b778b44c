"""ReplicaSets: as many pods of a template as asked for."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.errors import ApiError
from embedded.events import record
from embedded.objects import selectors
from embedded.objects.values import clone, parse_timestamp, timestamp
from embedded.store import Store

RESOURCE = "replicasets.apps"
COMPONENT = "replicaset-controller"


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Create or delete pods, then count them; raises the ApiError that refused a pod, to be tried again."""
    replicaset = store.get(RESOURCE, *key)
    if replicaset is None:
        return None
    _adopt(store, replicaset)
    pods = common.owned(store, "pods", replicaset)
    refusal: ApiError | None = None
    if not common.is_terminating(replicaset):
        active = [pod for pod in pods if common.is_active(pod)]
        wanted = replicaset["spec"].get("replicas", 1)
        if len(active) < wanted:
            refusal = _create(store, replicaset, wanted - len(active), now)
        elif len(active) > wanted:
            for pod in sorted(active, key=_rank)[: len(active) - wanted]:
                common.delete_pod(store, replicaset, pod, COMPONENT, now)
    pods = common.owned(store, "pods", replicaset)
    later = _count(store, key, pods, refusal, now)
    if refusal:
        raise refusal
    return later


def _adopt(store: Store, replicaset: dict[str, Any]) -> None:
    meta = replicaset["metadata"]
    selector = replicaset["spec"]["selector"]
    for pod in store.list("pods", meta["namespace"]):
        labels = pod["metadata"].get("labels", {})
        if common.owner_of(pod) is None and common.is_active(pod) and selectors.matches(selector, labels):
            store.modify("pods", meta["namespace"], pod["metadata"]["name"], lambda obj: _own(obj, replicaset))


def _own(pod: dict[str, Any], replicaset: dict[str, Any]) -> None:
    pod["metadata"].setdefault("ownerReferences", []).append(common.reference(replicaset))


def _create(store: Store, replicaset: dict[str, Any], missing: int, now: float) -> ApiError | None:
    """Create pods, the first refusal ends it and is returned."""
    meta, template = replicaset["metadata"], replicaset["spec"]["template"]
    for _ in range(missing):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": clone(template.get("metadata", {}))
            | {
                "generateName": f"{meta['name']}-",
                "namespace": meta["namespace"],
                "ownerReferences": [common.reference(replicaset)],
            },
            "spec": clone(template["spec"]),
        }
        try:
            made = store.create("pods", pod, manager=MANAGER)
        except ApiError as error:
            if "is being terminated" not in error.message:
                record(store, replicaset, "Warning", "FailedCreate", f"Error creating: {error.message}", COMPONENT, now)
            return error
        name = made["metadata"]["name"]
        record(store, replicaset, "Normal", "SuccessfulCreate", f"Created pod: {name}", COMPONENT, now)
    return None


def _rank(pod: dict[str, Any]) -> tuple[Any, ...]:
    """Return pods, victims first: not assigned, pending, not ready, then the cheapest, the youngest to be ready, the
    newest.
    """
    ready = common.condition(pod, "Ready")
    is_ready = ready is not None and ready["status"] == "True"
    phase = {"Pending": 0, "Unknown": 1}.get(pod.get("status", {}).get("phase", "Pending"), 2)
    cost = int(pod["metadata"].get("annotations", {}).get("controller.kubernetes.io/pod-deletion-cost", "0"))
    since = -parse_timestamp(ready["lastTransitionTime"]) if ready and is_ready else 0.0
    restarts = -sum(item.get("restartCount", 0) for item in pod.get("status", {}).get("containerStatuses", ()))
    created = -parse_timestamp(pod["metadata"]["creationTimestamp"])
    return (bool(pod["spec"].get("nodeName")), phase, is_ready, cost, since, restarts, created)


def _count(store: Store, key: Key, pods: list[dict[str, Any]], refusal: ApiError | None, now: float) -> float | None:
    replicaset = store.get(RESOURCE, *key)
    if replicaset is None:
        return None
    spec = replicaset["spec"]
    least = spec.get("minReadySeconds", 0)
    active = [pod for pod in pods if common.is_active(pod)]
    moments = [common.available_at(pod, least) for pod in active]
    ready = [moment for moment in moments if moment is not None]
    available = [moment for moment in ready if moment <= now]
    wanted_labels = spec["template"].get("metadata", {}).get("labels", {})
    labeled = [pod for pod in active if wanted_labels.items() <= pod["metadata"].get("labels", {}).items()]
    status = {
        "replicas": len(active),
        "fullyLabeledReplicas": len(labeled),
        "readyReplicas": len(ready),
        "availableReplicas": len(available),
        "terminatingReplicas": len([pod for pod in pods if common.is_terminating(pod) and not common.is_finished(pod)]),
        "observedGeneration": replicaset["metadata"].get("generation", 1),
    }
    optional = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    status = {name: value for name, value in status.items() if value or name not in optional}
    conditions = _conditions(replicaset, refusal, now)
    if conditions:
        status["conditions"] = conditions

    def change(obj: dict[str, Any]) -> None:
        obj["status"] = status

    store.modify(RESOURCE, *key, change, subresource="status", manager=MANAGER)
    waiting = [moment - now for moment in ready if moment > now]
    return min(waiting) if waiting else None


def _conditions(replicaset: dict[str, Any], refusal: ApiError | None, now: float) -> list[dict[str, Any]]:
    if refusal is None:
        return []
    # What was said first stays: every refusal names another pod, and writing that down would be a change each time.
    old = common.condition(replicaset, "ReplicaFailure")
    new = {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": timestamp(now),
        "reason": "FailedCreate",
        "message": refusal.message,
    }
    return [old or new]
