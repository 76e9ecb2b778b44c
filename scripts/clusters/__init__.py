"""The kinds of cluster the pipeline can use. Nothing outside this package knows which one it is talking to.

A kind is loaded when it is the one that is used: all five take as long as a fifth of a run that changes nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.clusters import machine
from scripts.clusters.target import Target
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.settings.model import Settings

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


def choose(wanted: str, force_root: bool = False) -> str:
    """Return the target that is meant on this machine. Raises UserError if there is none, or its program is missing.

    minikube refuses root unless `force_root`, so that `auto` then means the embedded cluster.
    """
    check_name(wanted)
    if wanted == "auto":
        usable = shutil.which("minikube") and (force_root or not machine.is_root())
        return "minikube" if usable else "embedded"
    if wanted in GUIDES and not shutil.which(wanted):
        raise UserError(
            f"--target {wanted}: {wanted} is not installed",
            f"invoke install --target {wanted}, or see {GUIDES[wanted]}, or use --target embedded",
        )
    return wanted


def chosen_because(wanted: str, chosen: str) -> str:
    """Return why another target than a person may expect was chosen; empty where nothing is to be said."""
    if wanted == "auto" and chosen == "embedded" and shutil.which("minikube"):
        return (
            "minikube is installed, but refuses root: using the embedded cluster "
            "(--target minikube with targets.minikube.force: true uses minikube all the same)"
        )
    return ""


def force_root(settings: Settings) -> bool:
    """Return whether minikube may be used as root: by setting, or as its driver is the one that has no node."""
    options = settings.targets.minikube
    return options.force or options.driver == "none"


def select(settings: Settings, shell: Shell, kubectl: Path, wanted: str) -> Target:
    """Return the cluster of a run. Raises UserError if there is no such target, or its program is missing."""
    target = choose(wanted, force_root(settings))
    if target == "embedded":
        from scripts.clusters.embedded import Embedded

        return Embedded(settings, shell, kubectl)
    if target == "context":
        from scripts.clusters.context import Context

        return Context(settings, shell, kubectl)
    program = Path(str(shutil.which(target)))
    if target == "minikube":
        from scripts.clusters.minikube import Minikube

        return Minikube(settings, shell, program, kubectl)
    if target == "kind":
        from scripts.clusters.kind import Kind

        return Kind(settings, shell, program, kubectl)
    from scripts.clusters.k3d import K3d

    return K3d(settings, shell, program, kubectl)
