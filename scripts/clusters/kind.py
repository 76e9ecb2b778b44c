"""A kind cluster. Command lines after https://kind.sigs.k8s.io/docs/user/quick-start (v0.3x)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.clusters.containers import NODE_PORT, load_into_node
from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.settings.model import Image, Outcome, Settings

# NodePorts of a kind node are reachable from the host only where they are mapped when the node is made.
CONFIG = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "nodes": [
        {
            "role": "control-plane",
            "extraPortMappings": [
                {"containerPort": NODE_PORT, "hostPort": NODE_PORT, "listenAddress": "127.0.0.1", "protocol": "TCP"}
            ],
        }
    ],
}


class Kind:
    """One cluster, with a kubeconfig of its own: the user's is not touched."""

    target = "kind"

    def __init__(self, settings: Settings, shell: Shell, binary: Path) -> None:
        self._shell = shell
        self._binary = binary
        self._name = settings.cluster
        self._timeout = settings.timeouts.cluster
        self.context = f"kind-{settings.cluster}"
        self.kubeconfig = state_folder("kind", settings.cluster) / "kubeconfig"

    def up(self) -> Outcome:
        """Create the cluster unless there is one."""
        started = time.monotonic()
        if self._exists():
            if not self.kubeconfig.is_file():
                argv: list[str | Path] = [self._binary, "export", "kubeconfig", "--name", self._name]
                self._shell.effect([*argv, "--kubeconfig", self.kubeconfig], timeout=60)
            return Outcome("prepare", f"cluster {self._name}", "unchanged", time.monotonic() - started, "kind")
        if not self._shell.dry:
            self.kubeconfig.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = json.dumps(CONFIG)
        self._shell.effect(
            [self._binary, "create", "cluster", "--name", self._name, "--kubeconfig", self.kubeconfig, "--wait", "5m",
             "--config", "-"],
            stdin=config, shown_stdin=config, timeout=self._timeout,
        )  # fmt: skip
        return Outcome("prepare", f"cluster {self._name}", "done", time.monotonic() - started, "kind, created")

    def down(self) -> Outcome:
        """Delete the cluster."""
        started = time.monotonic()
        if not self._exists():
            return Outcome("down", f"cluster {self._name}", "unchanged", 0.0, "there is none")
        argv: list[str | Path] = [
            self._binary,
            "delete",
            "cluster",
            "--name",
            self._name,
            "--kubeconfig",
            self.kubeconfig,
        ]
        self._shell.effect(argv, timeout=300)
        return Outcome("down", f"cluster {self._name}", "done", time.monotonic() - started, "removed")

    def status(self) -> Mapping[str, str]:
        """Whether the cluster exists."""
        state = "exists" if self._exists() else "absent"
        return {"target": self.target, "name": self._name, "state": state, "kubeconfig": str(self.kubeconfig)}

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Load what the node lacks, and prove that it is there."""
        load = [str(self._binary), "load", "docker-image", "--name", self._name]
        return load_into_node(self._shell, f"{self._name}-control-plane", images, load, self._timeout)

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Where a NodePort Service answers."""
        return f"http://localhost:{node_port}"

    def _exists(self) -> bool:
        return self._name in self._shell.probe([self._binary, "get", "clusters"]).out.split()
