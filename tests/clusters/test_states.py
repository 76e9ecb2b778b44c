"""The whole table of states, on every target that is made here, against stand-ins that refuse what the real ones do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts import clusters
from scripts.clusters import states
from scripts.clusters.states import STATES, TABLE, TASKS, Reading
from scripts.clusters.target import Target, asked_twice
from scripts.errors import UserError
from scripts.host.shell import Result, Shell
from scripts.settings.model import Image
from tests.support.cluster_settings import (
    MADE_HERE,
    NAME,
    Make,
    configuration,
    current_context,
    live_on,
    options,
    set_current_context,
)
from tests.support.machine import Machine

OWN = "the-persons-own"
BACKEND = Image("backend", "todo-chatbot/backend", "1")
NODE = {"minikube": NAME, "kind": f"{NAME}-control-plane", "k3d": f"k3d-{NAME}-server-0"}


def _profile(machine: Machine, **changes: Any) -> None:
    profiles = machine.state["profiles"]
    for home in profiles.values():
        home[NAME] |= changes
    machine.change(profiles=profiles)


def _absent(target: str, machine: Machine, make: Make) -> None:
    pass


def _running(target: str, machine: Machine, make: Make) -> None:
    make(target).up()


def _stopped(target: str, machine: Machine, make: Make) -> None:
    make(target).up()
    if target == "minikube":  # `minikube stop` takes the context out of the kubeconfig
        make(target)._act("stop", timeout=30)  # type: ignore[attr-defined]
    for name in machine.state["containers"]:
        machine.container(name, state="exited")


def _paused(target: str, machine: Machine, make: Make) -> None:
    make(target).up()
    if target == "minikube":
        make(target)._act("pause", timeout=30)  # type: ignore[attr-defined]
    else:
        machine.container(NODE[target], state="paused")


def _degraded(target: str, machine: Machine, make: Make) -> None:
    make(target).up()
    if target == "minikube":
        _profile(machine, server="Stopped")
    elif target == "kind":
        make(target).kubeconfig.unlink()
    else:
        machine.container(f"k3d-{NAME}-serverlb", state="exited")


def _broken(target: str, machine: Machine, make: Make) -> None:
    if target == "minikube":  # the first start failed early: the profile is saved, its container gone
        machine.change(network=False, cached=False)
        with pytest.raises(UserError):
            make(target).up()
        machine.change(network=True)
    else:
        make(target).up()
        machine.container("a-worker", labels={make(target).label: NAME})  # type: ignore[attr-defined]
        machine.lose(NODE[target])


def _unknown(target: str, machine: Machine, make: Make) -> None:
    make(target).up()
    verb = {"minikube": "minikube status", "kind": "kind get", "k3d": "k3d cluster list"}[target]
    machine.fail(verb, 1, "", "signal: killed\n")


INTO: dict[str, Callable[[str, Machine, Make], None]] = {
    "absent": _absent, "running": _running, "stopped": _stopped, "paused": _paused, "degraded": _degraded,
    "broken": _broken, "unknown": _unknown,
}  # fmt: skip


def test_the_table_has_a_step_for_every_task_in_every_state() -> None:
    assert set(TABLE) == set(TASKS) and all(set(row) == set(STATES) for row in TABLE.values())
    assert set(INTO) == set(STATES)


WORDS = {
    "create": "makes it", "start": "starts it", "resume": "lets it go on", "repair": "mends it",
    "remake": "makes it anew", "nothing": "nothing", "refuse": "refuses", "remove": "removes it",
}  # fmt: skip


def test_the_guide_shows_the_table_as_it_is_in_code() -> None:
    rows = [line.split("|") for line in Path("docs/deployment.md").read_text(encoding="utf-8").splitlines()]
    shown = {row[1].strip(): (row[3].strip(), row[4].strip()) for row in rows if len(row) == 6}
    for state in STATES:
        up, down = shown[state]
        assert up.startswith(WORDS[TABLE["up"][state]]) and down.startswith(WORDS[TABLE["down"][state]])


@pytest.fixture(scope="module", params=[(target, state) for target in MADE_HERE for state in STATES], ids="-".join)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Machine]:
    """A machine with a cluster of some kind in some state, made once and put back for every test."""
    target, state = request.param
    made = Machine(tmp_path_factory.mktemp("state") / "machine")
    with pytest.MonkeyPatch.context() as patch:
        live_on(made, patch)
        set_current_context(made, OWN)

        def make(kind: str) -> Target:
            settings = configuration(made.folder)
            return clusters.select(settings, Shell(echo=lambda _: None), made.bin / "kubectl", kind)

        INTO[state](target, made, make)
    made.change(images=[BACKEND.ref], services={"chatbot-dev/frontend-service": {"port": 3000, "nodePort": 30000}})
    made.keep()
    return target, state, made


@pytest.fixture
def machine_found(found: tuple[str, str, Machine], monkeypatch: pytest.MonkeyPatch) -> Machine:
    """That machine, as it was."""
    found[2].restore()
    live_on(found[2], monkeypatch)
    return found[2]


@pytest.fixture
def make_found(machine_found: Machine, quiet: Shell, tmp_path: Path, found: tuple[str, str, Machine]) -> Make:
    """Makes the target on it."""

    def make(**changes: Any) -> Target:
        settings = configuration(tmp_path, **changes)
        return clusters.select(settings, quiet, machine_found.bin / "kubectl", found[0])

    return make


Found = tuple[str, str, Machine]


@pytest.mark.slow
def test_what_a_cluster_is_found_as(found: Found, make_found: Make) -> None:
    status = make_found().status()
    assert status["state"] == found[1]
    assert ("why" in status) == (found[1] not in ("absent", "running"))


@pytest.mark.parametrize(("state", "remedy"), [("absent", "run: invoke pipe"), ("stopped", "run: invoke cluster.up")])
def test_what_is_asked_of_a_cluster_that_is_not_there_is_told_with_what_brings_it(state: Any, remedy: str) -> None:
    """A cluster that is only started has no release, whose status or logs were asked for."""
    assert states.refusal("reach", states.Reading(state), NAME, "").hint.startswith(remedy)


@pytest.mark.slow
def test_up_leads_from_every_state_to_running_or_says_why_not(found: Found, make_found: Make) -> None:
    target, state, machine = found
    if state == "unknown" or (state == "broken" and target != "minikube"):
        before = machine.state
        with pytest.raises(UserError) as caught:
            make_found().up()
        assert NAME in str(caught.value) and caught.value.hint
        assert machine.state == before
        return
    outcome = make_found().up()
    assert outcome.status == ("unchanged" if state == "running" else "done")
    assert make_found().status()["state"] == "running"
    assert current_context(machine) == OWN
    assert make_found().up().status == "unchanged"


@pytest.mark.slow
def test_down_leaves_nothing_or_says_why_not(found: Found, make_found: Make) -> None:
    _, state, machine = found
    if state == "unknown":
        with pytest.raises(UserError, match=r"cannot be told.*signal: killed"):
            make_found().down()
        assert machine.state["containers"]
        return
    assert make_found().down().status == ("unchanged" if state == "absent" else "done")
    left = machine.state
    assert (left["containers"], left["volumes"], left["networks"]) == ({}, [], [])
    assert current_context(machine) == OWN
    assert make_found().status()["state"] == "absent"


@pytest.mark.slow
def test_load_and_the_page_need_a_cluster_that_runs_and_say_what_it_is_instead(found: Found, make_found: Make) -> None:
    _, state, _ = found
    if state == "running":
        assert [outcome.status for outcome in make_found().load([BACKEND])] == ["done"]
        assert make_found().url("chatbot-dev", "frontend-service", 30000).startswith("http://")
        return
    for act in (
        lambda: make_found().load([BACKEND]),
        lambda: make_found().url("chatbot-dev", "frontend-service", 30000),
    ):
        with pytest.raises(UserError) as caught:
            act()
        words = "cannot be told" if state == "unknown" else f"cluster {NAME} is {state}"
        assert words in str(caught.value)
        assert "disk" not in str(caught.value) + caught.value.hint


@pytest.mark.slow
def test_a_broken_profile_that_ever_ran_is_not_made_anew_unasked(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    machine.lose(NAME)
    found = cluster("minikube").status()
    assert found["state"] == "broken" and "No such container" in found["why"]
    with pytest.raises(UserError, match=f"what is stored in volume {NAME} would be lost") as caught:
        cluster("minikube").up()
    assert "invoke cluster.down" in caught.value.hint
    assert machine.state["volumes"] == [NAME]
    cluster("minikube").down()
    assert cluster("minikube").up().status == "done"


@pytest.mark.slow
def test_an_engine_that_does_not_answer_is_not_taken_for_a_node_that_is_gone(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    kept = machine.state["containers"]
    machine.change(engine=False, containers={})
    with pytest.raises(UserError, match="cannot be told"):
        cluster("minikube").down()
    machine.change(engine=True, containers=kept)
    assert cluster("minikube").status()["state"] == "running"


@pytest.mark.slow
@pytest.mark.parametrize("target", MADE_HERE)
def test_what_bears_the_name_but_is_not_ours_is_refused_by_name(target: str, machine: Machine, cluster: Make) -> None:
    machine.container(NODE[target], home="/somebody/else/.minikube", labels={})
    with pytest.raises(UserError, match=f"container {NODE[target]}: there already") as caught:
        cluster(target).up()
    assert f"docker container rm --force {NODE[target]}" in caught.value.hint and "cluster:" in caught.value.hint
    assert NODE[target] in machine.state["containers"] and machine.state["destroyed"] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["volumes", "networks"])
def test_a_foreign_volume_or_network_is_refused_too(kind: str, machine: Machine, cluster: Make) -> None:
    machine.change(**{kind: [NAME]})
    with pytest.raises(UserError, match=f"{kind[:-1]} {NAME}: there already"):
        cluster("minikube").up()


@pytest.mark.slow
def test_the_embedded_cluster_of_another_home_is_not_shared(machine: Machine, cluster: Make) -> None:
    machine.change(networks=[f"k8s-{NAME}"])
    with pytest.raises(UserError, match=f"network k8s-{NAME}: there already"):
        cluster("embedded").up()
    assert not (machine.home / "state").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "root"), [*((target, False) for target in MADE_HERE), ("embedded", False), ("embedded", True)]
)
def test_a_rootless_engine_that_will_not_do_is_refused_before_anything_is_made(
    target: str, root: bool, machine: Machine, cluster: Make
) -> None:
    machine.change(security=["name=seccomp,profile=default", "name=rootless"], cgroup="1", root=root)
    with pytest.raises(UserError, match="rootless"):
        cluster(target).up()
    assert cluster(target).read().state == "absent"


@pytest.mark.slow
@pytest.mark.parametrize("target", ["kind", "k3d"])
def test_a_cluster_that_could_not_be_made_leaves_no_claim(target: str, machine: Machine, cluster: Make) -> None:
    machine.fail({"kind": "kind create", "k3d": "k3d cluster create"}[target], 1, "", "ERROR: failed to init node\n")
    with pytest.raises(UserError, match="failed to init node"):
        cluster(target).up()
    machine.change(fail={})
    machine.container(NODE[target], labels={cluster(target).label: NAME})  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="not made from this home"):
        cluster(target).down()


@pytest.mark.slow
def test_what_k3d_leaves_of_a_cluster_that_it_could_not_make_is_in_nobodys_way(machine: Machine, cluster: Make) -> None:
    machine.change(network=False, cached=False)
    with pytest.raises(UserError) as caught:
        cluster("k3d").up()
    first, *rest = str(caught.value).splitlines()
    assert first == "k3d cluster create failed with exit status 1"
    assert len(rest) == 1 and "failed to pull image 'rancher/k3s:v1'" in rest[0] and "\x1b" not in rest[0]
    assert machine.state["networks"] == [] and machine.state["volumes"] == []
    machine.change(network=True)
    assert cluster("k3d").up().status == "done"


@pytest.mark.slow
@pytest.mark.parametrize("target", ["kind", "k3d"])
def test_somebodys_cluster_of_the_same_name_is_neither_used_nor_removed(
    target: str, machine: Machine, cluster: Make
) -> None:
    cluster(target).up()
    cluster(target).kubeconfig.unlink()
    cluster(target).kubeconfig.parent.rmdir()  # as on another home of the same engine
    for act in (lambda: cluster(target).up(), lambda: cluster(target).down()):
        with pytest.raises(UserError, match="not made from this home"):
            act()
    assert NODE[target] in machine.state["containers"]
    assert cluster(target).status()["why"] == "not made from this home, which has no kubeconfig of it"


@pytest.mark.slow
def test_the_steps_of_kind_are_shown_once_and_its_failure_names_the_cause_alone(
    machine: Machine, cluster: Make
) -> None:
    steps = 'Creating cluster "todo-chatbot" ...\n \u2717 Preparing nodes\n'
    cause = 'failed to create cluster: command "docker run" failed\n\nCommand Output: docker: something else'
    machine.fail("kind create", 1, "", f"{steps}ERROR: {cause}\n")
    heard: list[str] = []
    with pytest.raises(UserError) as caught:
        cluster("kind").up(heard.append)
    assert "Preparing nodes" in "\n".join(heard)
    named = "ERROR: failed to create cluster: docker run failed\ndocker: something else"
    assert str(caught.value) == f"kind create cluster failed with exit status 1\n{named}"


@pytest.mark.slow
def test_the_hardened_cluster_does_not_touch_the_running_one(machine: Machine, cluster: Make) -> None:
    cluster("minikube").up()
    secure = cluster("minikube", environment="secure")
    assert secure.up().status == "done"
    assert machine.state["destroyed"] == []
    assert set(machine.state["containers"]) == {NAME, f"{NAME}-secure"}
    assert secure.context == f"{NAME}-secure" and cluster("minikube").status()["state"] == "running"
    folder = machine.home / f"state/todo-chatbot/minikube/{NAME}/.minikube/files/etc/ssl/certs"
    assert (folder / "audit-policy.yaml").is_file()
    encryption = folder / "encryption.yaml"
    assert encryption.stat().st_mode & 0o777 == 0o600 and "${ENCRYPTION_KEY}" not in encryption.read_text()
    key = encryption.read_bytes()
    secure.down()
    assert cluster("minikube", environment="secure").up().status == "done"
    assert encryption.read_bytes() == key, "what is stored can be read with the same key only"
    encryption.unlink()
    profiles = machine.state["profiles"]
    for home in profiles.values():
        for profile in home.values():
            profile["server"] = "Stopped"
    machine.change(profiles=profiles)
    with pytest.raises(UserError, match=r"encryption\.yaml: is gone, and what .* has stored can be read") as caught:
        cluster("minikube", environment="secure").up()
    assert f"docker cp {NAME}-secure:/etc/ssl/certs/encryption.yaml" in caught.value.hint and not encryption.exists()
    cluster("minikube", environment="secure").down()
    assert cluster("minikube", environment="secure").up().status == "done" and encryption.is_file()


@pytest.mark.slow
def test_the_hardened_cluster_starts_from_what_was_downloaded_for_the_persons_own(
    machine: Machine, cluster: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a home of its own minikube would fetch hundreds of megabytes again, or not start at all."""
    monkeypatch.setenv("MINIKUBE_HOME", str(tmp_path / "mine"))
    own = machine.home / f"state/todo-chatbot/minikube/{NAME}/.minikube/cache"

    def start_anew() -> None:
        cluster("minikube", environment="secure").down()
        cluster("minikube", environment="secure").up()

    start_anew()
    assert not list(own.iterdir()), "nothing to share yet"
    kubelet = tmp_path / "mine/.minikube/cache/linux/amd64/v1.36.1/kubelet"
    kubelet.parent.mkdir(parents=True)
    kubelet.touch()
    start_anew()
    assert (own / "linux/amd64/v1.36.1/kubelet").samefile(kubelet)
    (tmp_path / "mine").rename(tmp_path / "moved")
    start_anew()
    assert not list(own.iterdir()), "a link that leads nowhere is in minikube's way"


@pytest.mark.slow
def test_a_hardened_cluster_that_stores_in_the_clear_is_found_out(machine: Machine, cluster: Make) -> None:
    cluster("minikube", environment="secure").up()
    profiles = machine.state["profiles"]
    for home in profiles.values():
        for profile in home.values():
            profile["server"], profile["encrypted"] = "Stopped", False
    machine.change(profiles=profiles)
    machine.fail("kubectl exec", 0, "k8s-v1-Secret in-the-clear")
    with pytest.raises(UserError, match="stores Secrets unencrypted") as caught:
        cluster("minikube", environment="secure").up()
    assert f"minikube -p {NAME}-secure logs" in caught.value.hint and "MINIKUBE_HOME=" in caught.value.hint
    with pytest.raises(UserError, match="stores Secrets unencrypted"):
        cluster("minikube", environment="secure").up()  # it runs, which is no proof
    machine.fail("kubectl exec", 1, "", "no such container")
    with pytest.raises(UserError, match="cannot be told"):
        cluster("minikube", environment="secure").up()
    machine.fail("kubectl exec", 0, "k8s:enc:aescbc:v1:key1:...")
    assert cluster("minikube", environment="secure").up().status == "unchanged"
    machine.fail("kubectl exec", 1, "", "not asked again")
    assert cluster("minikube", environment="secure").up().status == "unchanged"


@pytest.mark.slow
@pytest.mark.parametrize("target", ["kind", "k3d"])
def test_without_kubectl_nobody_can_tell_whether_the_server_answers(
    target: str, machine: Machine, cluster: Make
) -> None:
    cluster(target).up()
    machine.remove("kubectl")
    found = cluster(target).status()
    assert found["state"] == "unknown" and "kubectl" in found["why"]


@pytest.mark.slow
def test_reading_never_acts(machine: Machine, cluster: Make) -> None:
    for target in MADE_HERE:
        cluster(target).up()
    before = machine.state
    for target in MADE_HERE:
        cluster(target).status()
    assert machine.state == before


def test_a_stale_cluster_is_started_anew_and_a_holding_one_is_not() -> None:
    assert states.decide("up", Reading("running", stale="older code")) == "repair"
    assert states.decide("reach", Reading("running", stale="older code")) == "go"
    assert states.decide("up", Reading("broken", holds="data")) == "refuse"
    assert states.decide("down", Reading("broken", holds="data")) == "remove"


@pytest.mark.slow
def test_as_root_the_start_is_refused_before_it_begins(machine: Machine, cluster: Make) -> None:
    machine.change(root=True)
    with pytest.raises(UserError, match=r"refuses to run as root.*DRV_AS_ROOT.*targets\.minikube\.force: true"):
        cluster("minikube").up()
    assert machine.calls("minikube") == [["status", "--output", "json", "--profile", NAME]]
    assert cluster("minikube", targets=options(force=True)).up().status == "done"


@pytest.mark.slow
def test_an_api_server_that_has_just_begun_is_asked_once_more(
    machine: Machine, cluster: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.clusters.target.PAUSE", 0.0)
    said = 'Error from server (Forbidden): forbidden: User "kubernetes-admin" cannot get path "/readyz"'
    heard = iter([Result(1, "", said), Result(0, "ok")])
    made: Any = cluster("kind")
    made.up()
    monkeypatch.setattr(made, "_ready", lambda: next(heard))
    assert made.read().state == "running", "a real one answered so under load"
    refused = iter([Result(1, "", "The connection to the server 127.0.0.1:1 was refused")])
    assert not asked_twice(lambda: next(refused))
