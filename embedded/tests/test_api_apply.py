"""Server-side apply: who owns what, what goes when it is no longer stated, and conflicts in the real words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from embedded import kinds
from embedded.errors import ApiError
from embedded.objects import apply, managed
from embedded.store import Store

DEPLOYMENTS = kinds.BY_RESOURCE["deployments.apps"]


def applied(store: Store, config: dict, manager: str = "helm", *, force: bool = False) -> dict:
    """Apply a Deployment and store the outcome."""
    live = store.get("deployments.apps", "demo", config["metadata"]["name"])
    result = apply.apply(DEPLOYMENTS, live, config, manager, force=force, subresource="", now=store.clock())
    write = store.create if live is None else store.update
    return write("deployments.apps", result)


def container(obj: dict) -> dict:
    return obj["spec"]["template"]["spec"]["containers"][0]


def sets(obj: dict) -> dict[str, dict]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


def test_owner_of_what_is_stated(store: Store, deployment: Callable[..., dict]) -> None:
    owned = sets(applied(store, deployment(replicas=2)))["helm"]
    assert owned["f:spec"]["f:replicas"] == {}
    named = 'k:{"name":"main"}'
    assert owned["f:spec"]["f:template"]["f:spec"]["f:containers"][named] == {".": {}, "f:image": {}, "f:name": {}}


def test_same_again_changes_nothing(store: Store, deployment: Callable[..., dict]) -> None:
    first = applied(store, deployment(replicas=2))
    assert applied(store, deployment(replicas=2)) is first


def test_unstated_fields_go(store: Store, deployment: Callable[..., dict]) -> None:
    wanted = deployment()
    container(wanted).update(env=[{"name": "A", "value": "1"}], livenessProbe={"httpGet": {"port": 80}})
    assert "livenessProbe" in container(applied(store, wanted))
    left = container(applied(store, deployment()))
    assert "livenessProbe" not in left
    assert "env" not in left or left["env"] == []


def test_unstated_field_of_two_owners_stays(store: Store, deployment: Callable[..., dict]) -> None:
    applied(store, deployment(replicas=2))
    applied(store, deployment(replicas=2), "other")
    assert applied(store, deployment())["spec"]["replicas"] == 2
    assert "f:replicas" in sets(store.get("deployments.apps", "demo", "web"))["other"]["f:spec"]


def test_conflict_with_an_update(store: Store, deployment: Callable[..., dict]) -> None:
    applied(store, deployment(replicas=2))
    store.modify("deployments.apps", "demo", "web", lambda obj: obj["spec"].update(replicas=5), manager="kubectl-scale")
    with pytest.raises(ApiError) as caught:
        applied(store, deployment(replicas=3))
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl-scale" using apps/v1: .spec.replicas'
    )
    assert applied(store, deployment(replicas=3), force=True)["spec"]["replicas"] == 3
    assert "kubectl-scale" not in sets(store.get("deployments.apps", "demo", "web"))


def test_conflicts_are_listed(store: Store, deployment: Callable[..., dict]) -> None:
    first = deployment(replicas=2)
    container(first)["image"] = "bb:9"
    applied(store, first, "a")
    with pytest.raises(ApiError) as caught:
        applied(store, deployment(replicas=3), "b")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "a":\n'
        '- .spec.replicas\n- .spec.template.spec.containers[name="main"].image'
    )
    assert [cause["field"] for cause in caught.value.details["causes"]] == [
        ".spec.replicas",
        '.spec.template.spec.containers[name="main"].image',
    ]


def test_updates_take_what_they_change(store: Store, deployment: Callable[..., dict]) -> None:
    applied(store, deployment(replicas=2))
    changed = store.modify(
        "deployments.apps", "demo", "web", lambda obj: obj["spec"].update(replicas=5), manager="kubectl-scale"
    )
    assert sets(changed)["kubectl-scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in sets(changed)["helm"]["f:spec"]


def test_items_of_others_stay(store: Store, deployment: Callable[..., dict]) -> None:
    applied(store, deployment())

    def add(obj: dict) -> None:
        obj["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "bb:2"})

    store.modify("deployments.apps", "demo", "web", add, manager="injector")
    again = deployment()
    container(again)["image"] = "bb:3"
    found = applied(store, again)["spec"]["template"]["spec"]["containers"]
    assert [(c["name"], c["image"]) for c in found] == [("main", "bb:3"), ("side", "bb:2")]


@pytest.mark.parametrize(
    ("one", "other", "both", "only_one"),
    [
        ({"f:a": {".": {}}}, {"f:b": {".": {}}}, {}, {"f:a": {".": {}}}),
        ({"f:a": {"f:x": {".": {}}, ".": {}}}, {"f:a": {".": {}}}, {"f:a": {".": {}}}, {"f:a": {"f:x": {".": {}}}}),
    ],
)
def test_sets(one: dict, other: dict, both: dict, only_one: dict) -> None:
    assert managed.intersection(one, other) == both
    assert managed.difference(one, other) == only_one
    assert managed.union(only_one, both) == one


def test_path_reads_well() -> None:
    path: Any = ("f:spec", 'k:{"containerPort":80,"protocol":"TCP"}', "f:hostPort")
    assert apply.path_text(path) == '.spec[containerPort=80,protocol="TCP"].hostPort'
