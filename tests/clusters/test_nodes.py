"""kind, k3d and a cluster by context, against scripted programs: every command line is asserted whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import clusters
from scripts.clusters.context import Context
from scripts.clusters.k3d import K3d
from scripts.clusters.kind import Kind
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.settings.model import Image
from tests.clusters.conftest import Scripted, configuration, step

BACKEND = Image("backend", "todo-chatbot/backend", "1")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/todo-chatbot"


def listing(*images: Image) -> str:
    return json.dumps({"images": [{"repoTags": [f"docker.io/{image.ref}"]} for image in images]})


def crictl(node: str) -> list[str]:
    return ["exec", node, "crictl", "images", "--output", "json"]


def test_kind_creates_a_cluster_whose_port_the_host_sees(tmp_path: Path, quiet: Shell, state: Path) -> None:
    program = Scripted(tmp_path, "kind")
    kubeconfig = str(state / "kind/todo-chatbot/kubeconfig")
    create = [
        "create",
        "cluster",
        "--name",
        "todo-chatbot",
        "--kubeconfig",
        kubeconfig,
        "--wait",
        "5m",
        "--config",
        "-",
    ]
    program.answers(step(["get", "clusters"], "other\n"), step(create))
    assert Kind(configuration(tmp_path), quiet, program.binary).up().status == "done"
    assert program.calls == [["get", "clusters"], create]


def test_kind_leaves_an_existing_cluster_but_fetches_its_kubeconfig(tmp_path: Path, quiet: Shell, state: Path) -> None:
    program = Scripted(tmp_path, "kind")
    kubeconfig = str(state / "kind/todo-chatbot/kubeconfig")
    export = ["export", "kubeconfig", "--name", "todo-chatbot", "--kubeconfig", kubeconfig]
    program.answers(step(["get", "clusters"], "todo-chatbot\n"), step(export))
    assert Kind(configuration(tmp_path), quiet, program.binary).up().status == "unchanged"
    assert program.calls[-1] == export


def test_kind_loads_what_the_node_lacks_and_lists_again(tmp_path: Path, quiet: Shell, docker: Scripted) -> None:
    program = Scripted(tmp_path, "kind")
    load = ["load", "docker-image", "--name", "todo-chatbot", BACKEND.ref]
    program.answers(step(load))
    docker.answers(step(crictl("todo-chatbot-control-plane"), listing(), listing(BACKEND)))
    outcomes = Kind(configuration(tmp_path), quiet, program.binary).load([BACKEND])
    assert [outcome.status for outcome in outcomes] == ["done"]
    assert program.calls == [load] and len(docker.calls) == 2


def test_a_load_that_did_nothing_is_found_out(tmp_path: Path, quiet: Shell, docker: Scripted) -> None:
    program = Scripted(tmp_path, "k3d")
    program.answers(step(["image", "import", "--cluster", "todo-chatbot", BACKEND.ref]))
    docker.answers(step(crictl("k3d-todo-chatbot-server-0"), listing()))
    with pytest.raises(UserError, match="lacks todo-chatbot/backend:1"):
        K3d(configuration(tmp_path), quiet, program.binary).load([BACKEND])


K3D_LIST = ["cluster", "list", "todo-chatbot", "--output", "json"]


def test_k3d_creates_starts_or_leaves_the_cluster(tmp_path: Path, quiet: Shell, state: Path) -> None:
    program = Scripted(tmp_path, "k3d")
    kubeconfig = state / "k3d/todo-chatbot/kubeconfig"
    create = [
        "cluster", "create", "todo-chatbot", "--wait", "--timeout", "60s", "--port", "127.0.0.1:30000:30000@server:0",
        "--kubeconfig-update-default=false", "--kubeconfig-switch-context=false",
    ]  # fmt: skip
    start = ["cluster", "start", "todo-chatbot", "--wait"]
    write = ["kubeconfig", "write", "todo-chatbot", "--output", str(kubeconfig), "--overwrite"]
    stopped, running = ([{"name": "todo-chatbot", "serversRunning": number}] for number in (0, 1))
    cluster = K3d(configuration(tmp_path), quiet, program.binary)
    program.answers(step(K3D_LIST, "", status=1), step(create), step(write))
    assert cluster.up().status == "done"
    program.answers(step(K3D_LIST, json.dumps(stopped)), step(start), step(write))
    assert cluster.up().status == "done"
    kubeconfig.write_text("")
    program.answers(step(K3D_LIST, json.dumps(running)))
    assert cluster.up().status == "unchanged"
    assert program.calls == [K3D_LIST, create, write, K3D_LIST, start, write, K3D_LIST]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "context: empty"),
        ({"context": "prod"}, "allowedContexts: 'prod' is not on the list"),
        ({"context": "prod", "allowed_contexts": ("prod",)}, "registry: empty"),
    ],
)
def test_a_cluster_nobody_named_is_never_touched(
    tmp_path: Path, quiet: Shell, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Context(configuration(tmp_path, **changes), quiet, Path("kubectl"))


def test_images_reach_another_cluster_by_its_registry(tmp_path: Path, quiet: Shell, docker: Scripted) -> None:
    remote = "registry.example.org/team/todo-chatbot/backend:1"
    docker.answers(step(["tag", BACKEND.ref, remote]), step(["push", "--quiet", remote]))
    settings = configuration(tmp_path, context="team", allowed_contexts=("team",), registry="registry.example.org/team")
    outcomes = Context(settings, quiet, Path("kubectl")).load([BACKEND])
    assert outcomes[0].detail == remote
    assert docker.calls == [["tag", BACKEND.ref, remote], ["push", "--quiet", remote]]


def test_a_target_whose_program_is_missing_says_where_to_get_it(
    tmp_path: Path, quiet: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="kind is not installed") as caught:
        clusters.select(configuration(tmp_path), quiet, Path("kubectl"), "kind")
    assert "kind.sigs.k8s.io" in caught.value.hint
