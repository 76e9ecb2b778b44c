"""StatefulSets: pods with a number, a name and claims of their own, started and replaced one after the other."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common, revisions
from embedded.controllers.common import MANAGER, Key
from embedded.errors import ApiError
from embedded.events import record
from embedded.objects.values import clone
from embedded.store import Store

RESOURCE = "statefulsets.apps"
COMPONENT = "statefulset-controller"
POD_NAME, INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
CLAIMS = "persistentvolumeclaims"


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Take the next steps of a StatefulSet; raises the ApiError that refused a pod, to be tried again."""
    owner = store.get(RESOURCE, *key)
    if owner is None or common.is_terminating(owner):
        return None
    update = revisions.current(store, owner)
    before = _current(store, owner, update)
    pods = {_ordinal(pod): pod for pod in common.owned(store, "pods", owner)}
    refusal: ApiError | None = None
    try:
        _step(store, owner, pods, before, update, now)
    except ApiError as error:
        refusal = error
    later = _count(store, owner, before, update, now)
    if refusal:
        raise refusal
    return later


def _current(store: Store, owner: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """Return the revision that pods below the partition keep."""
    name = owner.get("status", {}).get("currentRevision", "")
    return store.get(revisions.RESOURCE, owner["metadata"]["namespace"], name) or update


def _ordinal(pod: dict[str, Any]) -> int:
    tail = pod["metadata"]["name"].rpartition("-")[2]
    return int(tail) if tail.isdecimal() else -1


def _is_healthy(owner: dict[str, Any], pod: dict[str, Any], now: float) -> bool:
    at = common.available_at(pod, owner["spec"].get("minReadySeconds", 0))
    return at is not None and at <= now and not common.is_terminating(pod)


def _step(
    store: Store,
    owner: dict[str, Any],
    pods: dict[int, dict[str, Any]],
    before: dict[str, Any],
    update: dict[str, Any],
    now: float,
) -> None:
    spec = owner["spec"]
    ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    first = (spec.get("ordinals") or {}).get("start", 0)
    wanted = range(first, first + spec.get("replicas", 1))
    strategy = spec.get("updateStrategy") or {}
    partition = first + ((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    for number in wanted:
        pod = pods.get(number)
        if pod is not None and common.is_finished(pod) and not common.is_terminating(pod):
            _delete(store, owner, pod, now)
            return
        if pod is None:
            rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
            _create(store, owner, number, update if number >= partition or not rolling else before, now)
            if ordered:
                return
        elif ordered and not _is_healthy(owner, pod, now):
            return
    extra = sorted((number for number in pods if number not in wanted), reverse=True)
    for number in extra:
        if not common.is_terminating(pods[number]):
            _delete(store, owner, pods[number], now)
        if ordered:
            return
    if not extra and strategy.get("type", "RollingUpdate") == "RollingUpdate":
        _replace(store, owner, pods, [n for n in reversed(wanted) if n >= partition], update, now)


def _replace(
    store: Store,
    owner: dict[str, Any],
    pods: dict[int, dict[str, Any]],
    numbers: list[int],
    update: dict[str, Any],
    now: float,
) -> None:
    """Delete the highest pod that is not of the new revision, once those above it are healthy."""
    for number in numbers:
        pod = pods.get(number)
        if pod is None:
            return
        if pod["metadata"].get("labels", {}).get(revisions.HASH) != update["metadata"]["name"]:
            if not common.is_terminating(pod):
                _delete(store, owner, pod, now)
            return
        if not _is_healthy(owner, pod, now):
            return


def _create(store: Store, owner: dict[str, Any], number: int, revision: dict[str, Any], now: float) -> None:
    meta, spec = owner["metadata"], owner["spec"]
    name, space = f"{meta['name']}-{number}", meta["namespace"]
    template = revisions.template_of(revision)
    pod_spec = template["spec"]
    claims = {item["metadata"]["name"]: item for item in spec.get("volumeClaimTemplates") or ()}
    for title, claim in claims.items():
        _claim(store, owner, f"{title}-{name}", claim, name, now)
    kept = [volume for volume in pod_spec.get("volumes") or () if volume["name"] not in claims]
    mounted = [{"name": t, "persistentVolumeClaim": {"claimName": f"{t}-{name}"}} for t in claims]
    labels = {POD_NAME: name, INDEX: str(number), revisions.HASH: revision["metadata"]["name"]}
    own = template.get("metadata") or {}
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": own
        | {
            "name": name,
            "generateName": f"{meta['name']}-",
            "namespace": space,
            "labels": dict(own.get("labels") or {}) | labels,
            "ownerReferences": [common.reference(owner)],
        },
        "spec": pod_spec | {"hostname": name, "subdomain": spec.get("serviceName", ""), "volumes": [*mounted, *kept]},
    }
    title = f"create Pod {name} in StatefulSet {meta['name']}"
    try:
        store.create("pods", made, manager=MANAGER)
    except ApiError as error:
        text = f"{title} failed error: {error.message}"
        record(store, owner, "Warning", "FailedCreate", text, COMPONENT, now)
        raise
    record(store, owner, "Normal", "SuccessfulCreate", f"{title} successful", COMPONENT, now)


def _claim(store: Store, owner: dict[str, Any], name: str, template: dict[str, Any], pod: str, now: float) -> None:
    space, title = owner["metadata"]["namespace"], owner["metadata"]["name"]
    if store.get(CLAIMS, space, name) is not None:
        return
    own = template.get("metadata") or {}
    labels = dict(own.get("labels") or {}) | owner["spec"]["selector"].get("matchLabels", {})
    meta = {"name": name, "namespace": space, "labels": labels, "annotations": dict(own.get("annotations") or {})}
    if (owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}).get("whenDeleted") == "Delete":
        meta["ownerReferences"] = [common.reference(owner)]
    store.create(CLAIMS, {"metadata": meta, "spec": clone(template["spec"])}, manager=MANAGER)
    text = f"create Claim {name} Pod {pod} in StatefulSet {title} success"
    record(store, owner, "Normal", "SuccessfulCreate", text, COMPONENT, now)


def _delete(store: Store, owner: dict[str, Any], pod: dict[str, Any], now: float) -> None:
    text = f"delete Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']} successful"
    common.delete_pod(store, owner, pod, COMPONENT, now, text)


def _count(
    store: Store, owner: dict[str, Any], before: dict[str, Any], update: dict[str, Any], now: float
) -> float | None:
    meta, spec = owner["metadata"], owner["spec"]
    pods = common.owned(store, "pods", owner)
    alive = [pod for pod in pods if common.is_active(pod)]
    moments = [common.available_at(pod, spec.get("minReadySeconds", 0)) for pod in alive]
    ready = [moment for moment in moments if moment is not None]
    names = [pod["metadata"].get("labels", {}).get(revisions.HASH) for pod in alive]
    old, new = before["metadata"]["name"], update["metadata"]["name"]
    wanted, updated = spec.get("replicas", 1), names.count(new)
    if updated == wanted == len(pods) == len(ready):
        old = new
        revisions.prune(store, owner, {new})
    status = {
        "observedGeneration": meta.get("generation", 1),
        "replicas": len(pods),
        "readyReplicas": len(ready),
        "currentReplicas": names.count(old),
        "updatedReplicas": updated,
        "availableReplicas": len([moment for moment in ready if moment <= now]),
        "currentRevision": old,
        "updateRevision": new,
        "collisionCount": 0,
    }
    shown = ("replicas", "availableReplicas", "collisionCount")
    common.write_status(store, RESOURCE, owner, status, shown)
    waits = [moment - now for moment in ready if moment > now]
    return min(waits) if waits else None
