"""The store: revisions, conflicts, deletion, watches, and what is left after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.errors import ApiError
from embedded.store import RING, Event, Store

CONFIG = {"metadata": {"name": "c", "namespace": "demo"}, "data": {"a": "1"}}


def test_create_gives_identity(store: Store, deployment: Callable[..., dict]) -> None:
    made = store.create("deployments.apps", deployment(), manager="me")
    meta = made["metadata"]
    assert (meta["generation"], meta["resourceVersion"]) == (1, str(store.revision))
    assert meta["uid"] and meta["creationTimestamp"].endswith("Z")
    assert made["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": "25%", "maxSurge": "25%"}
    assert [entry["manager"] for entry in meta["managedFields"]] == ["me"]


def test_generated_names_differ(store: Store) -> None:
    names = {
        store.create("configmaps", {"metadata": {"generateName": "x-", "namespace": "demo"}})["metadata"]["name"]
        for _ in range(20)
    }
    assert len(names) == 20
    assert all(len(name) == 7 for name in names)


def test_second_create_is_refused(store: Store) -> None:
    store.create("configmaps", CONFIG)
    with pytest.raises(ApiError, match='configmaps "c" already exists') as caught:
        store.create("configmaps", CONFIG)
    assert (caught.value.code, caught.value.reason) == (409, "AlreadyExists")


def test_update_of_an_old_version_conflicts(store: Store) -> None:
    old = store.create("configmaps", CONFIG)
    store.update("configmaps", old | {"data": {"a": "2"}})
    with pytest.raises(ApiError, match="the object has been modified") as caught:
        store.update("configmaps", old | {"data": {"a": "3"}})
    assert caught.value.reason == "Conflict"


def test_update_that_changes_nothing_keeps_the_revision(store: Store) -> None:
    made = store.create("configmaps", CONFIG, manager="me")
    before = store.revision
    assert store.update("configmaps", made, manager="other") is made
    assert store.revision == before


def test_generation_counts_changes_of_the_spec(store: Store, deployment: Callable[..., dict]) -> None:
    store.create("deployments.apps", deployment())

    def write(change: Callable[[dict], None], subresource: str = "") -> int:
        return store.modify("deployments.apps", "demo", "web", change, subresource=subresource)["metadata"][
            "generation"
        ]

    assert write(lambda obj: obj["spec"].update(replicas=3)) == 2
    assert write(lambda obj: obj["status"].update(replicas=3), "status") == 2
    assert write(lambda obj: obj["metadata"].update(labels={"a": "b"})) == 2


def test_status_and_spec_are_written_apart(store: Store, deployment: Callable[..., dict]) -> None:
    store.create("deployments.apps", deployment())

    def both(obj: dict) -> None:
        obj["spec"]["replicas"] = 7
        obj["status"]["replicas"] = 7

    assert store.modify("deployments.apps", "demo", "web", both, subresource="status")["spec"]["replicas"] == 1
    assert store.modify("deployments.apps", "demo", "web", both)["status"] == {"replicas": 7}
    assert store.get("deployments.apps", "demo", "web")["spec"]["replicas"] == 7


def test_modify_of_nothing_is_none(store: Store) -> None:
    assert store.modify("configmaps", "demo", "gone", lambda obj: None) is None


def test_list_is_ordered_and_filtered(store: Store) -> None:
    for name in ("b", "a", "c"):
        store.create("configmaps", {"metadata": {"name": name, "namespace": "demo"}})
    store.create("namespaces", {"metadata": {"name": "demo2"}})
    store.create("configmaps", {"metadata": {"name": "z", "namespace": "demo2"}})
    assert [obj["metadata"]["name"] for obj in store.list("configmaps", "demo")] == ["a", "b", "c"]
    assert len(store.list("configmaps")) == 4
    assert [o["metadata"]["name"] for o in store.list("configmaps", where=lambda o: o["metadata"]["name"] > "b")] == [
        "c",
        "z",
    ]


def test_unscheduled_pod_goes_at_once(store: Store, pod: Callable[..., dict]) -> None:
    store.create("pods", pod())
    store.delete("pods", "demo", "web")
    assert store.get("pods", "demo", "web") is None


def test_scheduled_pod_stays_for_its_grace(store: Store, pod: Callable[..., dict]) -> None:
    store.create("pods", pod(terminationGracePeriodSeconds=5))
    store.modify("pods", "demo", "web", lambda obj: obj["spec"].update(nodeName="n"))
    marked = store.delete("pods", "demo", "web")["metadata"]
    assert marked["deletionGracePeriodSeconds"] == 5
    assert marked["generation"] == 2
    assert store.delete("pods", "demo", "web")["metadata"] == marked
    assert store.delete("pods", "demo", "web", grace=2)["metadata"]["deletionGracePeriodSeconds"] == 2
    seen: list[tuple[str, int]] = []
    store.on_event(lambda _, e: seen.append((e.type, e.object["metadata"]["deletionGracePeriodSeconds"])))
    store.delete("pods", "demo", "web", grace=0)
    assert seen == [("MODIFIED", 0), ("DELETED", 0)]


def test_finalizers_hold_an_object(store: Store) -> None:
    store.create("configmaps", CONFIG | {"metadata": CONFIG["metadata"] | {"finalizers": ["example.com/x"]}})
    store.delete("configmaps", "demo", "c")
    assert store.get("configmaps", "demo", "c")["metadata"]["deletionTimestamp"]
    store.modify("configmaps", "demo", "c", lambda obj: obj["metadata"].pop("finalizers"))
    assert store.get("configmaps", "demo", "c") is None


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_propagation_leaves_a_finalizer(store: Store, policy: str, finalizer: str) -> None:
    store.create("configmaps", CONFIG)
    assert store.delete("configmaps", "demo", "c", propagation=policy)["metadata"]["finalizers"] == [finalizer]


def test_namespace_goes_when_finalized(store: Store) -> None:
    store.delete("namespaces", "", "demo")
    left = store.get("namespaces", "", "demo")
    assert left["status"]["phase"] == "Terminating"
    store.update("namespaces", left | {"spec": {}}, subresource="finalize")
    assert store.get("namespaces", "", "demo") is None


def test_preconditions(store: Store) -> None:
    store.create("configmaps", CONFIG)
    with pytest.raises(ApiError, match="UID in precondition: other"):
        store.delete("configmaps", "demo", "c", uid="other")


async def test_watch_sees_changes_of_its_namespace(store: Store) -> None:
    watch = store.watch("configmaps", "demo")
    store.create("configmaps", CONFIG)
    store.create("namespaces", {"metadata": {"name": "other"}})
    store.create("configmaps", {"metadata": {"name": "x", "namespace": "other"}})
    store.modify("configmaps", "demo", "c", lambda obj: obj.update(data={}))
    store.delete("configmaps", "demo", "c")
    assert [(await anext(watch)).type for _ in range(3)] == ["ADDED", "MODIFIED", "DELETED"]
    assert await watch.wait(0.01) == []
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def test_watch_resumes(store: Store) -> None:
    made = store.create("configmaps", CONFIG)
    since = int(made["metadata"]["resourceVersion"])
    store.modify("configmaps", "demo", "c", lambda obj: obj.update(data={"a": "2"}))
    event = await asyncio.wait_for(anext(store.watch("configmaps", "demo", since)), 300)
    assert (event.type, event.object["data"], event.old["data"]) == ("MODIFIED", {"a": "2"}, {"a": "1"})


async def test_watch_from_a_forgotten_revision_is_gone(store: Store) -> None:
    store.create("configmaps", CONFIG)
    for number in range(RING + 1):
        store.modify("configmaps", "demo", "c", lambda obj, n=number: obj.update(data={"a": str(n)}))
    with pytest.raises(ApiError, match="too old resource version: 2 ") as caught:
        store.watch("configmaps", since=2)
    assert (caught.value.code, caught.value.reason) == (410, "Expired")


def test_callbacks_hear_in_order_of_commits(store: Store) -> None:
    heard: list[str] = []

    def react(resource: str, event: Event) -> None:
        if event.type == "ADDED" and event.object["metadata"]["name"] == "c":
            store.create("configmaps", {"metadata": {"name": "d", "namespace": "demo"}})

    store.on_event(react)
    store.on_event(lambda _, event: heard.append(event.object["metadata"]["name"]))
    store.create("configmaps", CONFIG)
    assert heard == ["c", "d"]


def test_callback_cannot_delete_what_is_being_deleted(store: Store, pod: Callable[..., dict]) -> None:
    def react(resource: str, event: Event) -> None:
        if event.object["metadata"].get("deletionTimestamp") and store.get("pods", "demo", "web"):
            store.delete("pods", "demo", "web", grace=0)

    store.on_event(react)
    store.create("pods", pod())
    store.delete("pods", "demo", "web")
    assert store.get("pods", "demo", "web") is None


def test_versions_share_what_did_not_change(store: Store, deployment: Callable[..., dict]) -> None:
    before = store.create("deployments.apps", deployment())
    after = store.modify("deployments.apps", "demo", "web", lambda obj: obj["spec"].update(replicas=9))
    assert after["spec"]["template"] is before["spec"]["template"]
    assert (after["spec"]["replicas"], before["spec"]["replicas"]) == (9, 1)


def test_everything_survives_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    first = Store(path)
    first.create("namespaces", {"metadata": {"name": "kept"}})
    first.create("namespaces", {"metadata": {"name": "gone"}})
    first.delete("namespaces", "", "gone")
    left = first.get("namespaces", "", "gone")
    first.update("namespaces", left | {"spec": {}}, subresource="finalize")
    second = Store(path)  # the first was never closed
    assert second.revision == first.revision
    assert second.list("namespaces") == first.list("namespaces")
    with pytest.raises(ApiError):
        second.watch("namespaces", since=2)
    first.close()
    second.close()


def test_dry_run_stores_nothing(store: Store) -> None:
    store.create("configmaps", CONFIG, dry_run=True)
    assert store.get("configmaps", "demo", "c") is None
