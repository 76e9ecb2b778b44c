"""`python -m bench [ROUNDS [PART...]]`: measure, print a table, keep the figures in reports/bench.json."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import dev, loading, many, redaction, services, starts, statistics
from bench.contest import Contest, measure
from scripts.host.paths import ROOT
from scripts.tasks.support import print_table
from tests.support.project import SPARE_PORT, Project, copy_repository, is_free, make_project

SOURCES = {
    "frontend": "services/frontend/components/chat.tsx",
    "backend": "services/backend/todo_backend/__init__.py",
    "agent": "services/agent/todo_agent/__init__.py",
    "mcp": "services/mcp/todo_mcp/__init__.py",
}
MANY = 40


PARTS = ("starts", "redaction", "loading", "four", "forty", "services", "dev")


def main(rounds: int, parts: Sequence[str] = PARTS) -> None:
    """What commands cost; then each contestant in every scenario, in turn; then the inner loop."""
    started = time.monotonic()
    for part, table in (("starts", starts.table), ("redaction", redaction.table), ("loading", loading.table)):
        if part in parts:
            print_table(table())
    measured: dict[str, dict[str, list[float]]] = {}
    loop: dict[str, Any] = {}
    begun: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for part, title, make in (("four", "four services", _app), ("forty", f"{MANY} services", _many)):
            if part in parts:
                measured |= _contest(title, make, Path(name) / part, rounds)
        if {"services", "dev"} & set(parts):
            print("== the inner loop", flush=True)
            folder = Path(name) / "loop"
            with make_project(folder / "project", folder / "state", f"bench-{os.getpid()}-loop") as project:
                begun = services.measure(project) if "services" in parts else {}
                loop = dev.measure(project, max(rounds, 5)) if "dev" in parts else {}
    if measured:
        print_table(statistics.table(measured))
    if begun:
        print_table(services.rows(begun))
    if loop:
        print_table(dev.rows(loop))
    print(f"{rounds} rounds; seconds and ratios as min / median / max; {time.monotonic() - started:.0f} s in all")
    (ROOT / "reports").mkdir(exist_ok=True)
    (ROOT / "reports/bench.json").write_text(
        json.dumps(measured | {"start of services": begun, "inner loop": loop}, indent=1)
    )


def _contest(
    title: str, make: Callable[[Path], Contest], folder: Path, rounds: int
) -> dict[str, dict[str, list[float]]]:
    print(f"== {title}", flush=True)
    contest = make(folder)
    try:
        return measure(contest, rounds, title)
    finally:
        contest.end()


def _app(folder: Path) -> Contest:
    project = _project(folder)
    (project.folder / "port.yaml").write_text(json.dumps({"frontend": {"service": {"nodePort": project.port}}}))
    contest = Contest(project, {name: project.folder / path for name, path in SOURCES.items()}, "mcp")
    contest.configure(values=["port.yaml"])
    return contest


def _many(folder: Path) -> Contest:
    project = _project(folder)
    names = many.write(project.folder, MANY, project.port)
    contest = Contest(project, {name: many.source(project.folder, name) for name in names}, names[-1])
    contest.configure(values=[])
    return contest


def _project(folder: Path) -> Project:
    project = Project(folder / "project", folder / "state", _port(), f"bench-{os.getpid()}-{folder.name}")
    copy_repository(project.folder)
    return project


def _port() -> int:
    return next(port for port in range(SPARE_PORT + 60, SPARE_PORT + 100) if is_free(port))


def asked(words: Sequence[str]) -> tuple[int, Sequence[str]]:
    """Rounds and parts, as the command line names them; ends the program where it names others."""
    rounds, *parts = words or ["3"]
    unknown = [part for part in parts if part not in PARTS]
    if not rounds.isdecimal() or int(rounds) < 1 or unknown:
        sys.exit(f"bench [ROUNDS [PART...]]: ROUNDS is a number from 1, PART one of {', '.join(PARTS)}")
    return int(rounds), parts or PARTS


if __name__ == "__main__":
    main(*asked(sys.argv[1:]))
