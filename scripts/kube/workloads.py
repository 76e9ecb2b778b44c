"""List a release's workloads by its manifest: Deployments, StatefulSets, DaemonSets and Jobs, in whatever namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scripts.host import parsing
from scripts.kube.objects import WORKLOADS, images_of, name_of, template

PLURAL = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs"}


@dataclass(frozen=True)
class Workload:
    """Something that runs pods. `images` maps its containers to what the manifest asks for; none means: any will do.

    `replicas` is how many pods the manifest states, None where it leaves that to somebody else.
    """

    kind: str
    namespace: str
    name: str
    images: Mapping[str, str]
    replicas: int | None = None

    @property
    def resource(self) -> str:
        """Return how kubectl is told of it: `deployment/backend`."""
        return f"{self.kind.lower()}/{self.name}"


def deployment(namespace: str, name: str) -> Workload:
    """Return a Deployment that may run any image."""
    return Workload("Deployment", namespace, name, {})


def documents(manifest: str) -> list[dict[str, Any]]:
    """Return the objects of a manifest as helm keeps it, those inside of a List included: shared, so not changed."""
    return list(_read(manifest))


@lru_cache(maxsize=32)
def _read(manifest: str) -> tuple[dict[str, Any], ...]:
    """Read a manifest once a run, as several stages ask about it."""
    found: list[dict[str, Any]] = []
    for item in parsing.documents_from_yaml(manifest):
        if item:
            found += item.get("items") or [] if str(item.get("kind", "")).endswith("List") else [item]
    return tuple(found)


def of_manifest(manifest: str, namespace: str) -> list[Workload]:
    """Return the workloads of a manifest, in its order; `namespace` is where objects go that name none."""
    return of_objects(documents(manifest), namespace)


def of_objects(items: Iterable[Mapping[str, Any]], namespace: str) -> list[Workload]:
    """Return the workloads among objects, in their order."""
    return [
        Workload(
            item["kind"], item["metadata"].get("namespace") or namespace, name_of(item), images_of(template(item)),
            (item.get("spec") or {}).get("replicas"),
        )
        for item in items
        if item.get("kind") in WORKLOADS
    ]  # fmt: skip


def label(workload: Workload, home: str) -> str:
    """Return how a person is told of a workload: by its name, with kind and namespace where they are not the usual."""
    name = workload.name if workload.kind == "Deployment" else workload.resource
    return name if workload.namespace == home else f"{workload.namespace}/{name}"
