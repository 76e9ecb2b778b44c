"""Hooks of a release whose pods cannot begin: helm waits for them in silence, and the evidence ends with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.shell import CommandError
from scripts.kube.objects import condition
from scripts.pipeline.watchdog import CALM_SECONDS, STARTING, Object

if TYPE_CHECKING:
    from scripts.diagnose import Finding

OF_JOB = "batch.kubernetes.io/job-name"  # the label of a Job's pods


@contextmanager
def hooks_watched(session: Session, namespace: str) -> Iterator[None]:
    """Look beside helm for pods of Jobs that cannot begin. Raises Failure with why, where the command then fails."""
    found: list[Finding] = []
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(session, namespace, ended, found), daemon=True)
    thread.start()
    try:
        yield
    except CommandError as problem:
        if not found:
            raise
        from scripts.diagnose.examine import Failure  # only a run in trouble needs the rules

        raise Failure(str(problem).splitlines()[0], found) from None
    finally:
        ended.set()
        thread.join()


def _watch(session: Session, namespace: str, ended: threading.Event, found: list[Finding]) -> None:
    """Keep what was last seen to be wrong with Jobs whose pods do not begin."""
    since = datetime.now(UTC)
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
