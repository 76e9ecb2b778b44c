"""Hooks of a release that fail: helm waits in silence for pods that cannot begin, and shows logs only where told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.shell import CommandError
from scripts.kube.objects import condition
from scripts.pipeline.watchdog import CALM_SECONDS, STARTING, Object

if TYPE_CHECKING:
    from scripts.diagnose import Finding

OF_JOB = "batch.kubernetes.io/job-name"  # the label of a Job's pods
HOOK = "helm.sh/hook"
LOGGED = "helm.sh/hook-output-log-policy"  # with it, helm's own words have the log


@contextmanager
def hooks_watched(session: Session, namespace: str) -> Iterator[None]:
    """Look beside helm for pods of Jobs that cannot begin, and where the command fails at hooks that failed.

    Raises Failure with why.
    """
    found: list[Finding] = []
    ended = threading.Event()
    since = session.kubectl.now()
    thread = threading.Thread(target=_watch, args=(session, namespace, ended, found, since), daemon=True)
    thread.start()
    try:
        yield
    except CommandError as problem:
        from scripts.diagnose.examine import Failure, diagnose_services  # only a run in trouble needs the rules

        with suppress(UserError):
            if not found and (names := _failed(session, namespace, since)):
                found = diagnose_services(session, names, since=since, namespace=namespace)
        if not found:
            raise
        raise Failure(str(problem).splitlines()[0], found) from None
    finally:
        ended.set()
        thread.join()


def _failed(session: Session, namespace: str, since: datetime) -> list[str]:
    """Return the hooks that have failed meanwhile, and whose logs helm does not show."""
    jobs = session.kubectl.items("jobs", namespace)
    return sorted(item["metadata"]["name"] for item in jobs if has_failed(item, since))


def has_failed(job: Object, since: datetime) -> bool:
    """Return whether a Job is a hook that failed after a moment, and of which helm says no more than that."""
    from scripts.diagnose.model import moment  # only a run in trouble needs that room

    notes = job["metadata"].get("annotations") or {}
    failed = condition(job, "Failed")
    when = moment(failed.get("lastTransitionTime"))
    begun = since.replace(microsecond=0)  # as exact as the cluster's
    return HOOK in notes and LOGGED not in notes and failed.get("status") == "True" and bool(when and when >= begun)


def _watch(session: Session, namespace: str, ended: threading.Event, found: list[Finding], since: datetime) -> None:
    """Keep what was last seen to be wrong with Jobs whose pods do not begin."""
    while not ended.wait(CALM_SECONDS):
        with suppress(UserError):  # a cluster that does not answer for a moment is not this thread's to report
            pods = session.kubectl.items("pods", namespace, "--selector", OF_JOB)
            names = sorted({pod["metadata"]["labels"][OF_JOB] for pod in pods if cannot_begin(pod)})
            if names:
                from scripts.diagnose.examine import diagnose_services

                found[:] = diagnose_services(session, names, since=since, namespace=namespace) or found


def cannot_begin(pod: Object) -> bool:
    """Return whether a pod has no node, or a container of it waits for something else than its turn."""
    status = pod.get("status") or {}
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [((item.get("state") or {}).get("waiting") or {}).get("reason", STARTING[0]) for item in states]
    begun = any(item.get("restartCount") or item.get("lastState") for item in states)
    no_node = condition(pod, "PodScheduled").get("status") == "False"
    return no_node or (not begun and any(reason not in STARTING for reason in waiting))
