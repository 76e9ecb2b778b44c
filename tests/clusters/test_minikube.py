"""The minikube target against a scripted minikube: every command line is asserted whole."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.clusters import choose
from scripts.clusters.minikube import Minikube
from scripts.model import Image, Release, Service, Settings, Timeouts, UserError
from scripts.shell import Shell

SCRIPT = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
steps = json.loads((folder / "steps").read_text())
for step in steps:
    if step["argv"] == sys.argv[1:]:
        step_out = step["out"].pop(0) if len(step["out"]) > 1 else step["out"][0]
        (folder / "steps").write_text(json.dumps(steps))
        sys.stdout.write(step_out)
        sys.exit(step["exit"])
sys.stderr.write("unexpected: " + " ".join(sys.argv[1:]))
sys.exit(99)
"""
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


def step(argv: list[str], *out: str, status: int = 0) -> dict[str, Any]:
    return {"argv": argv, "out": list(out) or [""], "exit": status}


def listing(*images: Image) -> str:
    return json.dumps([{"id": "x", "repoTags": [f"docker.io/{image.ref}"], "size": "1"} for image in images])


class Scripted:
    """A minikube that answers as told, and remembers how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binary = folder / "minikube"
        self.binary.write_text(SCRIPT.format(python=sys.executable, folder=str(folder)))
        self.binary.chmod(0o755)

    def answers(self, *steps: dict[str, Any]) -> Minikube:
        (self.folder / "steps").write_text(json.dumps(steps))
        return Minikube(configuration(self.folder), Shell(echo=lambda _: None), self.binary)

    @property
    def calls(self) -> list[list[str]]:
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def configuration(root: Path) -> Settings:
    release = Release("todo-chatbot", "chatbot-dev", root)
    database = Service("database", root, root / "Dockerfile")
    return Settings(
        root=root, environment="dev", target="auto", cluster="todo-chatbot", allowed_contexts=(), bases={},
        services=(), release=release, database=database, database_release=release,
        timeouts=Timeouts(build=60, deploy=60, health=60, cluster=60),
    )  # fmt: skip


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    return Scripted(tmp_path)


def test_a_missing_profile_is_created_with_everything_said(scripted: Scripted) -> None:
    outcome = scripted.answers(step(STATUS, "", status=85), step(START)).up()
    assert outcome.status == "done"
    assert scripted.calls == [STATUS, START]


def test_a_running_profile_is_left_alone(scripted: Scripted) -> None:
    running = json.dumps({"Name": "p", "Host": "Running", "APIServer": "Running", "Kubeconfig": "Configured"})
    assert scripted.answers(step(STATUS, running)).up().status == "unchanged"
    assert scripted.calls == [STATUS]


def test_a_context_that_points_elsewhere_is_mended(scripted: Scripted) -> None:
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
def test_a_profile_that_does_not_answer_is_started(scripted: Scripted, answer: str) -> None:
    assert scripted.answers(step(STATUS, answer, status=7), step(START)).up().status == "done"


def test_only_missing_images_are_loaded_in_one_call_and_verified(scripted: Scripted) -> None:
    cluster = scripted.answers(step(LIST, listing(MCP), listing(MCP, BACKEND)), step([*LOAD, BACKEND.ref]))
    outcomes = {outcome.target: outcome.status for outcome in cluster.load([BACKEND, MCP])}
    assert outcomes == {"backend": "done", "mcp": "unchanged"}
    assert scripted.calls == [LIST, [*LOAD, BACKEND.ref], LIST]


def test_a_load_that_reports_success_but_did_nothing_is_found_out(scripted: Scripted) -> None:
    cluster = scripted.answers(step(LIST, listing()), step([*LOAD, BACKEND.ref]))
    with pytest.raises(UserError, match="the node lacks todo-chatbot/backend:1"):
        cluster.load([BACKEND])


def test_the_url_comes_from_minikube(scripted: Scripted) -> None:
    argv = ["--profile", "todo-chatbot", "service", "frontend-service", "--namespace", "chatbot-dev", "--url"]
    cluster = scripted.answers(step(argv, "http://192.168.49.2:30000\n"))
    assert cluster.url("chatbot-dev", "frontend-service", 30000) == "http://192.168.49.2:30000"


def test_down_deletes_the_profile_if_there_is_one(scripted: Scripted) -> None:
    stopped = json.dumps({"Name": "p", "Host": "Stopped"})
    delete = ["--profile", "todo-chatbot", "delete"]
    assert scripted.answers(step(STATUS, stopped, status=7), step(delete)).down().status == "done"
    assert scripted.calls == [STATUS, delete]
    assert scripted.answers(step(STATUS, "", status=85)).down().status == "unchanged"


def test_auto_prefers_minikube_where_it_is_installed() -> None:
    assert (choose("auto", minikube=True), choose("auto", minikube=False)) == ("minikube", "embedded")
    with pytest.raises(UserError, match="no such target"):
        choose("swarm", minikube=True)


def test_the_first_file_of_kubeconfig_is_named_explicitly(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"/a{os.pathsep}/b")
    assert scripted.answers().kubeconfig == Path("/a")
