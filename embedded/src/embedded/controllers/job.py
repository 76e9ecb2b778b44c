"""Jobs: pods that run to their end, as many times as asked, with a limit on failures.

Those of an Indexed one have a number each, from 0 on, and it is complete when one of every number has ended well. One
that asks for no number of completions is a queue: the first pod that ends well says that nothing is left to begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.errors import ApiError
from embedded.events import record
from embedded.objects.values import clone, parse_timestamp, timestamp
from embedded.store import Store

RESOURCE = "jobs.batch"
COMPONENT = "job-controller"
BACKOFF = 10.0  # seconds before a failed pod is replaced; doubles up to BACKOFF_MOST
BACKOFF_MOST = 600.0
INDEX = "batch.kubernetes.io/job-completion-index"  # annotation and label of a pod


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Start the pods that are missing, and settle the job when it is decided."""
    job = store.get(RESOURCE, *key)
    if job is None or common.is_terminating(job):
        return None
    if finished(job):
        return _expire(store, job, now)
    pods = common.owned(store, "pods", job)
    succeeded, failed = _in_phase(pods, "Succeeded"), _failed(job, pods)
    active = [pod for pod in pods if common.is_active(pod)]
    spec = job["spec"]
    verdict = _verdict(job, succeeded, failed, active, now)
    if verdict is not None:
        return _settle(store, key, verdict, _stopped(store, job, active, now), len(active), now)
    later = None
    if spec.get("suspend"):
        pods = _stopped(store, job, active, now)
    else:
        missing = _missing(job, succeeded, active)
        later = _wait(failed, now)
        if missing and not later:
            for index in missing:
                _start(store, job, index, now)
            pods = common.owned(store, "pods", job)
    _count(store, key, pods, now)
    deadline = spec.get("activeDeadlineSeconds")
    started = job.get("status", {}).get("startTime")
    waits = [item for item in (later, _left(deadline, started, now)) if item is not None]
    return min(waits) if waits else None


def _is_indexed(job: dict[str, Any]) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _indexes(pods: list[dict[str, Any]]) -> set[int]:
    """Return the numbers that pods of an Indexed job have."""
    found = ((pod["metadata"].get("annotations") or {}).get(INDEX, "") for pod in pods)
    return {int(index) for index in found if index.isdecimal()}


def _missing(
    job: dict[str, Any], succeeded: list[dict[str, Any]], active: list[dict[str, Any]]
) -> Sequence[int | None]:
    """Return the pods that are to be started: for each its number, None where it has none."""
    spec = job["spec"]
    room, completions = spec.get("parallelism", 1) - len(active), spec.get("completions")
    if completions is None:
        return [] if succeeded else [None] * max(0, room)
    if not _is_indexed(job):
        return [None] * max(0, min(room, completions - len(succeeded) - len(active)))
    taken = _indexes([*succeeded, *active])
    return [index for index in range(completions) if index not in taken][: max(0, room)]


def _completed(job: dict[str, Any], succeeded: list[dict[str, Any]]) -> int:
    """Return how many of a job's completions there are."""
    return len(_done(job, succeeded)) if _is_indexed(job) else len(succeeded)


def _done(job: dict[str, Any], succeeded: list[dict[str, Any]]) -> set[int]:
    """Return the numbers of an Indexed job of which a pod has ended well."""
    return _indexes(succeeded) & {*range(job["spec"].get("completions") or 0)}


def _ranges(numbers: set[int]) -> str:
    """Return numbers as a status tells them: `0-2,5`, and two neighbours as `0,1`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def finished(job: dict[str, Any]) -> bool:
    """Return whether a job is decided."""
    return common.is_true(job, "Complete") or common.is_true(job, "Failed")


def _left(deadline: int | None, started: str | None, now: float) -> float | None:
    return parse_timestamp(started) + deadline - now if deadline and started else None


class Verdict(NamedTuple):
    """The end of a job: the condition that says so first, the one that stays, and why."""

    first: str
    last: str
    reason: str
    message: str


def _verdict(
    job: dict[str, Any],
    succeeded: list[dict[str, Any]],
    failed: list[dict[str, Any]],
    active: list[dict[str, Any]],
    now: float,
) -> Verdict | None:
    """Return what a job has come to; what was said once stays."""
    for first, last in (("FailureTarget", "Failed"), ("SuccessCriteriaMet", "Complete")):
        told = common.condition(job, first)
        if told is not None:
            return Verdict(first, last, told["reason"], told["message"])
    for pod in failed:
        action, why = _rule_for(job, pod)
        if action == "FailJob":
            return Verdict("FailureTarget", "Failed", "PodFailurePolicy", why)
    spec = job["spec"]
    limit = spec.get("backoffLimit", 6)
    left = _left(spec.get("activeDeadlineSeconds"), job.get("status", {}).get("startTime"), now)
    if left is not None and left <= 0:
        text = "Job was active longer than specified deadline"
        return Verdict("FailureTarget", "Failed", "DeadlineExceeded", text)
    if len(failed) > limit or _restarts_too_often(job, active, limit):
        text = "Job has reached the specified backoff limit"
        return Verdict("FailureTarget", "Failed", "BackoffLimitExceeded", text)
    completions = spec.get("completions")
    if (succeeded and not active) if completions is None else _completed(job, succeeded) >= completions:
        text = "Reached expected number of succeeded pods"
        return Verdict("SuccessCriteriaMet", "Complete", "CompletionsReached", text)
    return None


def _rule_for(job: dict[str, Any], pod: dict[str, Any]) -> tuple[str, str]:
    """Return what the job's podFailurePolicy does about a pod that failed, and how that is told; Count without a rule.

    The first rule that fits decides. FailIndex is not known here: it counts.
    """
    meta, status = pod["metadata"], pod.get("status", {})
    where = f"pod {meta['namespace']}/{meta['name']}"
    for number, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        action = rule["action"]
        told = f"matching {action} rule at index {number}"
        for name, code in _exit_codes(status) if rule.get("onExitCodes") else ():
            if _fits(rule["onExitCodes"], name, code):
                return action, f"Container {name} for {where} failed with exit code {code} {told}"
        for wanted in rule.get("onPodConditions") or ():
            seen = common.condition(pod, wanted["type"])
            if seen is not None and seen["status"] == wanted.get("status", "True"):
                subject = where[0].upper() + where[1:]
                return action, f"{subject} has condition {wanted['type']} {told}"
    return "Count", ""


def _exit_codes(status: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the containers of a pod that ended badly, each with its exit code."""
    kinds = ("containerStatuses", "initContainerStatuses")
    ended = [(item["name"], item.get("state", {}).get("terminated")) for kind in kinds for item in status.get(kind, ())]
    return [(name, end["exitCode"]) for name, end in ended if end and end.get("exitCode")]


def _fits(wanted: dict[str, Any], name: str, code: int) -> bool:
    if wanted.get("containerName") not in (None, name):
        return False
    listed = code in wanted["values"]
    return listed if wanted["operator"] == "In" else not listed


def _stopped(store: Store, job: dict[str, Any], active: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
    """Delete the pods of a job that are at work; return those that it still has."""
    for pod in active:
        common.delete_pod(store, job, pod, COMPONENT, now)
    return common.owned(store, "pods", job)


def _in_phase(pods: list[dict[str, Any]], phase: str) -> list[dict[str, Any]]:
    return [pod for pod in pods if pod.get("status", {}).get("phase") == phase]


def _failed(job: dict[str, Any], pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pods that failed and count, by the job's podFailurePolicy."""
    return [pod for pod in _in_phase(pods, "Failed") if _rule_for(job, pod)[0] != "Ignore"]


def _restarts_too_often(job: dict[str, Any], active: list[dict[str, Any]], limit: int) -> bool:
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    kinds = ("containerStatuses", "initContainerStatuses")
    restarts: int = sum(
        item.get("restartCount", 0) for pod in active for kind in kinds for item in pod.get("status", {}).get(kind, ())
    )
    return restarts >= max(1, limit)


def _wait(failed: list[dict[str, Any]], now: float) -> float | None:
    if not failed:
        return None
    last = max(_ended(pod) for pod in failed)
    pause = min(BACKOFF_MOST, BACKOFF * 2 ** (len(failed) - 1))
    return last + pause - now if last + pause > now else None


def _ended(pod: dict[str, Any]) -> float:
    ends = [
        parse_timestamp(status["state"]["terminated"]["finishedAt"])
        for status in pod.get("status", {}).get("containerStatuses", ())
        if status.get("state", {}).get("terminated", {}).get("finishedAt")
    ]
    return max(ends, default=parse_timestamp(pod["metadata"]["creationTimestamp"]))


def _start(store: Store, job: dict[str, Any], index: int | None, now: float) -> None:
    meta, template = job["metadata"], clone(job["spec"]["template"])
    name = meta["name"]
    if index is not None:
        name = f"{name}-{index}"
        _number(template, name, index)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": template.get("metadata", {})
        | {
            "generateName": f"{name}-",
            "namespace": meta["namespace"],
            "ownerReferences": [common.reference(job)],
        },
        "spec": template["spec"],
    }
    try:
        made = store.create("pods", pod, manager=MANAGER)
    except ApiError as error:
        record(store, job, "Warning", "FailedCreate", f"Error creating: {error.message}", COMPONENT, now)
        return
    record(store, job, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}", COMPONENT, now)


def _number(template: dict[str, Any], name: str, index: int) -> None:
    """Give a pod of an Indexed job its number: where a program reads it, and as the name that others find it by."""
    meta = template.setdefault("metadata", {})
    for kind in ("annotations", "labels"):
        meta[kind] = (meta.get(kind) or {}) | {INDEX: str(index)}
    template["spec"].setdefault("hostname", name)
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for kind in ("initContainers", "containers"):
        for container in template["spec"].get(kind) or ():
            if all(one["name"] != "JOB_COMPLETION_INDEX" for one in container.get("env") or ()):
                variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
                container["env"] = [*(container.get("env") or ()), variable]


def _counts(job: dict[str, Any], pods: list[dict[str, Any]], now: float) -> dict[str, Any]:
    active, succeeded = [pod for pod in pods if common.is_active(pod)], _in_phase(pods, "Succeeded")
    started = None if job["spec"].get("suspend") else job.get("status", {}).get("startTime") or timestamp(now)
    counts = {
        "startTime": started,
        "active": len(active),
        "succeeded": len(succeeded),
        "failed": len(_failed(job, pods)),
    }
    if _is_indexed(job):
        done = _done(job, succeeded)
        counts |= {"succeeded": len(done), "completedIndexes": _ranges(done)}
    status = {name: value for name, value in counts.items() if value}
    return status | {
        "ready": len([pod for pod in active if common.is_true(pod, "Ready")]),
        "terminating": len([pod for pod in pods if common.is_terminating(pod) and not common.is_finished(pod)]),
        "uncountedTerminatedPods": {},
    }


def _count(store: Store, key: Key, pods: list[dict[str, Any]], now: float) -> None:
    told = ""

    def change(obj: dict[str, Any]) -> None:
        nonlocal told
        kept = list(obj.get("status", {}).get("conditions") or ())
        stands, wanted = common.is_true(obj, "Suspended"), bool(obj["spec"].get("suspend"))
        if stands != wanted:
            told = "Suspended" if wanted else "Resumed"
            moment = timestamp(now)
            said = {"reason": f"Job{told}", "message": f"Job {told.lower()}", "status": str(wanted)}
            new = {"type": "Suspended", "lastProbeTime": moment, "lastTransitionTime": moment} | said
            kept = [*(item for item in kept if item["type"] != "Suspended"), new]
        obj["status"] = _counts(obj, pods, now) | ({"conditions": kept} if kept else {})

    job = store.modify(RESOURCE, *key, change, subresource="status", manager=MANAGER)
    if job is not None and told:
        record(store, job, "Normal", told, f"Job {told.lower()}", COMPONENT, now)


def _settle(
    store: Store, key: Key, verdict: Verdict, pods: list[dict[str, Any]], stopped: int, now: float
) -> float | None:
    """Say what a job has come to, and end it once its last pod has ended; the pods that are `stopped` for it failed."""
    moment = timestamp(now)
    done = all(common.is_finished(pod) for pod in pods)

    def change(obj: dict[str, Any]) -> None:
        before = obj.get("status", {})
        kept = list(before.get("conditions") or ())
        status = _counts(obj, pods, now)
        failed = max(status.get("failed", 0), before.get("failed", 0)) + stopped
        status |= {"failed": failed} if failed else {}
        said = {"reason": verdict.reason, "message": verdict.message}
        new = {"status": "True", "lastProbeTime": moment, "lastTransitionTime": moment} | said
        told_before = any(item["type"] == verdict.first for item in kept)
        status["conditions"] = kept if told_before else [*kept, {"type": verdict.first} | new]
        if done:
            status["conditions"] = [*status["conditions"], {"type": verdict.last} | new]
            if verdict.last == "Complete":
                status["completionTime"] = moment
        obj["status"] = status

    job = store.modify(RESOURCE, *key, change, subresource="status", manager=MANAGER)
    if job is None or not done:
        return None
    if verdict.last == "Complete":
        record(store, job, "Normal", "Completed", "Job completed", COMPONENT, now)
    else:
        record(store, job, "Warning", verdict.reason, verdict.message, COMPONENT, now)
    return _expire(store, job, now)


def _expire(store: Store, job: dict[str, Any], now: float) -> float | None:
    life: float | None = job["spec"].get("ttlSecondsAfterFinished")
    if life is None:
        return None
    ended = max(parse_timestamp(item["lastTransitionTime"]) for item in job["status"]["conditions"])
    if ended + life > now:
        return ended + life - now
    store.delete(RESOURCE, job["metadata"]["namespace"], job["metadata"]["name"])
    return None
