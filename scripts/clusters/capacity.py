"""Tell whether a node has room for the release beside the system's own pods, by what both ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scripts.kube import quantities

# CPU that the system's own pods ask for, in millicores, as measured: control plane, DNS, network, metrics.
SYSTEM = {"minikube": 950, "kind": 950, "k3d": 300, "embedded": 0}


def requested_cpu(releases: Iterable[Mapping[str, Any]]) -> float:
    """Return the CPU that releases with these values ask for, in millicores, with one pod more while one
    is replaced.
    """
    parts: list[Any] = []
    for values in releases:
        services = values.get("services")
        parts += [values, *values.values(), *(services.values() if isinstance(services, Mapping) else ())]
    asked = [pair for part in parts if isinstance(part, Mapping) and (pair := _asked(part))]
    return sum(each * pods for each, pods in asked) + max((each for each, _ in asked), default=0.0)


def _asked(part: Mapping[str, Any]) -> tuple[float, int] | None:
    """Return what each pod of a service asks for, and how many there are; None where the part is no
    service that runs.
    """
    resources = part.get("resources")
    requests = resources.get("requests") if isinstance(resources, Mapping) else None
    if part.get("enabled") is False or not isinstance(requests, Mapping) or "cpu" not in requests:
        return None
    scaled = part.get("autoscaling")
    pods = part.get("replicaCount", 1)
    if isinstance(scaled, Mapping) and scaled.get("enabled") is True:
        pods = scaled.get("minReplicas", pods)
    try:
        return quantities.cpu(str(requests["cpu"])), int(pods)
    except (TypeError, ValueError):
        return None


def is_tight(target: str, cpus: int | None, asked: float) -> bool:
    """Return whether a release that asks for `asked` millicores does not fit a node of `cpus` CPUs; unknown ones have
    room.
    """
    return cpus is not None and target in SYSTEM and SYSTEM[target] + asked > cpus * 1000
