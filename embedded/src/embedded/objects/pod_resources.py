"""Sum a pod's requests and limits over its containers, and derive its quality of service.

Source: kubernetes/component-helpers resource/helpers.go and pkg/apis/core/v1/helper/qos.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from embedded.objects import quantity

COMPUTE = ("cpu", "memory", "ephemeral-storage")
DECIDING = ("cpu", "memory")  # for the quality of service

Side = Literal["requests", "limits"]
SIDES: tuple[Side, Side] = ("requests", "limits")


def containers_of(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a pod's specification, those that prepare it included."""
    return [*spec.get("containers", ()), *(spec.get("initContainers") or ())]


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Return whether an init container keeps running beside the others."""
    return container.get("restartPolicy") == "Always"


def names_of(spec: Mapping[str, Any], side: Side) -> set[str]:
    """Return the resources that a pod's containers say an amount of."""
    return {name for one in containers_of(spec) for name in _said(one, side)}


def requests(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return what a pod asks for, by resource; what every node has is always among it."""
    return {name: total(spec, "requests", name) for name in sorted({*COMPUTE, *names_of(spec, "requests")})}


def total(spec: Mapping[str, Any], side: Side, name: str) -> Decimal:
    """Return how much of a resource a pod asks for, or may use.

    That is its containers and sidecars by their sum, or an init container beside the sidecars that started before it,
    whichever is more; what the pod itself needs comes on top, but makes no limit where there is none.
    """
    sidecars = largest = Decimal(0)
    for one in spec.get("initContainers") or ():
        if is_sidecar(one):
            sidecars += _amount(one, side, name)
            largest = max(largest, sidecars)
        else:
            largest = max(largest, sidecars + _amount(one, side, name))
    together = sidecars + sum((_amount(one, side, name) for one in spec.get("containers", ())), Decimal(0))
    most = max(together, largest)
    if side == "limits" and not most:
        return most
    return most + quantity.parse((spec.get("overhead") or {}).get(name, 0))


def quality_of_service(spec: Mapping[str, Any]) -> str:
    """Return the class of a pod: Guaranteed, Burstable or BestEffort. An amount of nothing counts as none."""
    containers = containers_of(spec)
    limited = [{name for name in DECIDING if _amount(one, "limits", name)} for one in containers]
    asked, most = _sums(containers, "requests"), _sums(containers, "limits")
    if not any((*asked.values(), *most.values())):
        return "BestEffort"
    complete = all(len(names) == len(DECIDING) for names in limited)
    return "Guaranteed" if complete and asked == most else "Burstable"


def _sums(containers: Iterable[Mapping[str, Any]], side: Side) -> dict[str, Decimal]:
    return {name: sum((_amount(one, side, name) for one in containers), Decimal(0)) for name in DECIDING}


def _amount(container: Mapping[str, Any], side: Side, name: str) -> Decimal:
    """Return a container's amount; where it asks for nothing in particular, it asks for what it may use."""
    said = _said(container, side)
    if side == "requests" and name not in said:
        said = _said(container, "limits")
    return quantity.parse(said.get(name, 0))


def _said(container: Mapping[str, Any], side: Side) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get(side) or {}
