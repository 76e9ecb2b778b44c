"""Validation as the API server does it under `fieldValidation=Strict`, from the OpenAPI schemas of a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from scripts.kube import schemas
from tests.support.charts import ROOT
from tests.support.custom_kinds import CUSTOM


@cache
def _gateways() -> dict[tuple[str, str], dict[str, Any]]:
    """The kinds of the Gateway API, by the definitions that embedded has of them."""
    file = ROOT / "embedded/src/embedded/data/gateway.json"
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): schemas.strict(
            version["schema"]["openAPIV3Schema"]
        )
        for spec in (definition["spec"] for definition in json.loads(file.read_text(encoding="utf-8")))
        for version in spec["versions"]
    }


def problems(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What the API server would refuse, as `kind/name: path: message`."""
    label = f"{manifest['kind']}/{manifest['metadata']['name']}"
    if schema := (CUSTOM | _gateways()).get((manifest["apiVersion"], manifest["kind"])):
        for error in Draft202012Validator(schema).iter_errors(manifest):
            yield f"{label}: {error.json_path}: {error.message}"
        return
    found = schemas.problems_of(manifest)
    if found is None:
        yield f"{label}: no kind {manifest['kind']} in {manifest['apiVersion']}"
        return
    yield from found
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
