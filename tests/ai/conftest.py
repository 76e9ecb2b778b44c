"""A connection whose programs are stand-ins, and the recorded workloads that it looks at."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.ai import options
from scripts.ai.consult import Connection
from scripts.kube.helm import Helm
from scripts.kube.kubectl import Kubectl
from tests.support import ai_programs as doubles
from tests.support.model_server import ModelServer
from tests.support.own_settings import own_settings

HERE = Path(__file__).parent
FAULTS = HERE.parents[1] / "embedded/tests/recordings/faults"


@pytest.fixture(scope="session", name="doubles")
def doubles_module() -> Any:
    return doubles


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    """A server that speaks as a model's provider does, one for all tests of a file."""
    server = ModelServer()
    yield server
    server.stop()


def secret(name: str, **values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "type": "Opaque", "data": data}


@pytest.fixture(name="state_of")
def state_of_fixture() -> Callable[[str], dict[str, Any]]:
    return state_of


def state_of(fault: str) -> dict[str, Any]:
    """A recorded workload as the stand-in of kubectl serves it."""
    items = json.loads((FAULTS / f"{fault}.json").read_text())["items"]
    logs: dict[str, str] = {}
    for line in (FAULTS / f"{fault}.log.txt").read_text().splitlines():
        if line.startswith("[pod/"):
            where, _, said = line.partition("] ")
            logs[where.split("/")[1]] = logs.get(where.split("/")[1], "") + said + "\n"
    return {"items": items, "logs": logs}


Maker = Callable[..., Connection]


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def shells() -> list[Any]:
    """The shells that were made, the last one last."""
    return []


@pytest.fixture
def lines() -> list[str]:
    """What was shown of the commands that change something."""
    return []


@pytest.fixture
def make_desk(bin_folder: Path, shells: list[Any], lines: list[str]) -> Maker:
    """Make a connection: `state` is what kubectl shows, `answers` what it says instead, `variables` the environment."""

    def make(
        state: dict[str, Any] | None = None,
        *,
        answers: list[dict[str, Any]] | None = None,
        variables: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        **changes: Any,
    ) -> Connection:
        held = dict(state or {"items": [], "logs": {}})
        held["items"] = [*held["items"], secret("app", **(secrets or {}))]
        default = [
            {"starts": "get agents.kagent.dev", "err": "error: the server doesn't have a resource type", "code": 1}
        ]
        shell = doubles.Kube(held, [*(answers or []), *default], lines.append)
        shells.append(shell)
        kubeconfig = bin_folder / "config"
        settings = own_settings()
        kubectl = Kubectl(bin_folder / "kubectl", kubeconfig, "test", shell)
        helm = Helm(bin_folder / "helm", kubeconfig, "test", shell)
        given = variables or {}
        found = options.read(settings.root, given)
        if changes:
            from dataclasses import replace

            found = replace(found, **changes)
        return Connection(settings, kubectl, helm, found, given, None, str(bin_folder))

    return make


@pytest.fixture
def calls(shells: list[Any]) -> Callable[[], list[dict[str, Any]]]:
    """Every call of kubectl so far: words, stdin, kubeconfig."""
    return lambda: [call for shell in shells for call in shell.calls]
