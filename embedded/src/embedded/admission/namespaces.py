"""Objects need a namespace that is there and not going."""

from __future__ import annotations

from typing import Any

from embedded import errors, kinds
from embedded.store import Store


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> None:
    """Refuse to create in a namespace that does not exist or is terminating."""
    if operation != "CREATE" or not kinds.BY_RESOURCE[resource].namespaced:
        return
    meta = obj["metadata"]
    name = meta.get("namespace", "")
    namespace = store.get("namespaces", "", name)
    if namespace is None:
        raise errors.not_found("namespaces", name)
    if namespace["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = {"reason": "NamespaceTerminating", "message": f"namespace {name} is being terminated"}
        cause["field"] = "metadata.namespace"
        raise errors.forbidden(resource, errors.given_name(meta), why, causes=[cause])
