"""Garbage collection: objects whose owners are gone go too; Foreground waits for them, Orphan sets them free."""

from __future__ import annotations

from typing import Any

from embedded import kinds
from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.errors import ApiError
from embedded.store import Store

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


def owned_resources() -> set[str]:
    """Return the resources whose objects may have owners."""
    return {kind.resource for kind in kinds.every() if not kind.stored_as and kind.resource != "events"}


def dependents(store: Store, uid: str, namespace: str) -> list[tuple[str, dict[str, Any]]]:
    """Return everything that names an owner of this uid, as (resource, object)."""
    return [
        (resource, obj)
        for resource in owned_resources()
        for obj in store.list(resource, namespace)
        if any(ref["uid"] == uid for ref in obj["metadata"].get("ownerReferences", ()))
    ]


def owner_gone(store: Store, uid: str, namespace: str) -> None:
    """Delete what an object that is gone was the last owner of."""
    for resource, obj in dependents(store, uid, namespace):
        _let_go(store, resource, obj, uid)


def missing_owners(store: Store) -> set[tuple[str, str]]:
    """Return (uid, namespace) of owners that are gone while something still names them, as after a crash in between."""
    known = {obj["metadata"].get("uid") for resource in owned_resources() for obj in store.list(resource)}
    return {
        (ref["uid"], obj["metadata"].get("namespace", ""))
        for resource in owned_resources()
        for obj in store.list(resource)
        for ref in obj["metadata"].get("ownerReferences", ())
        if ref["uid"] not in known
    }


def is_held(obj: dict[str, Any]) -> bool:
    """Return whether an object that is being deleted waits for the garbage collector."""
    return common.is_terminating(obj) and not {FOREGROUND, ORPHAN}.isdisjoint(obj["metadata"].get("finalizers", ()))


def reconcile(store: Store, resource: str, key: Key) -> float | None:
    """Settle the finalizers `foregroundDeletion` and `orphan` of an object that is being deleted."""
    obj = store.get(resource, *key)
    if obj is None or not common.is_terminating(obj):
        return None
    finalizers = obj["metadata"].get("finalizers", [])
    uid = obj["metadata"]["uid"]
    if ORPHAN in finalizers:
        for other, dependent in dependents(store, uid, key[0]):
            _disown(store, other, dependent, uid)
        _finish(store, resource, key, ORPHAN)
    elif FOREGROUND in finalizers:
        blocking = [
            (other, dependent)
            for other, dependent in dependents(store, uid, key[0])
            if any(
                ref["uid"] == uid and ref.get("blockOwnerDeletion")
                for ref in dependent["metadata"].get("ownerReferences", ())
            )
        ]
        for other, dependent in blocking:
            if not common.is_terminating(dependent):
                _delete(store, other, dependent, "Foreground")
        if not blocking:
            _finish(store, resource, key, FOREGROUND)
    return None


def _let_go(store: Store, resource: str, obj: dict[str, Any], uid: str) -> None:
    others = [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] != uid]
    if others:
        _disown(store, resource, obj, uid)
    elif not common.is_terminating(obj):
        _delete(store, resource, obj, "Background")


def _delete(store: Store, resource: str, obj: dict[str, Any], propagation: str) -> None:
    meta = obj["metadata"]
    try:
        store.delete(resource, meta.get("namespace", ""), meta["name"], propagation=propagation, uid=meta["uid"])
    except ApiError:  # gone in the meantime
        return


def _disown(store: Store, resource: str, obj: dict[str, Any], uid: str) -> None:
    meta = obj["metadata"]

    def change(one: dict[str, Any]) -> None:
        left = [ref for ref in one["metadata"].get("ownerReferences", ()) if ref["uid"] != uid]
        if left:
            one["metadata"]["ownerReferences"] = left
        else:
            one["metadata"].pop("ownerReferences", None)

    store.modify(resource, meta.get("namespace", ""), meta["name"], change, manager=MANAGER)


def _finish(store: Store, resource: str, key: Key, finalizer: str) -> None:
    def change(obj: dict[str, Any]) -> None:
        left = [item for item in obj["metadata"].get("finalizers", ()) if item != finalizer]
        if left:
            obj["metadata"]["finalizers"] = left
        else:
            obj["metadata"].pop("finalizers", None)

    store.modify(resource, *key, change, manager=MANAGER)
