"""Runs the controllers: which change concerns whom is a table; work is queued once, done soon, and tried again."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from embedded import events, kinds
from embedded.controllers import (
    budget,
    common,
    cronjob,
    daemonset,
    definition,
    deployment,
    endpointslice,
    garbage,
    hpa,
    job,
    namespace,
    replicaset,
    scheduler,
    statefulset,
)
from embedded.controllers.common import Key
from embedded.errors import ApiError
from embedded.objects import custom, selectors, usage
from embedded.store import Event, Store

log = logging.getLogger(__name__)
Usage = Callable[[], dict[tuple[str, str], dict[str, dict[str, float]]]]
"""(namespace, pod) → container → {"cpu": cores, "memory": bytes}"""

Work = tuple[str, Key]  # controller, key
FIRST_RETRY = 0.005  # seconds; doubles with every failure in a row, as in the real work queues
LAST_RETRY = 60.0
HEARING_SECONDS = 0.1
WORKLOADS = ("deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch")


class Manager:
    """All control loops of one cluster, on the event loop that owns the store.

    A new workload is looked at after `hearing` seconds, as on a real cluster, where a controller hears of it by a
    watch: what follows it in the same manifest (a quota) is in force when its first pods are made.
    """

    def __init__(
        self, store: Store, usage: Usage, clock: Callable[[], float] = time.time, *, hearing: float = 0.0
    ) -> None:
        self._hearing = hearing
        self._store = store
        self._clock = clock
        self._controllers: dict[str, Callable[[Store, Key, float], float | None]] = {
            "definition": definition.reconcile,
            "deployment": deployment.reconcile,
            "replicaset": replicaset.reconcile,
            "statefulset": statefulset.reconcile,
            "daemonset": daemonset.reconcile,
            "scheduler": scheduler.reconcile,
            "endpointslice": endpointslice.reconcile,
            "job": job.reconcile,
            "cronjob": cronjob.reconcile,
            "namespace": namespace.reconcile,
            "disruption": budget.reconcile_disruption,
            "quota": budget.reconcile_quota,
            "gone": lambda store, key, now: garbage.owner_gone(store, key[1], key[0]),
            "events": lambda store, key, now: events.expire(store, now),
            "hpa": lambda store, key, now: hpa.reconcile(store, key, now, usage()),
        }
        self._order = itertools.count()
        self._due: list[tuple[float, int, Work]] = []
        self._planned: dict[Work, float] = {}
        self._failures: dict[Work, int] = {}
        self._wake = asyncio.Event()
        self._stopped = False
        store.on_event(self._on_event)

    async def run(self) -> None:
        """Work until stopped."""
        self._start_over()
        while not self._stopped:
            self._wake.clear()
            self._step(self._clock())
            delay = max(0.0, self._due[0][0] - self._clock()) if self._due else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), delay)

    def stop(self) -> None:
        """End `run`."""
        self._stopped = True
        self._wake.set()

    def drain(self, now: float) -> None:
        """Do everything that is due, and what follows from it, until nothing is."""
        for _ in range(10_000):
            if not self._due or self._due[0][0] > now:
                return
            self._step(now)
        raise RuntimeError(f"the controllers never come to rest: {self._due[0][2]}")

    def _start_over(self) -> None:
        """Look at every object once: what changed while nobody was running is work too."""
        now = self._clock()
        for resource in ("namespaces", *ROUTES):
            for obj in self._store.list(resource):
                for work in concerned(self._store, resource, obj):
                    self._plan(work, now)
        for resource in garbage.owned_resources():
            for obj in self._store.list(resource, "", garbage.is_held):
                self._plan(
                    (f"garbage {resource}", (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])), now
                )
        for uid, space in garbage.missing_owners(self._store):
            self._plan(("gone", (space, uid)), now)
        self._plan(("events", ("", "")), now)

    def _on_event(self, resource: str, event: Event) -> None:
        now = self._clock()
        new = event.type == "ADDED" and resource in WORKLOADS and common.owner_of(event.object) is None
        for obj in (event.object, event.old):
            if obj is not None:
                for work in concerned(self._store, resource, obj):
                    self._plan(work, now + self._hearing if new else now)
        if resource in ("pods", "nodes", "persistentvolumeclaims") and _makes_room(event):
            for pod in self._store.list("pods", "", _is_unplaced):
                self._plan(("scheduler", (pod["metadata"]["namespace"], pod["metadata"]["name"])), now)
        if resource == "nodes":
            for item in self._store.list("daemonsets.apps"):
                self._plan(("daemonset", (item["metadata"]["namespace"], item["metadata"]["name"])), now)
        if event.type == "DELETED":
            self._plan_gone(resource, event.object, now)
        if garbage.is_held(event.object):
            meta = event.object["metadata"]
            self._plan((f"garbage {resource}", (meta.get("namespace", ""), meta["name"])), now)

    def _plan_gone(self, resource: str, obj: dict[str, Any], now: float) -> None:
        meta = obj["metadata"]
        if resource != "events":
            self._plan(("gone", (meta.get("namespace", ""), meta["uid"])), now)
        for ref in meta.get("ownerReferences", ()):
            kind = f"{ref['kind'].lower()}s"
            group = ref["apiVersion"].rpartition("/")[0]
            owner = f"{kind}.{group}" if group else kind
            self._plan((f"garbage {owner}", (meta.get("namespace", ""), ref["name"])), now)

    def _plan(self, work: Work, when: float) -> None:
        planned = self._planned.get(work)
        if planned is not None and planned <= when:
            return
        self._planned[work] = when
        heapq.heappush(self._due, (when, next(self._order), work))
        self._wake.set()

    def _step(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            when, _, work = heapq.heappop(self._due)
            if self._planned.get(work) != when:
                continue  # planned anew in the meantime
            del self._planned[work]
            self._do(work, now)

    def _do(self, work: Work, now: float) -> None:
        name, key = work
        try:
            if name.startswith("garbage "):
                resource = name.removeprefix("garbage ")
                later = garbage.reconcile(self._store, resource, key) if resource in kinds.BY_RESOURCE else None
            else:
                later = self._controllers[name](self._store, key, now)
        except ApiError as error:
            later = self._again(work)
            log.info("%s %s: %s, again in %.2f s", name, "/".join(key), error.message, later)
        except Exception:  # one broken object must not stop the cluster
            later = self._again(work)
            log.exception("%s %s failed, again in %.2f s", name, "/".join(key), later)
        else:
            self._failures.pop(work, None)
        if later is not None:
            self._plan(work, now + max(later, 0.01))

    def _again(self, work: Work) -> float:
        times = self._failures.get(work, 0)
        self._failures[work] = times + 1
        seconds: float = FIRST_RETRY * 2**times
        return min(LAST_RETRY, seconds)


def concerned(store: Store, resource: str, obj: dict[str, Any]) -> Iterable[Work]:
    """Yield which controllers have to look at which key when an object of a resource changes."""
    meta = obj["metadata"]
    key = (meta.get("namespace", ""), meta["name"])
    for controller in ROUTES.get(resource, ()):
        yield controller, key
    owner = common.owner_of(obj)
    if owner is not None:
        above = OWNERS.get(owner["kind"])
        if above:
            yield above, (key[0], owner["name"])
    if resource == "pods":
        labels = meta.get("labels", {})
        for service in store.list("services", key[0]):
            wanted = service["spec"].get("selector")
            if wanted and wanted.items() <= labels.items():
                yield "endpointslice", (key[0], service["metadata"]["name"])
        for item in store.list("poddisruptionbudgets.policy", key[0]):
            if selectors.matches(item["spec"].get("selector"), labels):
                yield "disruption", (key[0], item["metadata"]["name"])
    for quota in store.list("resourcequotas", key[0]) if key[0] else ():
        if any(resource in usage.resources_of(entry) for entry in quota["spec"].get("hard", {})):
            yield "quota", (key[0], quota["metadata"]["name"])
    if resource != "namespaces" and key[0]:
        space = store.get("namespaces", "", key[0])
        if space is not None and common.is_terminating(space):
            yield "namespace", ("", key[0])


def _is_unplaced(pod: dict[str, Any]) -> bool:
    return not pod["spec"].get("nodeName")


def _makes_room(event: Event) -> bool:
    """Return whether a pod that did not fit may fit after a change of a pod, a node or a claim."""
    obj = event.object
    if "containers" not in obj.get("spec", {}):
        return True
    return bool(obj["spec"].get("nodeName")) and (event.type == "DELETED" or common.is_finished(obj))


ROUTES: dict[str, tuple[str, ...]] = {
    custom.RESOURCE: ("definition",),
    "deployments.apps": ("deployment",),
    "replicasets.apps": ("replicaset",),
    "statefulsets.apps": ("statefulset",),
    "daemonsets.apps": ("daemonset",),
    "pods": ("scheduler",),
    "services": ("endpointslice",),
    "endpoints": ("endpointslice",),
    "jobs.batch": ("job",),
    "cronjobs.batch": ("cronjob",),
    "namespaces": ("namespace",),
    "poddisruptionbudgets.policy": ("disruption",),
    "resourcequotas": ("quota",),
    "horizontalpodautoscalers.autoscaling": ("hpa",),
}
OWNERS = {
    "Deployment": "deployment",
    "ReplicaSet": "replicaset",
    "StatefulSet": "statefulset",
    "DaemonSet": "daemonset",
    "Job": "job",
    "CronJob": "cronjob",
    "Service": "endpointslice",
}
