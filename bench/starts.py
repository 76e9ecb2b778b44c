"""What every command costs before it does anything, and what a diagnosis costs in a large namespace."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.statistics import summary
from scripts import diagnose
from scripts.diagnose import Snapshot
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.images import docker

# Milliseconds of CPU that our own modules may add to what invoke itself takes; a bench says whether they do.
BUDGET = 25.0
PODS, EVENTS, SERVICES = 2_000, 20_000, 40


def table(rounds: int = 7) -> list[tuple[str, ...]]:
    """A row a figure, as min / median / max."""
    rows: list[tuple[str, ...]] = [("WHAT A COMMAND COSTS", "seconds", "CPU seconds")]
    plain = _measured([sys.executable, "-c", "import invoke"], rounds)
    ours = _measured([sys.executable, "-c", "import tasks"], rounds)
    listed = _measured([sys.executable, "-m", "invoke", "--list"], rounds)
    rows.append(("import invoke", *plain[:2]))
    rows.append(("import invoke and every task", *ours[:2]))
    rows.append(("invoke --list", *listed[:2]))
    own = 1000 * (ours[2] - plain[2])
    rows.append(
        ("of it our own modules", f"{own:.0f} ms", f"budget {BUDGET:.0f} ms: {'kept' if own <= BUDGET else 'broken'}")
    )
    rows += _engine_reads(rounds)
    rows.append((f"diagnose, {PODS:,} pods, {EVENTS:,} events", *_diagnosed(rounds)))
    return rows


def _measured(argv: Sequence[str], rounds: int) -> tuple[str, str, float]:
    """Wall and CPU seconds of a command as min / median / max, and the least CPU seconds."""
    walls, works = [], []
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(rounds + 1):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(argv, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.monotonic() - started)
        works.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    # The first one writes bytecode.
    return _precise(walls[1:]), _precise(works[1:]), min(works[1:])


def _engine_reads(rounds: int) -> list[tuple[str, ...]]:
    """What it takes to ask the engine for five images: over its API, and by a client for each. Nothing without one."""
    shell, refs = Shell(echo=lambda _: None), [f"todo-chatbot/bench-{number}:1" for number in range(5)]
    client = next((path for path in docker.find_clients() if docker.engine_answers(shell, path)), None)
    if client is None:
        return []

    def by_client() -> None:
        for ref in refs:
            shell.probe([client, "image", "inspect", ref])

    ways = {"over the API": lambda: docker.image_ids(shell, docker.Docker(client), refs), "by the client": by_client}
    rows = []
    for way, ask in ways.items():
        seconds = []
        for _ in range(rounds):
            started = time.monotonic()
            ask()
            seconds.append(time.monotonic() - started)
        rows.append((f"five images asked for {way}", _precise(seconds), ""))
    return rows


def _diagnosed(rounds: int) -> tuple[str, str]:
    rules, walls, works = diagnose.read_rules(), [], []
    for _ in range(rounds):
        state = _state()
        started, worked = time.monotonic(), time.process_time()
        found = diagnose.diagnose(state, rules)
        walls.append(time.monotonic() - started)
        works.append(time.process_time() - worked)
        if len(found) != SERVICES:
            raise AssertionError(f"{len(found)} findings instead of {SERVICES}")
    return _precise(walls), _precise(works)


def _precise(figures: Sequence[float]) -> str:
    found = summary(figures)
    return f"{found.least:.2f} / {found.median:.2f} / {found.most:.2f}"


def _state() -> Snapshot:
    """A namespace in which no pod is ready."""
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    ago = (now - timedelta(seconds=60)).isoformat()
    items: list[dict[str, Any]] = []
    for name in (f"service-{number}" for number in range(SERVICES)):
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name, "image": "x:1"}]}}
        spec = {"replicas": 1, "template": template, "selector": {"matchLabels": {"app": name}}}
        items.append({"kind": "Deployment", "metadata": {"name": name, "uid": name}, "spec": spec})
        owner = [{"kind": "Deployment", "name": name, "uid": name, "controller": True}]
        made = {"name": f"{name}-1", "uid": f"r-{name}", "creationTimestamp": ago, "ownerReferences": owner}
        items.append({"kind": "ReplicaSet", "metadata": made, "spec": spec, "status": {"replicas": 1}})
        for number in range(PODS // SERVICES):
            pod = f"{name}-1-{number}"
            items.append(_pod(pod, name, template["spec"], ago))
            items += [_event(pod, count, ago) for count in range(EVENTS // PODS)]
    return Snapshot.of(items, "chatbot-dev", now)


def _pod(name: str, service: str, spec: dict[str, Any], ago: str) -> dict[str, Any]:
    owner = [{"kind": "ReplicaSet", "name": f"{service}-1", "uid": f"r-{service}", "controller": True}]
    metadata = {
        "name": name,
        "uid": name,
        "labels": {"app": service},
        "creationTimestamp": ago,
        "ownerReferences": owner,
    }
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    statuses = [{"name": service, "state": waiting, "ready": False, "restartCount": 0}]
    status = {"phase": "Pending", "startTime": ago, "containerStatuses": statuses}
    return {"kind": "Pod", "metadata": metadata, "spec": {**spec, "nodeName": "node"}, "status": status}


def _event(pod: str, number: int, ago: str) -> dict[str, Any]:
    return {
        "kind": "Event", "metadata": {"name": f"{pod}.{number}"}, "type": "Warning", "reason": "Failed",
        "message": f"Failed to pull image: not found ({number})", "count": 3,
        "firstTimestamp": ago, "lastTimestamp": ago,
        "involvedObject": {"kind": "Pod", "name": pod, "uid": pod},
    }  # fmt: skip


if __name__ == "__main__":
    from scripts.tasks.support import print_table

    print_table(table())
