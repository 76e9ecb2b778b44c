"""Charts are linted for every environment, and what an upgrade would change is shown object by object."""

from pathlib import Path

from scripts.host.paths import ROOT
from scripts.release import charts
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


def test_every_chart_and_environment_is_linted() -> None:
    umbrella = Release("app", "n", ROOT / "charts/todo-chatbot-umbrella")
    database = Release("database", "n", ROOT / "charts/database")
    commands = charts.lint_commands(Path("helm"), ROOT, umbrella, database)
    linted = [" ".join(argv[4:]).replace(str(ROOT), "") for argv in commands]
    assert {"/charts/database", "/charts/monitoring", "/charts/todo-chatbot-umbrella"} <= set(linted)
    for environment in ("dev", "ci", "secure"):
        assert any(line.endswith(f"environments/{environment}.yaml") for line in linted)
    assert all(argv[1:3] == ["lint", "--strict"] for argv in commands)


def test_a_chart_is_linted_with_the_values_that_the_release_uses(tmp_path: Path) -> None:
    own = Release("app", "n", tmp_path / "chart", (tmp_path / "mine.yaml",))
    commands = charts.lint_commands(Path("helm"), tmp_path, own, Release("database", "n", tmp_path / "database"))
    assert [str(tmp_path / "chart"), "--values", str(tmp_path / "mine.yaml")] in [argv[4:] for argv in commands]
