"""What a load brings to a node, in bytes on stand-ins; and in seconds where a cluster of a real program runs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from unittest import mock

from scripts import clusters
from scripts.clusters.target import Target
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.settings.configuration import read_settings
from scripts.settings.model import Image, Settings
from tests.support.cluster_settings import configuration
from tests.support.machine import Machine

SERVICES = ("frontend", "backend", "agent", "mcp", "database")
NODES = {"minikube": "todo-chatbot", "kind": "todo-chatbot-control-plane", "k3d": "k3d-todo-chatbot-server-0"}
HEAD = ("loading", "five images", "one changed", "unchanged")


def table() -> list[tuple[str, ...]]:
    """A line a target: bytes that reach the node of a stand-in, in each scenario."""
    return [HEAD, *(_on_stand_ins(target) for target in NODES), *_on_real_ones()]


def _images(changed: str = "") -> list[Image]:
    return [Image(name, f"todo-chatbot/{name}", "2" if name == changed else "1") for name in SERVICES]


def _on_stand_ins(target: str) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder) / "machine")
        home = {"HOME": str(machine.home), "XDG_STATE_HOME": str(machine.home / "state")}
        path = os.pathsep.join([str(machine.bin), os.environ["PATH"]])
        with (
            mock.patch.dict(os.environ, home | {"PATH": path, "KUBECONFIG": ""}),
            mock.patch("scripts.clusters.machine.is_root", return_value=False),
        ):
            machine.change(images=[image.ref for image in [*_images(), *_images("backend")]])
            shell = Shell(echo=lambda _: None)

            def made() -> Target:
                return clusters.select(configuration(machine.folder), shell, machine.bin / "kubectl", target)

            made().up()
            sent = [0]
            for images in (_images(), _images("backend"), _images("backend")):
                made().load(images)
                sent.append(machine.state["containers"][NODES[target]].get("received", 0))
        parts = [f"{after - before} bytes" for before, after in pairwise(sent)]
        return (f"{target}, stand-in", *parts)


def _on_real_ones() -> list[tuple[str, ...]]:
    """Seconds, where the program is there and its cluster of this configuration runs with images of the pipeline."""
    settings, shell = read_settings(), Shell(echo=lambda _: None)
    found = []
    for target in NODES:
        try:
            cluster = clusters.select(settings, shell, Path("kubectl"), target)
            cluster.require()
            found.append((f"{target}, real", "-", "-", _seconds(cluster, _present(settings, shell))))
        except UserError as problem:
            found.append((f"{target}, real", f"skipped: {str(problem).splitlines()[0]}", "", ""))
    return found


def _present(settings: Settings, shell: Shell) -> list[Image]:
    """The images of the services that the engine has, the newest of each."""
    names = [f"{settings.app.name}/{service.name}" for service in settings.services]
    argv = ["docker", "image", "ls", "--format", "{{.Repository}} {{.Tag}}"]
    rows = [line.split() for line in shell.probe(argv).out.splitlines()]
    newest = {row[0]: row[1] for row in reversed(rows) if row[0] in names and row[1] not in ("latest", "<none>")}
    return [Image(name.split("/")[-1], name, tag) for name, tag in newest.items()]


def _seconds(cluster: Target, images: Sequence[Image]) -> str:
    started = time.monotonic()
    cluster.load(images)
    return f"{time.monotonic() - started:.1f} s"
