"""Jobs come to an end once: completed, out of tries, or out of time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from controlled import Controlled

from embedded.controllers import job
from embedded.errors import ApiError


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

    def status(self) -> dict[str, Any]:
        job = self.store.get("jobs.batch", "demo", "work")
        assert job is not None
        return job["status"]

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


def index(pod: dict) -> str:
    labels, annotations = pod["metadata"]["labels"], pod["metadata"]["annotations"]
    assert labels[job.INDEX] == annotations[job.INDEX]
    return labels[job.INDEX]


def status(world: World) -> dict:
    return world.store.get("jobs.batch", "demo", "work")["status"]


def test_the_pods_of_an_indexed_job_have_a_number_each(world: World) -> None:
    world.start(completions=4, parallelism=3, completionMode="Indexed")
    first = sorted(world.pods(), key=index)
    assert [index(pod) for pod in first] == ["0", "1", "2"]
    assert [pod["spec"]["hostname"] for pod in first] == ["work-0", "work-1", "work-2"]
    assert all(pod["metadata"]["generateName"] == f"work-{index(pod)}-" for pod in first)
    (variable,) = first[0]["spec"]["containers"][0]["env"]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{job.INDEX}']"
    world.say(first[1], phase="Succeeded")
    assert sorted(map(index, world.pods())) == ["0", "2", "3"] and status(world)["completedIndexes"] == "1"
    world.say(first[0], phase="Failed")
    world.wait(30)
    assert sorted(map(index, world.pods())) == ["0", "2", "3"], "a number that failed is tried again"
    for pod in world.pods():
        world.say(pod, phase="Succeeded")
    assert (status(world)["succeeded"], status(world)["completedIndexes"]) == (4, "0-3")
    assert world.conditions()[-1] == ("Complete", "CompletionsReached")


def test_a_job_without_a_number_of_completions_is_a_queue(world: World) -> None:
    """The first pod that ends well says that nothing is left; the others end what they are at."""
    world.start(parallelism=2)
    first, second = world.pods()
    world.say(first, phase="Succeeded")
    assert world.conditions() == [] and [pod["metadata"]["name"] for pod in world.pods()] == [
        second["metadata"]["name"]
    ]
    world.say(second, phase="Succeeded")
    assert world.conditions()[-1] == ("Complete", "CompletionsReached")


@pytest.mark.parametrize(
    ("numbers", "told"), [({0, 1, 2, 5}, "0-2,5"), ({0, 1}, "0,1"), (set(), ""), ({1, 3, 4, 5, 9, 10}, "1,3-5,9,10")]
)
def test_completed_indexes_are_told_in_ranges(numbers: set[int], told: str) -> None:
    assert job._ranges(numbers) == told


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"completionMode": "Indexed", "parallelism": 2},
            "spec.completions: Required value: when completion mode is Indexed",
        ),
        ({"completionMode": "Both"}, 'spec.completionMode: Unsupported value: "Both": supported values: "Indexed", '),
        (
            {"completionMode": "Indexed", "completions": 1, "parallelism": 100001},
            "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Ind",
        ),
    ],
)
def test_an_indexed_job_that_cannot_be_is_refused(world: World, spec: dict, told: str) -> None:
    with pytest.raises(ApiError, match=re.escape(told)):
        world.start(**spec)


def test_a_suspended_job_says_so_and_has_no_pods_until_it_is_resumed(world: World) -> None:
    world.start(suspend=True)
    assert world.pods() == [] and world.conditions() == [("Suspended", "JobSuspended")]
    assert "startTime" not in world.status()
    world.store.modify("jobs.batch", "demo", "work", lambda obj: obj["spec"].update(suspend=False))
    world.settle()
    (pod,) = world.pods()
    assert world.conditions() == [("Suspended", "JobResumed")] and world.status()["startTime"]
    world.store.modify("jobs.batch", "demo", "work", lambda obj: obj["spec"].update(suspend=True))
    world.settle()
    assert world.pods() == []
    messages = [event["message"] for event in world.store.list("events", "demo")]
    assert f"Deleted pod: {pod['metadata']['name']}" in messages and "Job resumed" in messages


def ended(code: int) -> list[dict[str, Any]]:
    return [{"name": "main", "state": {"terminated": {"exitCode": code, "finishedAt": "2026-01-01T00:00:00Z"}}}]


POLICY = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]
}


def test_a_job_fails_at_once_where_its_failure_policy_says_so(world: World) -> None:
    world.start(backoffLimit=3, podFailurePolicy=POLICY)
    (pod,) = world.pods()
    world.say(pod, phase="Failed", containerStatuses=ended(42))
    assert world.conditions() == [("FailureTarget", "PodFailurePolicy"), ("Failed", "PodFailurePolicy")]
    name = pod["metadata"]["name"]
    expected = f"Container main for pod demo/{name} failed with exit code 42 matching FailJob rule at index 1"
    assert world.status()["conditions"][0]["message"] == expected


def test_a_failure_that_the_policy_ignores_is_no_try(world: World) -> None:
    world.start(backoffLimit=0, podFailurePolicy=POLICY)
    (pod,) = world.pods()
    disrupted = [{"type": "DisruptionTarget", "status": "True"}]
    world.say(pod, phase="Failed", containerStatuses=ended(137), conditions=disrupted)
    assert len(world.pods()) == 1 and world.conditions() == [] and "failed" not in world.status()


def test_the_pods_that_a_deadline_stops_have_failed(world: World) -> None:
    world.start(activeDeadlineSeconds=5)
    world.wait(5)
    assert world.status()["failed"] == 1
