"""checkov and hadolint find nothing in what is deployed, but for the exceptions its configuration explains."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.context.session import Session
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.settings.assemble import BUILDERS
from scripts.settings.configuration import read_settings
from scripts.settings.model import Release, Service
from scripts.supplychain import scanners
from scripts.supplychain.model import Result
from tests.support.cluster_settings import configuration


def scanned(scanner: Callable[[Session], list[Result]]) -> list[Result]:
    return scanner(Session(read_settings(), Shell()))


@pytest.mark.parametrize("scanner", [scanners.checkov, scanners.hadolint], ids=["checkov", "hadolint"])
def test_nothing_is_found_that_is_not_explained(scanner: Callable[[Session], list[Result]]) -> None:
    results = scanned(scanner)
    assert results and all(result.ran for result in results), results
    assert [finding for result in results for finding in result.findings] == []


def test_nothing_is_found_with_every_extension_used() -> None:
    mine = read_settings()
    release = dataclasses.replace(mine.release, values=(ROOT / "tests/charts/everything.yaml",))
    session = Session(dataclasses.replace(mine, release=release), Shell())
    [result] = scanners.checkov(session)
    assert result.ran, result
    assert list(result.findings) == []


def test_every_dockerfile_of_the_tree_is_looked_at() -> None:
    known = {path for _, path in scanners.dockerfiles(read_settings())}
    there = [*ROOT.glob("services/*/*Dockerfile"), *BUILDERS.glob("*.Dockerfile")]
    assert known == {path for path in there if "node_modules" not in path.parts}


def test_nothing_is_found_in_the_dockerfile_of_the_example() -> None:
    example = Service("backend", ROOT, ROOT / "examples/own-app/backend/Dockerfile")
    own = Session(dataclasses.replace(read_settings(), services=(example,)), Shell())
    assert "backend" in dict(scanners.dockerfiles(own.settings))
    results = [*scanners.hadolint(own), *scanners.checkov(own)]
    assert all(result.ran for result in results), results
    assert [finding for result in results for finding in result.findings] == []


@pytest.fixture
def careless(tmp_path: Path) -> Session:
    """A project with a Dockerfile and a chart that nobody has looked over."""
    (tmp_path / "config").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN apt-get install foo\n")
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: careless\nversion: 0.1.0\n")
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b}]}\n"
    (chart / "templates/pod.yaml").write_text(pod)
    release = Release("careless", "chatbot-dev", chart)
    service = Service("mcp", tmp_path, tmp_path / "Dockerfile")
    made = Session(configuration(tmp_path, services=(service,), database=service, database_release=release,
                                 release=release), Shell())  # fmt: skip
    made.__dict__["tools"] = Session(read_settings(), Shell()).tools
    return made


def test_carelessness_is_found_and_placed(careless: Session) -> None:
    found = {(item.id, item.path) for result in scanners.hadolint(careless) for item in result.findings}
    assert {("DL3006", "Dockerfile"), ("DL3008", "Dockerfile")} <= found
    [result] = scanners.checkov(careless)
    found = {(item.id, item.path) for item in result.findings}
    assert ("CKV_K8S_20", "chart/values.yaml") in found  # privilege escalation is not forbidden
