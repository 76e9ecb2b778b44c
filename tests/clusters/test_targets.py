"""What each target asks of its program, against stand-ins: options, sizes, images, addresses, ways through."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from scripts.clusters import choose, chosen_because, force_root
from scripts.clusters import machine as here
from scripts.clusters.forwards import Forwards
from scripts.errors import UserError
from scripts.settings.model import Image
from scripts.settings.targets import NodeOptions, TargetOptions
from tests.support.cluster_settings import (
    MADE_HERE,
    NAME,
    Make,
    configuration,
    current_context,
    options,
    set_current_context,
)
from tests.support.machine import Machine
from tests.support.programs import with_context, write_kubeconfig

BACKEND = Image("backend", "todo-chatbot/backend", "1")
MCP = Image("mcp", "todo-chatbot/mcp", "2")
PAGE = {"chatbot-dev/frontend-service": {"port": 3000, "nodePort": 30000}}
NODE = {"minikube": NAME, "kind": f"{NAME}-control-plane", "k3d": f"k3d-{NAME}-server-0"}


def begun(machine: Machine) -> list[str]:
    """The words of the last `minikube start`."""
    return [call for call in machine.calls("minikube") if call[0] == "start"][-1]


@pytest.mark.slow
def test_a_profile_is_made_as_large_as_the_machine_allows(machine: Machine, cluster: Make) -> None:
    machine.change(cpus=2, memory=4000 * 2**20)
    cluster("minikube").up()
    words = begun(machine)
    assert {"--cpus=2", "--memory=3000m", "--driver=docker", "--container-runtime=containerd"} <= set(words)
    assert {"--cni=calico", "--keep-context", "--interactive=false"} <= set(words)
    assert not any(word.startswith("--kubernetes-version") for word in words), "its own needs no network to be known"
    assert not any(word.startswith("--addons") for word in words), "they are enabled after the start"


@pytest.mark.slow
def test_every_option_of_the_settings_reaches_minikube(machine: Machine, cluster: Make) -> None:
    chosen = options(
        cpus=3, memory=5000, disk=30000, nodes=2, kubernetes="v1.35.1", runtime="docker", cni="flannel",
        extra_arguments=("--feature-gates=X=true",),
    )  # fmt: skip
    cluster("minikube", targets=chosen).up()
    assert {
        "--cpus=3", "--memory=5000m", "--disk-size=30000m", "--nodes=2", "--kubernetes-version=v1.35.1",
        "--container-runtime=docker", "--cni=flannel", "--feature-gates=X=true",
    } <= set(begun(machine))  # fmt: skip


@pytest.mark.slow
def test_an_existing_profile_is_started_as_it_was_made_and_its_differences_are_told(
    machine: Machine, cluster: Make
) -> None:
    cluster("minikube").up()
    machine.container(NAME, state="exited")
    outcome = cluster("minikube", targets=options(cpus=8, cni="flannel")).up()
    assert not any(word.startswith(("--cpus", "--driver", "--cni")) for word in begun(machine))
    assert outcome.detail == (
        "minikube, started, CNI is calico, not flannel, CPUs is 4, not 8, "
        "what differs counts when it is made: invoke cluster.down --target minikube"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("target", "made"), [("kind", "kindest/node:v1.36.2"), ("k3d", "rancher/k3s:v1.31.5-k3s1")])
def test_what_an_existing_cluster_was_not_made_with_is_told(
    machine: Machine, cluster: Make, target: str, made: str
) -> None:
    assert cluster(target).up().detail == f"{target}, created"
    assert cluster(target).up().detail == target
    other = TargetOptions(**{target: NodeOptions(nodes=3, image="some/node:v2")})
    assert cluster(target, targets=other).up().detail == (
        f"{target}, number of nodes is 1, not 3, image is {made}, not some/node:v2, "
        f"what differs counts when it is made: invoke cluster.down --target {target}"
    )
    same = TargetOptions(**{target: NodeOptions(image=made)})
    assert cluster(target, targets=same).up().detail == target


@pytest.mark.slow
def test_images_go_to_the_nodes_that_a_profile_has(machine: Machine, cluster: Make) -> None:
    """Also where the configuration says another number by now."""
    cluster("minikube", targets=options(nodes=2)).up()
    outcome = cluster("minikube", targets=options(nodes=3)).up()
    assert "number of nodes is 2, not 3" in outcome.detail
    assert [node.name for node in cluster("minikube", targets=options(nodes=3)).nodes()] == [NAME, f"{NAME}-m02"]


@pytest.mark.slow
def test_what_cannot_start_is_refused_before_anything_is_made(machine: Machine, cluster: Make) -> None:
    machine.change(cpus=2)
    with pytest.raises(UserError, match=r"asks for 4 CPUs, and the engine has 2 \(RSRC_INSUFFICIENT_CORES\)"):
        cluster("minikube", targets=options(cpus=4)).up()
    assert machine.state["profiles"] == {str(machine.home / ".minikube"): {}}


@pytest.mark.slow
def test_the_steps_of_a_start_are_shown_as_they_come(machine: Machine, cluster: Make) -> None:
    heard: list[str] = []
    cluster("minikube").up(heard.append)
    assert "Verifying Kubernetes components..." in heard
    assert not [line for line in heard if "{" in line]


@pytest.mark.slow
def test_a_start_that_failed_is_told_by_its_cause(machine: Machine, cluster: Make) -> None:
    machine.change(network=False, cached=False)
    with pytest.raises(UserError) as caught:
        cluster("minikube").up()
    first, *rest = str(caught.value).splitlines()
    assert first == "minikube start failed with exit status 48", "and not the profile's name for the verb"
    assert rest[0].startswith("Exiting due to INET_LOOKUP_HOST: Failed to start host") and len(rest) == 1
    advice = "Verify that your HTTP_PROXY and HTTPS_PROXY environment variables are set correctly."
    assert caught.value.hint == f"minikube advises: {advice}; see: minikube -p {NAME} logs --problems"


@pytest.mark.slow
def test_a_stopped_cluster_is_started_without_a_network(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    machine.container(NAME, state="exited")
    machine.change(network=False)
    assert cluster("minikube").up().status == "done"
    machine.change(network=True)
    newer = options(kubernetes="v1.36.1")
    cluster("minikube", targets=newer, cluster="newer").up()
    machine.container("newer", state="exited")
    machine.change(network=False)
    with pytest.raises(UserError, match=r"api\.github\.com.*no such host"):  # measured: minikube looks its version up
        cluster("minikube", targets=newer, cluster="newer").up()


@pytest.mark.slow
def test_a_success_with_warnings_shows_them(machine: Machine, cluster: Make, said: list[str]) -> None:
    machine.change(network=False)
    outcome = cluster("minikube", targets=options(extra_arguments=("--addons=ingress",))).up()
    assert "Enabling 'ingress' returned an error" in outcome.detail
    assert [line for line in said if line.startswith("minikube warns: Enabling 'ingress'")]


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_only_missing_images_are_sent_in_one_stream_and_verified(
    target: str, machine: Machine, cluster: Make, said: list[str]
) -> None:
    cluster(target).up()
    machine.change(images=[BACKEND.ref, MCP.ref])
    machine.container(NODE[target], images=[f"docker.io/{MCP.ref}"])
    outcomes = {outcome.target: outcome.status for outcome in cluster(target).load([BACKEND, MCP])}
    assert outcomes == {"backend": "done", "mcp": "unchanged"}
    assert [call for call in machine.calls("docker") if call[0] == "save"] == [["save", BACKEND.ref]]
    assert not [call for call in machine.calls() if call[:2] in (["kind", "load"], ["k3d", "image"])]
    assert {outcome.status for outcome in cluster(target).load([BACKEND, MCP])} == {"unchanged"}


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_every_node_gets_the_images(target: str, machine: Machine, cluster: Make) -> None:
    several = TargetOptions(options(nodes=2).minikube, NodeOptions(nodes=2), NodeOptions(nodes=2))
    cluster(target, targets=several).up()
    machine.change(images=[BACKEND.ref])
    cluster(target, targets=several).load([BACKEND])
    nodes = {name: item["images"] for name, item in machine.state["containers"].items() if not name.endswith("lb")}
    assert len(nodes) == 2 and all(images == [f"docker.io/{BACKEND.ref}"] for images in nodes.values())


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_a_load_that_reports_success_but_did_nothing_is_found_out(target: str, machine: Machine, cluster: Make) -> None:
    cluster(target).up()
    machine.change(images=[BACKEND.ref], fail={"silent load": [0, "", ""]})
    with pytest.raises(UserError, match=f"node {NODE[target]} lacks todo-chatbot/backend:1"):
        cluster(target).load([BACKEND])


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_old_images_are_taken_from_the_nodes_by_the_rule_they_are_given(
    target: str, machine: Machine, cluster: Make
) -> None:
    cluster(target).up()
    held = [f"docker.io/{BACKEND.ref}", f"docker.io/{MCP.ref}", "docker.io/other/thing:1"]
    machine.container(NODE[target], images=held)
    assert cluster(target).prune(lambda refs: [ref for ref in refs if ref.endswith(BACKEND.ref)]) == 1
    assert machine.state["containers"][NODE[target]]["images"] == held[1:]


@pytest.mark.slow
def test_copies_in_minikubes_cache_go_by_the_same_rule(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    folder = machine.home / ".minikube/cache/images/amd64/todo-chatbot"
    folder.mkdir(parents=True)
    for name in ("backend_1", "backend_2"):
        (folder / name).write_text("")
    cluster("minikube").prune(lambda refs: [ref for ref in refs if ref == BACKEND.ref])
    assert [file.name for file in folder.iterdir()] == ["backend_2"]


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_an_image_that_the_engine_lacks_is_named(target: str, machine: Machine, cluster: Make) -> None:
    cluster(target).up()
    with pytest.raises(UserError, match="the engine lacks todo-chatbot/backend:1"):
        cluster(target).load([BACKEND])


@pytest.mark.slow
def test_a_node_that_does_not_tell_what_it_has_is_not_taken_for_empty(machine: Machine, cluster: Make) -> None:
    cluster("kind").up()
    machine.change(images=[BACKEND.ref])
    machine.fail("docker exec", 1, "", "Error response from daemon: timeout\n")
    with pytest.raises(UserError, match="does not tell which images it has: Error response from daemon: timeout"):
        cluster("kind").load([BACKEND])


@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "verb"), [("docker", "exec"), ("cri-o", "image")])
def test_other_runtimes_get_images_their_own_way(runtime: str, verb: str, machine: Machine, cluster: Make) -> None:
    chosen = options(runtime=runtime)
    cluster("minikube", targets=chosen).up()
    machine.change(images=[BACKEND.ref])
    assert cluster("minikube", targets=chosen).load([BACKEND])[0].status == "done"
    assert any(call[0] == verb for call in machine.calls("docker" if verb == "exec" else "minikube"))


@pytest.mark.slow
def test_the_url_comes_from_minikube_where_the_node_can_be_reached(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    machine.change(services=PAGE)
    assert cluster("minikube").url("chatbot-dev", "frontend-service", 30000) == "http://192.168.49.2:30000"
    asked = [call for call in machine.calls("minikube") if call[0] == "service"]
    assert not asked, "its profile says the address, and `minikube service` takes a second"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("services", "words"),
    [
        ({}, "Service 'frontend-service' was not found"),
        ({"chatbot-dev/frontend-service": {"port": 3000}}, "have type .ClusterIP."),
    ],
)
def test_what_is_no_address_is_not_taken_for_one(
    services: dict[str, Any], words: str, machine: Machine, cluster: Make
) -> None:
    cluster("minikube").up()
    machine.change(services=services)
    with pytest.raises(UserError, match=words) as caught:
        cluster("minikube").url("chatbot-dev", "frontend-service", 0)
    assert "service.type" in caught.value.hint


@pytest.mark.slow
def test_where_the_node_is_hidden_its_port_is_mapped_at_the_start(
    machine: Machine, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.change(system="Docker Desktop", services=PAGE)
    cluster("minikube").up()
    assert "--ports=127.0.0.1:30000:30000" in begun(machine)
    assert cluster("minikube").url("chatbot-dev", "frontend-service", 30000) == "http://localhost:30000"
    assert not [call for call in machine.calls("minikube") if call[0] == "service"], "it would wait as a tunnel"


@pytest.mark.slow
def test_without_a_mapping_a_forward_is_kept_and_ends_with_the_cluster(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    machine.change(system="Docker Desktop", services=PAGE)  # made before, by another hand
    first = cluster("minikube").url("chatbot-dev", "frontend-service", 30000)
    assert first.startswith("http://localhost:")
    assert cluster("minikube").url("chatbot-dev", "frontend-service", 30000) == first
    assert len([call for call in machine.calls("kubectl") if "port-forward" in call]) in (1, 2)
    (words,) = [value for key, value in cluster("minikube").status().items() if key.startswith("forward ")]
    pid = int(words.split("process ")[1].rstrip(")"))
    cluster("minikube").down()
    os.waitpid(pid, 0)  # it was ended, not left
    assert not [key for key in Forwards(NAME, cluster("minikube")._shell).words() if key.startswith("forward")]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["minikube", "k3d"])
def test_an_engine_on_another_machine_is_led_to_by_a_forward_at_once(
    target: str, machine: Machine, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@there")
    cluster(target).up()
    machine.change(services=PAGE)
    assert cluster(target).url("chatbot-dev", "frontend-service", 30000).startswith("http://localhost:")
    assert [call for call in machine.calls("kubectl") if "port-forward" in call]
    assert not [call for call in machine.calls("minikube") if call[0] == "service"], "it would wait as a tunnel"
    cluster(target).down()


@pytest.mark.slow
def test_kind_is_not_made_on_an_engine_whose_ports_are_not_this_machines(
    machine: Machine, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker:2375")
    with pytest.raises(UserError, match="engine is on another machine") as caught:
        cluster("kind").up()
    assert "--target minikube" in caught.value.hint and machine.state["containers"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["kind", "k3d"])
def test_the_host_port_follows_the_frontends_node_port(
    target: str, machine: Machine, cluster: Make, tmp_path: Path
) -> None:
    (tmp_path / "values.yaml").write_text("frontend: {image: {}, service: {type: NodePort, nodePort: 31234}}\n")
    cluster(target).up()
    assert "31234" in machine.state["containers"][NODE[target]]["ports"]
    machine.change(services=PAGE)
    assert cluster(target).url("chatbot-dev", "frontend-service", 31234) == "http://localhost:31234"


@pytest.mark.slow
def test_kind_and_k3d_take_their_options(machine: Machine, cluster: Make) -> None:
    chosen = TargetOptions(kind=NodeOptions(2, "kindest/node:v1.35.0"), k3d=NodeOptions(3, "rancher/k3s:v1.35.0"))
    cluster("kind", targets=chosen).up()
    cluster("k3d", targets=chosen).up()
    assert f"{NAME}-worker" in machine.state["containers"] and f"k3d-{NAME}-agent-1" in machine.state["containers"]
    assert "kindest/node:v1.35.0" in next(call for call in machine.calls("kind") if "create" in call)
    assert "rancher/k3s:v1.35.0" in next(call for call in machine.calls("k3d") if "create" in call)


@pytest.mark.slow
def test_kind_makes_its_nodes_on_the_engine_that_builds_the_images(
    machine: Machine, cluster: Make, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    assert cluster("kind").up().status == "done" and cluster("kind").status()["state"] == "running"
    assert [line for line in said if line.startswith("$ KIND_EXPERIMENTAL_PROVIDER=docker ")]
    assert cluster("kind").down().status == "done"


def test_auto_prefers_minikube_where_it_can_be_used(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine.bin))
    assert choose("auto") == "minikube" and not chosen_because("auto", "minikube")
    machine.change(root=True)
    assert choose("auto") == "embedded" and "refuses root" in chosen_because("auto", "embedded")
    assert choose("auto", force_root=True) == "minikube"
    assert force_root(configuration(machine.folder, targets=options(driver="none")))
    assert not force_root(configuration(machine.folder, targets=options(driver="kvm2")))
    machine.remove("minikube")
    assert choose("auto") == "embedded" and not chosen_because("auto", "embedded")
    with pytest.raises(UserError, match="no such target"):
        choose("swarm")


def test_a_target_whose_program_is_missing_says_how_to_get_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine.bin))
    machine.remove("kind")
    with pytest.raises(UserError, match="kind is not installed") as caught:
        choose("kind")
    assert "invoke install --target kind" in caught.value.hint and "kind.sigs.k8s.io" in caught.value.hint


# context: any cluster by name


def remote(machine: Machine) -> dict[str, Any]:
    """Settings of a cluster that somebody named, which is there."""
    write_kubeconfig(machine.home / ".kube/config", with_context(_blank(), "team", "https://team"))
    machine.container("team")
    return {"context": "team", "allowed_contexts": ("team",), "registry": "registry.example.org/team"}


def _blank() -> dict[str, Any]:
    return {"clusters": [], "users": [], "contexts": [], "current-context": ""}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "context: empty"),
        ({"context": "prod"}, "allowedContexts: 'prod' is not on the list"),
        ({"context": "prod", "allowed_contexts": ("prod",)}, "registry: empty"),
    ],
)
def test_a_cluster_nobody_named_is_never_touched(changes: dict[str, Any], message: str, cluster: Make) -> None:
    with pytest.raises(UserError, match=message):
        cluster("context", **changes)


@pytest.mark.slow
def test_a_named_cluster_is_used_and_neither_made_nor_removed(machine: Machine, cluster: Make) -> None:
    settings = remote(machine)
    assert cluster("context", **settings).up().status == "unchanged"
    with pytest.raises(UserError, match="not made by this project"):
        cluster("context", **settings).down()
    machine.container("team", state="exited")
    with pytest.raises(UserError, match=r"cannot be told \(The connection to the server"):
        cluster("context", **settings).up()
    write_kubeconfig(machine.home / ".kube/config", _blank())
    with pytest.raises(UserError, match="no context team in"):
        cluster("context", **settings).up()


@pytest.mark.slow
def test_the_registry_is_asked_before_a_push(machine: Machine, cluster: Make) -> None:
    settings = remote(machine)
    machine.change(images=[BACKEND.ref, MCP.ref], registry=["registry.example.org/team/todo-chatbot/mcp:2"])
    outcomes = cluster("context", **settings).load([BACKEND, MCP])
    assert [(outcome.target, outcome.status) for outcome in outcomes] == [("backend", "done"), ("mcp", "unchanged")]
    assert [call[-1] for call in machine.calls("docker") if call[0] == "push"] == [outcomes[0].detail]


@pytest.mark.slow
def test_a_push_that_reports_success_but_did_nothing_is_found_out(machine: Machine, cluster: Make) -> None:
    settings = remote(machine)
    machine.change(images=[BACKEND.ref], fail={"silent push": [0, "", ""]})
    with pytest.raises(UserError, match="the registry does not show it"):
        cluster("context", **settings).load([BACKEND])


@pytest.mark.slow
def test_a_registry_that_cannot_be_asked_is_pushed_to(machine: Machine, cluster: Make) -> None:
    settings = remote(machine)
    machine.change(images=[BACKEND.ref], network=False)
    assert cluster("context", **settings).load([BACKEND])[0].status == "done"


# kubeconfigs


@pytest.mark.slow
def test_kubeconfigs_are_merged_as_kubectl_does_it(
    machine: Machine, cluster: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = remote(machine)
    whole = json.loads((machine.home / ".kube/config").read_text())
    files = [tmp_path / "first", tmp_path / "missing", tmp_path / "second"]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["", *map(str, files)]))
    write_kubeconfig(files[0], _blank() | {"current-context": "other"})
    write_kubeconfig(files[2], whole)
    assert cluster("context", **settings).kubeconfig == files[2]
    write_kubeconfig(files[0], _blank() | {"users": whole["users"]})
    write_kubeconfig(files[2], whole | {"users": []})
    spread = cluster("context", **settings)
    assert spread.kubeconfig.stat().st_mode & 0o777 == 0o600 and spread.up().status == "unchanged"
    files[0].write_text("{")
    with pytest.raises(UserError, match="no kubeconfig: not valid YAML"):
        _ = cluster("context", **settings).kubeconfig


@pytest.mark.slow
def test_minikube_writes_to_the_first_file_and_leaves_every_current_context(
    machine: Machine, cluster: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_current_context(machine, "own")
    first = tmp_path / "first"
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(first), str(machine.home / ".kube/config")]))
    cluster("minikube").up()
    machine.container(NAME, state="exited")
    cluster("minikube").up()
    assert json.loads(first.read_text())["current-context"] == "" and current_context(machine) == "own"


@pytest.mark.slow
def test_removing_the_cluster_that_is_current_leaves_no_current_context(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    config = json.loads((machine.home / ".kube/config").read_text())
    write_kubeconfig(machine.home / ".kube/config", config | {"current-context": NAME})
    cluster("minikube").down()
    assert current_context(machine) == ""


@pytest.mark.slow
def test_a_dry_run_changes_nothing(machine: Machine, tmp_path: Path) -> None:
    from scripts import clusters
    from scripts.host.shell import Shell

    before = machine.state
    lines: list[str] = []
    for target in MADE_HERE:
        made = clusters.select(
            configuration(tmp_path), Shell(dry=True, echo=lines.append), machine.bin / "kubectl", target
        )
        made.up()
        made.load([BACKEND])
        made.down()
    assert {key: value for key, value in machine.state.items() if key != "profiles"} == {
        key: value for key, value in before.items() if key != "profiles"
    }
    assert not (machine.home / "state").exists()
    assert [line for line in lines if line.startswith("$ ") and " start " in line]


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_a_dry_run_goes_on_where_no_engine_answers_yet(target: str, machine: Machine, tmp_path: Path) -> None:
    from scripts import clusters
    from scripts.host.shell import Shell

    machine.change(engine=False)
    shell = Shell(dry=True, echo=lambda _: None)
    made = clusters.select(configuration(tmp_path), shell, machine.bin / "kubectl", target)
    assert made.up().status == "done" and made.load([BACKEND])
    with pytest.raises(UserError, match="cannot be told"):
        clusters.select(configuration(tmp_path), Shell(echo=lambda _: None), machine.bin / "kubectl", target).up()


@pytest.mark.slow
def test_a_profile_that_runs_is_looked_at_twice_and_its_node_without_minikube(machine: Machine, cluster: Make) -> None:
    """Each of its processes takes a second where the machine is busy."""
    cluster("minikube").up()
    machine.change(images=[BACKEND.ref])
    cluster("minikube").load([BACKEND])
    before = len(machine.calls("minikube"))
    again = cluster("minikube")
    assert again.up().status == "unchanged" and again.cpus() == 4
    assert {outcome.status for outcome in again.load([BACKEND])} == {"unchanged"}
    asked = [" ".join(call[:2]) for call in machine.calls("minikube")[before:]]
    assert [words for words in asked if not words.startswith("addons")] == ["status --output", "profile list"]


@pytest.mark.slow
def test_the_machine_is_asked_only_where_it_matters(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    asked = len([call for call in machine.calls("docker") if call[0] == "info"])
    cluster("minikube").up()
    assert len([call for call in machine.calls("docker") if call[0] == "info"]) == asked
    assert here.is_root() is False
