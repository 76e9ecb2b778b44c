"""Take an object into the store: the parts that a writer may change, defaults, checks, deletion."""

from __future__ import annotations

from typing import Any

from embedded import errors
from embedded.kinds import Kind
from embedded.objects import custom, defaults, validation
from embedded.objects.pod_resources import quality_of_service
from embedded.objects.values import clone, parse_timestamp, timestamp

FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
SERVER_FIELDS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
REVISION = "deployment.kubernetes.io/revision"
PERMANENT = ("default", "kube-system", "kube-public")
IMPLICIT_GENERATION = ("kind", "apiVersion", "metadata", "status")


def prepare_create(kind: Kind, obj: dict[str, Any]) -> None:
    """Give a new object its identity and defaults; drop what only the server sets."""
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    meta = obj["metadata"]
    for field in (*SERVER_FIELDS, "resourceVersion", "selfLink"):
        meta.pop(field, None)
    if not kind.namespaced:
        meta.pop("namespace", None)
    if "status" in kind.subresources:
        obj.pop("status", None)
    defaults.apply(kind, obj)


def start(kind: Kind, obj: dict[str, Any]) -> None:
    """Set what the server decides about a new object, whoever made it; not theirs to own in managedFields."""
    defaults.begin(kind, obj)


def finish_create(kind: Kind, obj: dict[str, Any]) -> None:
    """Set what follows from the whole of it: a Job's selector and labels from its uid, a pod's class of service
    from what admission gave its containers too.
    """
    if kind.kind == "Job":
        defaults.job_selector(obj)
    if kind.kind == "Pod":
        obj["status"]["qosClass"] = quality_of_service(obj["spec"])


def prepare_update(kind: Kind, obj: dict[str, Any], old: dict[str, Any], subresource: str) -> None:
    """Reduce an update to what its subresource may change, then default it.

    "finalize" is how a namespace loses its finalizers, "binding" how a pod gets its node and the condition that says
    so in one write.
    """
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    meta, before = obj["metadata"], old["metadata"]
    for field in (*SERVER_FIELDS, "resourceVersion"):
        if field in before:
            meta[field] = before[field]
        else:
            meta.pop(field, None)
    if "generateName" in before:
        meta["generateName"] = before["generateName"]
    if subresource == "status":
        keep = {key: value for key, value in old.items() if key not in ("status", "metadata")}
        written = {"managedFields": meta["managedFields"]} if "managedFields" in meta else {}
        status = obj.get("status", {})
        obj.clear()
        obj.update(clone(keep), metadata=clone(before) | written, status=status)
    elif subresource not in ("finalize", "binding"):
        if "status" in kind.subresources:
            _copy(old, obj, "status")
        if kind.kind == "Namespace":
            _copy(old.get("spec", {}), obj.setdefault("spec", {}), "finalizers")
    if "managedFields" not in meta and "managedFields" in before:
        meta["managedFields"] = clone(before["managedFields"])
    defaults.apply(kind, obj, old)
    if kind.generation and not subresource and _counted(obj) != _counted(old):
        meta["generation"] = before.get("generation", 0) + 1


def _copy(source: dict[str, Any], target: dict[str, Any], field: str) -> None:
    if field in source:
        target[field] = clone(source[field])
    else:
        target.pop(field, None)


def _counted(obj: dict[str, Any]) -> dict[str, Any]:
    counted = {key: value for key, value in obj.items() if key not in IMPLICIT_GENERATION}
    if obj["kind"] == "Pod":  # binding a pod to its node is not a change of its spec
        counted["spec"] = {key: value for key, value in obj["spec"].items() if key != "nodeName"}
    if obj["kind"] == "Deployment":  # its annotations count, but for the one its controller writes
        notes = obj["metadata"].get("annotations") or {}
        counted["annotations"] = {key: note for key, note in notes.items() if key != REVISION}
    return counted


def check(kind: Kind, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str = "") -> None:
    """Raise 422 naming every wrong field; of a write to a custom object's status, those of the status."""
    if subresource and not (kind.custom and subresource == "status"):
        return
    causes = validation.validate(kind, obj, old)
    if subresource:
        causes = [cause for cause in causes if cause.field.split(".")[0].split("[")[0] == "status"]
    if causes:
        raise errors.invalid(kind.resource, obj["metadata"].get("name", ""), causes)


def check_deletion(kind: Kind, obj: dict[str, Any], uid: str | None, revision: str | None) -> None:
    """Raise 409 unless the object is the one the caller means to delete, and 403 when it must not go."""
    meta = obj["metadata"]
    if kind.kind == "Namespace" and meta["name"] in PERMANENT:
        raise errors.forbidden(kind.resource, meta["name"], "this namespace may not be deleted")
    if uid is not None and uid != meta["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {meta['uid']}"
        raise errors.conflict(kind.resource, meta["name"], why)
    if revision is not None and revision != meta["resourceVersion"]:
        why = (
            f"Precondition failed: ResourceVersion in precondition: {revision}, "
            f"ResourceVersion in object meta: {meta['resourceVersion']}"
        )
        raise errors.conflict(kind.resource, meta["name"], why)


def equal(obj: dict[str, Any], old: dict[str, Any]) -> bool:
    """Return whether a write would change nothing but the times of managed fields."""
    return _timeless(obj) == _timeless(old)


def _timeless(obj: dict[str, Any]) -> dict[str, Any]:
    meta = dict(obj["metadata"])
    entries = meta.get("managedFields")
    if entries:
        meta["managedFields"] = [{key: value for key, value in entry.items() if key != "time"} for entry in entries]
    return obj | {"metadata": meta}


def mark_deleted(kind: Kind, old: dict[str, Any], grace: int | None, propagation: str, now: float) -> dict[str, Any]:
    """Return the object with the marks of a deletion that has begun."""
    obj: dict[str, Any] = clone(old)
    meta = obj["metadata"]
    seconds = _grace(kind, obj, grace)
    added = FINALIZERS.get(propagation)
    kept = [name for name in meta.get("finalizers", []) if name not in FINALIZERS.values()]
    if added and "deletionTimestamp" not in meta:
        meta["finalizers"] = [*kept, added]
    if kind.resource == custom.RESOURCE and "deletionTimestamp" not in meta:
        meta["finalizers"] = [*meta.get("finalizers", []), custom.CLEANUP]
    waits = bool(meta.get("finalizers")) or kind.kind in ("Namespace", "Pod")
    if "deletionTimestamp" in meta:
        left = meta.get("deletionGracePeriodSeconds", 0)
        if grace is not None and seconds < left:
            begun = parse_timestamp(meta["deletionTimestamp"]) - left
            meta["deletionTimestamp"] = timestamp(begun + seconds)
            meta["deletionGracePeriodSeconds"] = seconds
    elif waits:
        meta["deletionTimestamp"] = timestamp(now + seconds)
        meta["deletionGracePeriodSeconds"] = seconds
        if "generation" in meta:
            meta["generation"] += 1
        if kind.kind == "Namespace":
            obj.setdefault("status", {})["phase"] = "Terminating"
            meta.pop("deletionGracePeriodSeconds")
    return obj


def _grace(kind: Kind, obj: dict[str, Any], grace: int | None) -> int:
    """Return seconds a deleted object stays for its node; only pods that were given to a node have any."""
    if kind.kind != "Pod" or not obj["spec"].get("nodeName"):
        return 0
    if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    seconds = grace if grace is not None else obj["spec"].get("terminationGracePeriodSeconds", 30)
    return max(seconds, 0)


def held(kind: Kind, obj: dict[str, Any]) -> bool:
    """Return whether a deleted object has a reason to stay: finalizers, or a grace period left."""
    meta = obj["metadata"]
    if meta.get("finalizers") or (kind.kind == "Namespace" and obj.get("spec", {}).get("finalizers")):
        return True
    return bool(meta.get("deletionGracePeriodSeconds", 0) > 0)
