"""A minikube profile. What is known of its behaviour was read in its sources, version 1.38."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.clusters.nodes import normalised
from scripts.model import Image, Outcome, Settings, UserError
from scripts.shell import Shell

KUBERNETES = "v1.36.2"
MISSING_PROFILE = 85  # the exit status of `minikube status` for a profile that does not exist


class Minikube:
    """One profile, named like the cluster in the configuration. Its context has the same name."""

    target = "minikube"

    def __init__(self, settings: Settings, shell: Shell, binary: Path) -> None:
        self._shell = shell
        self._binary = binary
        self._profile = settings.cluster
        self._timeout = settings.timeouts.cluster
        self.context = settings.cluster
        self.kubeconfig = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube/config")

    def up(self) -> Outcome:
        """Start the profile, creating it where there is none. The current context is left as it is."""
        started = time.monotonic()
        state = self.status()
        if state["state"] == "Running":
            if state["kubeconfig state"] == "Misconfigured":
                self._shell.effect(self._command("update-context"), timeout=60)
            return Outcome("prepare", f"cluster {self._profile}", "unchanged", time.monotonic() - started, "minikube")
        self._shell.effect(self.start_command(), timeout=self._timeout, hint="see: minikube logs --problems")
        return Outcome("prepare", f"cluster {self._profile}", "done", time.monotonic() - started, "minikube, started")

    def start_command(self) -> list[str]:
        """The argv that makes or starts the profile."""
        return self._command(
            "start", "--driver=docker", "--container-runtime=containerd", f"--kubernetes-version={KUBERNETES}",
            "--cpus=4", "--memory=6g",
            "--cni=calico",  # the default network does not enforce NetworkPolicies
            "--addons=metrics-server,ingress", "--wait=all", "--wait-timeout=10m", "--keep-context",
            "--interactive=false",
        )  # fmt: skip

    def down(self) -> Outcome:
        """Delete the profile."""
        started = time.monotonic()
        if self.status()["state"] == "absent":
            return Outcome("down", f"cluster {self._profile}", "unchanged", 0.0, "there is none")
        self._shell.effect(self._command("delete"), timeout=300)
        return Outcome("down", f"cluster {self._profile}", "done", time.monotonic() - started, "removed")

    def status(self) -> Mapping[str, str]:
        """The host's state as minikube calls it, or `absent`."""
        answer = self._shell.probe(self._command("status", "--output", "json"), timeout=60)
        words = {"target": self.target, "name": self._profile, "kubeconfig": str(self.kubeconfig)}
        nodes = _json(answer.out)
        node = nodes[0] if isinstance(nodes, list) and nodes else nodes
        if answer.code == MISSING_PROFILE or not isinstance(node, dict):
            return words | {"state": "absent", "kubeconfig state": ""}
        state = str(node.get("Host") or "Stopped")
        if state == "Running" and node.get("APIServer") != "Running":
            state = "Degraded"
        return words | {"state": state, "kubeconfig state": str(node.get("Kubeconfig", ""))}

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Load what the nodes lack, then prove it by listing: the load itself exits 0 even when it failed."""
        started = time.monotonic()
        present = self._images()
        missing = [image for image in images if normalised(image.ref) not in present]
        if missing:
            refs = [image.ref for image in missing]
            self._shell.effect(
                self._command("image", "load", "--daemon", "--overwrite=false", *refs), timeout=self._timeout
            )
            present = self._images()
            lost = [image.ref for image in missing if normalised(image.ref) not in present]
            if lost and not self._shell.dry:
                raise UserError(
                    f"minikube image load reported success, but the node lacks {', '.join(lost)}",
                    f"is its disk full? minikube --profile {self._profile} ssh -- df -h /var",
                )
        seconds = time.monotonic() - started
        return [
            Outcome("load", image.service, "done" if image in missing else "unchanged", seconds, image.tag)
            for image in images
        ]

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Where a NodePort Service answers."""
        answer = self._shell.probe(self._command("service", service, "--namespace", namespace, "--url"), timeout=30)
        lines = answer.out.split()
        return lines[0] if answer and lines else f"http://localhost:{node_port}"

    def _images(self) -> set[str]:
        found = _json(self._shell.probe(self._command("image", "ls", "--format", "json"), timeout=60).out)
        return {tag for item in found or [] for tag in item.get("repoTags") or []}

    def _command(self, *words: str) -> list[str]:
        return [str(self._binary), "--profile", self._profile, *words]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
