"""Back to the revision that worked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.kube import objects
from scripts.kube.releases import Revision
from scripts.kube.workloads import Workload
from scripts.pipeline import health, live, rollback, rollout
from scripts.pipeline.live import Live
from scripts.release import operate
from scripts.secrets import proofs
from tests.secrets.test_versions import Cluster, keep, record


def pod(name: str, revision: str, *, ready: bool) -> dict[str, Any]:
    labels = {"run": "store", "controller-revision-hash": revision}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    owner = {"kind": "StatefulSet", "name": "store", "uid": "s", "controller": True}
    meta = {"name": name, "uid": name, "namespace": "data", "labels": labels, "ownerReferences": [owner]}
    return {"kind": "Pod", "metadata": meta, "status": {"phase": "Running", "conditions": conditions}}


def test_only_what_the_failed_revision_left_unready_in_a_stateful_set_is_in_the_way() -> None:
    """A pod that serves is replaced by the set itself, and one of the right revision is given its time."""
    meta = {"name": "store", "namespace": "data", "uid": "s"}
    spec = {"selector": {"matchLabels": {"run": "store"}}}
    wanted = {"kind": "StatefulSet", "metadata": meta, "spec": spec, "status": {"updateRevision": "good"}}
    pods = [
        pod("store-0", "good", ready=True),
        pod("store-1", "bad", ready=True),
        pod("store-2", "bad", ready=False),
        pod("store-3", "good", ready=False),
    ]
    assert rollout.left_behind(wanted, pods) == ["store-2"]
    assert rollout.left_behind({**wanted, "status": {}}, pods) == [], "nobody knows which revision it is to have"
    by_hand = {**wanted, "spec": spec | {"updateStrategy": {"type": "OnDelete"}}}
    assert rollout.left_behind(by_hand, pods) == [], "its pods are replaced by a person"


def test_a_deploy_that_mends_a_stateful_set_does_not_wait_for_its_broken_pod() -> None:
    """Kubernetes does for ever: it replaces a pod in order, and the broken one first has to become ready."""
    told: list[tuple[str, ...]] = []
    meta = {"name": "store", "namespace": "data", "uid": "s", "generation": 2}
    spec = {"replicas": 1, "selector": {"matchLabels": {"run": "store"}}}
    done = {"observedGeneration": 2, "updateRevision": "good", "currentRevision": "good", "readyReplicas": 1}
    item = {"kind": "StatefulSet", "metadata": meta, "spec": spec, "status": done | {"updatedReplicas": 1}}
    kubectl = SimpleNamespace(
        find=lambda *_: item, get=lambda *_: item, ask=lambda *_, **__: None, effect=lambda *words: told.append(words),
        items=lambda kind, _: [pod("store-0", "bad", ready=False)] if kind == "pods" else [item], now=objects.now,
    )  # fmt: skip
    run: Any = SimpleNamespace(namespace="data", session=SimpleNamespace(kubectl=kubectl))
    list(rollout.await_workloads(run, [Workload("StatefulSet", "data", "store", {})]))
    assert told == [("delete", "pod", "store-0", "--namespace", "data", "--wait=false")]


def test_where_nothing_is_deployed_that_is_said_and_not_that_nothing_was_proved() -> None:
    release = SimpleNamespace(name="todo", namespace="shop")
    kubectl = SimpleNamespace(items=lambda *words: [])
    session = SimpleNamespace(settings=SimpleNamespace(release=release), kubectl=kubectl)
    run: Any = SimpleNamespace(session=session, dry=False)
    with pytest.raises(UserError, match="release todo is not deployed in shop"):
        rollback.last_verified_revision(run)


class Helm:
    """Notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def uninstall(self, name: str, *more: Any) -> None:
        self.asked.append(f"uninstall {name}")


def undo(
    monkeypatch: pytest.MonkeyPatch, *history: Revision, made: bool = True, keep: bool = False, about: int = 0
) -> list[str]:
    """Return what a failed deploy is answered with, where no revision was ever proved healthy."""
    helm, told = Helm(), []
    settings = SimpleNamespace(
        release=SimpleNamespace(name="todo", namespace="shop"), timeouts=SimpleNamespace(deploy=1)
    )
    session = SimpleNamespace(settings=settings, helm=helm)
    run: Any = SimpleNamespace(
        session=session, namespace="shop", dry=False, deployed={"todo"} if made else set(),
        display=SimpleNamespace(line=told.append), about={"todo": about},
    )  # fmt: skip

    def back(run: Any, number: int, *more: Any) -> Any:
        helm.asked.append(f"rollback {number}")
        yield from ()
        return Live()

    monkeypatch.setattr(rollback, "_history", lambda run: list(history))
    monkeypatch.setattr(rollback, "_proofs", lambda run, history: {})
    monkeypatch.setattr(live, "record_of", lambda session, numbers: {name: {} for name in numbers})
    monkeypatch.setattr(rollback, "_return_to", back)
    outcomes = list(rollback.roll_back(run, keep=keep))
    return [*helm.asked, *(one.detail for one in outcomes if one.status == "skipped")]


def revision(number: int, status: str = "superseded", *, dev: bool = False) -> Revision:
    return Revision("todo", number, status, "", dev)


def test_only_a_first_install_of_this_run_is_ever_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof that is lost, or helm by hand, is no reason to remove what served until then."""
    assert undo(monkeypatch, revision(1, "deployed")) == ["uninstall todo"]
    assert undo(monkeypatch, revision(1, "failed"), revision(2, "failed")) == ["uninstall todo"]
    assert undo(monkeypatch, revision(1), revision(2, "deployed")) == ["rollback 1"]
    assert undo(monkeypatch, revision(1), revision(2, "failed"), revision(3, "failed")) == ["rollback 1"]
    theirs = undo(monkeypatch, revision(1, "deployed"), made=False)
    assert theirs == ["revision 1 stays: this run did not make it, and no earlier one was proved healthy"]
    begun = undo(monkeypatch, revision(1, dev=True), revision(2, "deployed"))
    assert begun == ["revision 2 stays: before it there is only what invoke dev made"]


@pytest.mark.parametrize("about", [0, 2, 3])
def test_what_another_run_made_since_is_not_undone(monkeypatch: pytest.MonkeyPatch, about: int) -> None:
    """Of two people who deploy at once, the one whose run fails has nothing to do with the other's revision."""
    done = undo(monkeypatch, revision(1), revision(2), revision(3, "deployed"), about=about)
    stays = "revision 3 stays: another run made it, after revision 2 that this one was about"
    assert done == ([stays] if about == 2 else ["rollback 2"])


@pytest.mark.parametrize(("about", "overtaken"), [(3, False), (2, True), (0, False)])
def test_a_revision_that_is_not_live_any_more_is_not_proved(
    monkeypatch: pytest.MonkeyPatch, about: int, overtaken: bool
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(health, "await_healthy", lambda run, wanted: iter(()))
    monkeypatch.setattr(health, "keep_proof", lambda run, found: kept.append(found))
    monkeypatch.setattr(live, "histories", lambda session: {"todo": [revision(2), revision(3, "deployed")]})
    session = SimpleNamespace(settings=SimpleNamespace(release=SimpleNamespace(name="todo")))
    run: Any = SimpleNamespace(session=session, dry=False, deployed={"todo"}, about={"todo": about})
    if overtaken:
        with pytest.raises(live.Overtaken, match="revision 2 of todo is not live any more: 3 was made meanwhile"):
            list(health.check_health(run, Live()))
    else:
        list(health.check_health(run, Live()))
    assert bool(kept) is not overtaken


def test_what_is_kept_for_inspection_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    first = undo(monkeypatch, revision(1, "deployed"), keep=True)
    assert first == ["revision 1 stays: left for inspection (--keep)"]
    second = undo(monkeypatch, revision(1), revision(2, "deployed"), keep=True)
    assert second == ["revision 2 stays: left for inspection (--keep); no earlier one was proved healthy"]


@pytest.mark.parametrize(
    "damage", [{"data": {}}, {"data": {"secrets": "W10=", "record": "e30="}}, {"data": None}, {"metadata": "notes"}]
)
def test_a_proof_that_cannot_be_read_is_named_by_history_and_rollback(
    monkeypatch: pytest.MonkeyPatch, damage: dict[str, Any]
) -> None:
    cluster, told = Cluster(), []
    for number in (1, 2, 3):
        cluster.hold("auth", KEY=str(number))
        keep(cluster, number)
        cluster.secrets[f"sh.helm.release.v1.todo.v{number}"] = record(number)
    name = proofs.name("todo", 2)
    if "data" in damage:
        cluster.secrets[name] |= damage
    else:
        cluster.secrets[name]["metadata"]["annotations"] = {}
    release = SimpleNamespace(name="todo", namespace="shop")
    settings = SimpleNamespace(release=release, cluster="test")
    session: Any = SimpleNamespace(settings=settings, kubectl=cluster.kubectl(), shell=SimpleNamespace(dry=False))
    run: Any = SimpleNamespace(session=session, namespace="shop", dry=False, display=SimpleNamespace(line=told.append))
    assert rollback.last_verified_revision(run) == 1
    assert told == [f"revision 2 was proved healthy, but secret/{name} cannot be read: it is passed over"]
    monkeypatch.setattr(live, "installation", lambda session, record: "")
    rows = operate.history(session)
    assert [row[2] == f"secret/{name} cannot be read" for row in rows] == [False, False, True, False]


def test_a_verified_revision_that_helm_has_forgotten_is_kept_apart_and_can_be_returned_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten revisions that no health check passed, as a proof makes them, push none out that one did."""
    cluster = Cluster()
    for number in range(1, 13):
        cluster.hold("auth", KEY=str(number))
        if number == 1:
            keep(cluster, number)
        if number > 2:  # helm keeps ten
            cluster.secrets[f"sh.helm.release.v1.todo.v{number}"] = record(number)
    release = SimpleNamespace(name="todo", namespace="shop")
    settings = SimpleNamespace(release=release, cluster="test")
    session: Any = SimpleNamespace(settings=settings, kubectl=cluster.kubectl(), shell=SimpleNamespace(dry=False))
    monkeypatch.setattr(live, "installation", lambda session, record: "")
    _, first, *others = operate.history(session)
    assert first[:2] == ("1", "kept apart") and first[2] != "-"
    assert [row[0] for row in others] == [str(number) for number in range(3, 13)]
    assert {row[2] for row in others} == {"-"}
    run: Any = SimpleNamespace(session=session, namespace="shop", dry=False, display=SimpleNamespace(line=print))
    assert rollback.last_verified_revision(run) == 1
    for run.dry in (False, True):  # a dry run promises no return to what there is not
        with pytest.raises(UserError, match="todo has no revision 99"):
            list(rollback.return_to(run, 99))
