"""A k3d cluster. Command lines after https://k3d.io/stable/usage/commands (v5); messages as v5.8.3 printed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scripts.clusters import answers, ownership
from scripts.clusters.nodes import NodeContainers, naming_cause
from scripts.clusters.ownership import engine_client
from scripts.clusters.states import first_line
from scripts.clusters.target import Tell
from scripts.host.shell import Result
from scripts.settings.targets import NodeOptions


class K3d(NodeContainers):
    """One cluster, with a kubeconfig of its own: the user's is not touched."""

    target = "k3d"
    label = "k3d.cluster"

    @property
    def options(self) -> NodeOptions:
        """Return what the configuration decides of a cluster of k3d."""
        return self._settings.targets.k3d

    @property
    def control_planes(self) -> Sequence[str]:
        """Return k3d's name for its first server."""
        return [f"k3d-{self.name}-server-0"]

    def belongings(self) -> Mapping[str, Sequence[str]]:
        """Return what k3d makes on the engine."""
        name = f"k3d-{self.name}"
        return {"container": self.control_planes, "volume": [f"{name}-images"], "network": [name]}

    def runs_pods(self, container: str) -> bool:
        """Return whether it runs pods: servers and agents do; the load balancer and the helper for images do not."""
        return container.startswith((f"k3d-{self.name}-server-", f"k3d-{self.name}-agent-"))

    def listing(self) -> tuple[Result, list[str] | None]:
        """Return all clusters, as JSON: asked for one that is not there, k3d fails as it does for anything else."""
        answer = self._shell.probe([self._binary, "cluster", "list", "--output", "json"], timeout=30)
        return answer, answers.k3d_names(answer.out)

    def create_command(self) -> list[str]:
        """Return the argv that makes the cluster; the user's kubeconfig and current context stay as they are."""
        options = self.options
        ports = [word for port in self.ports for word in ("--port", f"127.0.0.1:{port}:{port}@server:0")]
        agents = ["--agents", str(options.nodes - 1)] if options.nodes > 1 else []
        return [
            str(self._binary), "cluster", "create", self.name, "--wait", "--timeout", f"{self._timeout}s", *ports,
            *agents, *(["--image", options.image] if options.image else []),
            "--kubeconfig-update-default=false", "--kubeconfig-switch-context=false", *options.extra_arguments,
        ]  # fmt: skip

    def create(self, tell: Tell) -> None:
        """Create the cluster, and write its kubeconfig."""
        with self.marked_as_ours(), naming_cause(answers.k3d_failure):
            self._shell.effect(
                self.create_command(), timeout=self._timeout, on_line=lambda line: tell(first_line(line))
            )
            self.write_kubeconfig()

    def clear(self) -> None:
        """Remove the network and the volume, which k3d leaves; neither was there before."""
        names = self.belongings()
        for found in ownership.present(self._shell, {kind: names[kind] for kind in ("volume", "network")}):
            self._shell.effect([engine_client(), *found.replace(" ", " rm ").split()], timeout=60)

    def start(self, tell: Tell) -> None:
        """Start it the way k3d does, which also mends the name resolution inside the nodes."""
        tell("starting the nodes")
        self._shell.effect([self._binary, "cluster", "start", self.name, "--wait"], timeout=self._timeout)
        self.write_kubeconfig()
        self._await_ready(tell)

    def write_kubeconfig(self) -> None:
        """Write it to the cluster's own file."""
        words = ["kubeconfig", "write", self.name, "--output", str(self.kubeconfig), "--overwrite"]
        self._shell.effect([self._binary, *words], timeout=60)

    def remove(self) -> None:
        """Delete the cluster and what is kept of it."""
        self._shell.effect([self._binary, "cluster", "delete", self.name], timeout=300)
        self.forget()
