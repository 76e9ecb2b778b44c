"""ResourceQuota: refuse what would take a namespace over its bounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from embedded import errors
from embedded.objects import quantity
from embedded.store import Store

COUNTED = {
    "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims",
    "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
    "secrets": "secrets",
    "services": "services",
}
COMPUTE = ("cpu", "memory", "ephemeral-storage")


def pod_usage(pod: dict[str, Any]) -> dict[str, Decimal]:
    """Return what a pod counts against a quota: init containers count by their largest, containers by their sum."""
    usage = {"pods": Decimal(1), "count/pods": Decimal(1)}
    spec = pod["spec"]
    for side in ("requests", "limits"):
        for name in COMPUTE:
            sums = sum((_amount(c, side, name) for c in spec.get("containers", ())), Decimal(0))
            largest = max((_amount(c, side, name) for c in spec.get("initContainers") or ()), default=Decimal(0))
            usage[f"{side}.{name}"] = max(sums, largest)
    return usage | {name: usage[f"requests.{name}"] for name in COMPUTE}


def _amount(container: dict[str, Any], side: str, name: str) -> Decimal:
    return quantity.parse(container.get("resources", {}).get(side, {}).get(name, 0))


def usage_of(resource: str, obj: dict[str, Any]) -> dict[str, Decimal]:
    """Return what an object counts against a quota, by the names of quota entries."""
    if resource == "pods":
        return pod_usage(obj) if obj.get("status", {}).get("phase") not in ("Succeeded", "Failed") else {}
    usage = {f"count/{resource}": Decimal(1)}
    if resource in COUNTED:
        usage[COUNTED[resource]] = Decimal(1)
    if resource == "services":
        spec = obj["spec"]
        public = spec.get("type") in ("NodePort", "LoadBalancer")
        usage["services.nodeports"] = Decimal(len(spec.get("ports") or ()) if public else 0)
        usage["services.loadbalancers"] = Decimal(spec.get("type") == "LoadBalancer")
    if resource == "persistentvolumeclaims":
        size = obj["spec"].get("resources", {}).get("requests", {}).get("storage", 0)
        usage["requests.storage"] = quantity.parse(size)
    return usage


def _stated(pod: dict[str, Any], entry: str) -> bool:
    side, _, name = entry.rpartition(".")
    every = [*pod["spec"].get("containers", ()), *(pod["spec"].get("initContainers") or ())]
    return all(name in c.get("resources", {}).get(side or "requests", {}) for c in every)


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> None:
    """Hold a new object against every quota of its namespace."""
    if operation != "CREATE" or resource == "resourcequotas" or resource == "events":
        return
    namespace = obj["metadata"].get("namespace", "")
    found = store.list("resourcequotas", namespace) if namespace else []
    if not found:
        return
    asked = usage_of(resource, obj)
    name = obj["metadata"]["name"]
    present = store.list(resource, namespace)
    for quota in found:
        hard = quota["spec"].get("hard", {})
        if quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"):
            continue
        title = quota["metadata"]["name"]
        if resource == "pods":
            missing = [
                entry for entry in sorted(hard) if entry.rpartition(".")[2] in COMPUTE and not _stated(obj, entry)
            ]
            if missing:
                raise errors.forbidden("pods", name, f"failed quota: {title}: {_must(obj, missing)}")
        over = []
        for entry in sorted(set(hard) & {entry for entry, amount in asked.items() if amount}):
            used = sum((usage_of(resource, other).get(entry, Decimal(0)) for other in present), Decimal(0))
            if used + asked[entry] > quantity.parse(hard[entry]):
                over.append((entry, asked[entry], used, hard[entry]))
        if over:
            raise errors.forbidden(resource, name, _exceeded(title, over))


def _must(pod: dict[str, Any], entries: list[str]) -> str:
    every = [*pod["spec"].get("containers", ()), *(pod["spec"].get("initContainers") or ())]
    parts = []
    for entry in entries:
        side, _, name = entry.rpartition(".")
        bare = [c["name"] for c in every if name not in c.get("resources", {}).get(side or "requests", {})]
        parts.append(f"{entry} for: {','.join(bare)}")
    return f"must specify {'; '.join(parts)}"


def _exceeded(title: str, over: list[tuple[str, Decimal, Decimal, str]]) -> str:
    def listed(values: list[str]) -> str:
        return ",".join(f"{entry[0]}={value}" for entry, value in zip(over, values, strict=True))

    asked = listed([quantity.text(amount, hard) for _, amount, _, hard in over])
    used = listed([quantity.text(amount, hard) for _, _, amount, hard in over])
    limited = listed([hard for *_, hard in over])
    return f"exceeded quota: {title}, requested: {asked}, used: {used}, limited: {limited}"
