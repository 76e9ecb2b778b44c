"""DaemonSets: one pod on every node that may have it."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common, revisions, scheduler
from embedded.controllers.common import MANAGER, Key
from embedded.errors import ApiError
from embedded.events import record
from embedded.store import Store

RESOURCE = "daemonsets.apps"
COMPONENT = "daemonset-controller"
TOLERATED = (
    *(("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule")),
    *(("memory-pressure", "NoSchedule"), ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule")),
)


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Bring the pods of a DaemonSet in line with the nodes; raises the ApiError that refused a pod."""
    owner = store.get(RESOURCE, *key)
    if owner is None or common.is_terminating(owner):
        return None
    update = revisions.current(store, owner)
    wanted = [node["metadata"]["name"] for node in store.list("nodes") if _fits(owner, node)]
    refusal: ApiError | None = None
    try:
        _step(store, owner, wanted, update, now)
    except ApiError as error:
        refusal = error
    _count(store, owner, wanted, update, now)
    if refusal:
        raise refusal
    return None


def _fits(owner: dict[str, Any], node: dict[str, Any]) -> bool:
    pod = {"spec": owner["spec"]["template"]["spec"] | {"tolerations": _tolerations(owner)}}
    return scheduler.may_run(pod, node)


def _tolerations(owner: dict[str, Any]) -> list[dict[str, Any]]:
    own = list(owner["spec"]["template"]["spec"].get("tolerations") or ())
    return own + [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": e} for key, e in TOLERATED]


def _node_of(pod: dict[str, Any]) -> str:
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    node = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(node["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def _step(store: Store, owner: dict[str, Any], wanted: list[str], update: dict[str, Any], now: float) -> None:
    pods = common.owned(store, "pods", owner)
    for pod in pods:
        misplaced, over = _node_of(pod) not in wanted, common.is_finished(pod)
        if (misplaced or over) and not common.is_terminating(pod):
            common.delete_pod(store, owner, pod, COMPONENT, now)
    present = {_node_of(pod) for pod in pods}
    for node in wanted:
        if node not in present:
            _create(store, owner, node, update, now)
    if (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate":
        healthy = [pod for pod in pods if common.is_true(pod, "Ready") and not common.is_terminating(pod)]
        old = [pod for pod in pods if not _is_new(pod, update) and not common.is_terminating(pod)]
        broken = [pod for pod in old if pod not in healthy]
        if broken or (old and len(healthy) >= len(wanted)):
            common.delete_pod(store, owner, (broken or old)[0], COMPONENT, now)


def _is_new(pod: dict[str, Any], update: dict[str, Any]) -> bool:
    made_from = pod["metadata"].get("labels", {}).get(revisions.HASH)
    return bool(made_from == update["metadata"]["labels"][revisions.HASH])


def _create(store: Store, owner: dict[str, Any], node: str, update: dict[str, Any], now: float) -> None:
    meta = owner["metadata"]
    template = revisions.template_of(update)
    own, spec = template.get("metadata") or {}, template["spec"]
    place = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}
    affinity = dict(spec.get("affinity") or {})
    affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": place}
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": own
        | {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": dict(own.get("labels") or {})
            | {
                revisions.HASH: update["metadata"]["labels"][revisions.HASH],
                "pod-template-generation": str(meta.get("generation", 1)),
            },
            "ownerReferences": [common.reference(owner)],
        },
        "spec": spec | {"affinity": affinity, "tolerations": _tolerations(owner)},
    }
    try:
        pod = store.create("pods", made, manager=MANAGER)
    except ApiError as error:
        record(store, owner, "Warning", "FailedCreate", f"Error creating: {error.message}", COMPONENT, now)
        raise
    text = f"Created pod: {pod['metadata']['name']}"
    record(store, owner, "Normal", "SuccessfulCreate", text, COMPONENT, now)


def _count(store: Store, owner: dict[str, Any], wanted: list[str], update: dict[str, Any], now: float) -> None:
    meta = owner["metadata"]
    pods = [pod for pod in common.owned(store, "pods", owner) if common.is_active(pod)]
    ready = [pod for pod in pods if common.is_true(pod, "Ready")]
    status = {
        "currentNumberScheduled": len(pods),
        "numberMisscheduled": 0,
        "desiredNumberScheduled": len(wanted),
        "numberReady": len(ready),
        "observedGeneration": meta.get("generation", 1),
        "updatedNumberScheduled": len([pod for pod in pods if _is_new(pod, update)]),
        "numberAvailable": len(ready),
        "numberUnavailable": len(wanted) - len(ready),
    }
    shown = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    common.write_status(store, RESOURCE, owner, status, shown)
