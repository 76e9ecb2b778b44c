"""Pods that start are left alone as long as nothing speaks against them; what is doubtful is looked at in earnest."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.diagnose import examine as looks
from scripts.kube import objects
from scripts.kube.workloads import Workload
from scripts.pipeline import watchdog
from scripts.pipeline.watchdog import Watchdog, is_calm

SINCE = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW, BEFORE = "2026-01-01T12:00:00Z", "2026-01-01T11:59:00Z"


def pod(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    status = {"phase": "Pending", "containerStatuses": [{"state": state, **more.pop("container", {})}], **more}
    return {"kind": "Pod", "metadata": {"name": "web-1"}, "status": status}


def warning(reason: str, moment: str | None = NOW) -> dict[str, Any]:
    return {"kind": "Event", "type": "Warning", "reason": reason, "lastTimestamp": moment}


STARTING = pod({"waiting": {"reason": "ContainerCreating"}})
RUNNING = pod({"running": {"startedAt": NOW}})
UNPLACED = pod({}, conditions=[{"type": "PodScheduled", "status": "False"}])
CRASHED = pod({"terminated": {"exitCode": 1}})
BEGUN_ANEW = pod({"running": {}}, container={"restartCount": 1})
LEAVING = CRASHED | {"metadata": {"name": "old", "deletionTimestamp": NOW}}


@pytest.mark.parametrize("found", [[STARTING], [RUNNING], [LEAVING, RUNNING], [{"metadata": {"name": "new"}}], []])
def test_a_pod_that_starts_is_calm(found: list[dict[str, Any]]) -> None:
    events = [warning("Unhealthy"), warning("BackOff", BEFORE), {"type": "Normal", "reason": "Pulled"}]
    assert is_calm(found, events, SINCE)


@pytest.mark.parametrize("found", [UNPLACED, CRASHED, BEGUN_ANEW, pod({}, phase="Failed"),
                                   pod({"waiting": {"reason": "ErrImagePull"}})])  # fmt: skip
def test_whatever_speaks_against_a_pod_is_looked_at(found: dict[str, Any]) -> None:
    assert not is_calm([RUNNING, found], [], SINCE)


@pytest.mark.parametrize("event", [warning("FailedCreate"), warning("FailedMount", None), warning("x", "yesterday")])
def test_a_warning_since_the_deploy_or_of_no_time_is_looked_at(event: dict[str, Any]) -> None:
    assert not is_calm([RUNNING], [event], SINCE)


@pytest.mark.parametrize(("found", "in_earnest"), [([RUNNING], False), ([CRASHED], True)])
def test_the_rules_are_asked_where_something_is_in_trouble(
    found: list[dict[str, Any]], in_earnest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, asked, alarm = threading.Event(), threading.Event(), threading.Event()
    finding = SimpleNamespace(terminal=True)

    def diagnosed(*_: Any) -> list[Any]:
        asked.set()
        return [finding]

    monkeypatch.setattr(watchdog, "INTERVAL", 0.01)
    monkeypatch.setattr(watchdog, "CALM_SECONDS", 900.0)
    monkeypatch.setattr(looks, "diagnose_workloads", diagnosed)
    session: Any = SimpleNamespace(kubectl=SimpleNamespace(items=lambda *_: found, now=objects.now))
    wanted = [Workload("Deployment", "shop", "web", {})]
    with Watchdog(session, wanted, alarm.set, lambda *_: told.set()) as dog:
        assert (alarm if in_earnest else told).wait(300)
    assert (asked.is_set(), dog.findings) == (in_earnest, [finding] if in_earnest else [])


def test_a_start_that_takes_long_is_looked_at_in_earnest_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    monkeypatch.setattr(watchdog, "INTERVAL", 0.01)
    monkeypatch.setattr(watchdog, "CALM_SECONDS", 0.0)
    monkeypatch.setattr(looks, "diagnose_workloads", lambda *_: asked.set() or [])
    session: Any = SimpleNamespace(kubectl=SimpleNamespace(items=lambda *_: [RUNNING], now=objects.now))
    with Watchdog(session, [Workload("Deployment", "shop", "web", {})], asked.set, lambda *_: None):
        assert asked.wait(300)
