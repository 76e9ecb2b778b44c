"""A k3d cluster. Command lines after https://k3d.io/stable/usage/commands (v5)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.clusters.containers import NODE_PORT, load_into_node
from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.settings.model import Image, Outcome, Settings


class K3d:
    """One cluster, with a kubeconfig of its own: the user's is not touched."""

    target = "k3d"

    def __init__(self, settings: Settings, shell: Shell, binary: Path) -> None:
        self._shell = shell
        self._binary = binary
        self._name = settings.cluster
        self._timeout = settings.timeouts.cluster
        self.context = f"k3d-{settings.cluster}"
        self.kubeconfig = state_folder("k3d", settings.cluster) / "kubeconfig"

    def up(self) -> Outcome:
        """Create the cluster, or start it where it is stopped."""
        started = time.monotonic()
        servers = self._servers_running()
        if servers is None:
            self._shell.effect(self.create_command(), timeout=self._timeout)
        elif servers == 0:
            self._shell.effect([self._binary, "cluster", "start", self._name, "--wait"], timeout=self._timeout)
        elif self.kubeconfig.is_file():
            return Outcome("prepare", f"cluster {self._name}", "unchanged", time.monotonic() - started, "k3d")
        if not self._shell.dry:
            self.kubeconfig.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._shell.effect(
            [self._binary, "kubeconfig", "write", self._name, "--output", self.kubeconfig, "--overwrite"], timeout=60
        )
        return Outcome("prepare", f"cluster {self._name}", "done", time.monotonic() - started, "k3d, started")

    def create_command(self) -> list[str]:
        """The argv that makes the cluster; the user's kubeconfig and current context stay as they are."""
        return [
            str(self._binary), "cluster", "create", self._name, "--wait", "--timeout", f"{self._timeout}s",
            "--port", f"127.0.0.1:{NODE_PORT}:{NODE_PORT}@server:0",
            "--kubeconfig-update-default=false", "--kubeconfig-switch-context=false",
        ]  # fmt: skip

    def down(self) -> Outcome:
        """Delete the cluster."""
        started = time.monotonic()
        if self._servers_running() is None:
            return Outcome("down", f"cluster {self._name}", "unchanged", 0.0, "there is none")
        self._shell.effect([self._binary, "cluster", "delete", self._name], timeout=300)
        return Outcome("down", f"cluster {self._name}", "done", time.monotonic() - started, "removed")

    def status(self) -> Mapping[str, str]:
        """Whether the cluster runs."""
        servers = self._servers_running()
        state = "absent" if servers is None else "running" if servers else "stopped"
        return {"target": self.target, "name": self._name, "state": state, "kubeconfig": str(self.kubeconfig)}

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Import what the node lacks, and prove that it is there."""
        load = [str(self._binary), "image", "import", "--cluster", self._name]
        return load_into_node(self._shell, f"k3d-{self._name}-server-0", images, load, self._timeout)

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Where a NodePort Service answers."""
        return f"http://localhost:{node_port}"

    def _servers_running(self) -> int | None:
        answer = self._shell.probe([self._binary, "cluster", "list", self._name, "--output", "json"])
        found = json.loads(answer.out) if answer and answer.out.strip() else []
        return int(found[0].get("serversRunning", 0)) if found else None
