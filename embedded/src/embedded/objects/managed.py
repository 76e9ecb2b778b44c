"""managedFields: who set which field.

A set of fields is a tree of dicts in the form of FieldsV1 ("f:name", 'k:{"name":"x"}', 'v:"x"'), with "." in a node
that is itself a member, leaves included. (FieldsV1 itself writes a leaf as {}.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from embedded.kinds import Kind
from embedded.objects import schema
from embedded.objects.schema import Field
from embedded.objects.values import timestamp

MISSING = object()
ANY = Field("any")
UNTRACKED_META = (
    *("name", "namespace", "creationTimestamp", "selfLink", "uid"),
    *("generation", "managedFields", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"),
)


# sets


def union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return all members of both sets."""
    return {
        key: union(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
        for key in (*one, *(key for key in other if key not in one))
    }


def difference(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the members of the first set that are not in the second."""
    kept: dict[str, Any] = {}
    for key, child in one.items():
        if key == ".":
            if "." not in other:
                kept["."] = {}
        elif key not in other:
            kept[key] = child
        elif left := difference(child, other[key]):
            kept[key] = left
    return kept


def intersection(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the members of both sets."""
    kept: dict[str, Any] = {}
    for key, child in one.items():
        if key not in other:
            continue
        if key == ".":
            kept["."] = {}
        elif common := intersection(child, other[key]):
            kept[key] = common
    return kept


def members(fields: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every member as the path of its elements."""
    for key in sorted(fields):
        if key == ".":
            yield path
        else:
            yield from members(fields[key], (*path, key))


def _encode(fields: dict[str, Any]) -> dict[str, Any]:
    if list(fields) == ["."]:
        return {}
    return {key: {} if key == "." else _encode(child) for key, child in sorted(fields.items())}


def _decode(fields: dict[str, Any]) -> dict[str, Any]:
    if not fields:
        return {".": {}}
    return {key: {} if key == "." else _decode(child) for key, child in fields.items()}


# sets of objects


def item_key(field: Field, item: object) -> str:
    """Return the path element of an item of a list with identity (list type "map" or "set")."""
    if field.list_type == "set" or not isinstance(item, dict):
        return "v:" + json.dumps(item, separators=(",", ":"), sort_keys=True)
    inner = schema.named(field.items.ref).fields if field.items and field.items.ref else {}
    key = {}
    for name in field.keys:
        value = item.get(name)
        if value is None and name in inner:
            value = inner[name].default
        if value is not None:
            key[name] = value
    return "k:" + json.dumps(key, separators=(",", ":"), sort_keys=True)


def granular_list(field: Field) -> bool:
    """Return whether the items of a list have owners of their own."""
    return field.type == "array" and field.list_type in ("map", "set")


def granular_map(field: Field) -> bool:
    """Return whether the entries of an object have owners of their own."""
    return field.type == "object" and not field.atomic and bool(field.ref or field.values)


def child_field(field: Field, name: str) -> Field:
    """Return the shape of an entry of an object."""
    if field.ref:
        return schema.named(field.ref).fields.get(name, ANY)
    return field.values or ANY


def item_field(field: Field) -> Field:
    """Return the shape of an item of a list."""
    return field.items or ANY


def field_set(field: Field, value: object) -> dict[str, Any]:
    """Return the set of the fields a value states (what a server-side apply lays claim to)."""
    if granular_map(field) and isinstance(value, dict):
        found = {}
        for name, item in value.items():
            child = field_set(child_field(field, name), item)
            if item is None or item == {} or field.values is not None:
                child = child | {".": {}}
            if child:
                found["f:" + name] = child
        return found
    if granular_list(field) and (isinstance(value, list) or value is None):
        return {item_key(field, item): field_set(item_field(field), item) | {".": {}} for item in value or ()}
    return {".": {}}


def compare(field: Field, old: object, new: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the sets of fields added or modified, and removed, between two values (MISSING where there is none)."""
    if granular_map(field):
        one = old if isinstance(old, dict) else {}
        other = new if isinstance(new, dict) else {}
        if one or other:
            changed, removed = _compare_entries(field, one, other)
            return _mark(old, new, changed, removed)
    elif granular_list(field):
        one = {item_key(field, item): item for item in (old if isinstance(old, list) else ())}
        other = {item_key(field, item): item for item in (new if isinstance(new, list) else ())}
        if one or other:
            changed, removed = {}, {}
            for key in (*one, *(key for key in other if key not in one)):
                _note(key, compare(item_field(field), one.get(key, MISSING), other.get(key, MISSING)), changed, removed)
            return _mark(old, new, changed, removed)
    if old is new or old == new:
        return {}, {}
    if new is MISSING:
        return {}, {".": {}}
    return {".": {}}, {}


def _compare_entries(field: Field, one: dict[str, Any], other: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    changed: dict[str, Any] = {}
    removed: dict[str, Any] = {}
    for name in (*one, *(name for name in other if name not in one)):
        before, after = one.get(name, MISSING), other.get(name, MISSING)
        if before is after or before == after:
            continue
        child = child_field(field, name)
        if before is MISSING:
            before = _zero(field, name, child)
        if after is MISSING:
            after = _zero(field, name, child)
        _note("f:" + name, compare(child, before, after), changed, removed)
    return changed, removed


def _zero(parent: Field, name: str, field: Field) -> object:
    """Return what an absent field is on the server: a struct that is not a pointer, a list that is always written."""
    if field.ref and field.default == {}:
        return {}
    if field.type == "array" and parent.ref and name in schema.named(parent.ref).required:
        return None
    return MISSING


def _note(
    key: str, sets: tuple[dict[str, Any], dict[str, Any]], changed: dict[str, Any], removed: dict[str, Any]
) -> None:
    if sets[0]:
        changed[key] = sets[0]
    if sets[1]:
        removed[key] = sets[1]


def _mark(
    old: object, new: object, changed: dict[str, Any], removed: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if old is MISSING:
        changed["."] = {}
    elif new is MISSING:
        removed["."] = {}
    return changed, removed


# entries of managedFields

Owner = tuple[str, str, str, str]
"""manager, operation, apiVersion, subresource"""


def root_field(kind: Kind) -> Field:
    """Return the shape of a whole object."""
    known = schema.of(kind)
    return Field("object", ref=known.name) if known else Field("object", values=ANY)


def owners(obj: dict[str, Any]) -> dict[Owner, dict[str, Any]]:
    """Return the field sets in an object's managedFields by owner."""
    return {
        (
            entry.get("manager", ""),
            entry.get("operation", ""),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        ): {key: _decode(child) for key, child in entry.get("fieldsV1", {}).items()}
        for entry in obj["metadata"].get("managedFields", ())
    }


def times(obj: dict[str, Any]) -> dict[Owner, str]:
    """Return when each owner last wrote."""
    return {
        (
            entry.get("manager", ""),
            entry.get("operation", ""),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        ): entry.get("time", "")
        for entry in obj["metadata"].get("managedFields", ())
    }


def write(obj: dict[str, Any], sets: dict[Owner, dict[str, Any]], written: dict[Owner, str]) -> None:
    """Set an object's managedFields, ordered as the server does; owners of nothing are dropped."""
    entries = []
    for owner, fields in sets.items():
        if not fields:
            continue
        manager, operation, version, subresource = owner
        entry = {
            "manager": manager,
            "operation": operation,
            "apiVersion": version,
            "time": written.get(owner, ""),
            "fieldsType": "FieldsV1",
            "fieldsV1": {key: _encode(child) for key, child in sorted(fields.items())},
            "subresource": subresource,
        }
        entries.append({key: value for key, value in entry.items() if value != ""})
    order = ("operation", "time", "manager", "apiVersion", "subresource")
    entries.sort(key=lambda entry: [entry.get(key, "") for key in order])
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


def strip(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a set without what is never tracked."""
    kept = {key: child for key, child in fields.items() if key not in ("f:apiVersion", "f:kind", ".")}
    meta = {
        key: child for key, child in kept.pop("f:metadata", {}).items() if key[2:] not in UNTRACKED_META and key != "."
    }
    return kept | {"f:metadata": meta} if meta else kept


def record_update(
    kind: Kind, obj: dict[str, Any], old: dict[str, Any] | None, manager: str, subresource: str, now: float
) -> None:
    """Note in obj that `manager` changed, by an update, what differs from `old` (None: all of a new object)."""
    changed, removed = compare(root_field(kind), old if old is not None else {}, obj)
    changed, removed = strip(changed), strip(removed)
    if not changed and not removed:
        return
    source = old if old is not None else {"metadata": {}}
    sets, written = owners(source), times(source)
    lost = union(changed, removed)
    sets = {owner: difference(fields, lost) for owner, fields in sets.items()}
    if changed:
        me = (manager, "Update", kind.api_version, subresource)
        sets[me] = union(sets.get(me, {}), changed)
        written[me] = timestamp(now)
    write(obj, sets, written)
