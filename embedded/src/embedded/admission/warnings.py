"""Values of pods that a server takes and warns of: they hardly are meant, and nobody sees what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from embedded.admission.podsecurity import TEMPLATES
from embedded.objects import quantity
from embedded.store import Store

BYTES = ("memory", "ephemeral-storage")


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> list[str] | None:
    """Warn of a new pod, or of a template that is new or another one."""
    if subresource or (resource != "pods" and resource not in TEMPLATES) or (resource == "pods" and old is not None):
        return None
    where, spec = ("spec", obj["spec"]) if resource == "pods" else ("spec.template.spec", _template(obj))
    return None if old is not None and _template(old) == spec else [*_of_pod(spec, where)] or None


def _template(obj: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (obj["spec"].get("template") or {}).get("spec") or {}
    return found


def _of_pod(spec: dict[str, Any], path: str) -> Iterator[str]:
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            yield from _of_container(container, f"{path}.{kind}[{index}]")


def _of_container(container: dict[str, Any], path: str) -> Iterator[str]:
    for side in ("limits", "requests"):
        for name, amount in sorted(((container.get("resources") or {}).get(side) or {}).items()):
            if name in BYTES and quantity.parse(amount) % 1:
                where = f"{path}.resources.{side}[{name}]"
                yield f'{where}: fractional byte value "{amount}" is invalid, must be an integer'
    seen: set[str] = set()
    for number, one in enumerate(container.get("env") or ()):
        name = one.get("name", "")
        if name in seen and (not one.get("value") or f"$({name})" not in one["value"] or one["value"] == f"$({name})"):
            yield f'{path}.env[{number}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)
