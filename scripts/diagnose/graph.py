"""Relate the objects of a state: workloads, their newest ReplicaSet and pods, events, and who calls whom."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any

from scripts.diagnose.model import Object, Snapshot, moment
from scripts.kube.objects import condition, is_hook, is_owned, is_terminating, name_of, template

SETTLING = timedelta(seconds=30)  # a pod made so shortly before a change is judged may well be of that change
LOOKS_AGAIN = timedelta(seconds=60)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
RUNNERS = (*WORKLOADS, "Job", "CronJob")  # whatever makes pods and is given a name by a person
_COMBINED = re.compile(r"^\(combined from similar events\): ")


def created(item: Object) -> datetime | None:
    """Return when an object was made."""
    return moment(item["metadata"].get("creationTimestamp"))


def labels_of(item: Object) -> Mapping[str, str]:
    """Return labels of an object or of a pod template."""
    return item.get("metadata", {}).get("labels") or {}


def named_after(name: str, workload: str) -> bool:
    """Return whether an object's name has a workload's in it as whole words, as `shop-api-http` has `api`."""
    return f"-{workload}-" in f"-{name}-"


def containers(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return every container of a pod's specification."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


@dataclass(frozen=True)
class Event:
    """An Event object, with the times and the count wherever the API version keeps them."""

    reason: str
    message: str
    warning: bool
    count: int
    first: datetime | None
    last: datetime | None
    field: str

    def line(self) -> str:
        """Return the event as one line of evidence."""
        times = f" ×{self.count}" if self.count > 1 else ""
        return f"event {self.reason}{times}: {self.message}"


def _newest_last(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.last.timestamp() if event.last else 0.0)


def _event(item: Object) -> Event:
    series = item.get("series") or {}
    first = moment(item.get("firstTimestamp")) or moment(item.get("eventTime")) or created(item)
    last = moment(series.get("lastObservedTime")) or moment(item.get("lastTimestamp")) or first
    return Event(
        reason=str(item.get("reason") or ""),
        message=_COMBINED.sub("", str(item.get("message") or "").strip()),
        warning=item.get("type") == "Warning",
        count=int(series.get("count") or item.get("count") or 1),
        first=first,
        last=last,
        field=str((item.get("involvedObject") or {}).get("fieldPath") or ""),
    )


class ResourceGraph:
    """A state with its relations worked out."""

    def __init__(self, state: Snapshot, now: datetime) -> None:
        self.state = state
        self.now = now
        self.workloads: dict[str, Object] = {}
        for kind in WORKLOADS:
            for item in state.kind(kind):
                self.workloads.setdefault(name_of(item), item)

    @cached_property
    def names(self) -> frozenset[str]:
        """Return whatever runs pods or would, by name; a pod or a ReplicaSet that belongs to nothing is one of it."""
        alone = (*self.replica_sets_alone, *(pod for pod in self.state.kind("Pod") if not is_owned(pod)))
        return frozenset(map(name_of, (*(item for kind in RUNNERS for item in self.state.kind(kind)), *alone)))

    @cached_property
    def replica_sets_alone(self) -> list[Object]:
        """Return the ReplicaSets that no Deployment has made."""
        return [item for item in self.state.kind("ReplicaSet") if not is_owned(item)]

    def age(self, since: datetime | None) -> float:
        """Return seconds since a moment, 0 for one that is not known."""
        return max(0.0, (self.now - since).total_seconds()) if since else 0.0

    def waited(self, since: datetime | None) -> float:
        """Return for how many seconds a state has been a sign against the change that is judged.

        What lasted before the change says nothing, and has its time from then on.
        """
        changed = self.state.since
        return self.age(max(since, changed) if since and changed else since)

    @cached_property
    def _by_uid(self) -> dict[str, Object]:
        found = {}
        for items in self.state.objects.values():
            for item in items:
                uid = item["metadata"].get("uid")
                if uid:
                    found[str(uid)] = item
        return found

    @cached_property
    def _events(self) -> dict[tuple[str, str], list[tuple[str, Event]]]:
        found: dict[tuple[str, str], list[tuple[str, Event]]] = {}
        for item in self.state.kind("Event"):
            target = item.get("involvedObject") or item.get("regarding") or {}
            key = (str(target.get("kind", "")), str(target.get("name", "")))
            found.setdefault(key, []).append((str(target.get("uid") or ""), _event(item)))
        return found

    def events(self, item: Object, *reasons: str) -> list[Event]:
        """Return the events of an object, the newest last; of these reasons, or all."""
        uid = str(item["metadata"].get("uid") or "")
        key = (str(item.get("kind", "")), name_of(item))
        found = [event for of, event in self._events.get(key, ()) if not of or not uid or of == uid]
        if reasons:
            found = [event for event in found if event.reason in reasons]
        return _newest_last(found)

    def events_before(self, prefix: str, kind: str, reason: str) -> list[Event]:
        """Return the events of one reason of every object whose name begins so, gone ones too; the newest last."""
        named = (told for (of, name), told in self._events.items() if of == kind and name.startswith(prefix))
        found = [event for told in named for _, event in told if event.reason == reason]
        return _newest_last(found)

    def owner(self, item: Object, kind: str = "") -> Object | None:
        """Return the object that controls another one, or None."""
        for reference in item["metadata"].get("ownerReferences") or ():
            if kind and reference.get("kind") != kind:
                continue
            known = self._by_uid.get(str(reference.get("uid")))
            if known is not None:
                return known
            for candidate in self.state.kind(str(reference.get("kind"))):
                if name_of(candidate) == reference.get("name"):
                    return candidate
        return None

    def replica_sets(self, deployment: Object) -> list[Object]:
        """Return the ReplicaSets of a Deployment."""
        return [item for item in self.state.kind("ReplicaSet") if self._same(self.owner(item), deployment)]

    @staticmethod
    def _same(one: Object | None, other: Object) -> bool:
        return (
            one is not None
            and one.get("kind") == other.get("kind")
            and one["metadata"]["name"] == other["metadata"]["name"]
        )

    @cached_property
    def newest(self) -> dict[str, Object]:
        """Return the ReplicaSet made from its present template, by Deployment.

        None where the controller has not seen the newest specification: its pods are those of the revision before.
        """
        found: dict[str, Object] = {}
        for deployment in self.state.kind("Deployment"):
            seen = deployment.get("status", {}).get("observedGeneration", 0)
            if seen < deployment["metadata"].get("generation", 0):
                continue
            sets = self.replica_sets(deployment)
            equal = [item for item in sets if _plain(template(item)) == _plain(template(deployment))]
            chosen = max(equal or sets, key=_revision, default=None)
            if chosen is not None:
                found[name_of(deployment)] = chosen
        return found

    def service_of(self, pod: Object) -> tuple[str, bool]:
        """Return the workload a pod belongs to, and whether the pod is of its newest revision."""
        owner = self.owner(pod)
        if owner is None:
            references = pod["metadata"].get("ownerReferences") or ()
            if references and references[0].get("kind") == "ReplicaSet":
                # Its ReplicaSet is gone, and it soon will be; unless nobody asked for ReplicaSets at all.
                return re.sub(r"-[a-z0-9]+$", "", str(references[0].get("name", ""))), not self.state.kind("ReplicaSet")
            return str(references[0].get("name")) if references else name_of(pod), True
        if owner.get("kind") == "ReplicaSet":
            deployment = self.owner(owner)
            if deployment is None:
                return name_of(owner), True
            service = name_of(deployment)
            return service, self._same(self.newest.get(service), owner)
        return name_of(owner), True

    @cached_property
    def pods(self) -> list[tuple[str, Object]]:
        """Return the pods that matter now, with their workload: not leaving, and of the newest revision."""
        found = []
        for pod in self.state.kind("Pod"):
            if is_terminating(pod):
                continue
            service, current = self.service_of(pod)
            if current and service not in self.left_behind:
                found.append((service, pod))
        return found

    @cached_property
    def left_behind(self) -> set[str]:
        """Return the Jobs of hooks that failed before the change that is judged: helm has gone on without them."""
        since = self.state.since
        hooks = ((name_of(job), condition(job, "Failed")) for job in self.state.kind("Job") if is_hook(job))
        failed = ((name, moment(one.get("lastTransitionTime"))) for name, one in hooks if one.get("status") == "True")
        return {name for name, told in failed if since and told and told < since}

    def outdated(self, pod: Object) -> bool:
        """Return whether what is seen of a pod is from before the change that is judged, and nobody has looked at it
        since.

        A node looks again within a minute; after that an old state counts like any other.
        """
        since, made = self.state.since, created(pod)
        if since is None or made is None or made >= since - SETTLING or self.now >= since + LOOKS_AGAIN:
            return False
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        ended = [
            moment((part.get("terminated") or {}).get("finishedAt"))
            for item in statuses for part in (item.get("state") or {}, item.get("lastState") or {})
        ]  # fmt: skip
        heard = [*ended, *(event.last for event in self.events(pod))]
        return not any(when and when >= since for when in heard)

    def deadline_exceeded(self, service: str) -> bool:
        """Return whether a Deployment's own limit for progress is over, or a Job has failed for good."""
        job = next((item for item in self.state.kind("Job") if name_of(item) == service), {})
        if job and condition(job, "Failed").get("status") == "True":
            return True
        workload = self.workloads.get(service)
        if workload is None or workload.get("kind") != "Deployment" or service not in self.newest:
            return False
        progressing = condition(workload, "Progressing")
        told = moment(progressing.get("lastUpdateTime"))
        since = self.state.since
        if since and told and told < since and self.now < since + LOOKS_AGAIN:
            return False
        return progressing.get("reason") == "ProgressDeadlineExceeded"

    def served(self, service: str) -> bool:
        """Return whether a workload is whole: as many pods as it is to have can be called. So is a CronJob's Job that
        failed, where a later one did its work.
        """
        workload = self.workloads.get(service)
        if workload is None:
            return self._done_since(next((job for job in self.state.kind("Job") if name_of(job) == service), None))
        status, spec = workload.get("status") or {}, workload.get("spec") or {}
        if int(status.get("observedGeneration") or 0) < int(workload["metadata"].get("generation") or 0):
            return False
        if workload.get("kind") == "DaemonSet":
            able = min(int(status.get(key) or 0) for key in ("numberAvailable", "updatedNumberScheduled"))
            return able >= int(status.get("desiredNumberScheduled") or 0)
        able = min(int(status.get(key) or 0) for key in ("availableReplicas", "updatedReplicas"))
        return able >= int(spec.get("replicas", 1))

    def _done_since(self, job: Object | None) -> bool:
        """Return whether a later Job of the same CronJob is complete."""
        owner = self.owner(job, "CronJob") if job else None
        if job is None or owner is None:
            return False
        later = (
            one for one in self.state.kind("Job")
            if self._same(self.owner(one, "CronJob"), owner) and str(created(one)) > str(created(job))
        )  # fmt: skip
        return any(condition(one, "Complete").get("status") == "True" for one in later)

    @property
    def wanted(self) -> list[str]:
        """Return the workloads that are to have pods."""
        return [name for name, item in self.workloads.items() if (item.get("spec") or {}).get("replicas", 1)]

    def available_seconds(self, service: str) -> float:
        """Return how long a workload has had a pod that can be called: 0 where it has none, infinity where nothing
        tells.
        """
        status = self.workloads.get(service, {}).get("status") or {}
        if not any(status.get(key) for key in ("availableReplicas", "readyReplicas", "numberAvailable")):
            return 0.0
        ready = (condition(pod, "Ready") for pod in self.state.kind("Pod") if self.service_of(pod)[0] == service)
        since = (moment(one.get("lastTransitionTime")) for one in ready if one.get("status") == "True")
        return max((self.age(one) for one in since if one), default=math.inf)

    def workload_behind(self, host: str) -> str:
        """Return the workload behind a host name as a pod uses it, or nothing where it is not in this namespace."""
        first = host.strip("[]'\" ").split("/")[-1].split(":")[0].split(".")
        if len(first) > 1 and first[1] not in (self.state.namespace, "svc"):
            return ""
        name = first[0].lower()
        if name in self.workloads:
            return name
        for service in self.state.kind("Service"):
            if name_of(service) == name or service.get("spec", {}).get("clusterIP") == host.split(":")[0]:
                return self.serving(service) or name
        for address in self.state.kind("Pod"):
            if address.get("status", {}).get("podIP") == host.split(":")[0]:
                return self.service_of(address)[0]
        return ""

    def serving(self, service: Object) -> str:
        """Return the workload a Service selects, else the one it is named after."""
        selector = service.get("spec", {}).get("selector") or {}
        for name, workload in self.workloads.items():
            if selector and selects(selector, labels_of(template(workload))):
                return name
        return max(filter(partial(named_after, name_of(service)), self.workloads), key=len, default="")

    def dependencies(self, service: str) -> tuple[str, ...]:
        """Return the workloads of this namespace that a workload's configuration names."""
        workload = self.workloads.get(service)
        if workload is None:
            return ()
        maps = {name_of(item): item.get("data") or {} for item in self.state.kind("ConfigMap")}
        values: list[str] = []
        for container in containers(template(workload).get("spec", {})):
            for variable in container.get("env") or ():
                reference = (variable.get("valueFrom") or {}).get("configMapKeyRef") or {}
                values.append(str(variable.get("value") or ""))
                values.append(str(maps.get(reference.get("name", ""), {}).get(reference.get("key", ""), "")))
            for source in container.get("envFrom") or ():
                values += map(str, maps.get((source.get("configMapRef") or {}).get("name", ""), {}).values())
        hosts = [match for value in values for match in re.findall(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", value)]
        named = {name_of(item) for item in self.state.kind("Service")}
        found = [self.workload_behind(host) for host in hosts if host.split(".")[0] in named]
        return tuple(dict.fromkeys(name for name in found if name and name != service))


def _plain(pod_template: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = dict(pod_template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    labels = metadata.get("labels") or {}
    metadata["labels"] = {key: value for key, value in labels.items() if key != "pod-template-hash"}
    return {**pod_template, "metadata": metadata}


def _revision(item: Object) -> tuple[int, str]:
    notes = item["metadata"].get("annotations") or {}
    text = str(notes.get("deployment.kubernetes.io/revision", "0"))
    return int(text) if text.isdigit() else 0, str(item["metadata"].get("creationTimestamp", ""))


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether a Service's selector picks pods with these labels."""
    return all(labels.get(key) == value for key, value in selector.items())


def similarity(selector: Mapping[str, str], labels: Mapping[str, str]) -> float:
    """Return how much of a selector some labels nearly fulfil, from 0 to 1."""
    total = 0.0
    for key, value in selector.items():
        if labels.get(key) == value:
            total += 1.0
        elif key in labels:
            ratio = difflib.SequenceMatcher(None, labels[key], value).ratio()
            total += ratio if ratio >= 0.6 else 0.0
        elif value in labels.values():
            total += 0.7
    return total / max(1, len(selector))


def shown(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Return labels as `kubectl get --selector` takes them."""
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    return ",".join(f"{key}={value}" for key, value in pairs)
