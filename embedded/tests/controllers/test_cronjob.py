"""CronJobs make Jobs when their time has come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from controlled import Controlled

from embedded import kinds
from embedded.api import printers
from embedded.errors import ApiError
from embedded.objects import cron
from embedded.objects.values import parse_timestamp, timestamp

NOON = "2027-03-10T12:00:30Z"  # a Wednesday
POD = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "bb:1"}]}


@pytest.mark.parametrize(
    ("schedule", "zone", "following"),
    [
        ("* * * * *", "", "2027-03-10T12:01:00Z"),
        ("*/15 * * * *", "", "2027-03-10T12:15:00Z"),
        ("0 3 * * *", "", "2027-03-11T03:00:00Z"),
        ("30 12 * * mon-fri", "", "2027-03-10T12:30:00Z"),
        ("0 0 * * 0", "", "2027-03-14T00:00:00Z"),
        ("0 0 * * 7", "", "2027-03-14T00:00:00Z"),
        ("0 0 13 * fri", "", "2027-03-12T00:00:00Z"),
        ("5,10 8-9 1 jan *", "", "2028-01-01T08:05:00Z"),
        ("@hourly", "", "2027-03-10T13:00:00Z"),
        ("0 9 * * *", "Europe/Vienna", "2027-03-11T08:00:00Z"),
        ("0 0 30 2 *", "", None),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, zone: str, following: str | None) -> None:
    found = cron.following(schedule, parse_timestamp(NOON), zone)
    assert (timestamp(found) if found else None) == following


class World(Controlled):
    """A CronJob, its controllers, and a clock that is set by hand."""

    def __init__(self) -> None:
        super().__init__("demo", now=parse_timestamp(NOON))

    def make(self, schedule: str = "*/5 * * * *", **spec: object) -> None:
        whole = {"schedule": schedule, "jobTemplate": {"spec": {"template": {"spec": POD}}}} | spec
        self.store.create("cronjobs.batch", {"metadata": {"name": "tick", "namespace": "demo"}, "spec": whole})
        self.settle()

    def at(self, clock: str) -> list[str]:
        """The names of the Jobs there are at a time of that day."""
        self.now = parse_timestamp(f"2027-03-10T{clock}Z")
        self.settle()
        return [job["metadata"]["name"] for job in self.store.list("jobs.batch", "demo")]

    def finish(self) -> None:
        for pod in self.store.list("pods", "demo"):
            self.report("pods", "demo", pod["metadata"]["name"], phase="Succeeded")
        self.settle()


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


def test_a_job_is_made_when_its_time_has_come(world: World) -> None:
    world.make()
    assert world.at("12:04:59") == []
    (name,) = world.at("12:05:00")
    assert name == f"tick-{int(world.now // 60)}"
    status = world.store.get("cronjobs.batch", "demo", "tick")["status"]
    assert (status["lastScheduleTime"], len(status["active"])) == ("2027-03-10T12:05:00Z", 1)
    assert world.at("12:06:00") == [name]


def test_after_a_pause_only_the_last_missed_time_counts(world: World) -> None:
    world.make()
    assert len(world.at("12:31:00")) == 1


@pytest.mark.parametrize(("policy", "count"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_a_job_that_still_runs_is_met_as_asked(world: World, policy: str, count: int) -> None:
    world.make(concurrencyPolicy=policy)
    first = world.at("12:05:00")
    second = world.at("12:10:00")
    assert len(second) == count and (second == first) is (policy == "Forbid")


def test_a_job_that_a_person_made_from_it_is_none_of_its_active_ones(world: World) -> None:
    """`kubectl create job --from=cronjob/tick` names it as owner; a real controller counts only what it made itself."""
    world.make(concurrencyPolicy="Forbid")
    uid = world.store.get("cronjobs.batch", "demo", "tick")["metadata"]["uid"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "tick", "uid": uid, "controller": True}
    notes = {"cronjob.kubernetes.io/instantiate": "manual"}
    meta = {"name": "by-hand", "namespace": "demo", "annotations": notes, "ownerReferences": [owner]}
    world.store.create("jobs.batch", {"metadata": meta, "spec": {"template": {"spec": POD}}})
    world.settle()
    assert "active" not in world.store.get("cronjobs.batch", "demo", "tick")["status"]
    assert len(world.at("12:05:00")) == 2
    assert len(world.store.get("cronjobs.batch", "demo", "tick")["status"]["active"]) == 1


def test_old_jobs_go_and_a_suspended_one_makes_none(world: World) -> None:
    world.make(successfulJobsHistoryLimit=1)
    for clock in ("12:05:00", "12:10:00"):
        world.at(clock)
        world.finish()
    assert len(world.at("12:11:00")) == 1
    world.store.modify("cronjobs.batch", "demo", "tick", lambda obj: obj["spec"].update(suspend=True))
    assert len(world.at("12:45:00")) == 1


@pytest.mark.parametrize("schedule", ["", "* * * *", "61 * * * *", "* * * * someday", "*/0 * * * *"])
def test_a_schedule_that_means_nothing_is_refused(world: World, schedule: str) -> None:
    with pytest.raises(ApiError, match=r"spec\.schedule"):
        world.make(schedule)


def test_its_row_shows_what_people_look_for(world: World) -> None:
    world.make()
    world.at("12:05:00")
    found = world.store.get("cronjobs.batch", "demo", "tick")
    cells = printers.cells(kinds.BY_RESOURCE["cronjobs.batch"], found, world.now)
    assert cells[:7] == ["tick", "*/5 * * * *", "<none>", "False", 1, "0s", "4m30s"]
