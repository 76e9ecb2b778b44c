"""Remember what programs said of themselves until their files change: each question is a process a run.

remembered.recall("versions", "/usr/bin/helm", stamp)     None where it is to be asked
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.host.paths import ROOT

FOLDER = ROOT / ".tools"
Stamp = list[list[int]]


def stamp(paths: Iterable[Path]) -> Stamp:
    """Return what changes when one of these files or folders is replaced."""
    return [_of_one(path) for path in paths]


def _of_one(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_ino, status.st_size]


def recall(about: str, program: str, now: Stamp) -> Any:
    """Return what a program answered when its stamp was the same, None where it never did."""
    known = read_record(_file(about)).get(program)
    return known.get("answer") if isinstance(known, dict) and known.get("stamp") == now else None


def keep(about: str, program: str, now: Stamp, answer: Any) -> None:
    """Remember an answer; those of programs that are gone are forgotten."""
    others = {name: known for name, known in read_record(_file(about)).items() if Path(name).exists()}
    with suppress(OSError):  # what cannot be kept is asked for again
        write_whole(_file(about), json.dumps(others | {program: {"stamp": now, "answer": answer}}))


def _file(about: str) -> Path:
    return FOLDER / f"{about}.json"


def read_record(file: Path) -> dict[str, Any]:
    """Return what a file of JSON remembers; nothing where it is not there, or holds something else."""
    try:
        found = parsing.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
