"""Charts are linted for every environment, and what an upgrade would change is shown object by object."""

import io
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.run import Run
from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.host.shell import Result, Shell
from scripts.images import engine
from scripts.kube.helm import Helm
from scripts.pipeline import deploy
from scripts.release import charts
from scripts.reporting.display import PlainDisplay
from scripts.settings.configuration import read_settings
from scripts.settings.model import Release

LIVE = """
kind: Deployment
metadata: {name: backend}
spec: {replicas: 2}
---
kind: ConfigMap
metadata: {name: gone}
"""
RENDERED = """
kind: Deployment
metadata: {name: backend}
spec: {replicas: 3}
---
kind: Pod
metadata: {name: smoke, annotations: {helm.sh/hook: test}}
---
kind: ConfigMap
metadata: {name: new}
"""


def test_an_upgrade_is_shown_object_by_object() -> None:
    text = charts.difference(LIVE, RENDERED)
    assert "-  replicas: 2\n+  replicas: 3" in text
    assert "live ConfigMap/gone" in text and "upgrade ConfigMap/new" in text and "smoke" not in text
    assert charts.difference(LIVE, LIVE) == ""


def test_a_secret_shows_that_it_changed_and_not_its_value() -> None:
    def secret(value: str) -> str:
        return f"kind: Secret\nmetadata: {{name: tls}}\ndata: {{tls.key: {value}}}\n"

    text = charts.difference(secret("c2VjcmV0"), secret("b3RoZXI="))
    assert "+  tls.key: '***" in text and "c2VjcmV0" not in text and "b3RoZXI" not in text


class Rendering(Shell):
    """A machine on which helm renders, and shows which values it was given."""

    def probe(self, argv: Any, **_: Any) -> Result:
        return Result(0, "".join(Path(word).read_text() for word in map(str, argv) if word.endswith("images.yaml")))


def engineless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A run on a machine without an engine, on which nothing may be installed, started or fetched."""
    monkeypatch.setattr(engine, "find_answering", lambda shell: None)
    monkeypatch.setattr(engine, "ensure", lambda *_, **__: pytest.fail("an engine was made ready"))
    settings = replace(read_settings(ROOT), root=tmp_path)
    session: Any = SimpleNamespace(
        settings=settings, sized=settings, shell=Rendering(), tools={"helm": "helm"}, local_database=False,
        cluster=SimpleNamespace(target="embedded"),
    )  # fmt: skip
    return Run(session, PlainDisplay(io.StringIO()))


def test_a_chart_is_rendered_without_an_engine_and_its_images_are_untold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = engineless(monkeypatch, tmp_path)
    rendered = charts.render(run, live=False)
    assert '"tag": "untold"' in rendered and "todo-chatbot/backend" in rendered


def test_a_persons_own_file_is_not_rendered_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The values of an environment lie beside a chart under the very name that rendered manifests would have."""
    run = engineless(monkeypatch, tmp_path)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/dev.yaml").write_text("backend: {replicaCount: 2}\n")
    with pytest.raises(UserError, match="is there already, and was not written by this"):
        charts.write(run, tmp_path / "environments")
    assert (tmp_path / "environments/dev.yaml").read_text() == "backend: {replicaCount: 2}\n"
    monkeypatch.setattr(charts, "render", lambda run, live: "kind: Role\nmetadata: {name: x}\n")
    for _ in range(2):  # what it wrote itself it writes anew
        assert "kind: Role" in charts.write(run, tmp_path / "out").read_text()


def test_what_a_deploy_would_bring_is_not_guessed_without_an_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(deploy, "current_versions", lambda run: {})
    with pytest.raises(UserError, match="cannot be told: no Docker engine") as told:
        charts.render(engineless(monkeypatch, tmp_path), live=True)
    assert told.value.hint == "run: invoke prepare"


def test_a_cluster_that_does_not_say_whether_there_is_a_release_is_not_told_to_deploy_one(tmp_path: Path) -> None:
    forbidden = Result(1, "", 'Error: secrets is forbidden: User "eve" cannot list resource "secrets"')
    shell: Any = SimpleNamespace(probe=lambda argv, **_: forbidden)
    session: Any = SimpleNamespace(
        sized=SimpleNamespace(release=Release("app", "n", tmp_path)), helm=Helm(Path("helm"), Path("k"), "c", shell)
    )
    with pytest.raises(UserError, match="is forbidden") as told:
        charts.pending_changes(Run(session, PlainDisplay(io.StringIO())))
    assert "lacks that right" in told.value.hint


def test_every_chart_and_environment_is_linted() -> None:
    umbrella = Release("app", "n", ROOT / "charts/todo-chatbot-umbrella")
    words = charts.lint_words(ROOT, umbrella, Release("database", "n", ROOT / "charts/database"))
    linted = [" ".join(one).replace(str(ROOT), "") for one in words]
    assert {"/charts/database", "/charts/monitoring", "/charts/todo-chatbot-umbrella"} <= set(linted)
    for environment in ("dev", "ci", "secure"):
        assert any(line.endswith(f"environments/{environment}.yaml") for line in linted)


def test_a_chart_is_linted_with_the_values_that_the_release_uses(tmp_path: Path) -> None:
    own = Release("app", "n", tmp_path / "chart", (tmp_path / "mine.yaml",))
    words = charts.lint_words(tmp_path, own, Release("database", "n", tmp_path / "database"))
    assert [str(tmp_path / "chart"), "--values", str(tmp_path / "mine.yaml")] in words


def helm_that(folder: Path, lint: str = "", template: str = "") -> SimpleNamespace:
    """A session whose helm does so, of a release of one chart."""
    helm = folder / "helm"
    helm.write_text(f"#!/bin/sh\ncase $1 in lint) {lint or 'true'} ;; template) {template or 'true'} ;; esac\n")
    helm.chmod(0o755)
    release = Release("app", "n", folder / "chart")
    settings = SimpleNamespace(root=folder, release=release, database_release=release)
    return SimpleNamespace(settings=settings, tools={"helm": helm}, shell=Shell(echo=lambda _: None))


TYPO = """cat <<END
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {prots: []}}
---
{apiVersion: example.com/v1, kind: Own, metadata: {name: x}, anything: true}
END"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("programs", "told"),
    [
        ({"lint": "echo no such key; exit 1"}, "no such key"),
        ({"lint": "kill -9 $$"}, "helm lint: exit status -9"),
        ({"template": f"{TYPO}\n"}, "Service/web: spec.prots: Kubernetes 1.36 has no such field"),
        ({"template": "echo only a cluster can tell >&2; exit 1"}, ""),
    ],
)
def test_what_is_linted_is_held_against_the_schemas_too(programs: dict[str, str], told: str, tmp_path: Path) -> None:
    session: Any = helm_that(tmp_path, **programs)
    with pytest.raises(UserError, match=told) if told else nullcontext():
        assert charts.lint(session) == 1
