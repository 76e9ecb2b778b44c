"""A release's chart may be a folder, an archive, or what a repository has."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from scripts.errors import SettingsError, UserError
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.kube import charts
from scripts.settings import chart_source
from scripts.settings.configuration import read_settings
from tests.settings.test_configuration import minimal, project, write
from tests.support.serving import serving

__all__ = ["project"]  # the fixture


def archive(file: Path, files: dict[str, str]) -> Path:
    """A packaged chart with some files."""
    with tarfile.open(file, "w:gz") as opened:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            opened.addfile(entry, io.BytesIO(text.encode()))
    return file


CHART = {"mine/Chart.yaml": "apiVersion: v2\nname: mine\nversion: 1.0.0\n", "mine/values.yaml": "size: 3\n"}


def named(project: Path, chart: str, version: str = "") -> None:
    """Name a chart in config/pipeline.yaml."""
    write(project, minimal() | {"release": {"chart": chart} | ({"version": version} if version else {})})
    app = yaml.safe_load((project / "config/apps/todo-chatbot.yaml").read_text())
    for spec in app["services"].values():
        spec.pop("subchart", None)
    write(project, app, "config/apps/todo-chatbot.yaml")


def test_an_archive_is_read_as_the_folder_it_was(project: Path) -> None:
    archive(project / "mine-1.0.0.tgz", CHART)
    named(project, "mine-1.0.0.tgz")
    chart = read_settings(project).release.chart
    assert (chart / "values.yaml").read_text() == "size: 3\n" and chart.name == "mine"
    assert read_settings(project).release.chart == chart
    archive(project / "mine-1.0.0.tgz", CHART | {"mine/values.yaml": "size: 4\n"})
    assert (read_settings(project).release.chart / "values.yaml").read_text() == "size: 4\n"


def test_a_reference_is_fetched_once(project: Path, tmp_path: Path) -> None:
    file = archive(tmp_path / "source.tgz", CHART)
    asked = []

    def pull(reference: str, version: str, folder: Path) -> None:
        asked.append((reference, version))
        shutil.copy(file, folder / "mine-1.0.0.tgz")

    named(project, "oci://registry.example/charts/mine", "1.0.0")
    first = read_settings(project, pull=pull).release.chart
    assert read_settings(project, pull=pull).release.chart == first == read_settings(project).release.chart
    assert asked == [("oci://registry.example/charts/mine", "1.0.0")]


@pytest.mark.parametrize(
    ("chart", "version", "problem", "remedy"),
    [
        ("nowhere", "", "release.chart: no chart in ", "name a chart: a folder, an archive or a reference"),
        ("text.tgz", "", "text.tgz is no packaged chart: not a gzip file", "make one by: helm package"),
        ("empty.tgz", "", "empty.tgz is no packaged chart: it holds 0 of them", "make one by: helm package"),
        ("outside.tgz", "", "outside.tgz is no packaged chart: ", "make one by: helm package"),
        ("oci://r/mine", "", "oci://r/mine may be another chart tomorrow", "name its version, as release.version"),
        ("oci://r/mine", "1.0.0", "oci://r/mine is not fetched yet", "a run without --dry fetches it"),
        ("needy", "1.0.0", "1.0.0 is for a chart that a repository has, and ", "remove it"),
        ("needy", "", "lacks the charts it needs: postgresql", "run: helm dependency build "),
    ],
)
def test_what_is_no_chart_is_told_by_key_with_a_remedy(
    project: Path, chart: str, version: str, problem: str, remedy: str
) -> None:
    (project / "text.tgz").write_text("no archive")
    archive(project / "empty.tgz", {"README.md": "nothing"})
    archive(project / "outside.tgz", CHART | {"../outside": "x"})
    (project / "needy").mkdir()
    needs = (
        "apiVersion: v2\nname: needy\nversion: 1.0.0\ndependencies: [{name: postgresql, version: 1, repository: x}]\n"
    )
    (project / "needy/Chart.yaml").write_text(needs)
    named(project, chart, version)
    with pytest.raises(SettingsError) as caught:
        read_settings(project)
    key = "version" if "repository has" in problem else "chart"
    assert str(caught.value).startswith(f"config/pipeline.yaml: release.{key}: ") and problem in str(caught.value)
    assert remedy in caught.value.hint
    assert not (project / ".pipeline/outside").exists()


def test_charts_that_a_chart_needs_are_found_by_their_own_names(tmp_path: Path) -> None:
    """As helm does, whatever their folders and archives are called."""
    needed = ["folder", "packed", "redis"]
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump({"dependencies": [{"name": name} for name in needed]}))
    (tmp_path / "charts/vendored").mkdir(parents=True)
    (tmp_path / "charts/vendored/Chart.yaml").write_text("name: folder\n")
    archive(tmp_path / "charts/anything.tgz", {"./packed/Chart.yaml": "name: packed\n"})
    archive(tmp_path / "charts/redis-ha-1.0.0.tgz", {"redis-ha/Chart.yaml": "name: redis-ha\n"})
    assert chart_source.missing_dependencies(tmp_path) == ["redis"]


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A web server that has a packaged chart."""
    (tmp_path / "web").mkdir()
    archive(tmp_path / "web/mine-1.0.0.tgz", CHART)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web")))
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.slow
def test_helm_fetches_it_from_where_it_is(repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    lines: list[str] = []
    shell = Shell(echo=lines.append)
    (tmp_path / "cache").mkdir()
    charts.pull(shell, ROOT, f"{repository}/mine-1.0.0.tgz", "", tmp_path / "cache")
    assert (tmp_path / "cache/mine-1.0.0.tgz").is_file()
    assert any("helm pull http://127.0.0.1" in line for line in lines)
    with pytest.raises(UserError, match="404"):
        charts.pull(shell, ROOT, f"{repository}/other-1.0.0.tgz", "", tmp_path / "cache")
