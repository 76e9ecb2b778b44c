"""OpenAPI v3: the index and one document per group version, with what clients look up in them."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from embedded import kinds
from embedded.api import discovery
from embedded.kinds import Kind
from embedded.objects import schema

PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def _versions() -> dict[str, tuple[str, str]]:
    found = {}
    for group, versions in discovery.groups().items():
        for version in versions:
            found[f"apis/{group}/{version}" if group else f"api/{version}"] = (group, version)
    return found


def document(path: str) -> bytes | None:
    """Return the document of "apis/GROUP/VERSION" or "api/v1" as JSON; None when that is not served."""
    return _document(path, kinds.changes)


@functools.lru_cache(maxsize=256)
def _document(path: str, changes: int) -> bytes | None:
    found = _versions().get(path)
    if found is None:
        return None
    group, version = found
    paths: dict[str, Any] = {}
    wanted: list[str] = []
    customs: dict[str, Any] = {}
    for kind in discovery.groups()[group][version]:
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        inner = f"/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"/{kind.plural}"
        if "get" in kind.verbs:  # kubectl reads from "patch" that field validation is the server's
            operations = {
                verb: {"parameters": PARAMETERS, "x-kubernetes-action": verb, "x-kubernetes-group-version-kind": gvk}
                for verb in ("get", "patch", "put")
            }
            paths[f"{kind.path}{inner}/{{name}}"] = operations
        if "create" in kind.verbs:
            post = {"parameters": PARAMETERS, "x-kubernetes-action": "post", "x-kubernetes-group-version-kind": gvk}
            paths[f"{kind.path}{inner}"] = {"post": post}
        known = schema.of(kind)
        if kind.custom:
            customs[".".join((*reversed(kind.group.split(".")), kind.version, kind.kind))] = _custom(kind)
            wanted.append(schema.META)
        elif known and known.name in schema.document():
            wanted.append(known.name)
    schemas = _closure(wanted) | customs
    info = {"title": "Kubernetes", "version": discovery.VERSION["gitVersion"]}
    whole = {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}
    return json.dumps(whole, separators=(",", ":")).encode()


def _custom(kind: Kind) -> dict[str, Any]:
    assert kind.custom  # noqa: S101 - a mistake of the caller
    openapi = kind.custom.openapi
    own = {name: {"type": "string"} for name in ("apiVersion", "kind")}
    meta = {"metadata": {"allOf": [{"$ref": f"#/components/schemas/{schema.META}"}]}}
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    whole = openapi | {"type": "object", "properties": openapi.get("properties", {}) | own | meta}
    return whole | {"x-kubernetes-group-version-kind": [gvk]}


def _closure(names: list[str]) -> dict[str, dict[str, Any]]:
    documents, found, todo = schema.document(), {}, list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = documents[name]
            todo.extend(_references(documents[name]))
    return dict(sorted(found.items()))


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"].rsplit("/", 1)[1]] if isinstance(value.get("$ref"), str) else []
        return here + [name for item in value.values() for name in _references(item)]
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    return []


def index() -> dict[str, Any]:
    """Answer GET /openapi/v3."""
    return _index(kinds.changes)


@functools.lru_cache(maxsize=1)
def _index(changes: int) -> dict[str, Any]:
    paths = {}
    source = schema.SOURCE.read_bytes()
    for path in _versions():
        served = [kind.custom.schema for kind in kinds.every() if kind.custom and path == kind.path.removeprefix("/")]
        digest = hashlib.sha512("\n".join((path, *served)).encode() + source).hexdigest().upper()
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}
