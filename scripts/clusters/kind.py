"""A kind cluster. Command lines after https://kind.sigs.k8s.io/docs/user/quick-start (v0.3x)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.clusters import answers
from scripts.clusters.nodes import NodeContainers, naming_cause
from scripts.clusters.states import first_line
from scripts.clusters.target import Tell
from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.images.engine_api import is_elsewhere
from scripts.settings.targets import NodeOptions

PROVIDER = "KIND_EXPERIMENTAL_PROVIDER"


class Kind(NodeContainers):
    """One cluster, with a kubeconfig of its own: the user's is not touched.

    Its nodes are made on the engine that builds the images, also where the person's kind uses another program.
    """

    target = "kind"
    label = "io.x-k8s.kind.cluster"

    @property
    def _environ(self) -> Mapping[str, str]:
        """Return the variables that its commands have beside the person's environment."""
        return {PROVIDER: "docker"} if os.environ.get(PROVIDER, "docker") != "docker" else {}

    @property
    def options(self) -> NodeOptions:
        """Return what the configuration decides of a cluster of kind."""
        return self._settings.targets.kind

    @property
    def control_planes(self) -> Sequence[str]:
        """Return kind's name for its one control plane."""
        return [f"{self.name}-control-plane"]

    def belongings(self) -> Mapping[str, Sequence[str]]:
        """Return what is the cluster's alone: kind's volumes are nameless, and its network is shared by all its
        clusters.
        """
        return {"container": self.control_planes}

    def listing(self) -> tuple[Result, list[str] | None]:
        """Read one name a line; with none, it says so on the other stream."""
        answer = self._shell.probe([self._binary, "get", "clusters"], timeout=30, env=self._environ)
        return answer, answer.out.split()

    def config(self) -> dict[str, Any]:
        """Return kind's own configuration: node ports are reachable from the host only where they are mapped at the
        start.
        """
        mappings = [
            {"containerPort": port, "hostPort": port, "listenAddress": "127.0.0.1", "protocol": "TCP"}
            for port in self.ports
        ]
        workers = [{"role": "worker"}] * (self.options.nodes - 1)
        nodes = [{"role": "control-plane", "extraPortMappings": mappings}, *workers]
        return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes}

    def create(self, tell: Tell) -> None:
        """Create the cluster; all that kind says is on its error stream.

        Raises UserError where the engine is on another machine: kind's API server listens on that one alone.
        """
        if is_elsewhere(os.environ):
            raise UserError(
                "the Docker engine is on another machine, and a kind cluster could be reached from there only",
                "run this there, or use --target minikube or k3d, or an engine of this machine",
            )
        options = self.options
        config = json.dumps(self.config())
        image = ["--image", options.image] if options.image else []
        words = ["create", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig), "--wait", "5m"]
        argv: list[str | Path] = [self._binary, *words, *image, "--config", "-", *options.extra_arguments]
        with self.marked_as_ours(), naming_cause(answers.kind_failure):
            self._shell.effect(
                argv, stdin=config, shown_stdin=config, timeout=self._timeout, env=self._environ,
                on_line=lambda line: tell(first_line(line)),
            )  # fmt: skip

    def write_kubeconfig(self) -> None:
        """Export it to the cluster's own file."""
        words = ["export", "kubeconfig", "--name", self.name, "--kubeconfig", str(self.kubeconfig)]
        self._shell.effect([self._binary, *words], timeout=60, env=self._environ)

    def remove(self) -> None:
        """Delete the cluster and what is kept of it."""
        words = ["delete", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig)]
        self._shell.effect([self._binary, *words], timeout=300, env=self._environ)
        self.forget()
