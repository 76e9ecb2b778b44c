"""The kinds of cluster the pipeline can use. Nothing outside this package knows which one it is talking to."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.clusters.embedded import Embedded
from scripts.clusters.minikube import Minikube
from scripts.model import Cluster, Settings, UserError
from scripts.shell import Shell

TARGETS = ("auto", "minikube", "embedded")


def choose(wanted: str, *, minikube: bool) -> str:
    """The target a configuration means on this machine. Raises UserError if there is no such target."""
    if wanted not in TARGETS:
        raise UserError(f"--target {wanted}: no such target", f"choose one of: {', '.join(TARGETS)}")
    if wanted == "auto":
        return "minikube" if minikube else "embedded"
    return wanted


def select(settings: Settings, shell: Shell, kubectl: Path, wanted: str = "") -> Cluster:
    """The cluster of a run: `wanted`, or what the configuration says."""
    found = shutil.which("minikube")
    target = choose(wanted or settings.target, minikube=bool(found))
    if target == "minikube":
        if not found:
            raise UserError(
                "--target minikube: minikube is not installed",
                "see https://minikube.sigs.k8s.io/docs/start, or use --target embedded",
            )
        return Minikube(settings, shell, Path(found))
    return Embedded(settings, shell, kubectl)
