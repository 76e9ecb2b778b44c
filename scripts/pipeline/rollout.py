"""Rollouts: whether workloads have reached what their specification asks, and what they are waiting for.

The decisions follow `kubectl rollout status`: the controller has seen the newest generation, every replica is updated,
none of the old ones is left, and all are available. Pods that are on their way out count for nothing: their successors
serve already.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scripts.context.run import Run
from scripts.kube import objects, workloads
from scripts.kube.objects import NAME_LABEL, condition
from scripts.kube.workloads import PLURAL, Workload
from scripts.pipeline.live import Live
from scripts.pipeline.watchdog import Watchdog
from scripts.settings.model import Outcome, Status

# The kubelet's words: `Readiness probe failed: HTTP probe failed with statuscode: 503`.
REVISION = "controller-revision-hash"  # label of a StatefulSet's pods
SEEN_SECONDS = 120  # for a controller to see what was changed
PROBE = re.compile(r"(Readiness|Startup|Liveness) probe failed")
STATUS = re.compile(r"statuscode: (\d+)")
Key = tuple[str, str, str]  # kind, namespace and name of a workload
TIDIED = "ended, and tidied away"
SHORT_REASONS = {"connection refused": "refused", "deadline exceeded": "no answer", "timed out": "no answer"}


@dataclass(frozen=True)
class Progress:
    """The progress of one workload. `failed` says that it will not get there by itself."""

    name: str
    complete: bool
    text: str
    failed: bool = False


def await_rollout(run: Run, found: Live) -> Generator[Outcome, None, None]:
    """Wait until everything that the releases run is what its specification asks for."""
    if run.dry:
        yield Outcome("rollout", "all", "skipped", 0.0, "dry run")
        return
    yield from await_workloads(run, found.workloads)


def await_workloads(run: Run, wanted: Iterable[Workload]) -> Iterator[Outcome]:
    """Wait for workloads, stopping at the first symptom that one of them will not get there by itself.

    Raises Failure with what was found, or UserError when the time limit is over.
    """
    wanted = list(wanted)
    _free(run, wanted)
    yield from _Wait(run, wanted).until_complete()


def _free(run: Run, wanted: Iterable[Workload]) -> None:
    """Delete what a revision before has left broken in StatefulSets, each of which waits for its broken pod for ever.

    Kubernetes replaces it only once it is ready, also where the set was put right meanwhile; the pod that takes its
    place is of the revision that is to be.
    """
    kubectl = run.session.kubectl
    for one in wanted:
        if one.kind != "StatefulSet":
            continue
        place = ("--namespace", one.namespace)
        item = kubectl.find("statefulset", one.name, one.namespace)
        if item is None:
            continue  # as the wait itself tells
        asked = item["metadata"]["generation"]
        if (item.get("status") or {}).get("observedGeneration") != asked:
            seen = f"--for=jsonpath={{.status.observedGeneration}}={asked}"
            kubectl.ask("wait", one.resource, *place, seen, f"--timeout={SEEN_SECONDS}s", timeout=SEEN_SECONDS + 30)
            item = kubectl.get("statefulset", one.name, *place)
        for pod in left_behind(item, kubectl.items("pods", one.namespace)):
            kubectl.effect("delete", "pod", pod, *place, "--wait=false")


def left_behind(stateful_set: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the pods of a StatefulSet that are not ready, and of another revision than the one it is to have; none
    where a person is to replace its pods by hand.
    """
    if (stateful_set["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        return []
    wanted = stateful_set.get("status", {}).get("updateRevision")
    return [
        objects.name_of(pod)
        for pod in objects.living(objects.pods_of(stateful_set, pods))
        if wanted and not objects.is_ready(pod) and pod["metadata"].get("labels", {}).get(REVISION, wanted) != wanted
    ]


class _Wait:
    """Workloads that are waited for, those that are left of them, and what was heard of each last."""

    def __init__(self, run: Run, wanted: Iterable[Workload]) -> None:
        self._run = run
        self._started = time.monotonic()
        self._since = run.session.kubectl.now()
        self._wanted = {(one.kind, one.namespace, one.name): one for one in wanted}
        self._left = dict(self._wanted)
        self._words = dict.fromkeys(self._wanted, "waiting")
        self._failed = False  # rather than late

    def until_complete(self) -> Iterator[Outcome]:
        """Yield an outcome for each as soon as it is complete. Raises as `await_workloads` does."""
        resources = sorted({(PLURAL[one.kind], one.namespace) for one in self._wanted.values()})
        for key, state in _now(self._run, resources, self._left):
            yield self._complete(key, "unchanged", state)
        if not self._left:
            return
        session, every = self._run.session, list(self._wanted.values())
        limit = session.settings.timeouts.deploy
        with (
            session.kubectl.changes(resources, limit) as stream,
            Watchdog(session, every, stream.stop, self._tell) as watchdog,
        ):
            yield from self._follow(stream)
        if not self._left:
            return
        from scripts.diagnose.examine import Failure, diagnose_workloads  # only a release in trouble needs the rules

        findings = watchdog.findings or diagnose_workloads(session, every)
        stuck = ", ".join(f"{self._label(key)} {self._words[key]}" for key in self._left)
        limited = "" if watchdog.findings or self._failed else f" within {limit} s"
        raise Failure(f"not rolled out{limited}: {stuck}", findings)

    def _follow(self, stream: Iterable[Mapping[str, Any]]) -> Iterator[Outcome]:
        """Yield what the changes of the workloads complete, until none is left, or one of them has failed."""
        for event in stream:
            key = _key(event["object"])
            if key not in self._left:
                continue
            state = progress(event["object"])
            if event["type"] == "DELETED" and not (state.complete and key[0] == "Job"):
                state = Progress(key[2], False, "deleted by somebody meanwhile", failed=not self._is_there(key))
                if not state.failed:
                    continue
            self._words[key] = state.text
            if state.complete:
                yield self._complete(key, "done", state)
            else:
                self._run.display.waiting("rollout", self._label(key), state.text)
            self._failed = state.failed and not _is_old(event["object"], self._since)
            if self._failed or not self._left:
                return

    def _is_there(self, key: Key) -> bool:
        """Return whether there is one of that name now: who replaces an object deletes the one before."""
        kind, namespace, name = key
        return self._run.session.kubectl.find(PLURAL[kind], name, namespace) is not None

    def _complete(self, key: Key, status: Status, state: Progress) -> Outcome:
        del self._left[key]
        return Outcome("rollout", self._label(key), status, time.monotonic() - self._started, state.text)

    def _tell(self, namespace: str, pods: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> None:
        """Show what the pods of each workload wait for."""
        for key, one in self._wanted.items():
            if one.namespace == namespace:
                own = [pod for pod in pods if pod["metadata"].get("labels", {}).get(NAME_LABEL) == one.name]
                awaited, words = waiting_for(own, events, self._run.session.kubectl.now()), self._words[key]
                self._run.display.waiting("rollout", self._label(key), f"{words}, {awaited}" if awaited else words)

    def _label(self, key: Key) -> str:
        return workloads.label(self._wanted[key], self._run.namespace)


def _now(run: Run, resources: Iterable[tuple[str, str]], wanted: Mapping[Key, Workload]) -> list[tuple[Key, Progress]]:
    """Return the workloads that are what they should be already, which nobody needs to wait for.

    A Job with `ttlSecondsAfterFinished` is one of them when it is gone: it was there when helm had made it.
    """
    found = {_key(item): item for kind, namespace in resources for item in run.session.kubectl.items(kind, namespace)}
    states = [(key, progress(found[key])) for key in wanted if key in found]
    states += [(key, Progress(key[2], True, TIDIED)) for key in wanted if key not in found and key[0] == "Job"]
    return [(key, state) for key, state in states if state.complete]


def _is_old(item: Mapping[str, Any], since: datetime) -> bool:
    """Return whether a Deployment's limit was over before `since`: its pods may come back now, and nobody takes that
    word back before they have. The watchdog judges it after a minute.
    """
    told = str(condition(item, "Progressing").get("lastUpdateTime") or "")
    try:
        return item.get("kind") == "Deployment" and bool(told) and datetime.fromisoformat(told) < since
    except (TypeError, ValueError):
        return False


def _key(item: Mapping[str, Any]) -> Key:
    return item["kind"], item["metadata"]["namespace"], objects.name_of(item)


def progress(item: Mapping[str, Any]) -> Progress:
    """Return where a workload stands, in the words a person waits with."""
    name = objects.name_of(item)
    if item.get("kind") == "Job":
        return _job(name, item)
    if item.get("status", {}).get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return Progress(name, False, "waiting for the controller")
    judge = {"StatefulSet": _stateful_set, "DaemonSet": _daemon_set}.get(item.get("kind", ""), _deployment)
    return judge(name, item["spec"], item.get("status", {}), item)


def _deployment(name: str, spec: Mapping[str, Any], status: Mapping[str, Any], item: Mapping[str, Any]) -> Progress:
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available, ready = status.get("availableReplicas", 0), status.get("readyReplicas", 0)
    late = condition(item, "Progressing")
    if late.get("reason") == "ProgressDeadlineExceeded":
        return Progress(name, False, late.get("message", "progress deadline exceeded"), failed=True)
    if updated < wanted:
        return Progress(name, False, f"{updated}/{wanted} updated")
    if total > updated:
        return Progress(name, False, f"{total - updated} old to end")
    if available < updated:
        return Progress(name, False, f"{ready}/{wanted} ready")
    ending = status.get("terminatingReplicas", 0)
    return Progress(name, True, f"{ready}/{wanted} ready" + (f", {ending} still ending" if ending else ""))


def _stateful_set(name: str, spec: Mapping[str, Any], status: Mapping[str, Any], item: Mapping[str, Any]) -> Progress:
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    strategy = spec.get("updateStrategy", {})
    kept = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    updated = status.get("updatedReplicas", 0)
    if ready < wanted:
        return Progress(name, False, f"{ready}/{wanted} ready")
    under_way = strategy.get("type") != "OnDelete" and status.get("updateRevision") != status.get("currentRevision")
    if under_way and updated < wanted - kept:
        return Progress(name, False, f"{updated}/{wanted - kept} updated")
    return Progress(name, True, f"{ready}/{wanted} ready")


def _daemon_set(name: str, spec: Mapping[str, Any], status: Mapping[str, Any], item: Mapping[str, Any]) -> Progress:
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if spec.get("updateStrategy", {}).get("type") != "OnDelete" and updated < wanted:
        return Progress(name, False, f"{updated}/{wanted} updated")
    return Progress(name, available >= wanted, f"{available}/{wanted} ready")


def _job(name: str, item: Mapping[str, Any]) -> Progress:
    failed = condition(item, "Failed")
    if failed.get("status") == "True":
        return Progress(
            name, False, f"failed: {failed.get('message') or failed.get('reason', 'no reason')}", failed=True
        )
    if item["spec"].get("suspend"):
        return Progress(name, True, "suspended")
    done, wanted = item.get("status", {}).get("succeeded", 0), item["spec"].get("completions") or 1
    return Progress(name, condition(item, "Complete").get("status") == "True", f"{done}/{wanted} succeeded")


def waiting_for(pods: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]], now: datetime) -> str:
    """Return the most telling thing that pods of one Deployment wait for, and for how long; nothing if none waits.

    `events` are those of the namespace: they say what the probes were answered.
    """
    answered = _answers(events)
    told = [text for pod in pods if not objects.is_terminating(pod) for text in _waits(pod, answered, now)]
    return told[0] if told else ""


def _answers(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what the last failed probe of each pod was answered, by the pod's uid: `readiness 503`."""
    failed = [event for event in events if event.get("reason") == "Unhealthy"]
    failed.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    told = {}
    for event in failed:
        message = str(event.get("message", ""))
        if kind := PROBE.match(message):
            code = STATUS.search(message)
            known = (short for words, short in SHORT_REASONS.items() if words in message)
            reason = code[1] if code else next(known, "fails")
            told[event.get("involvedObject", {}).get("uid", "")] = f"{kind[1].lower()} {reason}"
    return told


def _waits(pod: Mapping[str, Any], answered: Mapping[str, str], now: datetime) -> Iterator[str]:
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        state = container.get("state", {})
        if waiting := state.get("waiting"):
            yield str(waiting.get("reason", "waiting"))
        elif (running := state.get("running")) and not container.get("ready"):
            since = datetime.fromisoformat(running["startedAt"]) if running.get("startedAt") else now
            probe = answered.get(pod["metadata"].get("uid", ""), "started, not ready")
            yield f"{probe} for {(now - since).total_seconds():.0f} s"
    if status.get("phase") == "Pending" and not status.get("containerStatuses"):
        yield "pending"
