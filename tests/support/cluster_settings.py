"""Settings that name a cluster and no sources, and a machine of the test's own that the product runs on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.clusters import machine as here
from scripts.clusters import registry
from scripts.clusters.target import Target
from scripts.settings.model import App, Release, Service, Settings, Timeouts
from scripts.settings.targets import MinikubeOptions, TargetOptions
from tests.support.machine import Machine

NAME = "todo-chatbot"
MADE_HERE = ("minikube", "kind", "k3d")


def configuration(root: Path, **changes: Any) -> Settings:
    """Settings that name a cluster, and no sources."""
    release = Release("todo-chatbot", "chatbot-dev", root)
    database = Service("database", root, root / "Dockerfile")
    values = {
        "root": root, "environment": "dev", "target": "auto", "cluster": NAME, "context": "", "registry": "",
        "allowed_contexts": (), "bases": {}, "app": App("app", "config/apps/app.yaml", ""),
        "services": (), "release": release, "database": database,
        "database_release": release, "timeouts": Timeouts(build=60, deploy=60, health=60, cluster=60),
    }  # fmt: skip
    return Settings(**(values | changes))


def options(**changes: Any) -> TargetOptions:
    """Options of minikube."""
    return TargetOptions(minikube=MinikubeOptions(**changes))


def live_on(made: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the product run on a machine."""
    monkeypatch.setenv("PATH", str(made.bin), prepend=":")
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("XDG_STATE_HOME", str(made.home / "state"))
    for name in ("KUBECONFIG", "MINIKUBE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(registry, "has", lambda remote, *, plain: None)  # no network: only the client is asked
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")  # no engine of this machine: only the client is asked
    monkeypatch.setattr(here, "is_root", lambda: bool(made.state["root"]))


Make = Callable[..., Target]


def current_context(machine: Machine) -> str:
    """The current context of the person's kubeconfig."""
    file = machine.home / ".kube/config"
    return str(json.loads(file.read_text())["current-context"]) if file.is_file() else ""


def set_current_context(machine: Machine, name: str) -> None:
    """Give the person a kubeconfig with a current context of their own."""
    file = machine.home / ".kube/config"
    file.parent.mkdir(exist_ok=True)
    entries = {"clusters": {"server": "https://x"}, "users": {}, "contexts": {"cluster": name, "user": name}}
    config: dict[str, Any] = {kind: [{"name": name, kind[:-1]: entry}] for kind, entry in entries.items()}
    file.write_text(json.dumps(config | {"apiVersion": "v1", "kind": "Config", "current-context": name}))
