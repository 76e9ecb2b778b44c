"""The minikube target against a scripted minikube: every command line is asserted whole."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.clusters import choose
from scripts.clusters.minikube import Minikube
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.settings.model import Image
from tests.clusters.conftest import Scripted, configuration, step

START = [
    "--profile", "todo-chatbot", "start", "--driver=docker", "--container-runtime=containerd",
    "--kubernetes-version=v1.36.2", "--cpus=4", "--memory=6g", "--cni=calico", "--addons=metrics-server,ingress",
    "--wait=all", "--wait-timeout=10m", "--keep-context", "--interactive=false",
]  # fmt: skip
STATUS = ["--profile", "todo-chatbot", "status", "--output", "json"]
PROFILES = ["--profile", "todo-chatbot", "profile", "list", "--output", "json"]
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
        self.kubectl = Scripted(folder, "kubectl")

    def answers(self, *steps: dict[str, Any], environment: str = "dev") -> Minikube:
        self._program.answers(*steps)
        settings = configuration(self._root, environment=environment)
        return Minikube(settings, Shell(echo=lambda _: None), self._program.binary, self.kubectl.binary)

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
    assert scripted.answers(step(STATUS, running), step(PROFILES, "{}")).up().status == "unchanged"
    assert scripted.calls == [STATUS, PROFILES]


def test_a_context_that_points_elsewhere_is_mended(scripted: Profile) -> None:
    running = json.dumps({"Name": "p", "Host": "Running", "APIServer": "Running", "Kubeconfig": "Misconfigured"})
    update = ["--profile", "todo-chatbot", "update-context"]
    scripted.answers(step(STATUS, running), step(update), step(PROFILES, "{}")).up()
    assert scripted.calls[1] == update


def test_an_older_profile_that_differs_is_told(scripted: Profile) -> None:
    running = json.dumps({"Name": "p", "Host": "Running", "APIServer": "Running", "Kubeconfig": "Configured"})
    kubernetes = {"KubernetesVersion": "v1.30.0", "ContainerRuntime": "docker", "CNI": ""}
    profile = {"Name": "todo-chatbot", "Config": {"Driver": "docker", "KubernetesConfig": kubernetes}}
    cluster = scripted.answers(step(STATUS, running), step(PROFILES, json.dumps({"valid": [profile], "invalid": []})))
    assert cluster.up().detail == (
        "minikube, container runtime is docker, not containerd, Kubernetes is v1.30.0, not v1.36.2"
    )


@pytest.mark.parametrize("stored", ["k8s:enc:secretbox:v1:key1:x", "k8s-v1-Secret in-the-clear"])
def test_a_hardened_cluster_proves_that_it_stores_secrets_encrypted(
    scripted: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KUBECONFIG", "/kubeconfig")
    aimed = ["--kubeconfig", "/kubeconfig", "--context", "todo-chatbot"]
    files = {"cacert": "ca.crt", "cert": "server.crt", "key": "server.key"}
    certificates = [f"--{name}=/var/lib/minikube/certs/etcd/{file}" for name, file in files.items()]
    look = ["exec", "--namespace", "kube-system", "etcd-todo-chatbot", "--", "etcdctl", *certificates]
    scripted.kubectl.answers(
        step([*aimed, "create", "secret", "generic", "encryption-probe", "--namespace", "default",
              "--from-literal=probe=in-the-clear"]),
        step([*aimed, *look, "get", "/registry/secrets/default/encryption-probe", "--print-value-only"], stored),
        step([*aimed, "delete", "secret", "encryption-probe", "--namespace", "default"]),
    )  # fmt: skip
    start = [
        *START,
        "--extra-config=apiserver.audit-policy-file=/etc/ssl/certs/audit-policy.yaml",
        "--extra-config=apiserver.audit-log-path=-",
        "--extra-config=apiserver.encryption-provider-config=/etc/ssl/certs/encryption.yaml",
    ]
    cluster = scripted.answers(step(STATUS, "", status=85), step(start), environment="secure")
    if stored.startswith("k8s:enc:"):
        assert cluster.up().status == "done"
    else:
        with pytest.raises(UserError, match="stores Secrets unencrypted"):
            cluster.up()
    folder = tmp_path / "state/todo-chatbot/minikube/todo-chatbot/files/etc/ssl/certs"
    encryption = folder / "encryption.yaml"
    assert encryption.stat().st_mode & 0o777 == 0o600
    assert "${ENCRYPTION_KEY}" not in encryption.read_text() and (folder / "audit-policy.yaml").is_file()
    assert len(scripted.kubectl.calls) == 3


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


def test_auto_prefers_minikube_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose("auto") == "embedded"
    (tmp_path / "minikube").write_text("")
    (tmp_path / "minikube").chmod(0o755)
    assert choose("auto") == "minikube"
    with pytest.raises(UserError, match="no such target"):
        choose("swarm")


def test_the_first_file_of_kubeconfig_is_named_explicitly(scripted: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"/a{os.pathsep}/b")
    assert scripted.answers().kubeconfig == Path("/a")
