"""What other programs print is read without ever failing, and what is not understood is not guessed at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.clusters import addons, answers, machine, states
from scripts.host.shell import Result
from scripts.settings.targets import MinikubeOptions

NODE = {"Name": "p", "Host": "Running", "Kubelet": "Running", "APIServer": "Running", "Kubeconfig": "Configured"}
NOT_FOUND = json.dumps(
    {"specversion": "1.0", "type": "io.k8s.sigs.minikube.info", "data": {"message": 'Profile "p" not found. Run'}}
)
GONE = (
    'status error: host: state: unknown state "p": docker container inspect p --format={{.State.Status}}: '
    "exit status 1\nstderr:\nError response from daemon: No such container: p\n"
)
STATE = "status error: host: state:"
NO_DOMAIN = "Domain not found: no domain with matching name 'p'"
KEYS = [
    "Host", "Kubelet", "APIServer", "Name", "Worker", "Kubeconfig", "valid", "Config", "Addons", "images", "repoTags",
    "type", "data", "message", "name", "nodes", "State", "NCPU", "MemTotal", "SecurityOptions", "kubernetes",
]  # fmt: skip
PARTS = st.sampled_from(["Running", "Stopped", "Paused", "Nonexistent", "", None, 3])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.one_of(st.text(), JSON.map(json.dumps), st.just(NOT_FOUND), st.just("null"), st.just("[]"))


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Result(0, json.dumps(NODE)), "running"),
        (Result(0, f"{NOT_FOUND.splitlines()[0]}\n{json.dumps(NODE)}\n"), "running"),
        (Result(0, f"{json.dumps(NODE)}\n* minikube 1.39.0 is available! Download it: https://x\n"), "running"),
        (Result(0, json.dumps([NODE, NODE | {"Name": "p-m02", "Worker": True, "APIServer": "Irrelevant"}])), "running"),
        (Result(4, json.dumps(NODE | {"Kubeconfig": "Misconfigured"})), "degraded"),
        (Result(6, json.dumps(NODE | {"APIServer": "Stopped", "Kubeconfig": "Misconfigured"})), "degraded"),
        (Result(2, json.dumps(NODE | {"Kubelet": "Stopped", "APIServer": "Paused"})), "paused"),
        (Result(7, json.dumps(dict.fromkeys(("Host", "Kubelet", "APIServer", "Kubeconfig"), "Stopped"))), "stopped"),
        (Result(2, json.dumps([NODE, NODE | {"Name": "p-m02", "Worker": True, "Host": "Stopped"}])), "degraded"),
        (Result(7, "null", GONE * 2), "broken"),
        (Result(7, "null", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."), "unknown"),
        (Result(7, "null", f"{STATE} failed looking up domain: virError(Message='{NO_DOMAIN}')"), "broken"),
        (Result(7, "null", f"{STATE} machine does not exist"), "broken"),
        (
            Result(7, "null", 'status error: host: load: Docker machine "p" does not exist. Use "docker-machine ls"'),
            "broken",
        ),
        (Result(7, "null", f"{STATE} error during connect: dial tcp: lookup engine: no such host"), "unknown"),
        (Result(7, "null", f"{STATE} failed connecting to libvirt socket: Permission denied"), "unknown"),
        (Result(7, "null", "Host path '/Users/me' does not exist. Skipping sharing it with the machine..."), "unknown"),
        (Result(85, f"{NOT_FOUND}\n{NOT_FOUND}\n"), "absent"),
        (Result(85, ""), "unknown"),
        (Result(0, "null"), "unknown"),
        (Result(0, "{}"), "unknown"),
        (Result(124, "", "no answer within 60 s"), "unknown"),
        (Result(127, "", "minikube: not found"), "unknown"),
        (Result(1, "", "panic: runtime error"), "unknown"),
    ],
)
def test_the_recorded_states(answer: Result, state: str) -> None:
    found = answers.minikube_status(answer)
    assert found.state == state
    assert found.why or state in ("absent", "running")


@given(out=TEXTS, err=st.text(), code=st.integers(0, 255))
def test_no_status_ends_in_a_traceback_and_only_its_own_words_say_absent(out: str, err: str, code: int) -> None:
    found = answers.minikube_status(Result(code, out, err))
    assert found.state in states.STATES
    if found.state == "absent":
        assert code == answers.MISSING_PROFILE and "not found" in out
    if found.state == "broken" and "Host" not in out:
        assert out.strip() == "null" and answers.GONE.search(err)


@given(st.lists(st.fixed_dictionaries({"Host": PARTS, "Kubelet": PARTS, "APIServer": PARTS}), min_size=1, max_size=4))
def test_one_running_word_is_not_enough_to_run(nodes: list[dict[str, Any]]) -> None:
    found = answers.minikube_status(Result(0, json.dumps(nodes)))
    whole = all(node == dict.fromkeys(("Host", "Kubelet", "APIServer"), "Running") for node in nodes)
    assert (found.state == "running") == whole


@pytest.mark.slow
@given(TEXTS)
def test_every_other_reading_holds_too(text: str) -> None:
    answers.minikube_profile(text, "p")
    answers.listed_images(text)
    answers.events(text)
    answers.start_failure(text, text)
    answers.warnings(text, text)
    answers.node_states(text)
    answers.k3d_names(text)
    assert "\x1b[" not in answers.k3d_failure(text) or not states.plain(text)
    answers.advice(text)
    assert bool(answers.kind_failure(text).strip()) == bool(text.strip())
    answers.addon_states(text)
    addons.is_ready(states.parse(text))
    addons.waiting_reasons(states.parse(text), "p")
    found = answers.address(text)
    assert not found or found.startswith("http")
    assert "\n" not in states.first_line(text) and len(states.first_line(text)) <= 200


@pytest.mark.slow
@given(JSON, st.booleans())
def test_whatever_the_engine_tells_of_itself_a_node_gets_a_size(info: Any, root: bool) -> None:
    found = machine.read(info, root)
    cpus, memory = machine.fitted(MinikubeOptions(), found)
    assert cpus >= machine.LEAST_CPUS and memory >= machine.LEAST_MEMORY
    machine.objections(MinikubeOptions(), found, "todo-chatbot")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://192.168.49.2:30000\n", "http://192.168.49.2:30000"),
        ("* service chatbot-dev/backend-service has no node port\n", ""),
        ("\n\n", ""),
        ("! Because you are using a Docker driver on darwin\nhttp://127.0.0.1:5123\n", "http://127.0.0.1:5123"),
    ],
)
def test_only_a_line_that_is_an_address_is_one(text: str, expected: str) -> None:
    assert answers.address(text) == expected


def test_a_failed_start_is_told_by_its_cause_and_not_by_forty_lines_of_kernel_checks() -> None:
    kernel = "".join(f"\x1b[0;37mCONFIG_{number}\x1b[0m: enabled\n" for number in range(40))
    cause = "error: error execution phase wait-control-plane: cannot obtain client without bootstrap\n"
    event = {"type": "io.k8s.sigs.minikube.error", "data": {"name": "GUEST_START", "message": "failed to start node"}}
    assert answers.start_failure(json.dumps(event), kernel + cause) == (
        f"Exiting due to GUEST_START: failed to start node\n{cause.strip()}"
    )


def test_warnings_of_a_success_are_kept() -> None:
    err = "! Enabling 'ingress' returned an error: running callbacks: context deadline exceeded\n* fine\n"
    assert answers.warnings("", err) == [
        "Enabling 'ingress' returned an error: running callbacks: context deadline exceeded"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a-control-plane\trunning\na-worker\texited\n", {"a-control-plane": "running", "a-worker": "exited"}),
        ("", {}),
        ("Error response from daemon\n", None),
    ],
)
def test_the_states_of_containers(text: str, expected: dict[str, str] | None) -> None:
    assert answers.node_states(text) == expected


@pytest.mark.parametrize(
    ("nodes", "state"),
    [
        ({"p-control-plane": "running"}, "running"),
        ({"p-control-plane": "running", "p-worker": "dead"}, "running"),
        ({"p-control-plane": "exited", "p-worker": "exited"}, "stopped"),
        ({"p-control-plane": "created"}, "stopped"),
        ({"p-control-plane": "running", "p-worker": "restarting"}, "degraded"),
        ({"p-control-plane": "paused", "p-worker": "running"}, "paused"),
        ({"p-control-plane": "dead", "p-worker": "running"}, "broken"),
        ({"p-control-plane": "removing"}, "broken"),
        ({"p-worker": "running"}, "broken"),
        ({}, "broken"),
    ],
)
def test_containers_together_are_one_state(nodes: dict[str, str], state: str) -> None:
    found = answers.containers_together(nodes, ["p-control-plane"])
    assert found.state == state
    assert bool(found.holds) == any(name == "p-worker" for name in nodes) if state == "broken" else not found.holds


DOCKERS = st.sampled_from(["created", "running", "paused", "restarting", "removing", "exited", "dead", "of-tomorrow"])


@given(st.dictionaries(st.sampled_from(["p-control-plane", "p-worker", "p-worker2"]), DOCKERS))
def test_only_a_control_plane_that_runs_lets_a_cluster_run(nodes: dict[str, str]) -> None:
    found = answers.containers_together(nodes, ["p-control-plane"])
    assert found.state in states.STATES
    if found.state == "running":
        assert nodes["p-control-plane"] == "running"
    assert found.why or found.state == "running"


KUBEADM = (
    'Creating cluster "p" ...\n \u2717 Starting control-plane\nDeleted nodes: ["p-control-plane"]\n'
    "ERROR: failed to create cluster: failed to init node with kubeadm: command "
    '"docker exec --privileged p-control-plane kubeadm init" failed with error: exit status 1\n\n'
    "Command Output: I1126 04:49:44 initconfiguration.go:262] loading configuration\n"
    + "I1126 04:49:44 round_trippers.go:632] Response\n"
    * 50
    + "error: error execution phase wait-control-plane: cannot obtain client without bootstrap\n"
    "k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).Run.func1\n\t/src/runner.go:262\n"
)


def test_a_kind_that_failed_is_told_by_its_cause_and_not_by_kubeadms_log() -> None:
    first, second = answers.kind_failure(KUBEADM).splitlines()
    assert first.startswith("ERROR: failed to create cluster: failed to init node with kubeadm")
    assert second == "error: error execution phase wait-control-plane: cannot obtain client without bootstrap"
    assert answers.kind_failure(f"{KUBEADM}stopped after 900 s").splitlines()[-1] == "stopped after 900 s"
    assert answers.kind_failure("something else\n") == "something else\n"


def test_what_the_engine_says_of_a_node_is_the_cause_and_not_the_command_that_made_it() -> None:
    told = (
        '\u2717 Preparing nodes\nERROR: failed to create cluster: command "docker run --name p-control-plane --label '
        'io.x-k8s.kind.role=control-plane --privileged node" failed with error: exit status 125\n\n'
        "Command Output: docker: Error response from daemon: No command specified\n\n"
        "Run 'docker run --help' for more information\n"
    )
    assert answers.kind_failure(told).splitlines() == [
        "ERROR: failed to create cluster: docker run failed with error: exit status 125",
        "docker: Error response from daemon: No command specified",
    ]
