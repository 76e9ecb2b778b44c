"""The tests' side of the stand-ins: the machine on which they are the programs."""

from __future__ import annotations

import ast
import marshal
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

PROGRAMS = ("minikube", "kind", "k3d", "docker", "kubectl")


class Machine:
    """The tests' side of the machine: what is on it, and what was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.home = folder / "home"
        for path in (self.bin, self.home):
            path.mkdir(parents=True)
        self._file = folder / "machine"
        self._file.write_bytes(
            marshal.dumps(
                {
                    "root": False, "cpus": 8, "memory": 16 * 2**30, "engine": True, "network": True, "cached": True,
                    "security": [], "system": "Debian GNU/Linux 12", "cgroup": "2",
                    "profiles": {}, "clusters": {}, "containers": {}, "volumes": [], "networks": [], "images": [],
                    "registry": [], "fail": {}, "services": {}, "deployments": {}, "destroyed": [],
                }
            )
        )  # fmt: skip
        for name in PROGRAMS:
            self.install(name)

    def install(self, name: str) -> Path:
        """Put a stand-in on the machine's own folder of programs."""
        script = self.bin / name
        # Imported, so that it need not be compiled at every call.
        start = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import programs; programs.main(sys.argv)"
        )
        words = shlex.join([sys.executable, "-I", "-S", "-c", start, name, str(self.folder)])
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(0o755)
        return script

    def remove(self, name: str) -> None:
        """Take a program away."""
        (self.bin / name).unlink()

    @property
    def state(self) -> dict[str, Any]:
        """Everything there is, as it is now."""
        found: dict[str, Any] = marshal.loads(self._file.read_bytes())  # noqa: S302 our own
        return found

    def change(self, **items: Any) -> None:
        """Set some of it."""
        self._file.write_bytes(marshal.dumps(self.state | items))

    def keep(self) -> None:
        """Remember all there is, for `restore`."""
        kept = self.folder / "kept"
        shutil.copytree(self.home, kept / "home")
        shutil.copy(self._file, kept / "machine")

    def restore(self) -> None:
        """Put back what was there when it was kept."""
        shutil.rmtree(self.home)
        shutil.copytree(self.folder / "kept/home", self.home)
        shutil.copy(self.folder / "kept/machine", self._file)

    def fail(self, command: str, code: int, out: str = "", err: str = "") -> None:
        """Let a command, `program verb`, answer like this from now on, and do nothing."""
        self.change(fail=self.state["fail"] | {command: [code, out, err]})

    def container(self, name: str, **changes: Any) -> None:
        """Change a container, making it where there is none."""
        containers = self.state["containers"]
        blank = {"state": "running", "labels": {}, "ports": {}, "images": [], "home": ""}
        self.change(containers=containers | {name: blank | containers.get(name, {}) | changes})

    def lose(self, name: str) -> None:
        """Let a container vanish, as `docker rm --force` does."""
        self.change(containers={key: value for key, value in self.state["containers"].items() if key != name})

    def calls(self, program: str = "") -> list[list[str]]:
        """Every command line so far, of one program or, with its name in front, of all."""
        file = self.folder / "calls"
        lines = [ast.literal_eval(line) for line in file.read_text().splitlines()] if file.is_file() else []
        return [line[1:] for line in lines if line[0] == program] if program else lines
