"""Deployments: one ReplicaSet for the template as it is, the older ones scaled away at the pace the strategy allows."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from embedded.controllers import common, rolling
from embedded.controllers.common import MANAGER, Key
from embedded.controllers.deployment_status import write_status
from embedded.controllers.rolling import Counted
from embedded.errors import ApiError
from embedded.events import record
from embedded.objects.values import clone, parse_timestamp
from embedded.store import Store

RESOURCE = "deployments.apps"
REPLICASETS = "replicasets.apps"
COMPONENT = "deployment-controller"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
HISTORY = "deployment.kubernetes.io/revision-history"
SAFE = "bcdfghjklmnpqrstvwxz2456789"
OWN_ANNOTATIONS = (REVISION, DESIRED, MOST, HISTORY, "kubectl.kubernetes.io/last-applied-configuration")


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Return one step of a Deployment. Returns when its progress deadline has to be looked at."""
    deployment = store.get(RESOURCE, *key)
    if deployment is None or common.is_terminating(deployment):
        return None
    sets = sorted(common.owned(store, REPLICASETS, deployment), key=_age)
    new = rolling.find_new(deployment, sets)
    if deployment["spec"].get("paused"):
        _scale_only(store, deployment, sets, now)
        return write_status(store, key, None, now)
    created = ""
    if new is None:
        if _recreating(deployment) and _any_pods(store, sets):
            return _recreate(store, deployment, sets, now)
        new = _make(store, deployment, sets, now)
        if new is None:
            return 1.0
        created = new["metadata"]["name"]
        _set_revision(store, deployment, new)
        write_status(store, key, created, now)
    else:
        _renew_revision(store, deployment, new, sets)
    deployment = store.get(RESOURCE, *key)
    if deployment is None:
        return None
    olds = [item for item in sets if item["metadata"]["uid"] != new["metadata"]["uid"]]
    if _is_scaling(deployment, [new, *olds]):
        _scale_only(store, deployment, [new, *olds], now)
    elif _recreating(deployment):
        for old in olds:
            _scale(store, deployment, old, 0, now)
        if not _any_pods(store, olds):
            _scale(store, deployment, new, deployment["spec"].get("replicas", 1), now)
    else:
        _roll(store, deployment, new, olds, now)
    if _complete(deployment, new, olds):
        _clean_up(store, deployment, olds)
    return write_status(store, key, None, now)


def template_hash(template: dict[str, Any], collisions: int) -> str:
    """Return a short name for a template: stable, and different after a collision."""
    digest = hashlib.sha256(json.dumps([template, collisions], sort_keys=True).encode()).digest()
    return "".join(SAFE[byte % len(SAFE)] for byte in digest[:10])


def revision_of(obj: dict[str, Any]) -> int:
    """Return the revision an object carries, 0 if none."""
    text = obj["metadata"].get("annotations", {}).get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def _age(replicaset: dict[str, Any]) -> tuple[float, str]:
    meta = replicaset["metadata"]
    return parse_timestamp(meta["creationTimestamp"]), meta["name"]


def _recreating(deployment: dict[str, Any]) -> bool:
    return bool(deployment["spec"].get("strategy", {}).get("type") == "Recreate")


def _any_pods(store: Store, sets: list[dict[str, Any]]) -> bool:
    return any(not common.is_finished(pod) for item in sets for pod in common.owned(store, "pods", item))


def _counted(item: dict[str, Any]) -> Counted:
    status = item.get("status", {})
    meta = item["metadata"]
    return Counted(
        meta["name"], item["spec"].get("replicas", 1), status.get("replicas", 0), status.get("availableReplicas", 0)
    )


def _limits(deployment: dict[str, Any]) -> tuple[int, rolling.Bounds]:
    replicas = deployment["spec"].get("replicas", 1)
    if _recreating(deployment):
        return replicas, rolling.Bounds(0, replicas)
    return replicas, rolling.bounds(deployment["spec"].get("strategy", {}), replicas)


def _make(store: Store, deployment: dict[str, Any], olds: list[dict[str, Any]], now: float) -> dict[str, Any] | None:
    meta, spec = deployment["metadata"], deployment["spec"]
    collisions = deployment.get("status", {}).get("collisionCount", 0)
    short = template_hash(rolling.bare(spec["template"]), collisions)
    replicas, limit = _limits(deployment)
    name = f"{meta['name']}-{short}"
    new = Counted(name, 0, 0, 0)
    first = rolling.scale_up(new, [_counted(old) for old in olds], replicas, limit)
    revision = max([revision_of(old) for old in olds], default=0) + 1
    template = clone(spec["template"])
    template.setdefault("metadata", {}).setdefault("labels", {})[rolling.HASH] = short
    selector = clone(spec["selector"])
    selector.setdefault("matchLabels", {})[rolling.HASH] = short
    kept = {key: value for key, value in meta.get("annotations", {}).items() if key not in OWN_ANNOTATIONS}
    obj: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": dict(template["metadata"]["labels"]),
            "annotations": kept | {DESIRED: str(replicas), MOST: str(replicas + limit.surge), REVISION: str(revision)},
            "ownerReferences": [common.reference(deployment)],
        },
        "spec": {"replicas": first, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        obj["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    try:
        made = store.create(REPLICASETS, obj, manager=MANAGER)
    except ApiError as error:
        if error.reason == "AlreadyExists":
            store.modify(RESOURCE, meta["namespace"], meta["name"], _collide, subresource="status", manager=MANAGER)
        else:
            record(store, deployment, "Warning", "ReplicaSetCreateError", error.message, COMPONENT, now)
        return None
    if first:
        text = f"Scaled up replica set {name} from 0 to {first}"
        record(store, deployment, "Normal", "ScalingReplicaSet", text, COMPONENT, now)
    return made


def _collide(deployment: dict[str, Any]) -> None:
    status = deployment.setdefault("status", {})
    status["collisionCount"] = status.get("collisionCount", 0) + 1


def _set_revision(store: Store, deployment: dict[str, Any], new: dict[str, Any]) -> None:
    meta = deployment["metadata"]
    text = new["metadata"]["annotations"][REVISION]

    def change(obj: dict[str, Any]) -> None:
        obj["metadata"].setdefault("annotations", {})[REVISION] = text

    store.modify(RESOURCE, meta["namespace"], meta["name"], change, manager=MANAGER)


def _renew_revision(store: Store, deployment: dict[str, Any], new: dict[str, Any], sets: list[dict[str, Any]]) -> None:
    """Make a template that is used again the newest revision."""
    meta = new["metadata"]
    newest = max((revision_of(item) for item in sets), default=0)
    if revision_of(new) < newest:

        def change(obj: dict[str, Any]) -> None:
            notes = obj["metadata"].setdefault("annotations", {})
            before = [notes[HISTORY]] if HISTORY in notes else []
            notes[HISTORY] = ",".join([*before, notes[REVISION]])
            notes[REVISION] = str(newest + 1)

        new = store.modify(REPLICASETS, meta["namespace"], meta["name"], change, manager=MANAGER) or new
    if revision_of(deployment) != revision_of(new):
        _set_revision(store, deployment, new)


def _is_scaling(deployment: dict[str, Any], sets: list[dict[str, Any]]) -> bool:
    """Return whether the Deployment's replicas have changed since its active ReplicaSets were last sized."""
    wanted = str(deployment["spec"].get("replicas", 1))
    active = [item for item in sets if item["spec"].get("replicas", 1)]
    return any(item["metadata"].get("annotations", {}).get(DESIRED, wanted) != wanted for item in active)


def _scale_only(store: Store, deployment: dict[str, Any], sets: list[dict[str, Any]], now: float) -> None:
    """Follow a change of replicas, in proportion where several ReplicaSets are active."""
    replicas, limit = _limits(deployment)
    active = [item for item in sets if item["spec"].get("replicas", 1)] or sets[:1]
    if len(active) <= 1:
        for item in active:
            _scale(store, deployment, item, replicas, now)
        return
    counted = sorted((_counted(item) for item in active), key=lambda item: -item.wanted)
    most = replicas + limit.surge if replicas else 0
    asked = rolling.proportional(counted, most - sum(item.wanted for item in counted))
    for item in active:
        _scale(store, deployment, item, asked[item["metadata"]["name"]], now)


def _roll(
    store: Store, deployment: dict[str, Any], new: dict[str, Any], olds: list[dict[str, Any]], now: float
) -> None:
    replicas, limit = _limits(deployment)
    active = [old for old in olds if old["spec"].get("replicas", 1)]
    counted = [_counted(old) for old in active]
    up = rolling.scale_up(_counted(new), counted, replicas, limit)
    if up != new["spec"].get("replicas", 1):
        _scale(store, deployment, new, up, now)
        return
    _scale(store, deployment, new, up, now)
    asked = rolling.scale_down(_counted(new), counted, replicas, limit)
    for old in active:
        _scale(store, deployment, old, asked[old["metadata"]["name"]], now)


def _scale(store: Store, deployment: dict[str, Any], item: dict[str, Any], wanted: int, now: float) -> None:
    meta = item["metadata"]
    replicas, limit = _limits(deployment)
    before = item["spec"].get("replicas", 1)

    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["replicas"] = wanted
        notes = obj["metadata"].setdefault("annotations", {})
        notes[DESIRED] = str(replicas)
        notes[MOST] = str(replicas + limit.surge)

    if before == wanted and wanted == 0:
        return
    store.modify(REPLICASETS, meta["namespace"], meta["name"], change, manager=MANAGER)
    if before != wanted:
        way = "up" if wanted > before else "down"
        text = f"Scaled {way} replica set {meta['name']} from {before} to {wanted}"
        record(store, deployment, "Normal", "ScalingReplicaSet", text, COMPONENT, now)


def _recreate(store: Store, deployment: dict[str, Any], olds: list[dict[str, Any]], now: float) -> float | None:
    for old in olds:
        _scale(store, deployment, old, 0, now)
    meta = deployment["metadata"]
    return write_status(store, (meta["namespace"], meta["name"]), None, now)


def _complete(deployment: dict[str, Any], new: dict[str, Any], olds: list[dict[str, Any]]) -> bool:
    replicas = deployment["spec"].get("replicas", 1)
    status = new.get("status", {})
    gone = all(not old.get("status", {}).get("replicas", 0) for old in olds)
    return gone and status.get("availableReplicas", 0) >= replicas


def _clean_up(store: Store, deployment: dict[str, Any], olds: list[dict[str, Any]]) -> None:
    """Forget the oldest ReplicaSets beyond the history limit."""
    keep = deployment["spec"].get("revisionHistoryLimit", 10)
    idle = [
        old
        for old in olds
        if not old["spec"].get("replicas", 1)
        and not old.get("status", {}).get("replicas", 0)
        and not common.is_terminating(old)
    ]
    for old in sorted(idle, key=revision_of)[: max(0, len(idle) - keep)]:
        meta = old["metadata"]
        store.delete(REPLICASETS, meta["namespace"], meta["name"])
