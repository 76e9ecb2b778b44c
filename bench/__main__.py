"""`python -m bench [ROUNDS]`: measure, print a table, keep the figures in reports/bench.json."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from bench import plain, statistics
from scripts import digest
from scripts.settings import ROOT
from scripts.shell import Shell
from scripts.tasks.support import print_table
from scripts.tools.docker import engine_answers, find_clients, has_buildkit
from tests.e2e.conftest import SPARE_PORT, Project, copy_repository, is_free

SOURCES = {
    "frontend": ("services/frontend/components/chat.tsx", "//"),
    "backend": ("services/backend/todo_backend/__init__.py", "#"),
    "agent": ("services/agent/todo_agent/__init__.py", "#"),
    "mcp": ("services/mcp/todo_mcp/__init__.py", "#"),
}
MANY = 40


def change(project: Project, names: list[str]) -> None:
    """Add a line that no earlier run had to a source file of each service."""
    for name in names:
        path, mark = SOURCES[name]
        file = project.folder / path
        file.write_text(f"{file.read_text()}\n{mark} {secrets.token_hex(8)}\n")


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def plan_many(folder: Path) -> float:
    """Seconds to digest forty services of the size of the backend: planning is all that grows with their number."""
    source = ROOT / "services/backend"
    for number in range(MANY):
        shutil.copytree(source, folder / f"service-{number}", dirs_exist_ok=True)
    return seconds(
        lambda: [
            digest.build_digest(folder / f"service-{number}", folder / f"service-{number}" / "Dockerfile", {}, {})
            for number in range(MANY)
        ]
    )


def main(rounds: int) -> None:
    """Both contestants in turn, in every scenario."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        project = Project(root / "project", root / "state", _port(), f"bench-{os.getpid()}")
        copy_repository(project.folder)
        _configure(project)
        try:
            measured = _measure(project, rounds)
        finally:
            project.invoke("cluster.down")
        many = plan_many(root / "many")
    print_table(statistics.table(measured))
    print(f"planning {MANY} services: {many:.2f} s")
    (ROOT / "reports").mkdir(exist_ok=True)
    (ROOT / "reports/bench.json").write_text(json.dumps({"seconds": measured, "plan of 40": many}, indent=1))


def _measure(project: Project, rounds: int) -> dict[str, dict[str, list[float]]]:
    report = project.pipeline()
    refs = next(item["detail"] for item in report["outcomes"] if item["target"] == "base images").split(", ")
    bases = {kind: next(ref for ref in refs if kind in ref) for kind in ("python", "node")}
    quiet = Shell(echo=lambda _: None)
    docker = next(item for item in find_clients() if has_buildkit(quiet, item) and engine_answers(quiet, item))
    helm, kubectl = (shutil.which(tool, path=str(project.folder / ".tools")) or tool for tool in ("helm", "kubectl"))

    def by_hand(tag: str) -> None:
        plain.run(plain.commands(project, docker, helm, kubectl, bases, tag))

    def remove() -> None:
        project.invoke("destroy", "--yes")
        project.invoke("prepare")

    scenarios: dict[str, Callable[[], None]] = {
        "first deploy, images built": remove,
        "unchanged": lambda: None,
        "one service changed": lambda: change(project, ["mcp"]),
        "all changed": lambda: change(project, list(SOURCES)),
    }
    measured: dict[str, dict[str, list[float]]] = {}
    tag = "plain-0"
    for scenario, prepare in scenarios.items():
        results = measured[scenario] = {"plain": [], "pipeline": []}
        for number in range(rounds):
            prepare()
            tag = f"plain-{secrets.token_hex(4)}" if "changed" in scenario and "un" not in scenario else tag
            if scenario == "unchanged" and number == 0:
                by_hand(tag)
            results["plain"].append(seconds(lambda tag=tag: by_hand(tag)))
            if scenario == "unchanged":
                project.pipeline()
            prepare()
            results["pipeline"].append(seconds(project.pipeline))
            print(f"{scenario}: {results['plain'][-1]:.1f} s by hand, {results['pipeline'][-1]:.1f} s", flush=True)
    return measured


def _port() -> int:
    return next(port for port in range(SPARE_PORT + 60, SPARE_PORT + 100) if is_free(port))


def _configure(project: Project) -> None:
    (project.folder / "port.yaml").write_text(yaml.safe_dump({"frontend": {"service": {"nodePort": project.port}}}))
    file = project.folder / "config/pipeline.yaml"
    config = yaml.safe_load(file.read_text())
    config |= {"target": "embedded", "cluster": project.cluster}
    config["release"]["values"] = ["port.yaml"]
    file.write_text(yaml.safe_dump(config, sort_keys=False))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
