"""Server-side apply: merge what an applier states, drop what it no longer states, refuse what others own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from embedded.errors import ApiError
from embedded.kinds import Kind
from embedded.objects import managed
from embedded.objects.managed import Owner, child_field, granular_list, granular_map, item_field, item_key
from embedded.objects.schema import Field
from embedded.objects.values import clone, timestamp

APPLY = "Apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(
    kind: Kind,
    live: dict[str, Any] | None,
    config: dict[str, Any],
    manager: str,
    *,
    force: bool,
    subresource: str,
    now: float,
) -> dict[str, Any]:
    """Return the object after applying `config` to `live` (None: a new object), its managedFields included.

    Raises 409 with every conflicting field unless `force`.
    """
    root = managed.root_field(kind)
    config = clone(config)
    config["metadata"].pop("managedFields", None)
    if not subresource:
        config.pop("status", None)
    stated = managed.strip(managed.field_set(root, config))
    base = live if live is not None else {"metadata": {}}
    sets, written = managed.owners(base), managed.times(base)
    me = (manager, APPLY, kind.api_version, subresource)
    previous = sets.pop(me, {})
    merged: dict[str, Any] = merge(root, clone(base), config)
    others: dict[str, Any] = {}
    for fields in sets.values():
        others = managed.union(others, fields)
    _prune(root, merged, previous, stated, others)
    if live is not None:
        changed, _ = managed.compare(root, base, merged)
        sets = _without_changed(sets, managed.strip(changed), force=force)
    sets[me] = stated
    if merged != base:
        written[me] = timestamp(now)
    managed.write(merged, sets, written)
    if manager == "kubectl" and LAST_APPLIED in (merged["metadata"].get("annotations") or {}):
        merged["metadata"]["annotations"][LAST_APPLIED] = _last_applied(config)
    return merged


def _without_changed(
    sets: dict[Owner, dict[str, Any]], changed: dict[str, Any], *, force: bool
) -> dict[Owner, dict[str, Any]]:
    """Return what is left to the owners of fields of which another one has changed some. Raises 409 unless `force`."""
    taken = {owner: managed.intersection(fields, changed) for owner, fields in sets.items()}
    taken = {owner: fields for owner, fields in taken.items() if fields}
    if taken and not force:
        raise _conflict(taken)
    return {owner: managed.difference(fields, taken.get(owner, {})) for owner, fields in sets.items()}


def _last_applied(config: dict[str, Any]) -> str:
    """Return what client-side apply would have noted; kept up to date for those who go back to it."""
    meta = config["metadata"]
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key != LAST_APPLIED}
    kept = {key: value for key, value in meta.items() if key != "annotations"}
    whole = config | {"metadata": kept | ({"annotations": annotations} if annotations else {})}
    return json.dumps(whole, separators=(",", ":"), sort_keys=True) + "\n"


def merge(field: Field, live: object, config: object) -> Any:
    """Return `config` laid over `live`: entries and keyed items one by one, all else as a whole."""
    if granular_map(field) and isinstance(live, dict) and isinstance(config, dict):
        for name, value in config.items():
            live[name] = merge(child_field(field, name), live.get(name), value)
        return live
    if granular_list(field) and isinstance(live, list) and isinstance(config, list):
        return _merge_items(field, live, config)
    return config


def _merge_items(field: Field, live: list[Any], config: list[Any]) -> list[Any]:
    """Return items of both lists: shared ones in the order of `config`, those of `live` alone kept between them."""
    before = {item_key(field, item): item for item in live}
    after = {item_key(field, item): item for item in config}
    merged = []
    waiting = list(after)
    for key, item in before.items():
        if key not in after:
            merged.append(item)
            continue
        if key not in waiting:
            continue
        position = waiting.index(key)
        merged.extend(_laid(field, before, after, waiting[: position + 1]))
        del waiting[: position + 1]
    return merged + list(_laid(field, before, after, waiting))


def _laid(field: Field, before: dict[str, Any], after: dict[str, Any], keys: list[str]) -> Iterable[object]:
    for key in keys:
        yield merge(item_field(field), before[key], after[key]) if key in before else after[key]


def _prune(
    field: Field, value: object, previous: dict[str, Any], stated: dict[str, Any], others: dict[str, Any]
) -> None:
    """Remove in place what the applier stated before, states no longer, and nobody else owns."""
    if isinstance(value, dict):
        for key in [key for key in previous if key.startswith("f:")]:
            name = key[2:]
            if name not in value:
                continue
            if key not in stated and key not in others:
                del value[name]
                continue
            child = value[name]
            _prune(child_field(field, name), child, previous[key], stated.get(key, {}), others.get(key, {}))
            if child in ([], {}) and key not in stated and not field.ref:
                del value[name]
    elif isinstance(value, list) and granular_list(field):
        gone = set()
        for key in [key for key in previous if key != "."]:
            if key not in stated and key not in others:
                gone.add(key)
        value[:] = [item for item in value if item_key(field, item) not in gone]
        for item in value:
            key = item_key(field, item)
            if key in previous:
                _prune(item_field(field), item, previous[key], stated.get(key, {}), others.get(key, {}))


def path_text(path: tuple[str, ...]) -> str:
    """Return a member as people read it: .spec.containers[name="x"].image"""
    text = ""
    for element in path:
        kind, _, value = element.partition(":")
        if kind == "f":
            text += "." + value
        elif kind == "k":
            text += "[" + ",".join(f"{key}={json.dumps(item)}" for key, item in json.loads(value).items()) + "]"
        else:
            text += f"[={value}]"
    return text


def _conflict(taken: dict[managed.Owner, dict[str, Any]]) -> ApiError:
    found: dict[str, list[str]] = {}
    for (manager, operation, version, subresource), fields in sorted(taken.items()):
        who = f'"{manager}"'
        if subresource:
            who += f' with subresource "{subresource}"'
        if operation == "Update":
            who += f" using {version}"
        found.setdefault(who, []).extend(path_text(path) for path in managed.members(fields))
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path}
        for who, paths in found.items()
        for path in paths
    ]
    if len(causes) == 1:
        text = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = [
            line for who, paths in found.items() for line in (f"conflicts with {who}:", *(f"- {p}" for p in paths))
        ]
        text = f"{len(causes)} conflicts: " + "\n".join(lines)
    return ApiError(409, f"Apply failed with {text}", details={"causes": causes})
