"""Pods that may hold what a ConfigMap of their release once said: somebody changed it by hand, and it was put back.

The template of such pods never said anything else, whoever put it back, this run, a person or a run that was killed. So
it is seen from the cluster alone: they were started before their ConfigMap was last written, and no revision of the
release changed it then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from scripts.context.session import Session
from scripts.kube import objects, releases, workloads
from scripts.kube.manual_changes import HELM
from scripts.kube.objects import Object
from scripts.kube.workloads import Workload

COUNTS = {  # of pods, and of those of the newest template
    "Deployment": ("replicas", "updatedReplicas"),
    "StatefulSet": ("replicas", "updatedReplicas"),
    "DaemonSet": ("currentNumberScheduled", "updatedNumberScheduled"),
}
DATA = ("f:data", "f:binaryData")
EVER = datetime.min.replace(tzinfo=UTC)


def holders(
    session: Session, release: str, wanted: Collection[Workload], there: Iterable[Object]
) -> Iterator[tuple[str, str, str]]:
    """Yield kind, namespace and name of each workload of a release whose pods may hold what was put back since.

    `there` are the live objects, with who set what. One that is being rolled out gets new pods anyway.
    """
    known = {(one.kind, one.namespace, one.name) for one in wanted}
    items = list(there)
    written = {objects.place(item)[1:]: _written(item) for item in items if item.get("kind") == "ConfigMap"}
    for item in items:
        if item.get("kind") not in COUNTS or objects.place(item) not in known or not _is_settled(item):
            continue
        _, namespace, _ = objects.place(item)
        read = {name: written.get((namespace, name), {}) for name in objects.configmaps_read(objects.template(item))}
        made = _moment(item["metadata"].get("creationTimestamp"))
        if not any(at > made for times in read.values() for at in times.values()):
            continue
        started = _first_start(objects.pods_of(item, session.kubectl.visible("pods", namespace)[0]))
        for name, times in read.items():
            late = {who: at for who, at in times.items() if at > started}
            if late and not (set(late) == {HELM} and _changed_by_revision(session, release, name, late[HELM])):
                yield objects.place(item)
                break


def _is_settled(workload: Object) -> bool:
    """Return whether all pods of a workload are of its newest template, ready or not."""
    status = workload.get("status") or {}
    whole, updated = (status.get(name, 0) for name in COUNTS[workload["kind"]])
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    return bool(seen and whole == updated)


def _written(configmap: Object) -> dict[str, datetime]:
    """Return when each manager last wrote what a ConfigMap holds, by the API server."""
    found: dict[str, datetime] = {}
    for entry in configmap["metadata"].get("managedFields") or ():
        if any(part in (entry.get("fieldsV1") or {}) for part in DATA):
            who = str(entry.get("manager", ""))
            found[who] = max(found.get(who, EVER), _moment(entry.get("time")))
    return found


def _first_start(pods: Iterable[Object]) -> datetime:
    """Return when the first of the containers that run was started: it read its variables then."""
    starts = []
    for pod in objects.living(pods):
        made = _moment(pod["metadata"].get("creationTimestamp"))
        for one in (pod.get("status") or {}).get("containerStatuses") or ():
            running = (one.get("state") or {}).get("running")
            starts += [max(made, _moment(running.get("startedAt")))] if running else []
    return min(starts, default=EVER.replace(year=9999))


def _moment(text: Any) -> datetime:
    """Return a time as the API tells it, to the second."""
    return datetime.fromisoformat(text).replace(microsecond=0) if isinstance(text, str) and text else EVER


def _changed_by_revision(session: Session, release: str, name: str, at: datetime) -> bool:
    """Return whether the revision that was made before this moment stated something else of a ConfigMap than the one
    before it. Where that cannot be told, nothing speaks against it.
    """
    namespace = session.settings.release.namespace
    found = session.kubectl.items("secrets", namespace, "--selector", f"owner=helm,name={release}")
    before = [one for one in releases.numbered(found) if _moment(one["metadata"].get("creationTimestamp")) <= at]
    if len(before) < 2:
        return True
    old, new = (_stated(record, name) for record in before[-2:])
    return old != new


def _stated(record: Mapping[str, Any], name: str) -> list[Any]:
    manifest = workloads.documents(str(releases.contents(record).get("manifest", "")))
    return [item for item in manifest if item.get("kind") == "ConfigMap" and objects.name_of(item) == name]
