"""The embedded cluster: one process on this machine, with pods on the Docker engine."""

from __future__ import annotations

import hashlib
import os
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scripts.clusters import kubeconfig, machine, privileged
from scripts.clusters.ownership import engine_client
from scripts.clusters.states import Reading
from scripts.clusters.target import Target, Tell
from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.kube import api
from scripts.settings.model import Image, Outcome, Settings

START_SECONDS = 120.0  # a backstop for a busy machine: a process that has ended is told at once
STOP_SECONDS = 20.0


class Embedded(Target):
    """`embedded/` started as a process of its own, and reached only through its kubeconfig."""

    target = "embedded"

    def __init__(self, settings: Settings, shell: Shell, kubectl: Path) -> None:
        super().__init__(settings.cluster, shell)
        self._package = settings.root / "embedded" / "src"
        self._kubectl = kubectl
        self._state = state_folder("clusters", settings.cluster)
        self._marker = self._state / "code"
        self.kubeconfig = self._state / "kubeconfig"
        self.context = settings.cluster

    def look(self) -> str:
        """Return how to see its log."""
        return f"tail {self._state / 'log'}"

    def belongings(self) -> Mapping[str, Sequence[str]]:
        """Return the network that its pods are in, which two clusters of one name would share."""
        return {"network": [f"k8s-{self.name}"]}

    def read(self) -> Reading:
        """Return whether the process runs, whether it answers, and whether it runs today's code."""
        if not self._state.is_dir():
            return Reading("absent")
        if not os.access(self._state, os.R_OK | os.W_OK | os.X_OK):  # what cannot be read there is not nothing
            uid = self._state.stat().st_uid
            raise UserError(
                f"cluster {self.name} is another user's (uid {uid}): {self._state} cannot be read",
                "run this as that user, or set XDG_STATE_HOME to a folder of your own",
            )
        if not self._pid():
            return Reading("stopped", "its process does not run")
        if not self._answers():
            return Reading("degraded", f"its process runs, but {self._silent_because()}")
        return Reading("running", stale="" if self._is_current() else "it runs older code", notes=self._process())

    def create(self, tell: Tell) -> None:
        """Start the process, which makes what is not there."""
        self.start(tell)

    def repair(self, tell: Tell) -> None:
        """Replace the process; its pods stay."""
        self._stop()
        self.start(tell)

    def start(self, tell: Tell) -> None:
        """Start the process and wait for its API."""
        privileged.check(machine.ask(self._shell))
        version = _code_digest(self._package)
        if not self._shell.dry:
            self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._marker.unlink(missing_ok=True)
        log = self._state / "log"
        has_ended = self._launch(log)
        deadline = time.monotonic() + START_SECONDS
        while not self._shell.dry and not self._answers():
            if has_ended() or time.monotonic() > deadline:
                last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:] if log.is_file() else []
                raise UserError("\n".join(["the embedded cluster did not start", *last]), f"its log: {log}")
            time.sleep(0.05)  # a process that is starting offers nothing to wait on
        if not self._shell.dry:
            self._marker.write_text(version, encoding="ascii")

    def remove(self) -> None:
        """Stop the process and remove its containers, network, packet filter rules and state."""
        self._stop()
        if machine.is_root():
            self._shell.effect([*self._command(), "--delete"], env=self._variables(), timeout=120)
        else:
            self._shell.effect(self._privileged("--delete", detached=False), timeout=120)

    def transfer(self, images: Sequence[Image]) -> list[Outcome]:
        """Move nothing: pods run on the engine that built the images."""
        return [Outcome("load", image.service, "unchanged", 0.0, "same engine") for image in images]

    def _is_current(self) -> bool:
        with suppress(OSError, ValueError):
            return self._marker.read_text(encoding="ascii") == _code_digest(self._package)
        return False

    def _process(self) -> dict[str, str]:
        with suppress(OSError, StopIteration, ValueError, IndexError):
            pid = self._pid()
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            return {"pid": str(pid), "memory": f"{int(resident.split()[1]) // 1024} MB"}
        return {}

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Return where a NodePort Service answers."""
        return f"http://localhost:{node_port}"

    def _launch(self, log: Path) -> Callable[[], bool]:
        """Start the process; return what tells that it has ended."""
        if machine.is_root():
            process = self._shell.daemon(self._command(), log=log, env=self._variables())
            return lambda: process is not None and process.poll() is not None
        client = Path(engine_client())
        privileged.ensure_image(self._shell, client)
        name = privileged.container_name(self.name)
        privileged.stop(self._shell, client, name)
        self._shell.effect(self._privileged(detached=True), timeout=60)
        return lambda: privileged.has_ended(self._shell, client, name)

    def _privileged(self, *more: str, detached: bool) -> list[str]:
        client, name = Path(engine_client()), privileged.container_name(self.name)
        argv, variables = [*self._command(), *more], self._variables()
        return privileged.run_command(client, name, argv, variables, detached=detached)

    def _variables(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self._package)}

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "embedded", "--name", self.name, "--state", str(self._state)]

    def _answers(self) -> bool:
        if not self.kubeconfig.is_file() or not self._pid():
            return False
        reached = api.connect(self.kubeconfig, self.context)
        with suppress(api.Unreachable, api.Refused):
            if reached and reached.get("/readyz", timeout=5):
                return True
        aimed: list[str | Path] = [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]
        return bool(self._shell.probe([*aimed, "get", "--raw", "/readyz"], timeout=5))

    def _silent_because(self) -> str:
        """Return why a process that runs gives no answer: what leads to it may be damaged, and the API be well."""
        try:
            found = kubeconfig.read(self.kubeconfig)
        except UserError as problem:
            return f"what leads to it cannot be used: {problem}"
        if not self.kubeconfig.is_file():
            return f"what leads to it is gone: {self.kubeconfig}"
        entries = (("contexts", self.context), ("clusters", self.name), ("users", self.name))
        if lacking := [kind for kind, name in entries if not kubeconfig.entry(found, kind, name)]:
            return f"what leads to it cannot be used: {self.kubeconfig}: no {lacking[0][:-1]} {self.name}"
        return "its API does not answer"

    def _pid(self) -> int | None:
        with suppress(OSError, ValueError):
            pid = int((self._state / "pid").read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"embedded" in command:
                return pid
        return None

    def _stop(self) -> None:
        if not machine.is_root():
            privileged.stop(self._shell, Path(engine_client()), privileged.container_name(self.name))
            return
        pid = self._pid()
        if not pid:
            return
        handle = os.pidfd_open(pid)
        self._shell.effect(["kill", str(pid)])
        if not self._shell.dry and not _ended(handle, STOP_SECONDS):
            self._shell.effect(["kill", "-KILL", str(pid)])
            _ended(handle, STOP_SECONDS)
        os.close(handle)


def _ended(handle: int, seconds: float) -> bool:
    return bool(select.select([handle], [], [], seconds)[0])


def _code_digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
