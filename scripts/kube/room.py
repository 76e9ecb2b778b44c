"""Tell what pods ask of the cluster's nodes: how much is left, and which other releases hold the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scripts.kube import quantities
from scripts.kube.objects import Object, is_finished, is_terminating, template

PART_OF, RELEASE_LABEL = "app.kubernetes.io/part-of", "app.kubernetes.io/instance"
PRODUCT = "todo-chatbot"  # what is part of it was deployed from here, whatever app it is
MOST_TOLD = 3
_READ = {"cpu": quantities.cpu, "memory": quantities.memory}
_SHOWN = {"cpu": quantities.show_cpu, "memory": quantities.show_memory}
RESOURCES = tuple(_READ)


@dataclass(frozen=True)
class Holder:
    """A release in another namespace, and how much of a resource its pods ask for together."""

    release: str
    namespace: str
    resource: str
    amount: float

    @property
    def asks(self) -> str:
        """Return the amount as it is written in a manifest."""
        return _SHOWN[self.resource](self.amount)


def shown(resource: str, amount: float) -> str:
    """Return an amount of a resource as it is written in a manifest."""
    return _SHOWN[resource](max(amount, 0.0))


def asked(pod: Object, resource: str) -> float:
    """Return how much a pod, or a pod template, asks for: its containers together, or one before them that asks for
    more.
    """
    spec = pod.get("spec") or {}
    before = [_request(one, resource) for one in spec.get("initContainers") or ()]
    return max([sum(_request(one, resource) for one in spec.get("containers") or ()), *before])


def wanted(manifest: Iterable[Object], resource: str) -> float:
    """Return how much the pods of a manifest's workloads ask for, those that are there all the time."""
    kept = [item for item in manifest if item.get("kind") in ("Deployment", "StatefulSet")]
    return sum(asked(template(item), resource) * _replicas(item) for item in kept)


def left(nodes: Iterable[Object], pods: Iterable[Object], resource: str) -> float:
    """Return how much of a resource all nodes together have for further pods."""
    there = sum(_read((node.get("status") or {}).get("allocatable") or {}, resource) for node in nodes)
    return there - sum(asked(pod, resource) for pod in pods if _holds(pod))


def holders(pods: Iterable[Object], resource: str, namespace: str) -> list[Holder]:
    """Return the releases of this product in other namespaces whose pods ask for some of it, the greediest first."""
    held: dict[str, dict[str, float]] = {}
    ours: set[str] = set()
    for pod in pods:
        labels, place = pod["metadata"].get("labels") or {}, str(pod["metadata"].get("namespace", ""))
        if place == namespace or not _holds(pod):
            continue
        ours |= {place} if labels.get(PART_OF) == PRODUCT else set()
        release = str(labels.get(RELEASE_LABEL) or place)
        by_release = held.setdefault(place, {})
        by_release[release] = by_release.get(release, 0.0) + asked(pod, resource)
    found = [
        Holder(max(by, key=lambda one: by[one]), place, resource, sum(by.values()))
        for place, by in held.items()
        if place in ours and sum(by.values()) > 0
    ]
    return sorted(found, key=lambda one: -one.amount)


def stopping(found: Sequence[Holder], kubectl: Sequence[str]) -> str:
    """Return how to stop releases, so that they keep what they stored; empty for none. `kubectl` is how a person calls
    it.
    """
    lines = [
        f"the release {one.release} in namespace {one.namespace} asks for {one.asks}: "
        f"{' '.join(kubectl)} scale deployments,statefulsets --all --replicas=0 --namespace {one.namespace}"
        for one in found[:MOST_TOLD]
    ]
    return "stop another release, which keeps its data (" + "; ".join(lines) + ")" if lines else ""


def _holds(pod: Object) -> bool:
    """Return whether a pod holds what it asks for, and will go on to."""
    placed = bool((pod.get("spec") or {}).get("nodeName"))
    return placed and not is_terminating(pod) and not is_finished(pod)


def _replicas(workload: Object) -> int:
    said = (workload.get("spec") or {}).get("replicas", 1)
    return said if isinstance(said, int) else 1


def _request(container: Object, resource: str) -> float:
    told = container.get("resources") or {}
    # Who says only how much it may use at most asks for as much.
    return _read({**(told.get("limits") or {}), **(told.get("requests") or {})}, resource)


def _read(amounts: Object, resource: str) -> float:
    try:
        return _READ[resource](str(amounts.get(resource, "0")))
    except ValueError:
        return 0.0
