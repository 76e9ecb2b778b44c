"""CronJobs: Jobs made when their time has come."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.controllers.job import finished
from embedded.errors import ApiError
from embedded.events import record
from embedded.objects import cron
from embedded.objects.values import clone, parse_timestamp, timestamp
from embedded.store import Store

RESOURCE, JOBS = "cronjobs.batch", "jobs.batch"
COMPONENT = "cronjob-controller"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MOST_MISSED = 100


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Make the Job that is due, and forget old ones. Returns the seconds until the next is due."""
    owner = store.get(RESOURCE, *key)
    if owner is None or common.is_terminating(owner):
        return None
    jobs = common.owned(store, JOBS, owner)
    _prune(store, owner, jobs)
    due, later = _due(owner, now)
    if due is not None and not owner["spec"].get("suspend"):
        _start(store, owner, _active(jobs), due, now)
    _count(store, key, due, now)
    return max(0.0, later - now) if later is not None and not owner["spec"].get("suspend") else None


def _active(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the Jobs that run and were made here: one that a person made from the CronJob keeps none waiting."""
    made = [job for job in jobs if SCHEDULED in (job["metadata"].get("annotations") or {})]
    return [job for job in made if not finished(job)]


def _due(owner: dict[str, Any], now: float) -> tuple[float | None, float | None]:
    """Return the last moment that has come and was not acted upon, and the next."""
    spec, status = owner["spec"], owner.get("status", {})
    since = parse_timestamp(status.get("lastScheduleTime") or owner["metadata"]["creationTimestamp"])
    if spec.get("startingDeadlineSeconds") is not None:
        since = max(since, now - spec["startingDeadlineSeconds"])
    due, later = None, cron.following(spec["schedule"], since, spec.get("timeZone") or "")
    for _ in range(MOST_MISSED):
        if later is None or later > now:
            break
        due, later = later, cron.following(spec["schedule"], later, spec.get("timeZone") or "")
    else:  # far too many: only the next counts
        later = cron.following(spec["schedule"], now, spec.get("timeZone") or "")
    return due, later


def _start(store: Store, owner: dict[str, Any], active: list[dict[str, Any]], due: float, now: float) -> None:
    meta, spec = owner["metadata"], owner["spec"]
    policy = spec.get("concurrencyPolicy", "Allow")
    if active and policy == "Forbid":
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        record(store, owner, "Normal", "JobAlreadyActive", text, COMPONENT, now)
        return
    for job in active if policy == "Replace" else ():
        store.delete(JOBS, meta["namespace"], job["metadata"]["name"])
        text = f"Deleted job {job['metadata']['name']}"
        record(store, owner, "Normal", "SuccessfulDelete", text, COMPONENT, now)
    template = clone(spec["jobTemplate"])
    own = template.get("metadata") or {}
    name = f"{meta['name']}-{int(due // 60)}"
    made = {
        "metadata": own
        | {
            "name": name,
            "namespace": meta["namespace"],
            "annotations": dict(own.get("annotations") or {}) | {SCHEDULED: timestamp(due)},
            "ownerReferences": [common.reference(owner)],
        },
        "spec": template["spec"],
    }
    try:
        store.create(JOBS, made, manager=MANAGER)
    except ApiError as error:
        if error.reason != "AlreadyExists":
            record(store, owner, "Warning", "FailedCreate", f"Error creating job: {error.message}", COMPONENT, now)
        return
    record(store, owner, "Normal", "SuccessfulCreate", f"Created job {name}", COMPONENT, now)


def _prune(store: Store, owner: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    """Delete the oldest finished Jobs beyond the limits."""
    limits = (("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1))
    for condition, field, usual in limits:
        done = [job for job in jobs if common.is_true(job, condition)]
        done.sort(key=lambda job: job["metadata"]["creationTimestamp"])
        for job in done[: max(0, len(done) - owner["spec"].get(field, usual))]:
            store.delete(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])


def _count(store: Store, key: Key, due: float | None, now: float) -> None:
    owner = store.get(RESOURCE, *key)
    if owner is None:
        return
    jobs = common.owned(store, JOBS, owner)
    active = [
        {"kind": "Job", "apiVersion": "batch/v1"} | {k: job["metadata"][k] for k in ("name", "namespace", "uid")}
        for job in _active(jobs)
    ]
    ended = [job["status"]["completionTime"] for job in jobs if job.get("status", {}).get("completionTime")]

    def change(obj: dict[str, Any]) -> None:
        status = dict(obj.get("status") or {})
        status.pop("active", None)
        status |= {"active": active} if active else {}
        status |= {"lastSuccessfulTime": max(ended)} if ended else {}
        if due is not None:
            status["lastScheduleTime"] = timestamp(due)
        obj["status"] = status

    store.modify(RESOURCE, *key, change, subresource="status", manager=MANAGER)
