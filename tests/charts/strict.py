"""Validation as the API server does it under `fieldValidation=Strict`, from the OpenAPI schemas of a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.charts.conftest import ROOT
from tests.charts.custom import CUSTOM

PREFIX = "#/components/schemas/"


@cache
def _registry() -> Registry[Any]:
    file = ROOT / "embedded/tests/recordings/schemas.json"
    schemas = {name: _strict(schema) for name, schema in json.loads(file.read_text(encoding="utf-8")).items()}
    document = {"components": {"schemas": schemas}}
    return Registry().with_resource("openapi", Resource(document, DRAFT202012))


def _strict(schema: Any) -> Any:
    """The schema with unknown keys refused. A lone `allOf` (OpenAPI's way to describe a reference) is unwrapped."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _strict(value) for key, value in schema.items() if key not in ("default", "format", "properties")}
    if "properties" in schema:
        out["properties"] = {key: _strict(value) for key, value in schema["properties"].items()}
        out.setdefault("additionalProperties", False)
    return out


@cache
def _names() -> dict[tuple[str, str], str]:
    names = {}
    for name, schema in _registry()["openapi"].contents["components"]["schemas"].items():
        for entry in schema.get("x-kubernetes-group-version-kind", ()):
            version = f"{entry['group']}/{entry['version']}".lstrip("/")
            names[version, entry["kind"]] = name
    return names


@cache
def _gateways() -> dict[tuple[str, str], dict[str, Any]]:
    """The kinds of the Gateway API, by the definitions that embedded has of them."""
    file = ROOT / "embedded/src/embedded/data/gateway.json"
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): _strict(version["schema"]["openAPIV3Schema"])
        for spec in (definition["spec"] for definition in json.loads(file.read_text(encoding="utf-8")))
        for version in spec["versions"]
    }


def problems(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What the API server would refuse, as `kind/name: path: message`."""
    label = f"{manifest['kind']}/{manifest['metadata']['name']}"
    name = _names().get((manifest["apiVersion"], manifest["kind"]))
    if schema := (CUSTOM | _gateways()).get((manifest["apiVersion"], manifest["kind"])):
        for error in Draft202012Validator(schema).iter_errors(manifest):
            yield f"{label}: {error.json_path}: {error.message}"
        return
    if name is None:
        yield f"{label}: no kind {manifest['kind']} in {manifest['apiVersion']}"
        return
    validator = Draft202012Validator({"$ref": f"openapi{PREFIX}{name}"}, registry=_registry())
    for error in validator.iter_errors(manifest):
        yield f"{label}: {error.json_path}: {error.message}"
    yield from (f"{label}: {problem}" for problem in _duplicates(manifest))


def _duplicates(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Lists whose entries server-side apply tells apart by name: an error where a name stands twice."""
    pod = manifest["spec"]["template"]["spec"] if "template" in manifest.get("spec", {}) else manifest.get("spec", {})
    lists = {"volumes": pod.get("volumes", [])}
    for container in pod.get("containers", []):
        lists |= {f"{container['name']}.{key}": container.get(key, []) for key in ("env", "ports")}
        lists[f"{container['name']}.volumeMounts"] = [
            {"name": mount["mountPath"]} for mount in container.get("volumeMounts", [])
        ]
    for where, entries in lists.items():
        names = [entry["name"] for entry in entries]
        yield from (f"{where}: {name!r} stands twice" for name in sorted({n for n in names if names.count(n) > 1}))
