"""The kinds of cluster the pipeline can use. Nothing outside this package knows which one it is talking to."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.clusters.context import Context
from scripts.clusters.embedded import Embedded
from scripts.clusters.k3d import K3d
from scripts.clusters.kind import Kind
from scripts.clusters.minikube import Minikube
from scripts.model import Cluster, Settings, UserError
from scripts.shell import Shell

TARGETS = ("auto", "minikube", "kind", "k3d", "context", "embedded")
GUIDES = {
    "minikube": "https://minikube.sigs.k8s.io/docs/start",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start",
    "k3d": "https://k3d.io",
}


def choose(wanted: str, *, minikube: bool) -> str:
    """The target a configuration means on this machine. Raises UserError if there is no such target."""
    if wanted not in TARGETS:
        raise UserError(f"--target {wanted}: no such target", f"choose one of: {', '.join(TARGETS)}")
    if wanted == "auto":
        return "minikube" if minikube else "embedded"
    return wanted


def select(settings: Settings, shell: Shell, kubectl: Path, wanted: str = "") -> Cluster:
    """The cluster of a run: `wanted`, or what the configuration says."""
    target = choose(wanted or settings.target, minikube=bool(shutil.which("minikube")))
    if target == "embedded":
        return Embedded(settings, shell, kubectl)
    if target == "context":
        return Context(settings, shell, kubectl)
    program = shutil.which(target)
    if not program:
        raise UserError(f"--target {target}: {target} is not installed", f"see {GUIDES[target]}, or --target embedded")
    if target == "minikube":
        return Minikube(settings, shell, Path(program), kubectl)
    return Kind(settings, shell, Path(program)) if target == "kind" else K3d(settings, shell, Path(program))
