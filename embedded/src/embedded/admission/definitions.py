"""CustomResourceDefinitions: what of one is accepted and has no effect here."""

from __future__ import annotations

from typing import Any

from embedded.objects import custom
from embedded.store import Store


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> list[str] | None:
    """Warn of rules that are not evaluated, where a definition brings them."""
    if resource != custom.RESOURCE or subresource or (old and old.get("spec") == obj.get("spec")):
        return None
    return list(custom.unjudged(obj))
