"""What goes wrong is named, undone, and mended by the next run."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import Project

KILLS = int(os.environ.get("KILLS", "5"))  # random moments at which a run is killed


@pytest.fixture(scope="module")
def live(project: Project) -> dict[str, Any]:
    """A verified release."""
    return project.pipeline()


@pytest.fixture
def mcp(project: Project) -> Iterator[Path]:
    """A source file of mcp, put back in the end."""
    file = project.folder / "services/mcp/todo_mcp/__main__.py"
    text = file.read_text()
    yield file
    file.write_text(text)


def answers(project: Project) -> bool:
    with urllib.request.urlopen(project.url, timeout=120) as page:  # noqa: S310 a local URL
        return bool(page.status == 200)


def start(project: Project) -> subprocess.Popen[bytes]:
    """A run in the background."""
    env = os.environ | {"XDG_STATE_HOME": str(project.state)}
    argv = [sys.executable, "-m", "scripts.tasks", "pipeline"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(argv, cwd=project.folder, env=env, stdout=quiet, stderr=quiet, stdin=quiet)


def test_a_broken_service_is_named_and_undone_while_the_page_goes_on_answering(
    project: Project, live: dict[str, Any], mcp: Path
) -> None:
    mcp.write_text('raise SystemExit("BACKEND_URL is not a URL")\n')
    done = project.invoke("pipeline", "--json", check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and not report["ok"]
    first = report["findings"][0]
    assert first["service"] == "mcp" and first["terminal"]
    assert any("BACKEND_URL is not a URL" in line for line in first["evidence"])
    assert first["remedy"] and "kubectl" in first["command"]
    undone = [item for item in report["outcomes"] if item["stage"] == "rollback" and item["target"] == "todo-chatbot"]
    assert [item["status"] for item in undone] == ["done"], report["error"]
    assert answers(project)
    verdicts = {line.split()[0]: line for line in project.invoke("history").stdout.splitlines()}
    assert "  failed  " in verdicts[str(report["revisions"]["todo-chatbot"])]
    assert "verified, rolled back to" in verdicts[str(report["rolled_back"]["todo-chatbot"])]


def test_the_next_run_with_the_mistake_corrected_goes_through(project: Project, live: dict[str, Any]) -> None:
    assert project.pipeline()["ok"]
    assert project.invoke("diagnose").returncode == 0


@pytest.mark.long
def test_what_was_scaled_by_hand_is_put_back_by_the_next_deploy(
    project: Project, live: dict[str, Any], mcp: Path
) -> None:
    project.invoke("scale", "--service", "mcp", "--replicas", "2")
    assert project.kubectl("get", "deployment", "mcp", "-o", "jsonpath={.spec.replicas}") == "2"
    mcp.write_text(mcp.read_text() + "\n# a reason to deploy\n")
    assert project.pipeline()["ok"]
    assert project.kubectl("get", "deployment", "mcp", "-o", "jsonpath={.spec.replicas}") == "1"


@pytest.mark.long
def test_what_was_changed_by_hand_is_named_and_put_back_or_told_how_to_remove(
    project: Project, live: dict[str, Any]
) -> None:
    assert project.pipeline()["ok"]
    asked = "jsonpath={.spec.template.spec}"
    before = project.kubectl("get", "deployment", "mcp", "-o", asked)
    project.kubectl("set", "env", "deployment/mcp", "BY_HAND=1")
    project.kubectl("set", "image", "deployment/agent", "agent=todo-chatbot/agent:none")
    told = project.invoke("status").stdout
    assert ".env" in told and ".image: set by kubectl-set" in told
    report = json.loads(project.invoke("deploy", "--json").stdout)
    deployed = {item["target"]: item["status"] for item in report["outcomes"] if item["stage"] == "deploy"}
    assert deployed["todo-chatbot"] == "done", "what helm applied last is not what is there"
    image = project.kubectl("get", "deployment", "agent", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image != "todo-chatbot/agent:none"
    (command,) = (line for line in project.invoke("status").stdout.splitlines() if line.startswith("  to remove it: "))
    subprocess.run(shlex.split(command.removeprefix("  to remove it: ")), check=True, capture_output=True)
    assert project.kubectl("get", "deployment", "mcp", "-o", asked) == before
    assert "set by" not in project.invoke("status").stdout
    assert project.pipeline()["ok"]


@pytest.mark.long
def test_a_second_run_is_refused_and_told_who_is_at_work(project: Project, live: dict[str, Any], mcp: Path) -> None:
    mcp.write_text(mcp.read_text() + "\n# something to do\n")
    first = start(project)
    lock = project.state / f"todo-chatbot/locks/{project.cluster}.lock"
    deadline = time.monotonic() + 300
    while not (lock.is_file() and str(first.pid) in lock.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)  # the other run says by its lock that it has begun
    second = project.invoke("pipeline", check=False)
    assert second.returncode == 1
    assert first.wait(600) == 0


@pytest.mark.long
def test_a_run_killed_at_any_moment_is_mended_by_the_next(project: Project, live: dict[str, Any], mcp: Path) -> None:
    chance = random.Random(7)
    text = mcp.read_text()
    for number in range(KILLS):
        mcp.write_text(f"{text}\n# change {number}\n")
        run = start(project)
        try:
            run.wait(chance.uniform(0.2, 8.0))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL if number % 2 else signal.SIGINT)
            run.wait(300)
        report = project.pipeline()
        assert report["ok"], (number, report["error"])
    statuses = project.kubectl(
        "get", "secrets", "-l", "owner=helm", "-o", "jsonpath={.items[*].metadata.labels.status}"
    )
    assert "pending" not in statuses
