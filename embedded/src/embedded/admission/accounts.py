"""ServiceAccount, priority and tolerations: what every new pod gets besides what its author wrote."""

from __future__ import annotations

import random
from typing import Any

from embedded import errors
from embedded.objects.values import clone
from embedded.store import SUFFIX, Store

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> None:
    """Complete a new pod; refuse one whose ServiceAccount does not exist."""
    if operation != "CREATE" or resource != "pods":
        return
    spec = obj["spec"]
    _account(store, obj)
    tolerations = spec.setdefault("tolerations", [])
    for key in TOLERATED:
        if not any(t.get("key") in (key, None) and t.get("effect") in ("NoExecute", None) for t in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    _priority(store, obj)


def _account(store: Store, pod: dict[str, Any]) -> None:
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    name = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = name
    account = store.get("serviceaccounts", namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise errors.forbidden("pods", errors.given_name(pod["metadata"]), why)
    if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = clone(account["imagePullSecrets"])
    wanted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
    if wanted:
        _mount_token(spec)


def _mount_token(spec: dict[str, Any]) -> None:
    containers = [*(spec.get("initContainers") or ()), *spec.get("containers", ())]
    bare = [c for c in containers if not any(m["mountPath"] == MOUNT for m in c.get("volumeMounts") or ())]
    if not bare:
        return
    name = "kube-api-access-" + "".join(random.choices(SUFFIX, k=5))  # noqa: S311 - a name, not a secret
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    spec.setdefault("volumes", []).append({"name": name, "projected": {"sources": sources, "defaultMode": 420}})
    for container in bare:
        mounts = container.setdefault("volumeMounts", [])
        mounts.append({"name": name, "readOnly": True, "mountPath": MOUNT})


def _priority(store: Store, pod: dict[str, Any]) -> None:
    spec = pod["spec"]
    wanted = spec.get("priorityClassName")
    found = store.get("priorityclasses.scheduling.k8s.io", "", wanted) if wanted else None
    if wanted and found is None:
        builtin = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}
        if wanted not in builtin:
            why = f"no PriorityClass with name {wanted} was found"
            raise errors.forbidden("pods", errors.given_name(pod["metadata"]), why)
        found = {"value": builtin[wanted]}
    spec["priority"] = found["value"] if found else 0
    spec["preemptionPolicy"] = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")
