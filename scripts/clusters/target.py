"""Lead any target through the table of states. A target says what it is found as and how it acts."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scripts.clusters import machine, ownership, states
from scripts.clusters.states import Reading
from scripts.errors import UserError
from scripts.host.shell import Result, Shell
from scripts.kube.kubectl import PAUSE
from scripts.kube.queries import is_transient
from scripts.settings.model import Image, Outcome, Status

Old = Callable[[Sequence[str]], list[str]]  # of references, those that nobody needs
Tell = Callable[[str], None]
DONE = {"create": "created", "start": "started", "resume": "resumed", "repair": "repaired", "remake": "made anew"}


def silent(_: str) -> None:
    """Report no progress."""


def asked_twice(ask: Callable[[], Result]) -> Result:
    """Return what an API server answers `/readyz`, of one that is overtaxed or has just begun the second time."""
    answer = ask()
    if not is_transient(("get", "--raw", "/readyz"), answer):
        return answer
    time.sleep(PAUSE)  # nothing to wait for: such a server tells nobody when it is well again
    return ask()


class Target(ABC):
    """A cluster of one kind. A step raises UserError when it fails; none is taken that the table does not name."""

    target: str
    kubeconfig: Path
    context: str

    def __init__(self, name: str, shell: Shell) -> None:
        self.name = name
        self._shell = shell
        self.warnings: list[str] = []
        self._seen_running = False

    @abstractmethod
    def read(self) -> Reading:
        """Return what the cluster is found as. Changes nothing, and never raises for what a program answered."""

    @abstractmethod
    def look(self) -> str:
        """Return a command that shows a person more about the cluster."""

    @abstractmethod
    def create(self, tell: Tell) -> None:
        """Make it; `tell` hears how it goes."""

    @abstractmethod
    def start(self, tell: Tell) -> None:
        """Start one that is stopped."""

    def resume(self, tell: Tell) -> None:
        """Resume a cluster that is paused."""
        self.start(tell)

    def repair(self, tell: Tell) -> None:
        """Repair a cluster that is degraded, or start anew one that is stale."""
        self.start(tell)

    @abstractmethod
    def remove(self) -> None:
        """Delete it with everything it made on this machine."""

    def drift(self) -> list[str]:
        """Return how one that runs differs from what would be made today."""
        return []

    def belongings(self) -> Mapping[str, Sequence[str]]:
        """Return names that the engine's containers, volumes and networks of this cluster have, by kind."""
        return {}

    def is_ours(self) -> bool:
        """Return whether what bears this cluster's name was made from this home."""
        return True

    def up(self, tell: Tell = silent) -> Outcome:
        """Lead it from whatever state it is in to running. Raises UserError saying why that cannot be."""
        started = time.monotonic()
        found = self.read()
        if self._shell.dry and found.state == "unknown":  # as where its program or engine is not installed yet
            found = Reading("absent")
        step = states.decide("up", found)
        if step == "refuse":
            raise states.refusal("up", found, self.name, self.look())
        if found.state == "absent" or not self.is_ours():
            self._refuse_foreign()
        if step == "remake":
            self._shell.say(f"cluster {self.name} is broken ({found.why}) and holds nothing: making it anew")
            self.remove()
            self.create(tell)
        elif step != "nothing":
            act = {"create": self.create, "start": self.start, "resume": self.resume, "repair": self.repair}[step]
            act(tell)
        if step != "nothing" and not self._shell.dry:
            self._prove()
        self._seen_running = True
        differs = self.drift()
        remedy = [f"what differs counts when it is made: invoke cluster.down --target {self.target}"] if differs else []
        words = [self.target, *([DONE[step]] if step != "nothing" else []), *differs, *remedy, *self.warnings]
        status: Status = "unchanged" if step == "nothing" else "done"
        return Outcome("prepare", f"cluster {self.name}", status, time.monotonic() - started, ", ".join(words))

    def addons(self) -> list[Outcome]:
        """Return what became of the addons that `up` began to enable. Raises UserError for one that does not work."""
        return []

    def cpus(self) -> int | None:
        """Return CPUs of the node that pods share; None where there may be several nodes, or nobody can tell."""
        return machine.ask(self._shell).cpus

    def down(self) -> Outcome:
        """Remove it. Raises UserError where its state is unknown, or it is not ours."""
        started = time.monotonic()
        found = self.read()
        step = states.decide("down", found)
        if step == "refuse":
            raise states.refusal("down", found, self.name, self.look())
        if step == "nothing":
            return Outcome("down", f"cluster {self.name}", "unchanged", 0.0, states.MEANINGS["absent"])
        if not self.is_ours():
            self._refuse_foreign()
        self.remove()
        return Outcome("down", f"cluster {self.name}", "done", time.monotonic() - started, "removed")

    def is_removable(self) -> bool:
        """Return whether there is one that `down` would remove."""
        return states.decide("down", self.read()) == "remove" and self.is_ours()

    def status(self) -> Mapping[str, str]:
        """Return what it is found as, and where it is reached."""
        found = self.read()
        words = {"target": self.target, "name": self.name, "state": found.state, "kubeconfig": str(self.kubeconfig)}
        return words | ({"why": found.why} if found.why else {}) | dict(found.notes or {})

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Bring the images to every node, and prove it. Raises UserError where it does not run."""
        if not self._shell.dry:
            self.require("load")
        return self.transfer(images)

    @abstractmethod
    def transfer(self, images: Sequence[Image]) -> list[Outcome]:
        """Bring images to the nodes of a cluster that runs."""

    def prune(self, old: Old) -> int:
        """Take away from the nodes what `old` says of the references they have. Returns how many were."""
        return 0

    @abstractmethod
    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Return where a NodePort Service answers for a browser on this machine."""

    def require(self, task: states.Task = "reach") -> None:
        """Raise UserError unless it is in a state in which `task` goes on. What `up` has just seen is believed."""
        if self._seen_running:
            return
        found = self.read()
        if states.decide(task, found) == "refuse":
            raise states.refusal(task, found, self.name, self.look())

    def _refuse_foreign(self) -> None:
        try:
            found = ownership.present(self._shell, self.belongings())
        except ownership.CannotTell:
            if self._shell.dry:  # where there may be no engine yet
                return
            raise
        if found:
            raise ownership.refusal(self.target, self.name, found)

    def _prove(self) -> None:
        found = self.read()
        if found.state != "running":
            because = f": {found.why}" if found.why else ""
            raise UserError(
                f"cluster {self.name}: {self.target} reported a success, but it is {found.state}{because}",
                f"see: {self.look()}",
            )
