"""The minikube target against a scripted minikube: every command line is asserted whole."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.clusters import choose
from scripts.clusters.minikube import Minikube
from scripts.model import Image, UserError
from scripts.shell import Shell
from tests.clusters.conftest import Scripted, configuration, step

START = [
    "--profile", "todo-chatbot", "start", "--driver=docker", "--container-runtime=containerd",
    "--kubernetes-version=v1.36.2", "--cpus=4", "--memory=6g", "--cni=calico", "--addons=metrics-server,ingress",
    "--wait=all", "--wait-timeout=10m", "--keep-context", "--interactive=false",
]  # fmt: skip
STATUS = ["--profile", "todo-chatbot", "status", "--output", "json"]
LIST = ["--profile", "todo-chatbot", "image", "ls", "--format", "json"]
BACKEND = Image("backend", "todo-chatbot/backend", "1")
MCP = Image("mcp", "todo-chatbot/mcp", "2")
LOAD = ["--profile", "todo-chatbot", "image", "load", "--daemon", "--overwrite=false"]


def listing(*images: Image) -> str:
    return json.dumps([{"id": "x", "repoTags": [f"docker.io/{image.ref}"], "size": "1"} for image in images])


class Profile:
    """The target, on top of a minikube that answers as told."""

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self._program = Scripted(folder, "minikube")

    def answers(self, *steps: dict[str, Any]) -> Minikube:
        self._program.answers(*steps)
        return Minikube(configuration(self._root), Shell(echo=lambda _: None), self._program.binary)

    @property
    def calls(self) -> list[list[str]]:
        return self._program.calls


@pytest.fixture
def scripted(tmp_path: Path) -> Profile:
    return Profile(tmp_path)


def test_a_missing_profile_is_created_with_everything_said(scripted: Profile) -> None:
    outcome = scripted.answers(step(STATUS, "", status=85), step(START)).up()
    assert outcome.status == "done"
    assert scripted.calls == [STATUS, START]


def test_a_running_profile_is_left_alone(scripted: Profile) -> None:
    running = json.dumps({"Name": "p", "Host": "Running", "APIServer": "Running", "Kubeconfig": "Configured"})
    assert scripted.answers(step(STATUS, running)).up().status == "unchanged"
    assert scripted.calls == [STATUS]


def test_a_context_that_points_elsewhere_is_mended(scripted: Profile) -> None:
    running = json.dumps({"Name": "p", "Host": "Running", "APIServer": "Running", "Kubeconfig": "Misconfigured"})
    scripted.answers(step(STATUS, running), step(["--profile", "todo-chatbot", "update-context"])).up()
    assert scripted.calls[-1] == ["--profile", "todo-chatbot", "update-context"]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"Name": "p", "Host": "Stopped", "APIServer": "Stopped", "Kubeconfig": "Stopped"}),
        json.dumps([{"Name": "p", "Host": "Running", "APIServer": "Stopped"}, {"Name": "p-m02", "Host": "Running"}]),
        "null",
    ],
)
def test_a_profile_that_does_not_answer_is_started(scripted: Profile, answer: str) -> None:
    assert scripted.answers(step(STATUS, answer, status=7), step(START)).up().status == "done"


def test_only_missing_images_are_loaded_in_one_call_and_verified(scripted: Profile) -> None:
    cluster = scripted.answers(step(LIST, listing(MCP), listing(MCP, BACKEND)), step([*LOAD, BACKEND.ref]))
    outcomes = {outcome.target: outcome.status for outcome in cluster.load([BACKEND, MCP])}
    assert outcomes == {"backend": "done", "mcp": "unchanged"}
    assert scripted.calls == [LIST, [*LOAD, BACKEND.ref], LIST]


def test_a_load_that_reports_success_but_did_nothing_is_found_out(scripted: Profile) -> None:
    cluster = scripted.answers(step(LIST, listing()), step([*LOAD, BACKEND.ref]))
    with pytest.raises(UserError, match="the node lacks todo-chatbot/backend:1"):
        cluster.load([BACKEND])


def test_the_url_comes_from_minikube(scripted: Profile) -> None:
    argv = ["--profile", "todo-chatbot", "service", "frontend-service", "--namespace", "chatbot-dev", "--url"]
    cluster = scripted.answers(step(argv, "http://192.168.49.2:30000\n"))
    assert cluster.url("chatbot-dev", "frontend-service", 30000) == "http://192.168.49.2:30000"


def test_down_deletes_the_profile_if_there_is_one(scripted: Profile) -> None:
    stopped = json.dumps({"Name": "p", "Host": "Stopped"})
    delete = ["--profile", "todo-chatbot", "delete"]
    assert scripted.answers(step(STATUS, stopped, status=7), step(delete)).down().status == "done"
    assert scripted.calls == [STATUS, delete]
    assert scripted.answers(step(STATUS, "", status=85)).down().status == "unchanged"


def test_auto_prefers_minikube_where_it_is_installed() -> None:
    assert (choose("auto", minikube=True), choose("auto", minikube=False)) == ("minikube", "embedded")
    with pytest.raises(UserError, match="no such target"):
        choose("swarm", minikube=True)


def test_the_first_file_of_kubeconfig_is_named_explicitly(scripted: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"/a{os.pathsep}/b")
    assert scripted.answers().kubeconfig == Path("/a")
