"""`ai.debug` takes whatever runs in the namespace, also what has no pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scripts.ai import consult, recipes
from scripts.ai.consult import Connection
from scripts.errors import UserError
from scripts.host.paths import ROOT

DEBUG = recipes.pick(ROOT, "debug")


@pytest.mark.parametrize("given", ["service", "pod"])
def test_a_deployment_whose_pods_were_refused_is_diagnosed(
    make_desk: Callable[..., Connection], state_of: Callable[[str], Any], given: str
) -> None:
    state = state_of("psa-restricted-violation")
    name = next(item["metadata"]["name"] for item in state["items"] if item["kind"] == "Deployment")
    found = consult.consult(make_desk(state), DEBUG, {given: name}, tool="offline")
    assert "restricted" in found.answer.text and name in found.answer.text


def test_a_workload_that_is_not_the_apps_is_diagnosed_by_its_name(
    make_desk: Callable[..., Connection], state_of: Callable[[str], Any]
) -> None:
    state = state_of("quota-exceeded")
    for item in state["items"]:
        if item["kind"] == "Deployment":
            item["metadata"]["name"] = "somebody-elses"
    found = consult.consult(make_desk(state), DEBUG, {"service": "somebody-elses"}, tool="offline")
    assert "somebody-elses" in found.answer.text


def test_what_is_not_there_is_named_with_what_is(
    make_desk: Callable[..., Connection], state_of: Callable[[str], Any]
) -> None:
    with pytest.raises(UserError, match="no service nope"):
        consult.consult(make_desk(state_of("quota-exceeded")), DEBUG, {"service": "nope"}, tool="offline")


def pod(
    name: str, owner: tuple[str, str] | None, labels: dict[str, str] | None = None, code: int = 1
) -> dict[str, Any]:
    """A pod whose program has ended with a status, seven times."""
    ended = {"exitCode": code, "reason": "Error", "startedAt": "2026-01-01T00:00:00Z"}
    ended["finishedAt"] = "2026-01-01T00:00:01Z"
    meta: dict[str, Any] = {"name": name, "namespace": "chatbot-dev", "uid": name, "labels": labels or {}}
    meta["creationTimestamp"] = "2026-01-01T00:00:00Z"
    if owner:
        meta["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "uid": owner[1], "controller": True}]
    status = {
        "name": "main", "ready": False, "restartCount": 7, "lastState": {"terminated": ended},
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
    }  # fmt: skip
    return {
        "kind": "Pod", "apiVersion": "v1", "metadata": meta,
        "spec": {"nodeName": "node", "containers": [{"name": "main", "image": "x:1"}]},
        "status": {"phase": "Running", "containerStatuses": [status], "startTime": "2026-01-01T00:00:00Z"},
    }  # fmt: skip


def workload(kind: str, name: str, owner: tuple[str, str] | None = None, **status: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": "chatbot-dev", "uid": name, "generation": 1}
    if owner:
        meta["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "uid": owner[1]}]
    return {"kind": kind, "metadata": meta, "spec": {"template": {}}, "status": {"observedGeneration": 1, **status}}


JOB = workload("Job", "nightly-29000001", ("CronJob", "nightly"))
BROKEN = {
    "a StatefulSet": ([workload("StatefulSet", "ledger")], pod("ledger-0", ("StatefulSet", "ledger")), "ledger"),
    "a DaemonSet": ([workload("DaemonSet", "shipper")], pod("shipper-x7k2p", ("DaemonSet", "shipper")), "shipper"),
    "a Job": ([workload("Job", "migrate")], pod("migrate-4kq8z", ("Job", "migrate")), "migrate"),
    "a CronJob": (
        [workload("CronJob", "nightly"), JOB], pod("nightly-29000001-abcde", ("Job", "nightly-29000001")), "nightly",
    ),
    "a ReplicaSet alone": (
        [workload("ReplicaSet", "card-desk")], pod("card-desk-x7k2p", ("ReplicaSet", "card-desk")), "card-desk",
    ),
    "its pod by the name that kubectl prints": (
        [workload("ReplicaSet", "desk")], pod("desk-x7k2p", ("ReplicaSet", "desk")), "pod/desk-x7k2p",
    ),
    "a workload by kind and name": (
        [workload("StatefulSet", "ledger")], pod("ledger-0", ("StatefulSet", "ledger")), "statefulset.apps/ledger",
    ),
    "a pod alone": ([], pod("probe-by-hand", None), "probe-by-hand"),
    "pods that carry another app's name": (
        [workload("StatefulSet", "ledger")], pod("ledger-0", ("StatefulSet", "ledger"), {"app": "store"}), "ledger",
    ),
}  # fmt: skip


@pytest.mark.parametrize("given", ["service", "pod"])
@pytest.mark.parametrize("case", BROKEN)
def test_the_cause_is_found_whatever_runs_the_pods(make_desk: Callable[..., Connection], case: str, given: str) -> None:
    owners, broken, name = BROKEN[case]
    given = "pod" if name.startswith("pod/") else given
    said = "Error: connect ENOENT\nThe PAYMENT_URL setting must not be empty\n"
    state = {"items": [*owners, broken], "logs": {broken["metadata"]["name"]: said}}
    found = consult.consult(make_desk(state), DEBUG, {given: name}, tool="offline")
    assert "PAYMENT_URL" in found.answer.text, found.answer.text
    assert "has none" not in found.answer.text  # of a Deployment of that name, which nobody asked about


REFUSED = {
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0}, "Job": {}, "DaemonSet": {"desiredNumberScheduled": 1, "currentNumberScheduled": 0},
}  # fmt: skip


@pytest.mark.parametrize("given", ["service", "pod"])
@pytest.mark.parametrize("kind", REFUSED)
def test_a_workload_of_any_kind_whose_pods_were_refused_is_diagnosed(
    make_desk: Callable[..., Connection], kind: str, given: str
) -> None:
    owner = workload(kind, "ledger", **REFUSED[kind])
    words = 'pods "ledger-0" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
    event = {
        "kind": "Event", "type": "Warning", "reason": "FailedCreate", "message": f"Error creating: {words}", "count": 9,
        "involvedObject": {"kind": kind, "name": "ledger", "uid": "ledger"}, "metadata": {"name": "e"},
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:05:00Z",
    }  # fmt: skip
    desk = make_desk({"items": [owner, event], "logs": {}})
    found = consult.consult(desk, DEBUG, {given: "ledger"}, tool="offline")
    assert "restricted" in found.answer.text and "ledger" in found.answer.text


def test_of_two_workloads_with_the_same_beginning_the_one_that_was_named_is_looked_at(
    make_desk: Callable[..., Connection],
) -> None:
    healthy = pod("web-1", ("StatefulSet", "web"))
    healthy["status"]["containerStatuses"] = [
        {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    ]
    items = [workload("StatefulSet", "web"), workload("StatefulSet", "web-admin")]
    items += [healthy, pod("web-admin-0", ("StatefulSet", "web-admin"))]
    found = consult.consult(make_desk({"items": items, "logs": {}}), DEBUG, {"pod": "web"}, tool="offline")
    assert found.inputs["pod"] == "web-1"
