"""A Deployment's life on the controllers, with a node that is only pretended, against a real cluster's recording."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from controlled import Controlled

from embedded.objects.values import timestamp
from embedded.store import Event

RECORDINGS = Path(__file__).parents[1] / "recordings"
NAMESPACE = "chatbot-dev"


class World(Controlled):
    """Store, controllers, a clock that is set by hand, and a node that makes pods ready when it is told to."""

    def __init__(self) -> None:
        super().__init__(NAMESPACE)
        self.changes: list[tuple[str, Event]] = []
        self.store.on_event(lambda resource, event: self.changes.append((resource, event)))
        self.add_node("node", cpu="4", memory="8Gi", pods="110", **{"ephemeral-storage": "50Gi"})

    def pods(self) -> list[dict]:
        return [pod for pod in self.store.list("pods", NAMESPACE) if "deletionTimestamp" not in pod["metadata"]]

    def run_pod(self, pod: dict) -> None:
        """What the node does: start a pod, and report it ready."""
        meta = pod["metadata"]

        def change(obj: dict) -> None:
            status = obj.setdefault("status", {})
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp(self.now)}
            others = [item for item in status.get("conditions", ()) if item["type"] != "Ready"]
            status |= {"phase": "Running", "podIP": "10.0.0.1", "conditions": [*others, ready]}

        self.store.modify("pods", meta["namespace"], meta["name"], change, subresource="status")

    def work(self, until: Callable[[], bool] | None = None) -> None:
        """Let the node make one pod ready or end one after the other, until nothing is left to do."""
        for _ in range(200):
            self.settle()
            going = [pod for pod in self.store.list("pods", NAMESPACE) if "deletionTimestamp" in pod["metadata"]]
            waiting = [pod for pod in self.pods() if pod.get("status", {}).get("phase") != "Running"]
            runnable = [pod for pod in waiting if "broken" not in pod["spec"]["containers"][0]["image"]]
            if runnable:
                self.run_pod(runnable[0])
            elif going:
                self.store.delete("pods", NAMESPACE, going[0]["metadata"]["name"], grace=0)
            else:
                return
            self.now += 0.5
        raise AssertionError("never at rest")


def template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "backend"}}, "spec": {"containers": [{"name": "backend", "image": image}]}}


@pytest.fixture
def world() -> Iterator[World]:
    spec = {
        "replicas": 2,
        "progressDeadlineSeconds": 20,
        "selector": {"matchLabels": {"app": "backend"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": template("bb:1"),
    }
    with World() as made:
        made.store.create("deployments.apps", {"metadata": {"name": "backend", "namespace": NAMESPACE}, "spec": spec})
        made.work()
        yield made


def change_image(world: World, image: str) -> None:
    def change(obj: dict) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    world.store.modify("deployments.apps", NAMESPACE, "backend", change)


def progress(changes: list[dict]) -> list[tuple[Any, ...]]:
    """The conditions of a Deployment in the order they were seen: type, status, reason."""
    seen = []
    for deployment in changes:
        conditions = deployment.get("status", {}).get("conditions", ())
        seen.append(tuple(sorted((item["type"], item["status"], item["reason"]) for item in conditions)))
    return [item for item, _ in itertools.groupby(seen)]


def recorded(first: float, last: float) -> list[dict]:
    found = []
    for line in (RECORDINGS / "timeline.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["resource"] == "deployments" and first <= entry["t"] <= last and entry["type"] != "DELETED":
            found.append(entry["object"])
    return found


def made(world: World, resource: str = "deployments.apps") -> list[dict]:
    return [event.object for name, event in world.changes if name == resource and event.type != "DELETED"]


def test_an_install_goes_through_the_recorded_conditions(world: World) -> None:
    assert progress(made(world)) == progress(recorded(0, 3))


def test_an_upgrade_goes_through_the_recorded_conditions_and_scales(world: World) -> None:
    world.changes.clear()
    change_image(world, "bb:2")
    world.work()
    upgrade = [item for item in recorded(5, 9) if item["metadata"]["generation"] == 2]
    assert progress(made(world)) == progress(upgrade)
    assert list(dict.fromkeys(scales(made(world, "replicasets.apps")))) == [("2", 1), ("1", 1), ("2", 2), ("1", 0)]


def scales(sets: list[dict]) -> list[tuple[str, int]]:
    """Revision and size of ReplicaSets, as they changed."""
    note = "deployment.kubernetes.io/revision"
    return [(item["metadata"]["annotations"][note], item["spec"]["replicas"]) for item in sets]


def test_an_update_never_leaves_its_bounds(world: World) -> None:
    world.changes.clear()
    change_image(world, "bb:2")
    world.work()
    for deployment in made(world):
        status = deployment.get("status", {})
        assert status.get("replicas", 0) <= 3 and status.get("availableReplicas", 0) >= 2


def test_a_broken_update_exceeds_its_deadline_and_leaves_the_old_pods(world: World) -> None:
    change_image(world, "broken:1")
    world.work()
    world.now += 21
    world.settle()
    deployment = world.store.get("deployments.apps", NAMESPACE, "backend")
    assert deployment is not None
    told = {item["type"]: item for item in deployment["status"]["conditions"]}
    assert told["Progressing"]["reason"] == "ProgressDeadlineExceeded"
    assert told["Progressing"]["message"].endswith("has timed out progressing.")
    assert told["Available"]["status"] == "True" and deployment["status"]["availableReplicas"] == 2


def test_going_back_reuses_the_old_replica_set_as_the_newest_revision(world: World) -> None:
    change_image(world, "bb:2")
    world.work()
    change_image(world, "bb:1")
    world.work()
    sets = world.store.list("replicasets.apps", NAMESPACE)
    revisions = {
        item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: item["spec"]["replicas"] for item in sets
    }
    assert revisions == {"2": 0, "3": 2}


def test_a_deleted_pod_is_replaced(world: World) -> None:
    victim = world.pods()[0]["metadata"]["name"]
    world.store.delete("pods", NAMESPACE, victim)
    world.work()
    names = [pod["metadata"]["name"] for pod in world.pods()]
    assert len(names) == 2 and victim not in names


def test_scaling_in_keeps_the_pods_that_were_ready_first(world: World) -> None:
    before = {pod["metadata"]["name"] for pod in world.pods()}
    for replicas in (4, 2):
        spec = {"replicas": replicas}
        world.store.modify("deployments.apps", NAMESPACE, "backend", lambda obj, spec=spec: obj["spec"].update(spec))
        world.work()
        assert len(world.pods()) == replicas
    assert {pod["metadata"]["name"] for pod in world.pods()} == before


def test_deleting_the_deployment_takes_everything_with_it(world: World) -> None:
    world.store.delete("deployments.apps", NAMESPACE, "backend")
    world.work()
    assert world.store.list("replicasets.apps", NAMESPACE) == [] and world.store.list("pods", NAMESPACE) == []


def test_deleting_the_namespace_empties_it(world: World) -> None:
    world.store.delete("namespaces", "", NAMESPACE)
    for _ in range(10):
        world.work()
        world.now += 1
    assert world.store.get("namespaces", "", NAMESPACE) is None
