"""OpenAPI v3: the index and one document per group version, with what clients look up in them."""

from __future__ import annotations

import functools
import hashlib
import json

from embedded.api import discovery
from embedded.objects import schema

PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]


def _versions() -> dict[str, tuple[str, str]]:
    found = {}
    for group, rows in discovery.groups().items():
        version = rows[0].version
        found[f"apis/{group}/{version}" if group else f"api/{version}"] = (group, version)
    return found


@functools.cache
def document(path: str) -> bytes | None:
    """The document of "apis/GROUP/VERSION" or "api/v1" as JSON; None when that is not served."""
    found = _versions().get(path)
    if found is None:
        return None
    group, _ = found
    paths, wanted = {}, []
    for kind in discovery.groups()[group]:
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
        if known:
            wanted.append(known.name)
    schemas = _closure(wanted)
    info = {"title": "Kubernetes", "version": discovery.VERSION["gitVersion"]}
    whole = {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}
    return json.dumps(whole, separators=(",", ":")).encode()


def _closure(names: list[str]) -> dict[str, dict]:
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


@functools.cache
def index() -> dict:
    """GET /openapi/v3."""
    paths = {}
    source = schema.SOURCE.read_bytes()
    for path in _versions():
        digest = hashlib.sha512(path.encode() + source).hexdigest().upper()
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}
