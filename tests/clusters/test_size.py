"""On a node that is too small for the table's requests the release asks for less, and that is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.clusters import capacity
from scripts.context.size import SMALL, sized
from scripts.errors import UserError
from scripts.settings import values
from scripts.settings.configuration import read_settings
from scripts.settings.model import Cluster, Release, Settings
from tests.support.cluster_settings import configuration
from tests.support.machine import Machine

ASKED = {"frontend": (2, "100m"), "backend": (2, "200m"), "agent": (1, "100m"), "mcp": (1, "100m")}


class Node:
    """A cluster with a node of a size."""

    def __init__(self, target: str, cpus: int | None) -> None:
        self.target, self._cpus = target, cpus

    def cpus(self) -> int | None:
        return self._cpus


def chart(folder: Path, *, small: bool = True) -> Settings:
    """Settings of a release that asks for what the specification's table says."""
    table: dict[str, Any] = {
        name: {"image": {}, "replicaCount": pods, "resources": {"requests": {"cpu": cpu}}}
        for name, (pods, cpu) in ASKED.items()
    }
    (folder / "values.yaml").write_text(yaml.safe_dump(table))
    (folder / "environments").mkdir()
    if small:
        (folder / SMALL).write_text("frontend: {resources: {requests: {cpu: 10m}}}\n")
    (folder / "database").mkdir()
    (folder / "database/values.yaml").write_text("resources: {requests: {cpu: 100m}}\n")
    return configuration(folder, database_release=Release("database", "chatbot-dev", folder / "database"))


def choose(settings: Settings, target: str, cpus: int | None) -> tuple[Settings, list[str]]:
    said: list[str] = []
    node: Any = Node(target, cpus)
    cluster: Cluster = node
    return sized(settings, cluster, said.append), said


@pytest.mark.parametrize(
    ("target", "cpus", "small"),
    [
        ("minikube", 2, True),
        ("kind", 2, True),
        ("minikube", 3, False),
        ("minikube", 4, False),
        ("k3d", 2, False),
        ("embedded", 2, False),
        ("embedded", 1, True),
        ("context", None, False),
        ("minikube", None, False),
    ],
)
def test_smaller_requests_are_chosen_where_the_rest_does_not_fit(
    target: str, cpus: int | None, small: bool, tmp_path: Path
) -> None:
    settings, said = choose(chart(tmp_path), target, cpus)
    assert (tmp_path / SMALL in settings.release.values) == small
    assert bool(said) == small and all("size: full" in line for line in said)


def test_a_person_decides(tmp_path: Path) -> None:
    settings = chart(tmp_path)
    assert choose(replace(settings, size="full"), "minikube", 2)[0].release.values == ()
    assert choose(replace(settings, size="small"), "minikube", 64)[0].release.values == (tmp_path / SMALL,)


def test_a_chart_without_small_values_keeps_its_own_and_cannot_be_asked_for_them(tmp_path: Path) -> None:
    settings = chart(tmp_path, small=False)
    assert choose(settings, "minikube", 2) == (settings, [])
    with pytest.raises(UserError, match="size: small, but there is no"):
        choose(replace(settings, size="small"), "minikube", 2)


def test_small_values_lie_over_the_charts_and_below_a_persons(tmp_path: Path) -> None:
    settings = chart(tmp_path)
    own, mine = tmp_path / "environments/dev.yaml", tmp_path / "mine.yaml"
    settings = replace(settings, release=replace(settings.release, values=(own, mine)))
    assert choose(settings, "minikube", 2)[0].release.values == (own, tmp_path / SMALL, mine)


def test_what_the_reference_app_asks_for_does_not_fit_two_cores_beside_the_system() -> None:
    settings = read_settings()
    releases = (settings.release, settings.database_release)
    asked = capacity.requested_cpu([values.merged(settings, release) for release in releases])
    assert capacity.is_tight("minikube", 2, asked) and not capacity.is_tight("minikube", 4, asked)


@pytest.mark.parametrize("environment", ["dev", "ci", "secure"])
def test_with_the_small_values_it_does(environment: str) -> None:
    settings, said = choose(read_settings(environment=environment), "minikube", 2)
    releases = (settings.release, settings.database_release)
    asked = capacity.requested_cpu([values.merged(settings, release) for release in releases])
    assert not capacity.is_tight("minikube", 2, asked), (asked, said)
    names = [path.name for path in settings.release.values]
    assert names.index("small.yaml") == names.index(f"{environment}.yaml") + 1 if said else "small.yaml" not in names


@pytest.mark.parametrize("part", [3, {"resources": 1}, {"resources": {"requests": {"cpu": "much"}}}, {"resources": {}}])
def test_values_that_cannot_be_read_ask_for_nothing(part: Any) -> None:
    assert capacity.requested_cpu([{"a": part, "services": {"b": part}}]) == 0


@pytest.mark.slow
def test_a_machine_says_how_many_cpus_pods_share(machine: Machine, cluster: Any) -> None:
    machine.change(cpus=2)
    assert [cluster(target).cpus() for target in ("minikube", "kind", "k3d")] == [2, 2, 2]
    cluster("minikube").up()
    machine.change(cpus=8)
    assert cluster("minikube").cpus() == 2, "as it was made"
