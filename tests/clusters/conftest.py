"""One machine a test, with stand-ins for the programs that make clusters; and settings that name a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts import clusters
from scripts.clusters.target import Target
from scripts.host.shell import Shell
from tests.support.cluster_settings import Make, configuration, live_on
from tests.support.machine import Machine


@pytest.fixture
def said() -> list[str]:
    """What was shown to the person."""
    return []


@pytest.fixture
def quiet(said: list[str]) -> Shell:
    """A shell whose lines are kept."""
    return Shell(echo=said.append)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine of its own: programs, home and kubeconfig; nobody there is root."""
    made = Machine(tmp_path / "machine")
    live_on(made, monkeypatch)
    return made


@pytest.fixture
def cluster(machine: Machine, quiet: Shell, tmp_path: Path) -> Make:
    """Makes the target of a kind, newly, as another run of the product would: nothing is remembered in between."""

    def make(target: str, **changes: Any) -> Target:
        return clusters.select(configuration(tmp_path, **changes), quiet, machine.bin / "kubectl", target)

    return make
