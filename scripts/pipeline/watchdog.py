"""A watchdog beside a rollout: it looks for what will not get better by itself, and ends the waiting then.

Pods that have just been made are looked at in passing, as long as nothing speaks against them: the catalogue of causes
takes half a second of CPU to load and to ask, which the programs that start have more need of.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.kube import objects
from scripts.kube.objects import condition
from scripts.kube.workloads import Workload

if TYPE_CHECKING:
    from scripts.diagnose import Finding, Snapshot
    from scripts.diagnose.listening import Listener

INTERVAL = 1.0  # seconds between looks
SHARE = 4  # times as long as a look took is waited for the next: a look at forty services must not slow their start
CALM_SECONDS = 5.0  # in which a start that nothing speaks against is left alone
STARTING = ("ContainerCreating", "PodInitializing")
SECOND = timedelta(seconds=1)  # to which the times of events are told

Object = Mapping[str, Any]
Tell = Callable[[str, Sequence[Object], Sequence[Object]], None]  # a namespace, its pods and its events


class Watchdog:
    """Looks for terminal trouble in a thread of its own, and calls `alarm` once when it has found some."""

    def __init__(self, session: Session, wanted: Sequence[Workload], alarm: Callable[[], None], tell: Tell) -> None:
        self.findings: list[Finding] = []
        self._session = session
        self._wanted = wanted
        self._alarm = alarm
        self._tell = tell
        self._since = session.kubectl.now()
        self._listener: Listener | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        pause = INTERVAL
        calm_until = time.monotonic() + CALM_SECONDS
        while not self._done.wait(pause):
            started = time.monotonic()
            with suppress(UserError):  # a cluster that does not answer for a moment is not this thread's to report
                found = [] if started < calm_until and self._is_calm() else self._findings()
                if any(finding.terminal for finding in found):
                    self.findings = found
                    self._alarm()
                    return
            pause = max(INTERVAL, SHARE * (time.monotonic() - started))

    def _is_calm(self) -> bool:
        return all(self._looks_calm(place) for place in sorted({one.namespace for one in self._wanted}))

    def _looks_calm(self, namespace: str) -> bool:
        found = self._session.kubectl.items("pods,events", namespace)
        pods, events = ([item for item in found if item.get("kind") == kind] for kind in ("Pod", "Event"))
        self._tell(namespace, pods, events)
        return is_calm(pods, events, self._since)

    def _findings(self) -> list[Finding]:
        from scripts.diagnose.examine import diagnose_workloads
        from scripts.diagnose.listening import Listener  # a fifth of a second to import

        self._listener = self._listener or Listener()
        return diagnose_workloads(self._session, self._wanted, self._tell_of, self._since, self._listener)

    def _tell_of(self, state: Snapshot) -> None:
        self._tell(state.namespace, state.kind("Pod"), state.kind("Event"))


def is_calm(pods: Iterable[Object], events: Iterable[Object], since: datetime) -> bool:
    """Return whether nothing speaks against pods that start, at `since` or later: what is doubtful does.

    A probe that is refused speaks of nothing yet.
    """
    return not any(_is_in_trouble(pod) for pod in pods) and not any(_warns(event, since) for event in events)


def _is_in_trouble(pod: Object) -> bool:
    status = pod.get("status") or {}
    if objects.is_terminating(pod):
        return False
    placed = condition(pod, "PodScheduled").get("status") != "False"
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return not placed or status.get("phase") in ("Failed", "Unknown") or any(_is_ill(state) for state in states)


def _is_ill(container: Object) -> bool:
    state = container.get("state") or {}
    waiting = (state.get("waiting") or {}).get("reason", STARTING[0])
    ended = (state.get("terminated") or {}).get("exitCode", 0)
    return bool(waiting not in STARTING or ended or container.get("restartCount") or container.get("lastState"))


def _warns(event: Object, since: datetime) -> bool:
    if event.get("type") != "Warning" or event.get("reason") == "Unhealthy":
        return False
    told = event.get("lastTimestamp") or event.get("eventTime") or ""
    try:
        return datetime.fromisoformat(told) >= since - SECOND
    except (TypeError, ValueError):
        return True
