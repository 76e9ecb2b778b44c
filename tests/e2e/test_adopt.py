"""Applications as other people have them, unmodified: two commands, and a person can use them. One cluster for all.

`nox` runs one shape and `nox -s long` another; all of them `nox -s adopt`, which takes longer: every one is built.
"""

from __future__ import annotations

import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.host.paths import ROOT
from tests.support.project import Project, is_free, make_project

APPS = ROOT / "tests/adopt/apps"
MORE = os.environ.get("ADOPT_ALL", "")
PROVED = {  # what is proved of each, beside that its pages open
    "bare": {"register", "log in", "add a todo"},
    "rewrites": set(),
}
LONGER: dict[str, set[str]] = {
    name: set() for name in ("migrated", "leftovers", "keys", "phases", "uv", "tls-page", "drizzle")
}  # with ADOPT_ALL
LATER = ("rewrites", *(LONGER if MORE else ()))
READS = {  # what answers only where a migration made the tables, and with a cache or a Kafka beside it
    "migrated": "http://localhost:8000/api/v1/plans",
    "uv": "http://localhost:3000/api/ready",
    "drizzle": "http://localhost:4000/notes",
    "keys": "http://localhost:8000/events/first",
}
ANSWERS = {"phases": "copy: phase-4\n"}


@pytest.fixture(scope="module")
def adopting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A copy of the repository with a cluster of its own."""
    if not (is_free(3000) and is_free(8000)):
        pytest.skip("the ports that these applications expect, 3000 and 8000, are taken on this machine")
    folders = (tmp_path_factory.mktemp("adopting"), tmp_path_factory.mktemp("adopting-state"))
    with make_project(*folders, f"adopt-{os.getpid()}") as made:
        yield made


@pytest.fixture
def alone(adopting: Project) -> Iterator[Project]:
    """The cluster without the applications of other tests: a small node has no room for all of them."""
    yield adopting
    apps = [file.stem for file in (adopting.folder / "config/apps").glob("*.yaml") if file.stem != "todo-chatbot"]
    adopting.kubectl("delete", "namespace", "--ignore-not-found", *apps)


OPENED = {"bare": 5173}
"""Where an author opens a page, if it is not 3000: Vite's port."""


@pytest.mark.parametrize("name", ["bare", *(pytest.param(one, marks=pytest.mark.long) for one in LATER)])
def test_somebody_elses_app_is_used_by_a_person_after_two_commands(alone: Project, tmp_path: Path, name: str) -> None:
    shutil.copytree(APPS / name, tmp_path / name)
    before = {path: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
    answers = tmp_path / "answers.yaml"
    answers.write_text(ANSWERS.get(name, "{}\n"))
    alone.invoke("adopt", str(tmp_path / name), "--answers", str(answers))
    report = alone.pipeline()
    assert report["ok"] and report["url"] == f"http://localhost:{OPENED.get(name, 3000)}"
    proved = {item["target"]: item["status"] for item in report["outcomes"] if item["stage"] == "prove"}
    wanted = {**PROVED, **LONGER}[name] | {"addresses"}
    assert {item for item in wanted if proved.get(item) != "done"} == set()
    assert "failed" not in proved.values()
    if name in READS:
        with urllib.request.urlopen(READS[name], timeout=300) as answer:  # noqa: S310 a local URL
            assert answer.status == 200
    again = {path: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
    assert again == before, "nothing below the folder is ever written"


@pytest.mark.skipif(not MORE, reason="with ADOPT_ALL")
def test_somebody_elses_own_chart_deploys_it_with_its_own_secret(alone: Project, tmp_path: Path) -> None:
    """The same images as by the product's chart; the page finds the backend by the name that the chart gives it."""
    app = shutil.copytree(APPS / "rewrites", tmp_path / "errands")
    alone.invoke("adopt", str(app), "--own-chart")
    report = alone.pipeline()
    assert report["ok"] and report["url"] == "http://localhost:3000"
    names = alone.kubectl("get", "deployments", "--namespace", "errands", "--output", "name").split()
    assert {"deployment.apps/errands-backend", "deployment.apps/errands-frontend"} <= set(names)
    with urllib.request.urlopen("http://localhost:3000/api/errands", timeout=300) as answer:
        assert answer.status == 200
    origin = urllib.request.Request("http://localhost:3000/api/errands", headers={"Origin": "http://localhost:3000"})
    with urllib.request.urlopen(origin, timeout=300) as answer:  # noqa: S310 a local URL
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000", "as its own Secret says"
