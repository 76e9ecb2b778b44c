"""Count what an object uses of a ResourceQuota, by the names of its entries, and say which quotas count it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from embedded.objects import quantity
from embedded.objects.pod_resources import COMPUTE, quality_of_service, requests, total

COUNTED = (
    "configmaps", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas", "secrets", "services",
)  # fmt: skip
STORAGE_CLASS = ".storageclass.storage.k8s.io/"

Usage = dict[str, Decimal]


def of_object(resource: str, obj: dict[str, Any]) -> Usage:
    """Return what an object counts; a pod that has ended counts nothing."""
    if resource == "pods":
        return {} if obj.get("status", {}).get("phase") in ("Succeeded", "Failed") else _of_pod(obj)
    usage = {f"count/{resource}": Decimal(1)}
    if resource in COUNTED:
        usage[resource] = Decimal(1)
    if resource == "services":
        spec = obj["spec"]
        public = spec.get("type") in ("NodePort", "LoadBalancer")
        usage["services.nodeports"] = Decimal(len(spec.get("ports") or ()) if public else 0)
        usage["services.loadbalancers"] = Decimal(spec.get("type") == "LoadBalancer")
    if resource == "persistentvolumeclaims":
        size = quantity.parse(obj["spec"].get("resources", {}).get("requests", {}).get("storage", 0))
        usage["requests.storage"] = size
        if name := obj["spec"].get("storageClassName"):
            usage[f"{name}{STORAGE_CLASS}requests.storage"] = size
            usage[f"{name}{STORAGE_CLASS}persistentvolumeclaims"] = Decimal(1)
    return usage


def _of_pod(pod: dict[str, Any]) -> Usage:
    """Return what a pod counts."""
    asked = requests(pod["spec"])
    usage = {"pods": Decimal(1), "count/pods": Decimal(1)} | {f"requests.{name}": asked[name] for name in asked}
    for name in COMPUTE:
        usage |= {name: asked[name], f"limits.{name}": total(pod["spec"], "limits", name)}
    return usage


def in_use(quota: dict[str, Any], resource: str, objects: Iterable[dict[str, Any]], entry: str) -> Decimal:
    """Return how much of a quota's entry the objects of one resource use."""
    counted = (of_object(resource, one) for one in objects if counts_for(quota, resource, one))
    return sum((one.get(entry, Decimal(0)) for one in counted), Decimal(0))


def resources_of(entry: str) -> tuple[str, ...]:
    """Return the resources whose objects count against an entry of a quota."""
    if entry.startswith("count/"):
        return (entry.removeprefix("count/"),)
    if entry in COUNTED or entry == "pods":
        return (entry,)
    if entry.startswith("services."):
        return ("services",)
    return ("persistentvolumeclaims",) if STORAGE_CLASS in entry or entry == "requests.storage" else ("pods",)


def counts_for(quota: dict[str, Any], resource: str, obj: dict[str, Any]) -> bool:
    """Return whether an object is within a quota's scopes; one with scopes is about pods alone."""
    spec = quota["spec"]
    wanted: list[dict[str, Any]] = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    wanted += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return not wanted or (resource == "pods" and all(_in_scope(one, obj["spec"]) for one in wanted))


def _in_scope(wanted: dict[str, Any], spec: dict[str, Any]) -> bool:
    name, quality = wanted["scopeName"], quality_of_service(spec)
    if name == "PriorityClass":
        return _has_priority(wanted, spec.get("priorityClassName", ""))
    ends = spec.get("activeDeadlineSeconds") is not None
    return {
        "Terminating": ends,
        "NotTerminating": not ends,
        "BestEffort": quality == "BestEffort",
        "NotBestEffort": quality != "BestEffort",
        "CrossNamespacePodAffinity": _looks_elsewhere(spec.get("affinity") or {}),
    }.get(name, False)


def _has_priority(wanted: dict[str, Any], name: str) -> bool:
    values = wanted.get("values") or ()
    operators = {"In": name in values, "NotIn": name not in values, "DoesNotExist": not name}
    return operators.get(wanted.get("operator", "Exists"), bool(name))


def _looks_elsewhere(affinity: dict[str, Any]) -> bool:
    """Return whether a pod is placed by pods of other namespaces."""
    return any(
        term.get("namespaces") or term.get("namespaceSelector") is not None
        for kind in ("podAffinity", "podAntiAffinity")
        for term in _terms(affinity.get(kind) or {})
    )


def _terms(affinity: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield from affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    for one in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        yield one.get("podAffinityTerm") or {}
