"""Seconds are summed up and compared the way the table says; the plain commands are those of the specification."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import contest, many, plain, skaffold, starts
from bench.statistics import Summary, ratios, summary, table
from scripts.host.paths import ROOT
from scripts.images import plan
from scripts.settings.configuration import read_settings


def test_every_part_that_can_be_asked_for_is_in_the_guide() -> None:
    guide = (ROOT / "docs/performance.md").read_text()
    assert [part for part in command.PARTS if f"`{part}`" not in guide] == []


def test_the_command_line_names_rounds_and_parts() -> None:
    assert command.asked([]) == (3, command.PARTS)
    assert command.asked(["5", "four", "dev"]) == (5, ["four", "dev"])


@pytest.mark.parametrize("words", [["four"], ["0"], ["3", "five"]])
def test_what_it_does_not_know_is_refused_before_anything_is_measured(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="ROUNDS is a number from 1"):
        command.asked(words)


def test_rounds_are_summed_up() -> None:
    assert summary([3.0, 1.0, 2.0]) == Summary(1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="nothing"):
        summary([])


def test_a_ratio_compares_the_same_round_and_is_above_one_where_the_pipeline_is_faster() -> None:
    rounds = {"plain": [10.0, 30.0, 4.0], "pipeline": [1.0, 10.0, 2.0]}
    assert ratios(rounds, "plain") == Summary(2.0, 3.0, 10.0)
    assert table({"unchanged": rounds}) == [
        ("SCENARIO", "plain s", "pipeline s", "plain / pipeline"),
        ("unchanged", "4.0 / 10.0 / 30.0", "1.0 / 2.0 / 10.0", "2.0 / 3.0 / 10.0"),
    ]


class Race:
    """A contest of two, of whom one keeps a processor busy for a moment; the other waits."""

    def __init__(self) -> None:
        self.sources, self.one = {"mcp": Path("mcp.py")}, "mcp"

    def contestants(self) -> tuple[str, ...]:
        return "plain", "pipeline"

    def run(self, contestant: str) -> None:
        work = "sum(range(2_000_000))" if contestant == "plain" else "0"
        subprocess.run([sys.executable, "-S", "-c", work], check=True)

    def remove(self) -> None: ...
    def change(self, names: list[str]) -> None: ...


@pytest.mark.slow
def test_every_scenario_has_seconds_and_the_cpu_of_what_was_started() -> None:
    measured = contest.measure(Race(), 2, "app")  # type: ignore[arg-type]
    assert list(measured)[2:4] == ["app: unchanged", "app: unchanged, CPU"]
    used = measured["app: all changed, CPU"]
    assert len(used["plain"]) == len(used["pipeline"]) == 2 and min(used["plain"]) > 0


def test_the_plain_list_builds_tags_upgrades_and_waits_in_sequence() -> None:
    service = plain.Build("mcp", Path("/src"), Path("/src/mcp/Dockerfile"), {"PYTHON_IMAGE": "python:base"})
    tools = plain.Tools(Path("/usr/bin/docker"), "helm", "kubectl", Path("/state/kubeconfig"))
    lines = plain.commands(tools, [service], Path("/charts/app"), [Path("/values.yaml")], "one")
    assert [" ".join(line) for line in lines] == [
        "/usr/bin/docker build --quiet --tag todo-chatbot/mcp:one --build-arg PYTHON_IMAGE=python:base"
        " --file /src/mcp/Dockerfile /src",
        "/usr/bin/docker tag todo-chatbot/mcp:one todo-chatbot/mcp:plain",
        "helm upgrade --install todo-chatbot /charts/app --namespace chatbot-dev --values /values.yaml --reset-values"
        " --force-conflicts --kubeconfig /state/kubeconfig",
        "kubectl --kubeconfig /state/kubeconfig --namespace chatbot-dev rollout status deployment/mcp --timeout=120s",
    ]


def test_skaffold_is_told_the_same_images_chart_and_values() -> None:
    service = plain.Build("mcp", Path("/src"), Path("/src/mcp/Dockerfile"), {"PYTHON_IMAGE": "python:base"})
    told = skaffold.config([service], Path("/charts/app"), [Path("/values.yaml")])
    (artifact,) = told["build"]["artifacts"]
    assert artifact["docker"] == {"dockerfile": "mcp/Dockerfile", "buildArgs": {"PYTHON_IMAGE": "python:base"}}
    (release,) = told["deploy"]["helm"]["releases"]
    assert release["chartPath"] == "/charts/app" and release["valuesFiles"] == ["/values.yaml"]
    assert release["setValueTemplates"]["mcp.image.tag"] == "{{.IMAGE_TAG_todo_chatbot_mcp}}"


def test_the_app_of_forty_services_is_one_that_the_pipeline_takes(tmp_path: Path) -> None:
    for folder in ("config", "charts", "services/database"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    names = many.write(tmp_path, 40, 30123)
    settings = read_settings(tmp_path)
    plan.refuse_unused(settings, settings.services)
    assert [service.name for service in settings.services] == names and len(names) == 40


def test_what_a_command_costs_is_measured_where_every_service_is_in_trouble() -> None:
    assert len(starts._state().kind("Pod")) == starts.PODS and len(starts._state().kind("Event")) == starts.EVENTS
