"""How long each service takes to start within its CPU limit: the CPU time it needs, over the cores that it may use."""

from __future__ import annotations

import json

from scripts.host.shell import Shell
from scripts.images.docker import engine_answers, find_clients
from tests.support import starting
from tests.support.project import Project


def measure(project: Project) -> dict[str, float]:
    """Seconds by service, on an idle machine; a busy one only stretches the clock, not this."""
    images = json.loads(project.invoke("build", "--json").stdout)["images"]
    docker = next(item for item in find_clients() if engine_answers(Shell(), item))
    found = {}
    for service in starting.PORTS:
        used, cores = starting.start(docker, images[service], service)
        found[service] = used / cores
    return found


def rows(measured: dict[str, float]) -> list[tuple[str, ...]]:
    """A table."""
    return [("START WITHIN ITS LIMIT", "SECONDS"), *((name, f"{value:.2f}") for name, value in measured.items())]
