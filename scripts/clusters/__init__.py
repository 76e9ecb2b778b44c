"""The kinds of cluster the pipeline can use. Nothing outside this package knows which one it is talking to."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.clusters.context import Context
from scripts.clusters.embedded import Embedded
from scripts.clusters.k3d import K3d
from scripts.clusters.kind import Kind
from scripts.clusters.minikube import Minikube
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.settings.model import Cluster, Settings

TARGETS = ("auto", "minikube", "kind", "k3d", "context", "embedded")
GUIDES = {
    "minikube": "https://minikube.sigs.k8s.io/docs/start",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start",
    "k3d": "https://k3d.io",
}


def check_name(wanted: str) -> None:
    """Raise UserError if there is no such target."""
    if wanted not in TARGETS:
        raise UserError(f"--target {wanted}: no such target", f"choose one of: {', '.join(TARGETS)}")


def choose(wanted: str) -> str:
    """The target that is meant on this machine. Raises UserError if there is none, or its program is missing."""
    check_name(wanted)
    if wanted == "auto":
        return "minikube" if shutil.which("minikube") else "embedded"
    if wanted in GUIDES and not shutil.which(wanted):
        raise UserError(f"--target {wanted}: {wanted} is not installed", f"see {GUIDES[wanted]}, or --target embedded")
    return wanted


def select(settings: Settings, shell: Shell, kubectl: Path, wanted: str) -> Cluster:
    """The cluster of a run. Raises UserError if there is no such target, or its program is missing."""
    target = choose(wanted)
    if target == "embedded":
        return Embedded(settings, shell, kubectl)
    if target == "context":
        return Context(settings, shell, kubectl)
    program = str(shutil.which(target))
    if target == "minikube":
        return Minikube(settings, shell, Path(program), kubectl)
    return Kind(settings, shell, Path(program)) if target == "kind" else K3d(settings, shell, Path(program))
