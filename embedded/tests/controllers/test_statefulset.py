"""StatefulSets and DaemonSets, step by step, on a node that makes pods ready when it is told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from controlled import Controlled

from embedded.admission import plugins
from embedded.objects.values import timestamp

SPACE = "demo"
TEMPLATE = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "main", "image": "bb:1"}]}}
MOUNTED = {"name": "main", "image": "bb:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


class World(Controlled):
    """Store, controllers, and a clock that is set by hand."""

    def __init__(self) -> None:
        super().__init__(SPACE, admission=plugins("10.96.7.0/24"))
        self.store.create("serviceaccounts", {"metadata": {"name": "default", "namespace": SPACE}})
        self.add_node("vm")

    def make(self, resource: str, **spec: object) -> None:
        whole = {"selector": {"matchLabels": {"app": "db"}}, "template": TEMPLATE, "serviceName": "db"} | spec
        if resource == "daemonsets.apps":
            whole.pop("serviceName")
        self.store.create(resource, {"metadata": {"name": "db", "namespace": SPACE}, "spec": whole})
        self.settle()

    def change(self, resource: str, **spec: object) -> None:
        self.store.modify(resource, SPACE, "db", lambda obj: obj["spec"].update(spec))
        self.settle()

    def settle(self) -> None:
        for claim in self.store.list("persistentvolumeclaims", SPACE):
            name = claim["metadata"]["name"]
            self.store.modify("persistentvolumeclaims", SPACE, name, bind, subresource="status")
        super().settle()

    def pods(self) -> dict[str, dict]:
        return {pod["metadata"]["name"]: pod for pod in self.store.list("pods", SPACE)}

    def ready(self, name: str) -> None:
        def change(pod: dict) -> None:
            condition = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp(self.now)}
            pod["status"] |= {"phase": "Running", "podIP": "10.0.0.1", "conditions": [condition]}

        self.store.modify("pods", SPACE, name, change, subresource="status")
        self.settle()

    def gone(self, name: str) -> None:
        self.store.delete("pods", SPACE, name, grace=0)
        self.settle()

    def status(self, resource: str) -> dict:
        found = self.store.get(resource, SPACE, "db")
        assert found
        return found["status"]


def bind(claim: dict) -> None:
    claim["status"] = {"phase": "Bound"}


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def test_pods_start_one_after_the_other_with_name_claim_and_hostname(world: World) -> None:
    mounting = TEMPLATE | {"spec": {"containers": [MOUNTED]}}
    world.make("statefulsets.apps", replicas=2, template=mounting, volumeClaimTemplates=[CLAIM])
    assert list(world.pods()) == ["db-0"]
    world.ready("db-0")
    assert list(world.pods()) == ["db-0", "db-1"]
    pod = world.pods()["db-1"]
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    assert pod["spec"]["volumes"][0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    claims = [claim["metadata"]["name"] for claim in world.store.list("persistentvolumeclaims", SPACE)]
    assert claims == ["data-db-0", "data-db-1"]
    world.ready("db-1")
    status = world.status("statefulsets.apps")
    assert (status["readyReplicas"], status["currentRevision"]) == (2, status["updateRevision"])
    said = {event["message"] for event in world.store.list("events", SPACE) if event["reason"] == "SuccessfulCreate"}
    assert "create Pod db-0 in StatefulSet db successful" in said
    assert "create Claim data-db-0 Pod db-0 in StatefulSet db success" in said


def test_pods_may_start_side_by_side(world: World) -> None:
    world.make("statefulsets.apps", replicas=3, podManagementPolicy="Parallel")
    assert list(world.pods()) == ["db-0", "db-1", "db-2"]


def test_a_lost_pod_comes_back_with_the_same_name_and_claim(world: World) -> None:
    world.make("statefulsets.apps", volumeClaimTemplates=[CLAIM])
    world.ready("db-0")
    before = world.pods()["db-0"]["metadata"]["uid"]
    world.gone("db-0")
    after = world.pods()["db-0"]
    assert after["metadata"]["uid"] != before
    assert after["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-db-0"


def test_an_update_replaces_the_highest_first_and_waits(world: World) -> None:
    world.make("statefulsets.apps", replicas=2)
    world.ready("db-0")
    world.ready("db-1")
    changed = {"containers": [{"name": "main", "image": "bb:2"}]}
    world.change("statefulsets.apps", template=TEMPLATE | {"spec": changed})
    assert ["deletionTimestamp" in pod["metadata"] for pod in world.pods().values()] == [False, True]
    world.gone("db-1")
    images = [pod["spec"]["containers"][0]["image"] for pod in world.pods().values()]
    assert images == ["bb:1", "bb:2"]
    world.ready("db-1")
    world.gone("db-0")
    world.ready("db-0")
    status = world.status("statefulsets.apps")
    assert (status["updatedReplicas"], status["currentRevision"]) == (2, status["updateRevision"])
    assert len(world.store.list("controllerrevisions.apps", SPACE)) == 2


def test_a_partition_keeps_the_lower_pods(world: World) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    world.make("statefulsets.apps", replicas=2, updateStrategy=rolling)
    world.ready("db-0")
    world.ready("db-1")
    changed = {"containers": [{"name": "main", "image": "bb:2"}]}
    world.change("statefulsets.apps", template=TEMPLATE | {"spec": changed})
    world.gone("db-1")
    world.ready("db-1")
    world.gone("db-0")
    assert [pod["spec"]["containers"][0]["image"] for pod in world.pods().values()] == ["bb:1", "bb:2"]


def test_scaling_in_takes_the_highest_and_keeps_its_claim(world: World) -> None:
    world.make("statefulsets.apps", replicas=2, volumeClaimTemplates=[CLAIM])
    world.ready("db-0")
    world.ready("db-1")
    world.change("statefulsets.apps", replicas=1)
    world.gone("db-1")
    assert list(world.pods()) == ["db-0"]
    assert len(world.store.list("persistentvolumeclaims", SPACE)) == 2


def test_a_daemon_runs_on_every_node_and_is_replaced_by_its_update(world: World) -> None:
    world.make("daemonsets.apps")
    (name,) = world.pods()
    assert world.pods()[name]["spec"]["nodeName"] == "vm"
    world.ready(name)
    assert world.status("daemonsets.apps")["numberAvailable"] == 1
    world.change("daemonsets.apps", template=TEMPLATE | {"spec": {"containers": [{"name": "main", "image": "bb:2"}]}})
    world.gone(name)
    (after,) = world.pods().values()
    assert after["spec"]["containers"][0]["image"] == "bb:2"


def test_a_daemon_stays_away_from_nodes_it_does_not_select(world: World) -> None:
    world.make("daemonsets.apps", template=TEMPLATE | {"spec": TEMPLATE["spec"] | {"nodeSelector": {"disk": "ssd"}}})
    assert world.pods() == {}
    world.store.modify("nodes", "", "vm", lambda node: node["metadata"].update(labels={"disk": "ssd"}))
    world.settle()
    assert len(world.pods()) == 1
