"""Keep a database that is a file by the code's own word, which no variable leads elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from scripts.adopt import constants
from scripts.adopt.folder_kinds import is_within
from scripts.adopt.inference.decision import Context
from scripts.adopt.inference.jobs import imported_files
from scripts.adopt.packages import join
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit

VOLUME = "/data"
SOURCES = "/sources"  # stands for the folder of a program's sources, while it is not known where an image has them


def files_of(unit: Unit, tree: Tree) -> Iterator[tuple[str, Place]]:
    """Yield the files that a Python program has its databases in, whatever its environment says: relative to where it
    is started, or absolute, below SOURCES where they are named by the place of a source file.
    """
    texts = {file: tree.text(file) for file in sorted(imported_files(unit, tree))} if unit.python else {}
    if not any("sqlite" in text for text in texts.values()):
        return
    own = {f"{SOURCES}/{os.path.relpath(file, unit.sources)}": text for file, text in texts.items()}
    for path, file, line in constants.sqlite_files(own):
        yield path, Place(join(unit.sources, file.removeprefix(f"{SOURCES}/")), line)


def keep_files(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Keep the files of a program's databases in a volume: what is written into its image ends with its pod, and each
    of two pods would have one of its own.
    """
    tree, key = context.whole.tree, f"services.{unit.name}.persistence"
    for said, place in dict(files_of(unit, tree)).items():
        inside = said.replace(SOURCES, _sources_in(unit, spec), 1)
        path = os.path.normpath(PurePosixPath(_started_in(unit, spec), inside))
        folder = str(PurePosixPath(path).parent)
        inner = os.path.relpath(path, _sources_in(unit, spec))
        kept = spec.get("persistence", {}).get("path", "")
        if (kept and is_within(path, kept)) or is_within(path, "/tmp"):  # noqa: S108 the one folder without a volume
            spec["replicas"] = 1
        elif tree.has(join(unit.sources, inner)):
            spec["replicas"] = 1
            its = f"{place}: {unit.name}: its database is {inner}, which its repository holds"
            context.found.remarks.append(f"{its}: what is written into it ends with its pod")
        elif folder in spec.get("writablePaths", []) and not kept:
            spec["writablePaths"].remove(folder)
            spec["persistence"] = {"path": folder}
            context.found.because(key, f"{folder}, where its database is a file", place)
        else:
            spec["persistence"] = {"path": kept or VOLUME}
            link = f"mkdir -p {folder} && ln -sfn {kept or VOLUME}/{PurePosixPath(path).name} {path}"
            spec.setdefault("buildSteps", []).append(link)
            context.found.because(key, f"{kept or VOLUME}, which {path} leads to: its database is a file", place)


def _sources_in(unit: Unit, spec: Mapping[str, Any]) -> str:
    """Return the folder in which a service's image has its sources."""
    member = str(spec.get("buildArgs", {}).get("MEMBER", "")) if "builder" in spec else ""
    workdir = unit.dockerfile.workdir if unit.dockerfile and "builder" not in spec else "/app"
    return os.path.normpath(join(workdir or "/", member or os.path.relpath(unit.sources, spec["context"])))


def _started_in(unit: Unit, spec: Mapping[str, Any]) -> str:
    """Return the folder in which a service's program is started."""
    if "builder" in spec:
        return _sources_in(unit, spec)
    words = " ".join(unit.dockerfile.command) if unit.dockerfile else ""
    inner = re.search(r"\bcd\s+([\w./-]+)", words)
    return join((unit.dockerfile.workdir if unit.dockerfile else "") or "/", inner[1] if inner else "")
