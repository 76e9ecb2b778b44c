"""A rollout is over when `kubectl rollout status` would say so, judged on a real cluster's recorded changes."""

import contextlib
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.diagnose import examine
from scripts.kube import objects
from scripts.kube.workloads import Workload
from scripts.pipeline import rollout
from scripts.pipeline.rollout import await_workloads, progress, waiting_for

RECORDINGS = Path(__file__).parents[2] / "embedded/tests/recordings"


def deployment(generation: int = 2, replicas: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "backend", "generation": generation},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2} | status,
    }


@pytest.mark.parametrize(
    ("given", "complete", "text"),
    [
        (deployment(generation=3), False, "waiting for the controller"),
        (deployment(replicas=2, updatedReplicas=1, replicas_=2), False, "1/2 updated"),
        (deployment(updatedReplicas=2, readyReplicas=1, availableReplicas=1), False, "1/2 ready"),
        (deployment(updatedReplicas=2, readyReplicas=2, availableReplicas=2), True, "2/2 ready"),
        (deployment(replicas=0), True, "0/0 ready"),
    ],
)
def test_progress_is_told_in_words(given: dict[str, Any], complete: bool, text: str) -> None:
    state = progress(given)
    assert (state.complete, state.text, state.failed) == (complete, text, False)


def test_old_replicas_have_to_end() -> None:
    given = deployment(updatedReplicas=2, readyReplicas=3, availableReplicas=3)
    given["status"]["replicas"] = 3
    assert progress(given).text == "1 old to end"


def test_a_deadline_that_passed_is_a_failure() -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}
    state = progress(deployment(updatedReplicas=1, conditions=[condition]))
    assert state.failed and state.text == "too late"


def test_the_recorded_rollouts_end_complete_and_the_recorded_failure_fails() -> None:
    states = []
    for line in (RECORDINGS / "timeline.jsonl").read_text().splitlines():
        change = json.loads(line)
        item = change.get("object", {})
        if item.get("kind") == "Deployment" and item["metadata"]["name"] == "backend" and change["type"] != "DELETED":
            states.append(progress(item))
    assert any(state.failed for state in states)
    assert sum(now.complete and not before.complete for before, now in itertools.pairwise(states)) >= 4


def test_what_a_pod_waits_for_is_told_with_the_time() -> None:
    now = datetime(2026, 1, 1, 12, 0, 9, tzinfo=UTC)

    def pod(**state: Any) -> dict[str, Any]:
        status = {"phase": "Running", "containerStatuses": [{"ready": False, "state": state}]}
        return {"metadata": {"name": "backend-1", "uid": "1"}, "status": status}

    def unhealthy(message: str, at: int, uid: str = "1") -> dict[str, Any]:
        when = f"2026-01-01T12:00:{at:02}Z"
        return {"reason": "Unhealthy", "message": message, "lastTimestamp": when, "involvedObject": {"uid": uid}}

    started = pod(running={"startedAt": "2026-01-01T12:00:05Z"})
    refused = unhealthy('Startup probe failed: Get "http://10.0.0.1:8000/": dial tcp: connect: connection refused', 6)
    answered = unhealthy("Readiness probe failed: HTTP probe failed with statuscode: 503", 8)
    elsewhere = unhealthy("Readiness probe failed: HTTP probe failed with statuscode: 404", 9, uid="2")
    assert waiting_for([started], [refused], now) == "startup refused for 4 s"
    assert waiting_for([started], [answered, refused, elsewhere], now) == "readiness 503 for 4 s"

    assert waiting_for([started], [], now) == "started, not ready for 4 s"
    assert waiting_for([pod(waiting={"reason": "ImagePullBackOff"})], [], now) == "ImagePullBackOff"
    assert waiting_for([{"metadata": {}, "status": {"phase": "Pending"}}], [], now) == "pending"
    going = pod(waiting={"reason": "ContainerCreating"})
    going["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert waiting_for([going], [], now) == ""


def test_a_job_that_was_tidied_away_after_its_end_is_not_waited_for() -> None:
    """As by `ttlSecondsAfterFinished`: an unchanged second run finds it no more."""
    kubectl = SimpleNamespace(items=lambda *_: [], now=objects.now)
    run = SimpleNamespace(namespace="own", session=SimpleNamespace(kubectl=kubectl))
    (done,) = await_workloads(run, [Workload("Job", "own", "load", {})])  # type: ignore[arg-type]
    assert (done.status, done.target, done.detail) == ("unchanged", "job/load", "ended, and tidied away")


def waited_for(
    monkeypatch: pytest.MonkeyPatch, events: list[dict[str, Any]], now: dict[str, Any] | None
) -> tuple[list[str], str]:
    """What is told of a Deployment that is waited for, in the end of which it is `now`: outcomes, and the failure."""

    class Changes(list[dict[str, Any]]):
        def stop(self) -> None: ...

    @contextlib.contextmanager
    def changes(*_: Any) -> Iterator[Changes]:
        yield Changes(events)

    session = SimpleNamespace(
        kubectl=SimpleNamespace(items=lambda *_: [], changes=changes, find=lambda *_: now, now=objects.now),
        settings=SimpleNamespace(timeouts=SimpleNamespace(deploy=9)),
    )
    monkeypatch.setattr(rollout, "Watchdog", lambda *_: contextlib.nullcontext(SimpleNamespace(findings=[])))
    monkeypatch.setattr(examine, "diagnose_workloads", lambda *_: [])
    run = SimpleNamespace(namespace="own", session=session, display=SimpleNamespace(waiting=lambda *_: None))
    told: list[str] = []
    try:
        told += [one.detail for one in await_workloads(run, [Workload("Deployment", "own", "api", {})])]  # type: ignore[arg-type]
    except examine.Failure as failure:
        return told, str(failure)
    return told, ""


def api(reason: str = "", told: str = "", ready: int = 0) -> dict[str, Any]:
    conditions = [{"type": "Progressing", "status": "False", "reason": reason, "lastUpdateTime": told}]
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "conditions": conditions}
    return {
        "kind": "Deployment", "metadata": {"name": "api", "namespace": "own", "generation": 1},
        "spec": {"replicas": 1}, "status": status | {"readyReplicas": ready, "availableReplicas": ready},
    }  # fmt: skip


def test_a_limit_that_was_over_before_this_wait_is_no_failure_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database came back, and the pods that had waited for it in vain come back now."""
    late = {"type": "MODIFIED", "object": api("ProgressDeadlineExceeded", "2026-01-01T00:00:00Z")}
    back = {"type": "MODIFIED", "object": api(ready=1)}
    assert waited_for(monkeypatch, [late, back], {}) == (["1/1 ready"], "")
    now = {"type": "MODIFIED", "object": api("ProgressDeadlineExceeded", "2126-01-01T00:00:00Z")}
    assert waited_for(monkeypatch, [now, back], {})[1].startswith("not rolled out: ")


def test_a_workload_that_somebody_deletes_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, back = {"type": "DELETED", "object": api()}, {"type": "ADDED", "object": api(ready=1)}
    assert waited_for(monkeypatch, [gone, back], None) == ([], "not rolled out: api deleted by somebody meanwhile")
    assert waited_for(monkeypatch, [gone, back], api()) == (["1/1 ready"], "")


@pytest.mark.parametrize(("reason", "said"), [("ProgressDeadlineExceeded", "not rolled out: "), ("", " within 9 s: ")])
def test_who_has_failed_before_the_time_was_over_is_not_told_as_late(
    monkeypatch: pytest.MonkeyPatch, reason: str, said: str
) -> None:
    assert said in waited_for(monkeypatch, [{"type": "MODIFIED", "object": api(reason)}], {})[1]
