"""The thin edge: one snapshot of a namespace by kubectl, with the log tails of the containers in trouble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

from scripts.diagnose.model import Object, Snapshot
from scripts.diagnose.symptoms import FLAPPING, lacks_room
from scripts.errors import UserError
from scripts.host.terminal import printable
from scripts.kube.kubectl import Kubectl, not_listed
from scripts.kube.objects import is_terminating
from scripts.kube.queries import SHOW_OWNERS
from scripts.secrets import secrecy

KINDS = (
    "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch",
    "pods", "services", "endpointslices.discovery.k8s.io", "persistentvolumeclaims", "resourcequotas", "configmaps",
    "horizontalpodautoscalers.autoscaling",
)  # fmt: skip
NEEDED = ("deployments", "pods")  # nothing can be said of a service without them
TAIL = 60  # lines of a log
NO_LOG = "unable to retrieve container logs for "  # what a kubelet says in a log's place, as if that were the log
SETTLED = 5.0  # seconds after which a container that is not ready yet may have something to tell
MOST_LOGS = 12  # containers whose logs are read, so that forty broken pods do not mean forty requests


def take_snapshot(
    kubectl: Kubectl, namespace: str, services: Sequence[str] = (), *, since: datetime | None = None
) -> Snapshot:
    """Return what there is in the namespace now, to judge a change made at `since`, if one is judged.

    Raises UserError if the cluster does not answer, or not even what a diagnosis stands on may be seen.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        objects = pool.submit(kubectl.visible, ",".join(KINDS), namespace, SHOW_OWNERS)
        events = pool.submit(kubectl.visible, "events", namespace, SHOW_OWNERS)
        hidden = pool.submit(secrecy.read_once, kubectl, namespace)  # what is found is told, and not these
        (items, unseen), (told, unheard) = objects.result(), events.result()
        if blind := [kind for kind in NEEDED if kind in unseen]:
            raise not_listed(blind, namespace)
        items = [*items, *told]
        pods = (item for item in items if item.get("kind") == "Pod")
        wanted = list(in_trouble(pods, kubectl.now()))[:MOST_LOGS]
        now = {key: pool.submit(_log, kubectl, namespace, key, previous=False) for key, _ in wanted}
        before = {key: pool.submit(_log, kubectl, namespace, key, previous=True) for key, again in wanted if again}
        logs = {key: lines for key, job in now.items() if (lines := job.result())}
        previous = {key: lines for key, job in before.items() if (lines := job.result())}
        unread = () if hidden.result() else ("secrets",)
    elsewhere: list[Object] = []
    if any(lacks_room(item) for item in items if item.get("kind") == "Pod"):
        with suppress(UserError):  # who may see only this namespace is told of no other
            elsewhere = kubectl.get("pods", "--all-namespaces")["items"]
    command = ("kubectl", *kubectl.command()[1:])
    return Snapshot.of(
        items,
        namespace,
        kubectl.now(),
        logs=logs,
        previous_logs=previous,
        services=tuple(services),
        command=command,
        since=since,
        elsewhere=tuple(elsewhere),
        unseen=(*unseen, *unheard, *unread),
    )


def in_trouble(pods: Iterable[Object], now: datetime) -> Iterator[tuple[tuple[str, str], bool]]:
    """Yield the containers whose log may tell something, as (pod, container), and whether there was an instance before.

    Those that never started have no log to ask for, and those that have just started need no reason to be unready.
    """
    for pod in pods:
        status: Mapping[str, Any] = pod.get("status") or {}
        if is_terminating(pod) or status.get("phase") == "Succeeded":
            continue
        for item in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            state = item.get("state") or {}
            ended = (state.get("terminated") or {}).get("exitCode", 0) != 0
            lived_before = bool((item.get("lastState") or {}).get("terminated"))
            running = state.get("running") or {}
            settled = lived_before or _seconds(running.get("startedAt"), now) >= SETTLED
            flapping = item.get("restartCount", 0) >= FLAPPING
            unready = bool(running) and ((not item.get("ready") and settled) or flapping)
            back_off = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
            completed = bool(state.get("terminated")) and lived_before
            if ended or unready or back_off or completed:
                yield (str(pod["metadata"]["name"]), str(item["name"])), unready and lived_before


def _seconds(since: str | None, now: datetime) -> float:
    return (now - datetime.fromisoformat(since)).total_seconds() if since else SETTLED


def _log(kubectl: Kubectl, namespace: str, key: tuple[str, str], *, previous: bool) -> tuple[str, ...]:
    pod, container = key
    words = ["logs", pod, "--container", container, "--namespace", namespace, f"--tail={TAIL}"]
    answer = kubectl.ask(*words, *(["--previous"] if previous else []), timeout=10)
    lines = (printable(line) for line in answer.out.splitlines() if line.strip() and not line.startswith(NO_LOG))
    return tuple(lines) if answer else ()
