"""Namespaces: what is in one goes with it. Each new one gets a ServiceAccount and the cluster's certificate."""

from __future__ import annotations

from typing import Any

from embedded import kinds
from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.errors import ApiError
from embedded.store import Store

ROOT_CA = "kube-root-ca.crt"
FIRST = (
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "cronjobs.batch",
    "jobs.batch",
    "horizontalpodautoscalers.autoscaling",
)
RETRY_SECONDS = 0.5  # seconds until looking again whether pods have ended


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Fill a new namespace, empty one that is being deleted, and then let it go."""
    namespace = store.get("namespaces", "", key[1])
    if namespace is None:
        return None
    if not common.is_terminating(namespace):
        _furnish(store, key[1])
        return None
    return _empty(store, namespace)


def _furnish(store: Store, name: str) -> None:
    if store.get("serviceaccounts", name, "default") is None:
        meta: dict[str, Any] = {"name": "default", "namespace": name}
        store.create("serviceaccounts", {"metadata": meta}, manager=MANAGER)
    if store.get("configmaps", name, ROOT_CA) is None:
        source = store.get("configmaps", "kube-system", ROOT_CA)
        if source is not None:
            note = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints"
            note += " such as the internal service IP or kubernetes.default.svc."
            note += " No other usage is guaranteed across distributions of Kubernetes clusters."
            meta = {"name": ROOT_CA, "namespace": name, "annotations": {"kubernetes.io/description": note}}
            store.create("configmaps", {"metadata": meta, "data": source["data"]}, manager=MANAGER)


def _empty(store: Store, namespace: dict[str, Any]) -> float | None:
    name = namespace["metadata"]["name"]
    left = 0
    resources = {kind.resource for kind in kinds.every() if kind.namespaced and not kind.stored_as}
    for resource in sorted(resources, key=lambda item: (item not in FIRST, item == "events")):
        for obj in store.list(resource, name):
            if not common.is_terminating(obj):
                try:
                    store.delete(resource, name, obj["metadata"]["name"])
                except ApiError:  # gone in the meantime
                    continue
            left += store.get(resource, name, obj["metadata"]["name"]) is not None
    if left:
        return RETRY_SECONDS

    def finalize(obj: dict[str, Any]) -> None:
        obj["spec"]["finalizers"] = []

    store.modify("namespaces", "", name, finalize, subresource="finalize", manager=MANAGER)
    return None
