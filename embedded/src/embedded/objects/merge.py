"""The patches that are not applies: JSON merge patch and strategic merge patch."""

from __future__ import annotations

from typing import Any

from embedded.errors import ApiError
from embedded.objects.managed import ANY, child_field, item_field
from embedded.objects.schema import Field
from embedded.objects.values import clone

DIRECTIVES = ("$patch", "$retainKeys")
DELETE_FROM = "$deleteFromPrimitiveList/"
SET_ORDER = "$setElementOrder/"


def merge_patch(target: object, patch: object) -> object:
    """Merge by RFC 7386: objects entry by entry, null removes, all else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic(field: Field, target: object, patch: object) -> object:
    """Merge strategically: as a merge patch, but lists with a merge key are merged item by item."""
    if not isinstance(patch, dict):
        return clone(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: clone(value) for key, value in patch.items() if key not in DIRECTIVES}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise ApiError(400, f"Unknown patch type {directive} found")
    result = dict(target) if isinstance(target, dict) else {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        result = {key: value for key, value in result.items() if key in retained}
    for key, value in patch.items():
        if key in DIRECTIVES or key.startswith((DELETE_FROM, SET_ORDER)):
            continue
        child = child_field(field, key) if field.type == "object" else ANY
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            order = patch.get(SET_ORDER + key)
            result[key] = _list(child, result.get(key), value, order, key)
        elif isinstance(value, dict):
            result[key] = strategic(child, result.get(key), value)
        else:
            result[key] = value
    for key, value in patch.items():
        if key.startswith(DELETE_FROM):
            name = key.removeprefix(DELETE_FROM)
            result[name] = [item for item in result.get(name, []) if item not in value]
        elif key.startswith(SET_ORDER):
            name = key.removeprefix(SET_ORDER)
            if isinstance(result.get(name), list) and name not in patch:
                result[name] = _ordered(child_field(field, name), result[name], value)
    return result


def _list(field: Field, target: object, patch: list[Any], order: list[Any] | None, name: str) -> list[Any]:
    if "merge" not in field.strategy:
        kept: list[Any] = clone([item for item in patch if not (isinstance(item, dict) and set(item) <= {"$patch"})])
        return kept
    present = list(target) if isinstance(target, list) else []
    if not field.merge_key:
        present += [item for item in patch if item not in present]
    elif any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        present = clone([item for item in patch if "$patch" not in item])
    else:
        present = _items(field, present, patch, name)
    return _ordered(field, present, order) if order is not None else present


def _items(field: Field, present: list[Any], patch: list[Any], name: str) -> list[Any]:
    key = field.merge_key
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise ApiError(500, f"map: {item} does not contain declared merge key: {key}")
        at = next((n for n, old in enumerate(present) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            present = [old for old in present if old.get(key) != item[key]]
        elif at is None:
            present = [*present, strategic(item_field(field), {}, item)]
        else:
            present[at] = strategic(item_field(field), present[at], item)
    return present


def _ordered(field: Field, items: list[Any], order: list[Any]) -> list[Any]:
    """Return items named in `order` in that order; the others keep their place relative to their predecessor."""
    key = field.merge_key

    def identity(item: object) -> object:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]
    named = sorted((i for i in items if identity(i) in wanted), key=lambda i: wanted.index(identity(i)))
    rest = [i for i in items if identity(i) not in wanted]
    positions = {id(i): n for n, i in enumerate(items)}
    merged: list[Any] = []
    for item in named:
        while rest and positions[id(rest[0])] < positions[id(item)]:
            merged.append(rest.pop(0))
        merged.append(item)
    return merged + rest
