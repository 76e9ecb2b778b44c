"""Define the settings of a cluster that is made here, target by target. All optional."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MinikubeOptions:
    """A minikube profile. `cpus` and `memory` (MB) of None are fitted to the engine; `addons` of None to the release.

    `disk` is in MB. `force` lets minikube be used as root, which it else refuses. `kubernetes` of None is minikube's
    own: for a newer one it asks the network at every start, and has no archive of images.
    """

    driver: str = "docker"
    cpus: int | None = None
    memory: int | None = None
    disk: int = 20 * 1024
    nodes: int = 1
    kubernetes: str | None = None
    runtime: str = "containerd"
    cni: str = "calico"  # the default network does not enforce NetworkPolicies
    addons: tuple[str, ...] | None = None
    force: bool = False
    extra_arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeOptions:
    """A cluster of kind or k3d. `image` is the node's; empty for the program's own."""

    nodes: int = 1
    image: str = ""
    extra_arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetOptions:
    """The options of every target that is made here."""

    minikube: MinikubeOptions = field(default_factory=MinikubeOptions)
    kind: NodeOptions = field(default_factory=NodeOptions)
    k3d: NodeOptions = field(default_factory=NodeOptions)


def target_options(data: Mapping[str, Any]) -> TargetOptions:
    """Return the section `targets` of the configuration, which the schema has found right."""
    return TargetOptions(
        minikube=_minikube(data.get("minikube") or {}),
        kind=_nodes(data.get("kind") or {}),
        k3d=_nodes(data.get("k3d") or {}),
    )


def megabytes(size: str) -> int:
    """Return a size as the configuration writes it, `6g` or `6144m`, in MB."""
    return int(size[:-1]) * (1024 if size[-1] == "g" else 1)


def _minikube(spec: Mapping[str, Any]) -> MinikubeOptions:
    default = MinikubeOptions()
    return MinikubeOptions(
        driver=spec.get("driver", default.driver),
        cpus=spec.get("cpus"),
        memory=megabytes(spec["memory"]) if "memory" in spec else None,
        disk=megabytes(spec["disk"]) if "disk" in spec else default.disk,
        nodes=spec.get("nodes", default.nodes),
        kubernetes=spec.get("kubernetes"),
        runtime=spec.get("runtime", default.runtime),
        cni=spec.get("cni", default.cni),
        addons=tuple(spec["addons"]) if "addons" in spec else None,
        force=spec.get("force", default.force),
        extra_arguments=tuple(spec.get("extraArguments", ())),
    )


def _nodes(spec: Mapping[str, Any]) -> NodeOptions:
    return NodeOptions(spec.get("nodes", 1), spec.get("image", ""), tuple(spec.get("extraArguments", ())))
