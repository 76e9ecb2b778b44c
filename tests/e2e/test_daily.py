"""The tasks of daily use, against a live release."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.project import Project

SERVICES = ("frontend", "backend", "agent", "mcp")


@pytest.fixture(scope="module", autouse=True)
def live(project: Project) -> dict[str, Any]:
    return project.pipeline()


def test_status_shows_what_runs(project: Project) -> None:
    rows = {line.split()[0]: line.split() for line in project.invoke("status").stdout.splitlines()}
    assert {*SERVICES, "database"} < rows.keys()
    assert rows["backend"][1] == "2/2" and rows["backend"][-1].startswith("todo-chatbot/backend:")


def test_logs_come_from_every_pod_of_a_service(project: Project) -> None:
    text = project.invoke("logs", "--service", "backend", "--tail", "5").stdout
    pods = {line.split("/")[1] for line in text.splitlines() if line.startswith("[pod/")}
    assert len(pods) >= 2  # one of a rollout that has just ended may still be on its way out


def test_a_service_that_does_not_exist_is_named(project: Project) -> None:
    done = project.invoke("logs", "--service", "backand", check=False)
    assert done.returncode == 1


def test_restart_replaces_every_pod(project: Project) -> None:
    before = set(project.kubectl("get", "pods", "-l", "app.kubernetes.io/name=mcp", "-o", "name").split())
    project.invoke("restart", "--service", "mcp")
    after = set(project.kubectl("get", "pods", "-l", "app.kubernetes.io/name=mcp", "-o", "name").split())
    assert after - before
    assert project.invoke("health").returncode == 0


def test_history_says_which_revisions_were_proved(project: Project) -> None:
    lines = project.invoke("history").stdout.splitlines()
    assert lines[0].startswith("REVISION") and "deployed" in lines[-1]


def test_the_url_is_printed(project: Project) -> None:
    assert project.invoke("access").stdout.splitlines()[-1] == f"URL: {project.url}"


def test_the_last_runs_become_a_page(project: Project) -> None:
    project.invoke("report")
    page = (project.folder / "reports/index.html").read_text()
    assert "pipeline: verified" in page or "access: done" in page


def test_every_stage_works_alone(project: Project) -> None:
    for stage in ("prepare", "build", "tag", "load", "deploy", "rollout", "health", "access"):
        report = json.loads(project.invoke(stage, "--json").stdout)
        assert report["ok"], stage


def test_doctor_checks_what_the_main_job_stands_on(project: Project) -> None:
    """The port may be somebody else's here: then the verdict on it, and the exit status, are bad, and rightly so."""
    report = json.loads(project.invoke("doctor", "--json", check=False).stdout)
    verdicts = {row["name"]: row["verdict"] for row in report["checks"]}
    assert {verdicts[name] for name in ("engine", "buildkit", "helm", "kubectl", "cluster")} == {"ok"}


def test_destroy_says_what_it_would_delete_and_does_nothing_unasked(project: Project) -> None:
    done = project.invoke("destroy", check=False)
    assert done.returncode == 1 and "namespace/chatbot-dev" in done.stdout
    assert "2/2" in project.invoke("status").stdout


def test_diagnose_finds_nothing_in_a_healthy_release(project: Project) -> None:
    assert json.loads(project.invoke("diagnose", "--json").stdout) == []
