"""The same against the real programs, where they are on PATH: `nox -s targets`. What is not there is named as skipped.

Every cluster has a random name, and state and kubeconfig of its own, so that nothing of the person's is touched.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts import clusters
from scripts.clusters import answers, layers, machine, ownership
from scripts.clusters.loading import normalised
from scripts.clusters.nodes import NodeContainers
from scripts.clusters.target import Target
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.settings.model import Image, Settings, Timeouts
from scripts.settings.targets import MinikubeOptions, NodeOptions, TargetOptions
from tests.support.chart_values import OFF, objects
from tests.support.charts import UMBRELLA
from tests.support.cluster_settings import configuration

OWN = "the-persons-own"
CANNOT_BE_HAD = (
    *("INET_", "kicbase", "failed to pull image", "no such host", "i/o timeout", "DRV_", "RSRC_"),
    "port is already allocated",  # somebody took it between its choice and its use
)
PROGRAMS = ("minikube", "kind", "k3d")
MINIKUBE_ARGUMENTS = tuple(os.environ.get("MINIKUBE_ARGUMENTS", "").split())  # as --base-image, without a network


def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, input=stdin, capture_output=True, check=False)


@pytest.fixture
def engine() -> str:
    """A Docker engine that answers."""
    if not shutil.which("docker") or run("docker", "info").returncode:
        pytest.skip("docker: no engine answers")
    return "docker"


@pytest.fixture
def shell() -> Shell:
    return Shell(echo=lambda _: None)


def test_the_engine_tells_what_a_start_needs(engine: str, shell: Shell) -> None:
    found = machine.ask(shell)
    assert found.cpus and found.memory and found.cgroup in ("1", "2")


def test_what_is_not_there_is_told_apart_from_what_cannot_be_asked(
    engine: str, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"none-{secrets.token_hex(4)}"
    names = {"container": [name], "volume": [name], "network": [name]}
    assert ownership.present(shell, names) == []
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(UserError, match="cannot be told"):
        ownership.present(shell, names)


def test_a_volume_and_a_network_of_that_name_are_found(engine: str, shell: Shell) -> None:
    name = f"todo-real-{secrets.token_hex(4)}"
    try:
        assert not run("docker", "volume", "create", name).returncode
        assert not run("docker", "network", "create", name).returncode
        found = ownership.present(shell, {"container": [name], "volume": [name], "network": [name]})
        assert found == [f"volume {name}", f"network {name}"]
    finally:
        run("docker", "network", "rm", name)
        run("docker", "volume", "rm", name)


@pytest.fixture
def tiny(engine: str, tmp_path: Path) -> Iterator[Image]:
    """An image with one small file in it."""
    image = Image("tiny", "todo-chatbot/tiny", secrets.token_hex(6))
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY Dockerfile /\nCMD ["/none"]\n')
    built = run("docker", "build", "--tag", image.ref, str(tmp_path))
    assert not built.returncode, built.stderr.decode()
    yield image
    run("docker", "image", "rm", image.ref)


def test_the_states_of_containers_are_read_as_the_engine_tells_them(engine: str, tiny: Image) -> None:
    label = f"todo-real={secrets.token_hex(4)}"
    made = run("docker", "create", "--label", label, tiny.ref).stdout.decode().strip()
    try:
        words = ("docker", "ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}\t{{.State}}")
        assert list((answers.node_states(run(*words).stdout.decode()) or {}).values()) == ["created"]
    finally:
        run("docker", "rm", made)


SOCKETS = ("/run/docker/containerd/containerd.sock", "/run/containerd/containerd.sock")


@pytest.fixture
def ctr() -> Iterator[list[str]]:
    """A containerd that takes images, as one in a node does, in a namespace of its own."""
    socket = next((path for path in SOCKETS if Path(path).exists()), "")
    if not shutil.which("ctr") or not socket or not machine.is_root():
        pytest.skip("ctr: no containerd may be used here")
    words = ["ctr", "--address", socket, "--namespace", f"todo-real-{secrets.token_hex(4)}"]
    yield words
    refs = run(*words, "images", "ls", "--quiet").stdout.decode().split()
    run(*words, "images", "rm", "--sync", *refs)
    run(*words, "namespaces", "rm", words[-1])


def test_containerd_takes_an_image_without_the_layers_it_has(ctr: list[str], tiny: Image, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {tiny.ref}\nCOPY more /\n")
    (tmp_path / "more").write_bytes(secrets.token_bytes(300_000))
    larger = f"{tiny.repository}:{tiny.tag}-larger"
    assert not run("docker", "build", "--tag", larger, str(tmp_path)).returncode
    try:
        sizes = []
        for refs in ([larger], [larger, tiny.ref]):
            have = set(run(*ctr, "content", "ls", "--quiet").stdout.decode().split())
            saved = run("docker", "save", *refs).stdout
            stream = b"".join(layers.without_blobs(iter([saved]), have, normalised))
            sizes.append(len(stream))
            taken = run(*ctr, "images", "import", "-", stdin=stream)
            assert not taken.returncode, taken.stderr.decode()
        whole = run(*ctr, "images", "check").stdout.decode()
        assert whole.count("complete") == 2 and normalised(larger) in whole
        assert sizes[0] > 300_000 > 100_000 > sizes[1]
    finally:
        run("docker", "image", "rm", larger)


@pytest.fixture(params=PROGRAMS)
def target(
    request: pytest.FixtureRequest, engine: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Target]:
    """A target of each kind whose program is there, with a random name; removed afterwards.

    `minikube+NAME` has an addon too.
    """
    program, _, addon = str(request.param).partition("+")
    for needed in (program, "kubectl"):
        if not shutil.which(needed):
            pytest.skip(f"{needed}: not on PATH")
    config = tmp_path / "kubeconfig"
    context = {"name": OWN, "context": {"cluster": OWN, "user": OWN}}
    config.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "contexts": [context], "current-context": OWN}))
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MINIKUBE_HOME", str(Path.home()))  # what was downloaded there serves again
    chosen = TargetOptions(
        minikube=MinikubeOptions(
            force=machine.is_root(), cni="auto", addons=tuple(filter(None, [addon])), extra_arguments=MINIKUBE_ARGUMENTS
        ),
        kind=NodeOptions(image=os.environ.get("KIND_IMAGE", "")),  # where no registry is reached: one the engine has
    )
    free = free_port()  # the person's own cluster may have the release's
    monkeypatch.setattr(NodeContainers, "ports", property(lambda self: (free,)))
    name, patient = f"todo-{secrets.token_hex(4)}", Timeouts(build=60, deploy=60, health=60, cluster=900)
    settings = configuration(tmp_path, cluster=name, targets=chosen, timeouts=patient)
    made = clusters.select(settings, shell, Path(str(shutil.which("kubectl"))), program)
    try:
        made.up()
    except UserError as problem:
        made.down()
        if any(sign in str(problem) for sign in CANNOT_BE_HAD):
            pytest.skip(f"{program}: no cluster can be made here: {str(problem).splitlines()[-1]}")
        raise
    yield made
    made.down()
    assert made.read().state == "absent"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def current_context(tmp_path: Path) -> str:
    found = run("kubectl", "config", "--kubeconfig", str(tmp_path / "kubeconfig"), "current-context")
    return found.stdout.decode().strip()


def stop(target: Target) -> None:
    """As a reboot leaves it."""
    words = {
        "minikube": ("minikube", "stop", "--profile", target.name),
        "kind": ("docker", "stop", f"{target.name}-control-plane"),
        "k3d": ("k3d", "cluster", "stop", target.name),
    }[target.target]
    assert not run(*words).returncode


def pause(target: Target) -> None:
    words = {
        "minikube": ("minikube", "pause", "--profile", target.name),
        "kind": ("docker", "pause", f"{target.name}-control-plane"),
        "k3d": ("docker", "pause", f"k3d-{target.name}-server-0"),
    }[target.target]
    for _ in range(9):  # on a busy machine runc gives up to freeze a control group: "unable to freeze"
        done = run(*words)
        if b"unable to freeze" not in done.stderr:
            break
    assert not done.returncode, done.stderr.decode()


NODES = {"minikube": "{}", "kind": "{}-control-plane", "k3d": "k3d-{}-server-0"}


def foreign(target: Target) -> Target:
    """The same cluster as another home on this engine sees it."""
    settings: Settings = target._settings  # type: ignore[attr-defined]
    return clusters.select(settings, Shell(echo=lambda _: None), Path(str(shutil.which("kubectl"))), target.target)


def test_a_real_cluster_goes_through_its_states(
    target: Target, tiny: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert target.up().status == "unchanged" and current_context(tmp_path) == OWN
    assert [outcome.status for outcome in target.load([tiny])] == ["done"]
    assert [outcome.status for outcome in target.load([tiny])] == ["unchanged"]
    assert target.prune(lambda refs: [ref for ref in refs if ref == normalised(tiny.ref)]) == 1
    assert [outcome.status for outcome in target.load([tiny])] == ["done"]
    stop(target)
    assert target.read().state == "stopped"
    assert target.up().status == "done" and current_context(tmp_path) == OWN
    pause(target)
    assert target.read().state == "paused"
    assert target.up().status == "done" and target.read().state == "running"
    assert current_context(tmp_path) == OWN
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
        elsewhere.setenv("MINIKUBE_HOME", str(tmp_path / "another"))
        elsewhere.setenv("KUBECONFIG", str(tmp_path / "another/kubeconfig"))
        for act in (foreign(target).up, *([foreign(target).down] if target.target != "minikube" else [])):
            with pytest.raises(UserError, match=NODES[target.target].format(target.name)):
                act()
    assert target.read().state == "running"
    assert not run("docker", "rm", "--force", NODES[target.target].format(target.name)).returncode
    assert target.read().state == ("absent" if target.target == "kind" else "broken")


@contextmanager
def telling_its_path(name: str) -> Iterator[int]:
    """A web server on a port of this machine that answers with its name and the path it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = f"{name} {self.path}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def leading_out(name: str, address: str, port: int) -> list[dict[str, Any]]:
    """A Service whose only endpoint is outside the cluster, so that no image is needed."""
    meta = {"name": name, "namespace": "default"}
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    inside = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}}
    outside = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta | {"labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }
    return [inside, outside]


def answer_of(address: str, path: str) -> str:
    """What the controller answers on the host `real.example`; its status where that is none of ours."""
    request = urllib.request.Request(f"http://{address}{path}", headers={"Host": "real.example"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 a node of ours
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        with refused:
            return str(refused.code)
    except OSError as error:
        return type(error).__name__


@pytest.mark.parametrize("target", ["minikube+ingress"], indirect=True)
def test_ingresses_of_the_chart_lead_in_by_minikubes_own_addon(target: Target) -> None:
    """On one host: the page, and an API whose prefix is taken off or kept."""
    try:
        target.addons()
    except UserError as problem:
        if any(sign in str(problem) for sign in ("ErrImagePull", "ImagePullBackOff")):
            pytest.skip("minikube's addon ingress: its controller cannot be pulled here")
        raise
    image = {"image": {"repository": "some/image", "tag": "1"}, "service": {"port": 80}}
    way = {"enabled": True, "host": "real.example"}
    paths = [{"path": "/api", "stripPrefix": True}, {"path": "/orders"}, {"path": "/one", "pathType": "Exact"}]
    services = {"page": image | {"ingress": way}, "api": image | {"ingress": way | {"paths": paths}}}
    values = {**OFF, "smokeTest": {"service": ""}, "global": {"namespace": "default"}, "services": services}
    ways = [item for item in objects(UMBRELLA, values) if item["kind"] == "Ingress"]
    node = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}"
    address, machine_address = run("docker", "inspect", "--format", node, target.name).stdout.decode().split()
    kubectl = ("kubectl", "--kubeconfig", str(target.kubeconfig), "--context", target.context)
    with telling_its_path("page") as page, telling_its_path("api") as api:
        ends = [*leading_out("page", machine_address, page), *leading_out("api", machine_address, api)]
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*ends, *ways]}).encode()
        done = run(*kubectl, "apply", "--filename", "-", stdin=whole)
        assert not done.returncode, done.stderr.decode()
        wanted = {
            "/": "page /",
            "/api": "api /",
            "/api/orders?a=b": "api /orders?a=b",
            "/apis": "page /apis",
            "/orders/1": "api /orders/1",
            "/ordersx": "page /ordersx",
            "/ORDERS": "page /ORDERS",
            "/one": "api /one",
            "/onetwo": "page /onetwo",
        }
        deadline = time.monotonic() + 300
        found: dict[str, str] = {}
        while found != wanted and time.monotonic() < deadline:
            found = {path: answer_of(address, path) for path in wanted}
            time.sleep(1)  # the controller tells nobody when it has taken in an Ingress
        assert found == wanted
