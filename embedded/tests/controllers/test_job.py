"""Jobs come to an end once: completed, out of tries, or out of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from controlled import Controlled


class World(Controlled):
    """Store, controllers, and pods that end when they are told to."""

    def __init__(self) -> None:
        super().__init__("demo")

    def start(self, restart: str = "Never", **spec: Any) -> None:
        template = {"spec": {"containers": [{"name": "main", "image": "bb:1"}], "restartPolicy": restart}}
        job = {"metadata": {"name": "work", "namespace": "demo"}, "spec": {"template": template} | spec}
        self.store.create("jobs.batch", job)
        self.settle()

    def pods(self, phase: str = "Pending") -> list[dict]:
        return self.store.list("pods", "demo", lambda pod: pod["status"].get("phase", "Pending") == phase)

    def say(self, pod: dict, **status: Any) -> None:
        self.report("pods", "demo", pod["metadata"]["name"], **status)
        self.settle()

    def conditions(self) -> list[tuple[str, str]]:
        job = self.store.get("jobs.batch", "demo", "work")
        assert job is not None
        return [(item["type"], item["reason"]) for item in job["status"].get("conditions", ())]

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.settle()


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def test_a_job_completes_after_as_many_pods_as_asked_for(world: World) -> None:
    world.start(completions=2, parallelism=1)
    for _ in range(2):
        (pod,) = world.pods()
        world.say(pod, phase="Succeeded")
    assert world.conditions() == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
    assert world.pods() == []


def test_a_job_fails_beyond_its_backoff_limit(world: World) -> None:
    world.start(backoffLimit=1)
    for _ in range(2):
        (pod,) = world.pods()
        world.say(pod, phase="Failed")
        world.wait(30)
    assert world.conditions() == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]


def test_restarts_in_place_count_too(world: World) -> None:
    world.start("OnFailure", backoffLimit=2)
    (pod,) = world.pods()
    world.say(pod, containerStatuses=[{"name": "main", "restartCount": 2}])
    assert world.conditions()[0] == ("FailureTarget", "BackoffLimitExceeded")


def test_a_job_out_of_time_has_failed_only_when_its_pods_have_ended(world: World) -> None:
    world.start(activeDeadlineSeconds=5)
    (pod,) = world.pods()
    world.store.modify("pods", "demo", pod["metadata"]["name"], lambda obj: obj["spec"].update(nodeName="vm"))
    world.wait(5)
    assert world.conditions() == [("FailureTarget", "DeadlineExceeded")]
    world.store.delete("pods", "demo", pod["metadata"]["name"], grace=0)
    world.wait(0)
    assert world.conditions()[-1] == ("Failed", "DeadlineExceeded")


def test_a_finished_job_is_removed_after_its_time(world: World) -> None:
    world.start(ttlSecondsAfterFinished=10)
    world.say(world.pods()[0], phase="Succeeded")
    world.wait(9)
    assert world.conditions()
    world.wait(2)
    assert world.store.get("jobs.batch", "demo", "work") is None and world.store.list("pods", "demo") == []
