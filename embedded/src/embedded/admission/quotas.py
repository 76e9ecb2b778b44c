"""ResourceQuota: refuse what would take a namespace over its bounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from embedded import errors
from embedded.objects import quantity, usage
from embedded.objects.pod_resources import COMPUTE, containers_of
from embedded.store import Store

GROWING = ("services", "persistentvolumeclaims")  # what may count more after a change than before
UNCOUNTED = ("resourcequotas", "events")


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> None:
    """Hold a new object, and what a change adds to one, against every quota of its namespace that is about it."""
    changed = operation == "UPDATE" and resource in GROWING and not subresource
    if (operation != "CREATE" and not changed) or resource in UNCOUNTED:
        return
    namespace = obj["metadata"].get("namespace", "")
    found = store.list("resourcequotas", namespace) if namespace else []
    if not found:
        return
    before = usage.of_object(resource, old) if changed and old else {}
    asked = {entry: amount - before.get(entry, 0) for entry, amount in usage.of_object(resource, obj).items()}
    for quota in found:
        if usage.counts_for(quota, resource, obj):
            _hold_against(store, quota, resource, obj, asked)


def _hold_against(store: Store, quota: dict[str, Any], resource: str, obj: dict[str, Any], asked: usage.Usage) -> None:
    """Raise 403 where an object is over a quota, or does not say what the quota is about."""
    hard, title, name = quota["spec"].get("hard", {}), quota["metadata"]["name"], obj["metadata"]["name"]
    if resource == "pods":
        missing = [entry for entry in sorted(hard) if entry.rpartition(".")[2] in COMPUTE and _bare(obj, entry)]
        if missing:
            parts = "; ".join(f"{entry} for: {','.join(_bare(obj, entry))}" for entry in missing)
            raise errors.forbidden("pods", name, f"failed quota: {title}: must specify {parts}")
    present = store.list(resource, obj["metadata"]["namespace"])
    over = []
    for entry in sorted(set(hard) & {entry for entry, amount in asked.items() if amount > 0}):
        used = usage.in_use(quota, resource, present, entry)
        if used + asked[entry] > quantity.parse(hard[entry]):
            over.append((entry, asked[entry], used, hard[entry]))
    if over:
        raise errors.forbidden(resource, name, _exceeded(title, over))


def _bare(pod: dict[str, Any], entry: str) -> list[str]:
    """Return the names of the containers that do not say how much they need of what an entry is about."""
    side, _, name = entry.rpartition(".")
    containers = containers_of(pod["spec"])
    return [one["name"] for one in containers if name not in (one.get("resources", {}).get(side or "requests") or {})]


def _exceeded(title: str, over: list[tuple[str, Decimal, Decimal, str]]) -> str:
    def listed(values: list[str]) -> str:
        return ",".join(f"{entry[0]}={value}" for entry, value in zip(over, values, strict=True))

    asked = listed([quantity.text(amount, hard) for _, amount, _, hard in over])
    used = listed([quantity.text(amount, hard) for _, _, amount, hard in over])
    limited = listed([str(hard) for *_, hard in over])
    return f"exceeded quota: {title}, requested: {asked}, used: {used}, limited: {limited}"
