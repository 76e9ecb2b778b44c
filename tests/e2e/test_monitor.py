"""Watching a live release: numbers of every service and pod, on a small terminal, and every change of the status."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.exports import by_job
from tests.support.project import Project, call
from tests.support.terminal import OTHER_SCREEN, OWN_SCREEN, Terminal

pytestmark = pytest.mark.long

SERVICES = {"frontend", "backend", "agent", "mcp"}
METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/chatbot-dev/pods"


@pytest.fixture(scope="module", autouse=True)
def live(project: Project) -> dict[str, Any]:
    return project.pipeline()


@contextmanager
def people_chat(project: Project) -> Iterator[None]:
    """Somebody asks for their todos by chat, which all four services take part in, until the block ends."""
    over = threading.Event()

    def register() -> str:
        user = {"username": f"ada-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(16)}
        return str(call(f"{project.url}/api/auth/register", user)["token"])

    def chat() -> None:
        token = register()
        while not over.wait(0.3):
            try:
                call(f"{project.url}/api/chat", {"message": "show my todos"}, token)
            except HTTPError:  # one person may only ask so often: the next one goes on
                token = register()

    person = threading.Thread(target=chat)
    person.start()
    try:
        yield
    finally:
        over.set()
        person.join()


def await_metrics(project: Project) -> None:
    """Until the cluster has measured every pod: a new one takes some seconds."""
    deadline = time.monotonic() + 300
    while (pods := project.kubectl("get", "pods", "--output=name").split()) and time.monotonic() < deadline:
        measured = json.loads(project.kubectl("get", "--raw", METRICS))["items"]
        if {f"pod/{item['metadata']['name']}" for item in measured} >= set(pods):
            return
        time.sleep(0.5)  # the metrics API has no watch
    raise AssertionError("not every pod is measured within five minutes")


def test_the_view_has_traffic_of_every_service_and_use_of_every_pod(project: Project) -> None:
    await_metrics(project)
    with people_chat(project):
        seen = json.loads(project.invoke("monitor", "--once", "--json", "--interval=3").stdout)
    services = {row["name"]: row for row in seen["services"]}
    assert services.keys() == {*SERVICES, "database"} and seen["missing"] == {}
    for name in SERVICES:
        traffic = services[name]["traffic"]
        assert traffic["rate"] > 0 and traffic["errors"] == 0.0 and 0 < traffic["p50"] <= traffic["p95"], name
        assert services[name]["ready"] == services[name]["wanted"] > 0
    assert len(seen["pods"]) == sum(row["wanted"] for row in services.values()) == 7
    for pod in seen["pods"]:
        assert pod["cpu"] is not None and pod["memory"] > 0 and pod["memory_limit"] > pod["memory_request"], pod


def test_it_draws_a_small_terminal_and_gives_it_back(project: Project) -> None:
    with Terminal(project, "monitor", "--interval", "1") as terminal:
        terminal.wait_for("first look")
        terminal.wait_for(r"over \d")
        terminal.wait_for(r"over \d")
        lines = terminal.frame()
        assert terminal.press_ctrl_c() == 0
        assert OTHER_SCREEN in terminal.text and terminal.text.rstrip().endswith(OWN_SCREEN)
        assert len(lines) <= 24 and max(map(len, lines)) <= 80
        for name in SERVICES:
            assert any(line.startswith(name) for line in lines), lines


def test_status_shows_a_change_in_place(project: Project) -> None:
    count = int(project.kubectl("get", "deployment", "mcp", "--output", "jsonpath={.spec.replicas}"))
    with Terminal(project, "status", "--watch") as terminal:
        terminal.wait_for(rf"mcp +{count}/{count} ")
        try:
            project.invoke("scale", "--service", "mcp", f"--replicas={count + 1}")
            terminal.wait_for(rf"mcp +{count + 1}/{count + 1} ")
        finally:
            project.invoke("scale", "--service", "mcp", f"--replicas={count}")
        terminal.wait_for(rf"mcp +{count}/{count} ")
        assert terminal.press_ctrl_c() == 0
        assert "Traceback" not in terminal.text and OTHER_SCREEN not in terminal.text


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_services_measure_what_the_alerts_and_the_dashboard_are_checked_against(service: str, project: Project) -> None:
    name = "jsonpath={.items[0].metadata.name}:{.items[0].spec.containers[0].ports[0].containerPort}"
    pod = project.kubectl("get", "pods", "--selector", f"app.kubernetes.io/name={service}", "--output", name)
    text = project.kubectl("get", "--raw", f"/api/v1/namespaces/chatbot-dev/pods/{pod}/proxy/metrics")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    expected = by_job()[service]
    assert {n: found[n] for n in expected if n in found} == {n: labels for n, labels in expected.items() if n in found}
    assert {name for name in expected if name.startswith(("http_", "process_"))} <= found.keys()
