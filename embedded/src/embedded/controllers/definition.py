"""CustomResourceDefinitions that are being deleted: their objects go first."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.errors import ApiError
from embedded.objects import custom
from embedded.store import Store

RETRY_SECONDS = 0.2  # seconds until looking again whether the objects have gone


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Delete the objects of a definition that is being deleted, then let it go."""
    definition = store.get(custom.RESOURCE, *key)
    if definition is None or not common.is_terminating(definition):
        return None
    for obj in store.list(key[1]):
        if not common.is_terminating(obj):
            try:
                store.delete(key[1], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            except ApiError:  # gone in the meantime
                continue
    if store.list(key[1]):
        return RETRY_SECONDS

    def finish(obj: dict[str, Any]) -> None:
        left = [name for name in obj["metadata"].get("finalizers", ()) if name != custom.CLEANUP]
        obj["metadata"]["finalizers"] = left

    store.modify(custom.RESOURCE, *key, finish, manager=MANAGER)
    return None
