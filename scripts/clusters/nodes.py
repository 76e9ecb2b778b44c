"""Share what kind and k3d have in common: nodes that are containers, found by label, and their own kubeconfig."""

from __future__ import annotations

import os
import shutil
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.clusters import answers, loading, machine
from scripts.clusters.forwards import Forwards
from scripts.clusters.ownership import engine_client
from scripts.clusters.states import Reading, cannot_tell, first_line
from scripts.clusters.target import Old, Target, Tell, asked_twice
from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.host.shell import CommandError, Result, Shell
from scripts.images.engine_api import is_elsewhere
from scripts.settings import values
from scripts.settings.model import Image, Outcome, Settings
from scripts.settings.targets import NodeOptions

NOT_THERE = 127  # the exit status of a program that is missing
READY_SECONDS = 120.0  # that an API server may take to answer after its container was started


class NodeContainers(Target):
    """A cluster whose nodes are containers. The person's kubeconfig is not touched."""

    label: str  # the label whose value is the cluster's name

    def __init__(self, settings: Settings, shell: Shell, binary: Path, kubectl: Path) -> None:
        super().__init__(settings.cluster, shell)
        self._settings = settings
        self._binary = binary
        self._kubectl = kubectl
        self._timeout = settings.timeouts.cluster
        self._forwards = Forwards(f"{self.target}-{settings.cluster}", shell)
        self.context = f"{self.target}-{settings.cluster}"
        self.kubeconfig = state_folder(self.target, settings.cluster) / "kubeconfig"

    @property
    @abstractmethod
    def options(self) -> NodeOptions:
        """Return what the configuration decides of such a cluster."""

    @property
    @abstractmethod
    def control_planes(self) -> Sequence[str]:
        """Return the names that a container of a control plane may have."""

    @abstractmethod
    def listing(self) -> tuple[Result, list[str] | None]:
        """Return what the program says of the clusters there are, and their names; None where that is not
        understood.
        """

    @contextmanager
    def marked_as_ours(self) -> Iterator[None]:
        """Mark the cluster that the block makes as made from this home, unless nothing is left of it in the end.

        Raises UserError where the engine can have no such nodes, before the block begins.
        """
        for objection in machine.of_engine(machine.ask(self._shell)):
            raise UserError(objection.text, objection.remedy)
        if not self._shell.dry:
            self.kubeconfig.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            yield
        except UserError:
            if self.read().state == "absent":
                self.clear()
                self.forget()
            raise

    def clear(self) -> None:
        """Take away what the program leaves behind of a cluster that it could not make."""
        return

    @abstractmethod
    def write_kubeconfig(self) -> None:
        """Write the cluster's kubeconfig to its own file."""

    def look(self) -> str:
        """Return how to see the containers."""
        return f"docker ps --all --filter label={self.label}={self.name}"

    def is_ours(self) -> bool:
        """Return whether it was made from this home: the folder of its kubeconfig is kept here until it is removed."""
        return self.kubeconfig.parent.is_dir()

    def read(self) -> Reading:
        """Return the program's list, then the states of the containers, then whether the API server answers."""
        answer, names = self.listing()
        if not answer or names is None:
            return cannot_tell(answer)
        if self.name not in names:
            return Reading("absent")
        found = self._containers()
        if found is None:
            return Reading("unknown", "the engine does not tell the states of its containers")
        together = answers.containers_together(found, self.control_planes)
        if together.state != "running":
            return together
        if not self.is_ours():
            return Reading("degraded", "not made from this home, which has no kubeconfig of it")
        if not self.kubeconfig.is_file():
            return Reading("degraded", f"its kubeconfig {self.kubeconfig} is missing")
        ready = asked_twice(self._ready)
        if ready.code == NOT_THERE:
            return Reading("unknown", "its nodes run, but kubectl, which asks its API server, is not there")
        return together if ready else Reading("degraded", f"the API server does not answer: {first_line(ready.err)}")

    def drift(self) -> list[str]:
        """Return how one that runs differs from what would be made today, where something else than usual is asked."""
        if self.options == NodeOptions():
            return []
        rows = [line.partition("\t") for line in self._listed("Image").out.splitlines()]
        nodes = {name: image for name, _, image in rows if self.runs_pods(name)}
        made, wished = len(nodes), self.options.nodes
        image = next((nodes[name] for name in self.control_planes if name in nodes), "").partition("@")[0]
        wanted = self.options.image.partition("@")[0]
        return [
            *([f"number of nodes is {made}, not {wished}"] if made not in (0, wished) else ()),
            *([f"image is {image}, not {wanted}"] if image and wanted and image != wanted else ()),
        ]

    def start(self, tell: Tell) -> None:
        """Start the containers that do not run, the control plane first, and wait for the API server."""
        stopped = [name for name, state in (self._containers() or {}).items() if state != "running"]
        first = [name for name in stopped if name in self.control_planes]
        for name in [*first, *(name for name in stopped if name not in first)]:
            tell(f"starting container {name}")
            self._shell.effect([engine_client(), "start", name], timeout=120)
        self.write_kubeconfig()
        self._await_ready(tell)

    def resume(self, tell: Tell) -> None:
        """Let frozen containers go on, and start those that do not run."""
        for name, state in (self._containers() or {}).items():
            if state == "paused":
                tell(f"unpausing container {name}")
                self._shell.effect([engine_client(), "unpause", name], timeout=60)
        self.start(tell)

    def cpus(self) -> int | None:
        """Return the engine's, where there is one node: each of several counts all of them again."""
        nodes = [name for name in self._containers() or {} if self.runs_pods(name)]
        return None if len(nodes) > 1 else super().cpus()

    def status(self) -> Mapping[str, str]:
        """Return what it is found as, with the forwards."""
        return dict(super().status()) | self._forwards.words()

    def transfer(self, images: Sequence[Image]) -> list[Outcome]:
        """Stream what each node lacks into its containerd."""
        return loading.transfer(self._shell, self._nodes(), images, self._timeout)

    def prune(self, old: Old) -> int:
        """Take away old images from every node."""
        return loading.prune(self._shell, self._nodes(), old)

    def _nodes(self) -> list[loading.Node]:
        names = [name for name in self._containers() or {self.control_planes[0]: ""} if self.runs_pods(name)]
        return [loading.container_node(name) for name in names]

    def runs_pods(self, container: str) -> bool:
        """Return whether a container of the cluster is a node."""
        return True

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Return where a NodePort Service answers: at the port mapped when the node was made, else through a
        forward.
        """
        self.require()
        if not is_elsewhere(os.environ) and any(self._mapped(name, node_port) for name in self._containers() or {}):
            return f"http://localhost:{node_port}"
        return self._forwards.ensure(self._aimed, namespace, service, node_port)

    @property
    def ports(self) -> tuple[int, ...]:
        """Return the node ports of the release, which are mapped when the node is made."""
        return values.node_ports(values.merged(self._settings, self._settings.release))

    def forget(self) -> None:
        """Take away what is kept of a cluster that was removed."""
        self._forwards.stop()
        if not self._shell.dry:
            shutil.rmtree(self.kubeconfig.parent, ignore_errors=True)

    @property
    def _aimed(self) -> list[str | Path]:
        return [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]

    def _containers(self) -> dict[str, str] | None:
        answer = self._listed("State")
        return answers.node_states(answer.out) if answer else None

    def _listed(self, column: str) -> Result:
        """Ask the engine for the containers, each with one more column of its list."""
        shown = f"{{{{.Names}}}}\t{{{{.{column}}}}}"
        words = ["ps", "--all", "--filter", f"label={self.label}={self.name}", "--format", shown]
        return self._shell.probe([engine_client(), *words], timeout=30)

    def _ready(self) -> Result:
        return self._shell.probe([*self._aimed, "get", "--raw", "/readyz"], timeout=15)

    def _await_ready(self, tell: Tell) -> None:
        tell("waiting for the API server")
        deadline = time.monotonic() + min(READY_SECONDS, self._timeout)
        while not self._shell.dry and not (answer := self._ready()):
            if time.monotonic() > deadline:
                raise UserError(
                    f"cluster {self.name}: its API server does not answer: {first_line(answer.err)}",
                    f"see: docker logs {self.control_planes[0]}",
                )
            time.sleep(0.5)  # a server that is coming up offers no event to wait for

    def _mapped(self, container: str, port: int) -> bool:
        return bool(self._shell.probe([engine_client(), "port", container, f"{port}/tcp"], timeout=15).out.strip())


@contextmanager
def naming_cause(cause: Callable[[str], str]) -> Iterator[None]:
    """Leave of a failure's text what the program names as the `cause`: its steps were shown while they were made."""
    try:
        yield
    except CommandError as problem:
        raise problem.naming(cause(problem.result.err)) from None
