"""PersistentVolumeClaims: one that is bound grows where its class can, and never becomes smaller."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from embedded import errors
from embedded.errors import Cause
from embedded.objects import quantity
from embedded.store import Store

RESOURCE, CLASSES = "persistentvolumeclaims", "storageclasses.storage.k8s.io"
FIELD = "spec.resources.requests.storage"
NOT_BOUND = "only bound persistent volume claims can be expanded"
FIXED = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> None:
    """Refuse a size that the claim cannot be given any more."""
    if resource != RESOURCE or subresource or not old:
        return
    before, now = _size(old), _size(obj)
    status = old.get("status") or {}
    if now > before:
        name = obj["metadata"]["name"]
        if status.get("phase") != "Bound":
            raise errors.forbidden(resource, name, NOT_BOUND)
        found = store.get(CLASSES, "", old["spec"].get("storageClassName") or "")
        if not found or not found.get("allowVolumeExpansion"):
            raise errors.forbidden(resource, name, FIXED)
    if now < before and now < quantity.parse((status.get("capacity") or {}).get("storage", "0")):
        cause = Cause(FIELD, "FieldValueForbidden", "Forbidden: field can not be less than status.capacity")
        raise errors.invalid(resource, obj["metadata"]["name"], [cause])


def _size(claim: dict[str, Any]) -> Decimal:
    asked = (claim["spec"].get("resources") or {}).get("requests") or {}
    return quantity.parse(asked.get("storage", "0"))
