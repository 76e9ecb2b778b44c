"""Restarts, deleted pods, rotated secrets, upgrades and rollbacks: of hundreds of requests not one fails.

As many as each change needs to be met by dozens, and by a message of many tool calls; REQUESTS asks for more, the task
itself for 20,000.
"""

from __future__ import annotations

import os

import pytest
import yaml

from tests.support.project import Project

pytestmark = pytest.mark.long

REQUESTS = os.environ.get("REQUESTS", "600")


def _be_patient(project: Project) -> None:
    """Give the agent more time for a message of many tool calls, and pods that end the time for that.

    On a busy machine it is longer than the agent gives itself, which then says so: an answer, and no request lost.
    """
    file = project.folder / "charts/todo-chatbot-umbrella/environments/dev.yaml"
    values = yaml.safe_load(file.read_text())
    for name in ("frontend", "backend", "agent"):
        values[name]["terminationGracePeriodSeconds"] = 240
    values["agent"]["config"]["ANSWER_SECONDS"] = "110"
    file.write_text(yaml.safe_dump(values))


def test_no_request_is_lost_whatever_is_done_to_the_release(project: Project) -> None:
    _be_patient(project)
    project.pipeline()
    lines = project.invoke("verify.zero-downtime", "--requests", REQUESTS).stdout.splitlines()
    table = {line.rsplit(maxsplit=2)[0]: line.rsplit(maxsplit=2)[1:] for line in lines if line.split()[-1].isdecimal()}
    for phase in ("restart", "pod deletion", "secret rotation", "upgrade", "rollback"):
        assert int(table[phase][0]) > 20 and table[phase][1] == "0"
    for service in ("frontend", "backend", "agent", "mcp"):  # with messages of many tool calls under way
        assert int(table[f"replace {service}"][0]) > 0 and table[f"replace {service}"][1] == "0"
    assert int(table["all"][0]) >= int(REQUESTS)
    assert project.pipeline()["ok"]


def test_where_a_service_has_one_pod_there_is_nothing_to_prove(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    project.pipeline()
    project.invoke("scale", "--service", "backend", "--replicas", "1")
    refused = project.invoke("verify.zero-downtime", check=False)
    project.invoke("scale", "--service", "backend", "--replicas", "2")
    assert refused.returncode == 1
    assert "backend has 1 pod ready" in capfd.readouterr().err
