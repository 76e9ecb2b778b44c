"""Count what others go by: the statuses of PodDisruptionBudgets and ResourceQuotas."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from embedded import kinds
from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.events import record
from embedded.objects import quantity, selectors, usage
from embedded.objects.values import timestamp
from embedded.store import Store

SCALED = {"ReplicaSet": "replicasets.apps", "StatefulSet": "statefulsets.apps"}


def reconcile_disruption(store: Store, key: Key, now: float) -> float | None:
    """Return how many pods of a budget may be evicted now."""
    budget = store.get("poddisruptionbudgets.policy", *key)
    if budget is None:
        return None
    spec = budget["spec"]
    pods = [
        pod
        for pod in store.list("pods", key[0])
        if not common.is_finished(pod) and selectors.matches(spec.get("selector"), pod["metadata"].get("labels", {}))
    ]
    # A plain number of pods to keep asks nobody how many there should be.
    plain = isinstance(spec.get("minAvailable"), int)
    expected = len(pods) if plain else _expected(store, pods)
    healthy = len([pod for pod in pods if common.is_true(pod, "Ready") and not common.is_terminating(pod)])
    if "maxUnavailable" in spec:
        desired = max(0, expected - _share(spec["maxUnavailable"], expected))
    else:
        desired = _share(spec.get("minAvailable", 1), expected)
    allowed = max(0, healthy - desired) if expected else 0
    if not pods:
        record(store, budget, "Normal", "NoPods", "No matching pods found", "controllermanager", now)
    condition = _disruption_allowed(budget, allowed, now)

    def change(obj: dict[str, Any]) -> None:
        obj["status"] = {
            "observedGeneration": condition["observedGeneration"],
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "conditions": [condition],
        }

    store.modify("poddisruptionbudgets.policy", *key, change, subresource="status", manager=MANAGER)
    return None


def _disruption_allowed(budget: dict[str, Any], allowed: int, now: float) -> dict[str, Any]:
    old = common.condition(budget, "DisruptionAllowed")
    state, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    return {
        "type": "DisruptionAllowed",
        "status": state,
        "observedGeneration": budget["metadata"].get("generation", 1),
        "lastTransitionTime": old["lastTransitionTime"] if old and old["status"] == state else timestamp(now),
        "reason": reason,
        "message": "",
    }


def _expected(store: Store, pods: list[dict[str, Any]]) -> int:
    """Return the replicas that the pods' controllers want, and pods without one."""
    wanted: dict[str, int] = {}
    for pod in pods:
        owner = common.owner_of(pod)
        resource = SCALED.get(owner["kind"]) if owner is not None else None
        if owner is None or resource is None:
            wanted[pod["metadata"]["uid"]] = 1
            continue
        found = store.get(resource, pod["metadata"]["namespace"], owner["name"])
        if found is not None:
            wanted[owner["uid"]] = found["spec"].get("replicas", 1)
    return sum(wanted.values())


def _share(value: int | str, whole: int) -> int:
    if isinstance(value, int):
        return value
    return -(-int(value.rstrip("%")) * whole // 100)


def reconcile_quota(store: Store, key: Key, now: float) -> float | None:
    """Return what a namespace uses of a quota."""
    quota = store.get("resourcequotas", *key)
    if quota is None:
        return None
    hard = quota["spec"].get("hard", {})
    used = {name: quantity.text(_used(store, quota, name), str(limit)) for name, limit in hard.items()}

    def change(obj: dict[str, Any]) -> None:
        obj["status"] = {"hard": dict(hard), "used": used}

    store.modify("resourcequotas", *key, change, subresource="status", manager=MANAGER)
    return None


def _used(store: Store, quota: dict[str, Any], entry: str) -> Decimal:
    """Return how much of an entry a namespace uses; a kind that is not served is not used either."""
    served = [resource for resource in usage.resources_of(entry) if resource in kinds.BY_RESOURCE]
    namespace = quota["metadata"]["namespace"]
    return sum((usage.in_use(quota, one, store.list(one, namespace), entry) for one in served), Decimal(0))
