"""Everything rendered is what was reviewed, and valid."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.support.charts import (
    CHARTS,
    DATABASE,
    ENVIRONMENTS,
    MONITORING,
    ROOT,
    SERVICES,
    SUBCHARTS,
    UMBRELLA,
    by_name,
    helm,
    manifests,
    render,
)
from tests.support.strict import problems

GOLDEN = ROOT / "tests/golden/charts"
FULL = (
    "--set", "frontend.ingress.enabled=true", "--set", "frontend.ingress.tls.enabled=true",
    "--set", "frontend.tls.serve=true", "--set", "global.imageRegistry=registry.local:5000/team",
    "--set", "global.imagePullSecrets[0].name=registry", "--set", "global.networkPolicy.monitoringNamespace=monitoring",
    "--set", "global.namespace=elsewhere", "--set", "backend.secrets.auth-secrets.JWT_SECRET=0123456789abcdef",
)  # fmt: skip
EVERYTHING = ("--values", str(ROOT / "tests/charts/everything.yaml"))
NOTHING_EXTRA = ("--set", "global.networkPolicy.enabled=false")
CASES = {
    "default": (UMBRELLA, (), ""),
    **{environment: (UMBRELLA, (), environment) for environment in ENVIRONMENTS},
    "every-option": (UMBRELLA, FULL, "secure"),
    "everything": (UMBRELLA, EVERYTHING, ""),
    "everything-tls": (UMBRELLA, (*EVERYTHING, "--set", "global.tls.enabled=true"), ""),
    "no-network-policies": (UMBRELLA, NOTHING_EXTRA, ""),
    "database": (DATABASE, (), ""),
    "database-in-memory": (DATABASE, ("--set", "persistence.enabled=false", *NOTHING_EXTRA), ""),
    "monitoring": (MONITORING, (), ""),
    "monitoring-tls": (MONITORING, ("--set", "tls.enabled=true", "--set", "services.frontend.https=true"), ""),
    **{f"{name}-alone": (chart, (), "") for name, chart in SUBCHARTS.items()},
    **{f"{name}-alone-tls": (chart, ("--set", "global.tls.enabled=true"), "") for name, chart in SUBCHARTS.items()},
}


def stable(text: str) -> str:
    """A render without what is new each time: certificates and their dates."""
    text = re.sub(r"^(  (?:ca|tls)\.(?:crt|key): ).{100,}$", r"\1<generated>", text, flags=re.MULTILINE)
    return re.sub(r'(chatbot/expires: )"[^"]+"', r"\1<generated>", text)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["default", "database"])
def test_golden(case: str) -> None:
    """UPDATE_GOLDEN=1 rewrites the files; the review is of their diff."""
    compare(GOLDEN / f"{case}.yaml", rendered(case))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["dev", "ci", "secure"])
def test_golden_difference(case: str) -> None:
    """What an environment changes about the default, line by line."""
    lines = difflib.unified_diff(rendered("default").splitlines(), rendered(case).splitlines(), lineterm="", n=1)
    compare(GOLDEN / f"{case}.diff", "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@"))))


def rendered(case: str) -> str:
    chart, words, environment = CASES[case]
    return stable(render(chart, *words, environment=environment))


def compare(file: Path, text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "run it with UPDATE_GOLDEN=1 and review the diff"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_valid(case: str) -> None:
    chart, words, environment = CASES[case]
    found = [problem for item in manifests(chart, *words, environment=environment) for problem in problems(item)]
    assert not found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda item: item["spec"].update(replica=2), "spec.replica: Kubernetes 1.36 has no such field"),
        (lambda item: item["spec"].update(replicas="2"), "spec.replicas: should be integer, not string"),
        (lambda item: item.update(apiVersion="apps/v2"), "no kind Deployment in apps/v2"),
        (lambda item: item["spec"]["strategy"].update(type="Rolling"), "'Rolling' is not one of"),
        (
            lambda item: item["spec"]["template"]["spec"]["containers"][0].update(env=[{"name": "A"}, {"name": "A"}]),
            "'A' stands twice",
        ),
    ],
)
def test_validation_is_strict(change, expected: str) -> None:
    deployment = yaml.safe_load(yaml.safe_dump(by_name(manifests(UMBRELLA), "Deployment")["backend"]))
    change(deployment)
    assert any(expected in problem for problem in problems(deployment))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_one_namespace_and_common_labels(case: str) -> None:
    chart, words, environment = CASES[case]
    for item in manifests(chart, *words, environment=environment):
        assert item["metadata"]["namespace"] == ("elsewhere" if words == FULL else "chatbot-dev"), item
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "todo-chatbot"
        assert labels["app.kubernetes.io/instance"] in ("todo-chatbot", "todo-database", "todo-monitoring")


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_subchart_alone_is_the_same_as_in_the_umbrella(name: str) -> None:
    together = {(item["kind"], item["metadata"]["name"]): item for item in manifests(UMBRELLA)}
    for item in manifests(SUBCHARTS[name]):
        assert together[item["kind"], item["metadata"]["name"]] == item


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_condition_leaves_a_service_out(name: str) -> None:
    objects = manifests(UMBRELLA, "--set", f"{name}.enabled=false", environment="secure")
    assert set(by_name(objects, "Deployment")) == set(SERVICES) - {name}
    assert f"{name}-tls" not in by_name(objects, "Secret")
    assert not [problem for item in objects for problem in problems(item)]


def test_subcharts_are_declared_with_conditions() -> None:
    chart = yaml.safe_load((UMBRELLA / "Chart.yaml").read_text(encoding="utf-8"))
    declared = {item["name"]: item for item in chart["dependencies"]}
    assert {name: declared[name].get("condition") for name in SERVICES} == {n: f"{n}.enabled" for n in SERVICES}
    for name, item in declared.items():
        sub = yaml.safe_load((UMBRELLA / "charts" / name / "Chart.yaml").read_text(encoding="utf-8"))
        assert (item["version"], item["repository"]) == (sub["version"], "")
        assert [entry["repository"] for entry in sub.get("dependencies", [])] in ([], ["file://../common"])


def test_no_chart_holds_a_symbolic_link() -> None:
    assert not [path for path in (ROOT / "charts").rglob("*") if path.is_symlink()]


@pytest.mark.slow
def test_packaged_charts_render_the_same(tmp_path: Path) -> None:
    for chart in (UMBRELLA, SUBCHARTS["backend"]):
        answer = helm("package", chart, "--destination", tmp_path)
        assert answer.returncode == 0, answer.stderr
        (package,) = tmp_path.glob(f"{chart.name}-*.tgz")
        again = helm("template", "todo-chatbot", package, "--namespace", "chatbot-dev")
        assert again.stdout == render(chart), again.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", CHARTS)
def test_lint(name: str) -> None:
    answer = helm("lint", "--strict", "--quiet", CHARTS[name])
    assert answer.returncode == 0, answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_lint_of_environments(environment: str) -> None:
    answer = helm("lint", "--strict", "--quiet", UMBRELLA, "--values", UMBRELLA / f"environments/{environment}.yaml")
    assert answer.returncode == 0, answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize("case", ["every-option", "database", "monitoring-tls"])
def test_rendered_yaml_is_clean(case: str) -> None:
    """No key twice, and no wild indentation; blank ends are where helm joins files."""
    off = "line-length: disable, trailing-spaces: disable, empty-lines: disable"
    rules = f"extends: relaxed\nrules: {{{off}, indentation: {{indent-sequences: whatever}}}}\n"
    chart, words, environment = CASES[case]
    text = render(chart, *words, environment=environment)
    assert not [str(problem) for problem in linter.run(text, YamlLintConfig(rules))]
