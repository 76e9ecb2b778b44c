"""What a user was promised: one command to a verified release, nothing done twice, one service at a time."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from typing import Any

import pytest

from tests.support.project import Project, call, status_of

SERVICES = {"frontend", "backend", "agent", "mcp"}


def pods(project: Project) -> dict[str, set[str]]:
    """Deployment → uids of its pods."""
    found: dict[str, set[str]] = {}
    for pod in json.loads(project.kubectl("get", "pods", "-o", "json"))["items"]:
        if "deletionTimestamp" not in pod["metadata"]:
            name = pod["metadata"]["name"].rsplit("-", 2)[0]
            found.setdefault(name, set()).add(pod["metadata"]["uid"])
    return found


@pytest.fixture(scope="module")
def first(project: Project) -> dict[str, Any]:
    return project.pipeline()


def test_the_first_run_ends_with_all_services_verified_and_a_url(project: Project, first: dict[str, Any]) -> None:
    assert first["ok"] and first["url"] == project.url
    assert set(status_of(first, "health")) > SERVICES
    with urllib.request.urlopen(project.url, timeout=300) as page:  # noqa: S310
        assert "Todo" in page.read().decode()


def test_a_chat_message_makes_a_todo(project: Project, first: dict[str, Any]) -> None:
    user = {"username": f"ada-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(16)}
    token = call(f"{project.url}/api/auth/register", user)["token"]
    reply = call(f"{project.url}/api/chat", {"message": "add buy milk"}, token)
    todos = call(f"{project.url}/api/todos", token=token)["items"]
    assert [todo["title"] for todo in todos] == ["buy milk"], reply


def test_the_second_run_verifies_and_does_nothing_else(project: Project, first: dict[str, Any]) -> None:
    before = pods(project)
    second = project.pipeline()
    assert second["ok"] and not second["changed"]
    assert second["revisions"] == first["revisions"]
    assert set(status_of(second, "build").values()) == {"unchanged"}
    assert set(status_of(second, "deploy").values()) == {"unchanged"}
    assert set(status_of(second, "health")) > SERVICES
    assert pods(project) == before


def test_a_changed_line_rolls_out_that_service_alone(project: Project, first: dict[str, Any]) -> None:
    before = pods(project)
    source = project.folder / "services/mcp/todo_mcp/__init__.py"
    source.write_text(f"{source.read_text()}\n# {secrets.token_hex(8)}\n")  # no image of it can exist already
    third = project.pipeline()
    assert third["ok"]
    assert {name for name, status in status_of(third, "build").items() if status == "done"} == {"mcp"}
    assert third["revisions"]["todo-chatbot"] == first["revisions"]["todo-chatbot"] + 1
    after = pods(project)
    assert {name for name in before if before[name] != after[name]} == {"mcp"}


def test_a_dry_run_shows_every_effect_and_changes_nothing(project: Project, first: dict[str, Any]) -> None:
    source = project.folder / "services/agent/todo_agent/__init__.py"
    text = source.read_text()
    source.write_text(f"{text}\n# {secrets.token_hex(8)}\n")
    before = pods(project)
    done = project.invoke("--dry", "pipeline", "--json")
    source.write_text(text)
    report = json.loads(done.stdout)
    assert status_of(report, "build")["agent"] == "planned"
    assert pods(project) == before


def test_one_request_id_is_in_the_logs_of_all_four_services(project: Project, first: dict[str, Any]) -> None:
    user = {"username": f"ida-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(16)}
    token = call(f"{project.url}/api/auth/register", user)["token"]
    await_ends(project)
    request_id = f"e2e-{secrets.token_hex(8)}"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "X-Request-Id": request_id}
    body = json.dumps({"message": "add buy bread"}).encode()
    request = urllib.request.Request(f"{project.url}/api/chat", data=body, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
        assert answer.headers["X-Request-Id"] == request_id
        reply = json.load(answer)["reply"]
    assert reply.startswith("Added"), f"the tool server was not asked: {reply}"
    for service in sorted(SERVICES):
        found = logged(project, service, request_id)
        assert found and all(item["request_id"] == request_id for item in found), service


def await_ends(project: Project) -> None:
    """Wait until no pod is about to end: one may answer over a connection that it has, and its log goes with it."""
    deadline = time.monotonic() + 300
    while "deletionTimestamp" in project.kubectl("get", "pods", "-o", "json"):
        assert time.monotonic() < deadline, "a pod does not end"


def logged(project: Project, service: str, request_id: str) -> list[dict[str, Any]]:
    """The lines of a service's log that name a request, once there is one: an answer may be there before its line."""
    deadline = time.monotonic() + 120
    while True:
        lines = project.invoke("logs", "--service", service, "--tail", "500").stdout.splitlines()
        found = [json.loads(line.partition("] ")[2]) for line in lines if request_id in line]
        if found or time.monotonic() > deadline:
            return found
