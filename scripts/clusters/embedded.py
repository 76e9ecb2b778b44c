"""The embedded cluster: one process on this machine, with pods on the Docker engine."""

from __future__ import annotations

import hashlib
import os
import select
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.settings.model import Image, Outcome, Settings

START_SECONDS = 30.0
STOP_SECONDS = 20.0


class Embedded:
    """`embedded/` started as a process of its own, and reached only through its kubeconfig."""

    target = "embedded"

    def __init__(self, settings: Settings, shell: Shell, kubectl: Path) -> None:
        self._package = settings.root / "embedded" / "src"
        self._shell = shell
        self._kubectl = kubectl
        self._name = settings.cluster
        self._state = state_folder("clusters", settings.cluster)
        self.kubeconfig = self._state / "kubeconfig"
        self.context = settings.cluster

    def up(self) -> Outcome:
        """Start the process unless it runs; one that runs older code is replaced, its pods stay."""
        started = time.monotonic()
        version = _code_digest(self._package)
        marker = self._state / "code"
        if self._answers():
            if marker.is_file() and marker.read_text(encoding="ascii") == version:
                return Outcome("prepare", f"cluster {self._name}", "unchanged", time.monotonic() - started, "embedded")
            self._stop()
        if not self._shell.dry:
            self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
            marker.unlink(missing_ok=True)
        log = self._state / "log"
        process = self._shell.daemon(self._command(), log=log, env={"PYTHONPATH": str(self._package)})
        deadline = time.monotonic() + START_SECONDS
        while process and not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
                raise UserError("\n".join(["the embedded cluster did not start", *last]), f"its log: {log}")
            time.sleep(0.05)  # a process that is starting offers nothing to wait on
        if not self._shell.dry:
            marker.write_text(version, encoding="ascii")
        return Outcome("prepare", f"cluster {self._name}", "done", time.monotonic() - started, "embedded, started")

    def down(self) -> Outcome:
        """Stop the process and remove its containers, network, packet filter rules and state."""
        started = time.monotonic()
        if not self._state.is_dir():
            return Outcome("down", f"cluster {self._name}", "unchanged", 0.0, "there is none")
        self._stop()
        self._shell.effect([*self._command(), "--delete"], env={"PYTHONPATH": str(self._package)}, timeout=120)
        return Outcome("down", f"cluster {self._name}", "done", time.monotonic() - started, "removed")

    def status(self) -> Mapping[str, str]:
        """What is known of the process."""
        state = "running" if self._answers() else "stopped" if self._state.is_dir() else "absent"
        words = {"target": self.target, "name": self._name, "state": state, "kubeconfig": str(self.kubeconfig)}
        pid = self._pid()
        if pid and state == "running":
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
                resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
                words |= {"pid": str(pid), "memory": f"{int(resident.split()[1]) // 1024} MB"}
        return words

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Nothing to move: pods run on the engine that built the images."""
        return [Outcome("load", image.service, "unchanged", 0.0, "same engine") for image in images]

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Where a NodePort Service answers."""
        return f"http://localhost:{node_port}"

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "embedded", "--name", self._name, "--state", str(self._state)]

    def _answers(self) -> bool:
        if not self.kubeconfig.is_file() or not self._pid():
            return False
        aimed: list[str | Path] = [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]
        return bool(self._shell.probe([*aimed, "get", "--raw", "/readyz"], timeout=5))

    def _pid(self) -> int | None:
        with suppress(OSError, ValueError):
            pid = int((self._state / "pid").read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"embedded" in command:
                return pid
        return None

    def _stop(self) -> None:
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
