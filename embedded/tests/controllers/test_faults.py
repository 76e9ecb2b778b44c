"""What the controllers say about pods that cannot be made or placed, against a real cluster's recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from controlled import Controlled

from embedded.admission import plugins

RECORDINGS = Path(__file__).parents[1] / "recordings" / "faults"
RESOURCES = {"Deployment": "deployments.apps", "ResourceQuota": "resourcequotas", "Service": "services"}


class World(Controlled):
    """A node that runs nothing, and a clock set by hand."""

    def __init__(self) -> None:
        super().__init__(admission=plugins("10.96.7.0/24"))
        self.add_node("vm", cpu="4", memory="8Gi", pods="110")

    def apply(self, name: str) -> str:
        namespace = f"fault-{name}"
        manifest = list(yaml.safe_load_all((RECORDINGS / f"{name}.manifest.yaml").read_text()))
        labels = next((obj["metadata"].get("labels", {}) for obj in manifest if obj["kind"] == "Namespace"), {})
        if name.startswith("psa"):
            labels = labels | {"pod-security.kubernetes.io/enforce": "restricted"}
        self.store.create("namespaces", {"metadata": {"name": namespace, "labels": labels}})
        self.settle()
        for obj in sorted(manifest, key=lambda obj: obj["kind"] != "ResourceQuota"):
            if obj["kind"] in RESOURCES:
                obj["metadata"]["namespace"] = namespace
                self.store.create(RESOURCES[obj["kind"]], obj)
                self.settle()
        return namespace

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.05
            self.settle()


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def recorded(name: str, kind: str) -> list[dict]:
    whole = json.loads((RECORDINGS / f"{name}.json").read_text())
    items = whole.get("items") or [
        obj for part in whole.values() for obj in (part["items"] if isinstance(part, dict) else part)
    ]
    return [obj for obj in items if obj["kind"] == kind]


def plain(text: str) -> str:
    """A message without the generated names in it."""
    return re.sub(r"backend-[a-z0-9]+(-[a-z0-9]{5})?\b", "backend-X", text)


def conditions(obj: dict) -> list[tuple[str, str, str, str]]:
    return [
        (item["type"], item["status"], item["reason"], plain(item["message"])) for item in obj["status"]["conditions"]
    ]


@pytest.mark.parametrize("name", ["psa-restricted-violation", "unschedulable-cpu"])
def test_the_deployment_ends_in_the_recorded_conditions(world: World, name: str) -> None:
    namespace = world.apply(name)
    world.wait(75)
    (deployment,) = world.store.list("deployments.apps", namespace)
    assert conditions(deployment) == conditions(recorded(name, "Deployment")[0])


def test_a_refused_pod_is_tried_as_often_and_told_as_recorded(world: World) -> None:
    namespace = world.apply("psa-restricted-violation")
    world.wait(75)
    said = world.store.list("events", namespace, lambda event: event["reason"] == "FailedCreate")
    real = [event for event in recorded("psa-restricted-violation", "Event") if event["reason"] == "FailedCreate"]
    ours = sorted((plain(event["message"]), event["reportingComponent"]) for event in said)
    assert ours == sorted((plain(event["message"]), event.get("reportingComponent", "")) for event in real)
    tries = sum(event["count"] for event in said)
    assert abs(tries - sum(event["count"] for event in real)) <= 2


def test_a_quota_lets_as_many_pods_in_as_it_has_room_for(world: World) -> None:
    namespace = world.apply("quota-exceeded")
    world.wait(5)
    said = world.store.list("events", namespace, lambda event: event["reason"] == "FailedCreate")
    assert said and all("exceeded quota: chatbot-quota, requested: requests.cpu=100m" in one["message"] for one in said)
    (replicaset,) = world.store.list("replicasets.apps", namespace)
    assert replicaset["status"]["conditions"][0]["reason"] == "FailedCreate"


def test_a_missing_account_is_told_by_the_prefix_of_the_name_in_one_event_with_a_count(world: World) -> None:
    world.store.create("namespaces", {"metadata": {"name": "demo"}})
    world.settle()
    pod = {"serviceAccountName": "nobody", "containers": [{"name": "main", "image": "bb:1"}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    world.store.create("deployments.apps", {"metadata": {"name": "web", "namespace": "demo"}, "spec": spec})
    world.wait(5)
    (replicaset,) = world.store.list("replicasets.apps", "demo")
    (event,) = world.store.list("events", "demo", lambda event: event["reason"] == "FailedCreate")
    prefix = f"{replicaset['metadata']['name']}-"
    why = 'error looking up service account demo/nobody: serviceaccount "nobody" not found'
    assert event["message"] == f'Error creating: pods "{prefix}" is forbidden: {why}'
    assert event["count"] > 3


def test_a_pod_whose_claim_is_missing_is_told_in_the_schedulers_words(world: World) -> None:
    world.store.create("namespaces", {"metadata": {"name": "demo"}})
    world.settle()
    claimed = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"containers": [{"name": "main", "image": "bb:1"}], "volumes": claimed}
    world.store.create("pods", {"metadata": {"name": "web", "namespace": "demo"}, "spec": spec})
    world.settle()
    (event,) = world.store.list("events", "demo", lambda event: event["reason"] == "FailedScheduling")
    assert event["message"] == '0/1 nodes are available: persistentvolumeclaim "data" not found. not found'


def test_a_pod_that_does_not_fit_is_told_as_recorded(world: World) -> None:
    namespace = world.apply("unschedulable-cpu")
    world.wait(5)
    keys = ("type", "reason", "message", "source", "action", "reportingComponent", "reportingInstance")

    def told(events: list[dict]) -> list[dict]:
        return [{key: event.get(key) for key in keys} for event in events if event["reason"] == "FailedScheduling"]

    assert told(world.store.list("events", namespace)) == told(recorded("unschedulable-cpu", "Event"))


def test_a_pod_that_waits_for_room_is_placed_as_soon_as_there_is_some(world: World) -> None:
    world.store.create("namespaces", {"metadata": {"name": "demo"}})
    world.settle()
    main = {"name": "main", "image": "bb:1", "resources": {"requests": {"cpu": "3"}}}
    for name in ("first", "second"):
        world.store.create("pods", {"metadata": {"name": name, "namespace": "demo"}, "spec": {"containers": [main]}})
        world.settle()
    waiting = world.store.get("pods", "demo", "second")
    assert waiting is not None
    message = waiting["status"]["conditions"][-1]["message"]
    assert message.endswith("1 No preemption victims found for incoming pod.")
    world.store.delete("pods", "demo", "first", grace=0)
    world.settle()
    placed = world.store.get("pods", "demo", "second")
    assert placed is not None and placed["spec"]["nodeName"] == "vm"


def test_a_resource_that_no_node_has_keeps_a_pod_waiting(world: World) -> None:
    world.store.create("namespaces", {"metadata": {"name": "cards"}})
    world.wait(1)
    wanted = {"requests": {"example.com/card": "1"}, "limits": {"example.com/card": "1"}}
    spec = {"containers": [{"name": "main", "image": "x", "resources": wanted}]}
    world.store.create("pods", {"metadata": {"name": "player", "namespace": "cards"}, "spec": spec})
    world.wait(1)
    (found,) = world.store.get("pods", "cards", "player")["status"]["conditions"]
    assert found["message"].startswith("0/1 nodes are available: 1 Insufficient example.com/card. no new claims")
    assert found["message"].endswith("1 Preemption is not helpful for scheduling.")
