"""The hardened environment on real containers: TLS between services, autoscaling on, two of everything."""

from __future__ import annotations

import secrets

from tests.e2e.conftest import Project
from tests.e2e.test_main_job import call, status_of


def test_secure_serves_the_same_app_and_passes_its_own_tests(project: Project) -> None:
    report = project.pipeline("--environment", "secure")
    assert report["ok"] and {"frontend", "backend", "agent", "mcp"} < set(status_of(report, "health"))
    probe = project.kubectl("get", "deployment", "backend", "-o", "jsonpath={..readinessProbe.httpGet.scheme}")
    assert probe == "HTTPS"
    user = {"username": f"eve-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(16)}
    token = call(f"{project.url}/api/auth/register", user)["token"]
    call(f"{project.url}/api/chat", {"message": "add buy milk"}, token)
    assert [todo["title"] for todo in call(f"{project.url}/api/todos", token=token)["items"]] == ["buy milk"]
    assert project.invoke("charts.test", "--environment", "secure").returncode == 0
    again = project.pipeline("--environment", "secure")
    assert again["ok"] and not again["changed"]
