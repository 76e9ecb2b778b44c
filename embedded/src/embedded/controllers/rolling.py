"""The arithmetic of a rolling update: how many pods each ReplicaSet of a Deployment should have next. All pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embedded.objects.values import clone

HASH = "pod-template-hash"


@dataclass(frozen=True)
class Bounds:
    """The numbers of pods that a rolling update may have above and below the wanted replicas."""

    surge: int
    unavailable: int


@dataclass(frozen=True)
class Counted:
    """One ReplicaSet: asked for, existing and available pods."""

    name: str
    wanted: int
    existing: int
    available: int


def bounds(strategy: dict[str, Any], replicas: int) -> Bounds:
    """Return maxSurge and maxUnavailable in pods: shares of surge are rounded up, of unavailability down, never both
    0.
    """
    rolling = strategy.get("rollingUpdate") or {}
    surge = _pods(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = _pods(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, min(unavailable, replicas) if replicas else unavailable)


def _pods(value: int | str, replicas: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * replicas
    return -(-share // 100) if up else share // 100


def scale_up(new: Counted, olds: list[Counted], replicas: int, limit: Bounds) -> int:
    """Return what the new ReplicaSet should ask for."""
    if new.wanted == replicas:
        return new.wanted
    if new.wanted > replicas:
        return replicas
    total = new.wanted + sum(old.wanted for old in olds)
    room = replicas + limit.surge - total
    return new.wanted + max(0, min(room, replicas - new.wanted))


def scale_down(new: Counted, olds: list[Counted], replicas: int, limit: Bounds) -> dict[str, int]:
    """Return what each old ReplicaSet should ask for: first those pods go that are not available anyway."""
    asked = {old.name: old.wanted for old in olds}
    least = replicas - limit.unavailable
    total = new.wanted + sum(asked.values())
    unready_new = new.wanted - new.available
    removable = total - least - unready_new
    if removable <= 0:
        return asked
    cleaned = 0
    for old in olds:
        useless = min(removable - cleaned, asked[old.name] - min(old.available, asked[old.name]))
        if useless > 0:
            asked[old.name] -= useless
            cleaned += useless
    available = new.available + sum(old.available for old in olds)
    spare = available - least
    for old in olds:
        if spare <= 0:
            break
        gone = min(spare, asked[old.name])
        asked[old.name] -= gone
        spare -= gone
    return asked


def proportional(sets: list[Counted], change: int) -> dict[str, int]:
    """Share a change of the total among ReplicaSets by their size, what is left goes to the first."""
    total = sum(item.wanted for item in sets)
    asked = {item.name: item.wanted for item in sets}
    left = change
    if total:
        for item in sets:
            share = round(change * item.wanted / total)
            share = min(share, left) if change > 0 else max(share, left)
            asked[item.name] += share
            left -= share
    if sets and left:
        asked[sets[0].name] = max(0, asked[sets[0].name] + left)
    return asked


def find_new(deployment: dict[str, Any], sets: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the ReplicaSet whose template is the Deployment's, the oldest if there are several."""
    wanted = bare(deployment["spec"]["template"])
    return next((item for item in sets if bare(item["spec"]["template"]) == wanted), None)


def bare(template: dict[str, Any]) -> dict[str, Any]:
    """Return a pod template without what its ReplicaSet adds to it."""
    copy: dict[str, Any] = clone(template)
    labels = copy.get("metadata", {}).get("labels", {})
    labels.pop(HASH, None)
    meta = copy.get("metadata", {})
    meta.pop("creationTimestamp", None)
    return copy
