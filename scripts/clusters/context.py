"""Any other cluster, by the name of its kubectl context, which has to be on the allow list. Never made or removed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.images.docker import Docker, find_clients
from scripts.settings.model import Image, Outcome, Settings


class Context:
    """A cluster that somebody named. Its nodes get images from a registry."""

    target = "context"

    def __init__(self, settings: Settings, shell: Shell, kubectl: Path) -> None:
        if not settings.context:
            raise UserError("config/pipeline.yaml: context: empty, but the target is context", "name a kubectl context")
        if settings.context not in settings.allowed_contexts:
            raise UserError(
                f"config/pipeline.yaml: allowedContexts: {settings.context!r} is not on the list",
                "add it there, if this cluster really is the one you mean",
            )
        if not settings.registry:
            raise UserError(
                "config/pipeline.yaml: registry: empty, but the target is context",
                "name the registry and path that its nodes pull from, for instance registry.example.org/team",
            )
        self._shell = shell
        self._kubectl = kubectl
        self._registry = settings.registry
        self._timeout = settings.timeouts.cluster
        self.context = settings.context
        self.kubeconfig = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube/config")

    def up(self) -> Outcome:
        """See that it answers. Raises UserError if it does not: it is not this project's to start."""
        started = time.monotonic()
        aimed: list[str | Path] = [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]
        argv = [*aimed, "get", "--raw", "/readyz"]
        answer = self._shell.probe(argv, timeout=15)
        if not answer:
            raise UserError(f"context {self.context}: {answer.err.strip()}", "see: kubectl config get-contexts")
        return Outcome("prepare", f"cluster {self.context}", "unchanged", time.monotonic() - started, "answers")

    def down(self) -> Outcome:
        """Refuse: a cluster that was there before is not removed."""
        raise UserError(f"context {self.context}: not made by this project, so not removed", "use: invoke destroy")

    def status(self) -> Mapping[str, str]:
        """Where it is."""
        return {"target": self.target, "name": self.context, "registry": self._registry}

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Push every image to the registry, side by side; layers it has are not sent again."""
        docker = Docker(next(iter(find_clients()), Path("docker")))

        def push(image: Image) -> Outcome:
            started = time.monotonic()
            remote = f"{self._registry}/{image.ref}"
            self._shell.effect([docker.binary, "tag", image.ref, remote], timeout=60)
            self._shell.effect(
                [docker.binary, "push", "--quiet", remote], timeout=self._timeout, hint="signed in? docker login"
            )
            return Outcome("load", image.service, "done", time.monotonic() - started, remote)

        with ThreadPoolExecutor() as pool:
            return list(pool.map(push, images))

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Where a NodePort Service answers: on any node, the first one's address."""
        path = "{.items[0].status.addresses[?(@.type=='InternalIP')].address}"
        aimed: list[str | Path] = [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]
        address = self._shell.probe([*aimed, "get", "nodes", "--output", f"jsonpath={path}"]).out.split()
        return f"http://{address[0] if address else 'localhost'}:{node_port}"
