"""What a person changed reaches the pods, whatever came between; a rollback returns to what worked, Secrets too."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import pytest

from tests.support.project import Project


@pytest.fixture(scope="module", autouse=True)
def live(project: Project) -> dict[str, Any]:
    return project.pipeline()


def pods(project: Project, service: str) -> set[str]:
    found = json.loads(project.kubectl("get", "pods", "-l", f"app.kubernetes.io/name={service}", "-o", "json"))["items"]
    return {pod["metadata"]["uid"] for pod in found if "deletionTimestamp" not in pod["metadata"]}


def held(project: Project) -> str:
    text = project.kubectl("get", "secret", "auth-secrets", "-o", "jsonpath={.data.JWT_SECRET}")
    return base64.b64decode(text).decode()


def test_a_new_value_reaches_its_readers_although_the_build_failed_in_between(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: pods(project, name) for name in ("backend", "mcp")}
    monkeypatch.setenv("JWT_SECRET", f"first-{secrets.token_hex(16)}")
    file = project.folder / "services/mcp/Dockerfile"
    text = file.read_text()
    file.write_text(f"{text}\nRUN exit 3\n")
    assert project.invoke("pipeline", check=False).returncode == 1
    file.write_text(text)
    monkeypatch.delenv("JWT_SECRET")  # the next run is another shell's
    project.invoke("deploy")
    project.invoke("rollout")
    assert not pods(project, "backend") & before["backend"]
    assert pods(project, "mcp") == before["mcp"]
    project.invoke("health")


@pytest.mark.long
def test_a_rollback_brings_the_secrets_back_that_the_revision_was_proved_with(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = held(project)
    monkeypatch.setenv("JWT_SECRET", f"second-{secrets.token_hex(16)}")
    assert project.pipeline()["ok"] and held(project).startswith("second-")
    project.invoke("rollback")
    assert held(project) == good
    assert project.invoke("health").returncode == 0


def test_a_lost_password_is_found_again(project: Project) -> None:
    before = project.kubectl("get", "secret", "database-credentials", "-o", "jsonpath={.data}")
    project.kubectl("delete", "secret", "database-credentials")
    project.invoke("secrets.sync")
    assert project.kubectl("get", "secret", "database-credentials", "-o", "jsonpath={.data}") == before
