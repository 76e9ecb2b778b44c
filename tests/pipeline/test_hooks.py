"""A hook's pod that cannot begin is told with its cause, which is gone when helm gives up."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.diagnose import Finding, examine
from scripts.errors import UserError
from scripts.host.shell import CommandError, Result
from scripts.kube import objects
from scripts.pipeline import hooks


def pod(waiting: str = "", *, restarts: int = 0, placed: bool = True) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    conditions = [{"type": "PodScheduled", "status": str(placed)}]
    status = {"conditions": conditions, "containerStatuses": [{"state": state, "restartCount": restarts}]}
    return {"metadata": {"name": "m-1", "labels": {hooks.OF_JOB: "m"}}, "status": status}


@pytest.mark.parametrize(
    ("item", "stuck"),
    [
        (pod("ImagePullBackOff"), True),
        (pod("CreateContainerConfigError"), True),
        (pod(placed=False), True),
        (pod("ContainerCreating"), False),
        (pod(), False),
        (pod("CrashLoopBackOff", restarts=2), False),  # its log says why, which helm prints
        ({"metadata": {"name": "new"}}, False),
    ],
)
def test_what_cannot_begin_is_told_from_what_has_run(item: Any, stuck: bool) -> None:
    assert hooks.cannot_begin(item) is stuck


FINDING = Finding("image-not-on-node", "m", "pod/m-1", "its image is missing", "", (), "load it", "describe", True, 0)
REFUSED = CommandError(["helm", "upgrade"], Result(1, "", "pre-upgrade hooks failed: Job Failed"))


def watched(monkeypatch: pytest.MonkeyPatch, items: list[Any] | UserError, problem: Exception | None) -> None:
    """A command that ends, with `problem` if there is one, once the pods have been looked at twice."""
    looks = threading.Semaphore(0)

    def ask(*words: str) -> list[Any]:
        looks.release()
        if isinstance(items, UserError):
            raise items
        return items

    monkeypatch.setattr(hooks, "CALM_SECONDS", 0.001)
    monkeypatch.setattr(examine, "diagnose_services", lambda *_, **__: [FINDING])
    session: Any = SimpleNamespace(kubectl=SimpleNamespace(items=ask, now=objects.now))
    with hooks.hooks_watched(session, "shop"):
        assert looks.acquire(timeout=300) and looks.acquire(timeout=300)
        if problem:
            raise problem


SINCE = datetime(2026, 1, 1, 12, 0, 0, 500_000, UTC)
HOOK = {"helm.sh/hook": "pre-upgrade"}


@pytest.mark.parametrize(
    ("notes", "status", "when", "told"),
    [
        (HOOK, "True", "2026-01-01T12:00:00Z", True),
        (HOOK, "True", "2026-01-01T11:59:59Z", False),  # of a run before
        (HOOK, "False", "2026-01-01T12:00:05Z", False),
        ({}, "True", "2026-01-01T12:00:05Z", False),
        (HOOK | {"helm.sh/hook-output-log-policy": "hook-failed"}, "True", "2026-01-01T12:00:05Z", False),
        (None, "True", None, False),
    ],
)
def test_a_hook_that_failed_now_is_looked_at_where_helm_keeps_its_log_to_itself(
    notes: Any, status: str, when: Any, told: bool
) -> None:
    conditions = [{"type": "Failed", "status": status, "lastTransitionTime": when}]
    job = {"metadata": {"name": "m", "annotations": notes}, "status": {"conditions": conditions}}
    assert hooks.has_failed(job, SINCE) is told


def test_a_failed_hook_of_ones_own_chart_tells_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    later = [{"type": "Failed", "status": "True", "lastTransitionTime": "2999-01-01T00:00:00Z"}]
    job = {"metadata": {"name": "m", "annotations": HOOK}, "status": {"conditions": later}}
    with pytest.raises(examine.Failure, match="its image is missing"):
        watched(monkeypatch, [job | {"metadata": job["metadata"] | {"labels": {hooks.OF_JOB: "m"}}}], REFUSED)


def test_the_cause_takes_the_place_of_helms_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(examine.Failure, match="its image is missing") as failed:
        watched(monkeypatch, [pod("ImagePullBackOff")], REFUSED)
    assert failed.value.hint == "load it" and str(failed.value).startswith("helm upgrade failed")


@pytest.mark.parametrize("items", [[pod()], [], UserError("no answer", "")])
def test_without_such_a_pod_helms_words_stay(items: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError) as failed:
        watched(monkeypatch, items, REFUSED)
    assert failed.value is REFUSED


def test_what_ended_well_is_told_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    watched(monkeypatch, [pod("ImagePullBackOff")], None)
