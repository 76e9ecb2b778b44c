"""What an object counts against a ResourceQuota, by the names of its entries, and which quotas it counts for."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from embedded.objects import quantity
from embedded.objects.defaults import quality_of_service

COUNTED = (
    "configmaps", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas", "secrets", "services",
)  # fmt: skip
COMPUTE = ("cpu", "memory", "ephemeral-storage")
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
    """Return what a pod counts: containers and sidecars by their sum, an init container beside the sidecars before it,
    whichever is larger.
    """
    usage = {"pods": Decimal(1), "count/pods": Decimal(1)}
    spec = pod["spec"]
    for side in ("requests", "limits"):
        for name in _resources(spec, side):
            sidecars = largest = Decimal(0)
            for one in spec.get("initContainers") or ():
                if one.get("restartPolicy") == "Always":
                    sidecars += _amount(one, side, name)
                    largest = max(largest, sidecars)
                else:
                    largest = max(largest, sidecars + _amount(one, side, name))
            whole = sidecars + sum((_amount(one, side, name) for one in spec.get("containers", ())), Decimal(0))
            extra = quantity.parse((spec.get("overhead") or {}).get(name, 0))
            usage[f"{side}.{name}"] = max(whole, largest) + extra
    return usage | {name: usage[f"requests.{name}"] for name in COMPUTE}


def _resources(spec: dict[str, Any], side: str) -> set[str]:
    named = {name for one in containers_of(spec) for name in one.get("resources", {}).get(side) or ()}
    return {*COMPUTE, *(name for name in named if side == "requests")}


def containers_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a pod's specification, those that prepare it included."""
    return [*spec.get("containers", ()), *(spec.get("initContainers") or ())]


def _amount(container: dict[str, Any], side: str, name: str) -> Decimal:
    return quantity.parse((container.get("resources", {}).get(side) or {}).get(name, 0))


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
