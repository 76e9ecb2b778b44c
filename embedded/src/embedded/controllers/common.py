"""Read objects in the ways that several controllers need."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from embedded import kinds
from embedded.errors import ApiError
from embedded.events import record
from embedded.objects.values import parse_timestamp
from embedded.store import Store

Key = tuple[str, str]
MANAGER = "kube-controller-manager"


def owner_of(obj: dict[str, Any]) -> dict[str, Any] | None:
    """Return the ownerReference of the controller of an object."""
    return next((ref for ref in obj["metadata"].get("ownerReferences", ()) if ref.get("controller")), None)


def owned(store: Store, resource: str, owner: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a resource that an object controls."""
    meta = owner["metadata"]

    def is_owned(obj: dict[str, Any]) -> bool:
        reference = owner_of(obj)
        return reference is not None and reference["uid"] == meta["uid"]

    return store.list(resource, meta["namespace"], is_owned)


def reference(owner: dict[str, Any]) -> dict[str, Any]:
    """Return the ownerReference that makes an object controlled by `owner`."""
    kind = kinds.of(owner)
    meta = owner["metadata"]
    return {
        "apiVersion": kind.api_version if kind else owner["apiVersion"],
        "kind": kind.kind if kind else owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(obj: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """Return a condition of an object's status by its type."""
    return next((item for item in obj.get("status", {}).get("conditions", ()) if item["type"] == kind), None)


def is_true(obj: dict[str, Any], kind: str) -> bool:
    """Return whether a condition holds."""
    found = condition(obj, kind)
    return found is not None and found["status"] == "True"


def is_terminating(obj: dict[str, Any]) -> bool:
    """Return whether an object is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def is_finished(pod: dict[str, Any]) -> bool:
    """Return whether all containers of a pod have ended for good."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_active(pod: dict[str, Any]) -> bool:
    """Return whether a pod counts towards replicas."""
    return not is_finished(pod) and not is_terminating(pod)


def available_at(pod: dict[str, Any], least_seconds: int) -> float | None:
    """Return when a ready pod becomes available, in seconds since the epoch; None while it is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    return parse_timestamp(ready["lastTransitionTime"]) + least_seconds if least_seconds else 0.0


def delete_pod(
    store: Store, owner: dict[str, Any], pod: dict[str, Any], component: str, now: float, text: str = ""
) -> None:
    """Delete a pod of an owner's, and say so in an event of the owner; one that is gone already is no event."""
    meta = pod["metadata"]
    try:
        store.delete("pods", meta["namespace"], meta["name"], uid=meta["uid"])
    except ApiError:
        return
    record(store, owner, "Normal", "SuccessfulDelete", text or f"Deleted pod: {meta['name']}", component, now)


def write_status(
    store: Store, resource: str, owner: dict[str, Any], status: dict[str, Any], shown: Collection[str]
) -> None:
    """Write an owner's status, in which a zero stands only where a real cluster shows one."""
    kept = {name: value for name, value in status.items() if value or name in shown}
    store.modify(
        resource,
        owner["metadata"]["namespace"],
        owner["metadata"]["name"],
        lambda obj: obj.update(status=kept),
        subresource="status",
        manager=MANAGER,
    )
