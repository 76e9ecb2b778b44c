"""Programs that answer as they are told: one remembers how it was called, so that command lines are asserted whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.host.shell import Result, Shell

SCRIPT = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
steps = json.loads((folder / "steps").read_text())
for step in steps:
    if step["argv"] == sys.argv[1:]:
        out = step["out"].pop(0) if len(step["out"]) > 1 else step["out"][0]
        (folder / "steps").write_text(json.dumps(steps))
        sys.stdout.write(out)
        sys.exit(step["exit"])
sys.stderr.write("unexpected: " + " ".join(sys.argv[1:]))
sys.exit(99)
"""


def step(argv: list[str], *out: str, status: int = 0) -> dict[str, Any]:
    """One call that is expected; with several outputs, each call gets the next one."""
    return {"argv": argv, "out": list(out) or [""], "exit": status}


class Scripted:
    """A program that answers as told."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / f"{name}.d"
        self.folder.mkdir()
        self.binary = folder / name
        self.binary.write_text(SCRIPT.format(python=sys.executable, folder=str(self.folder)))
        self.binary.chmod(0o755)

    def answers(self, *steps: dict[str, Any]) -> None:
        """What to answer from now on."""
        (self.folder / "steps").write_text(json.dumps(steps))

    @property
    def calls(self) -> list[list[str]]:
        """Every command line so far, without the program's name."""
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


class Said(Shell):
    """Whatever is asked, the answer is the same, and no program is started."""

    def __init__(self, said: Result) -> None:
        super().__init__()
        self._said = said

    def probe(self, argv: Sequence[str | Path], **how: Any) -> Result:
        return self._said
