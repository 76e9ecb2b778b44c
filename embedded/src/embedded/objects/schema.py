"""The types of the API, compiled on first use from the OpenAPI schemas in `data/schemas.json`."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from embedded.kinds import Kind

SOURCE = Path(__file__).parent.parent / "data" / "schemas.json"
OPAQUE = frozenset({"FieldsV1", "RawExtension", "JSON"})  # objects without a known inside


@dataclasses.dataclass(frozen=True)
class Field:
    """The shape of one value.

    `type` is a JSON schema type, or "quantity", "int-or-string", "any". `ref` names the Type of an object, `items`
    the shape of a list's items, `values` that of a map's values. `list_type` is "atomic", "set" or "map" (keyed by
    `keys`), `atomic` an object that is applied as a whole; `merge_key` is set where strategic merge patch merges.
    """

    type: str
    ref: str = ""
    items: Field | None = None
    values: Field | None = None
    format: str = ""
    enum: tuple[str, ...] = ()
    default: object = None
    list_type: str = ""
    keys: tuple[str, ...] = ()
    merge_key: str = ""
    strategy: tuple[str, ...] = ()
    atomic: bool = False


@dataclasses.dataclass(frozen=True)
class Type:
    """One object type: its fields by JSON name and the names of those that must be there."""

    name: str
    fields: dict[str, Field]
    required: tuple[str, ...] = ()
    open: bool = False  # keeps fields that it does not know


@functools.cache
def document() -> dict[str, dict[str, Any]]:
    """Return the schemas as OpenAPI writes them, by full name."""
    schemas: dict[str, dict[str, Any]] = json.loads(SOURCE.read_text())
    return schemas


@functools.cache
def names() -> dict[tuple[str, str, str], str]:
    """Return full schema name by (group, version, kind)."""
    found = {}
    for name, schema in document().items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            found[gvk["group"], gvk["version"], gvk["kind"]] = name
    return found


def of(kind: Kind) -> Type | None:
    """Return the type of a kind's objects; None where no schema is known."""
    if kind.custom:
        return named(kind.custom.schema)
    if kind.kind == "CustomResourceDefinition":
        return named(define("io.k8s.CustomResourceDefinition", DEFINITION))
    name = names().get((kind.group, kind.version, kind.kind))
    return named(name) if name else None


_ANY = {"x-kubernetes-preserve-unknown-fields": True}
_WORD, _WORDS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
_NAMES = dict.fromkeys(("plural", "singular", "kind", "listKind"), _WORD)
_NAMES |= {"shortNames": _WORDS, "categories": _WORDS}  # type: ignore[dict-item]
DEFINITION = {  # what a definition holds as far as its parts have owners; the recordings have no schema of it
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "group": _WORD,
                "scope": _WORD,
                "names": {"type": "object", "properties": _NAMES},
                "versions": {"type": "array", "items": _ANY},
                "conversion": _ANY,
                "preserveUnknownFields": {"type": "boolean"},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "acceptedNames": {"type": "object", "properties": _NAMES},
                "conditions": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"type": _WORD}} | _ANY,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                },
                "storedVersions": _WORDS,
            },
        },
    }
}
DEFINED: dict[str, dict[str, Any]] = {}
"""The types that custom resource definitions brought, flat: an object in an object is a type of its own."""
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def define(title: str, openapi: dict[str, Any]) -> str:
    """Make types of a structural schema; return the name of its root, which no other schema has."""
    digest = hashlib.sha256(json.dumps(openapi, sort_keys=True).encode()).hexdigest()[:12]
    root = f"{title}@{digest}"
    if root not in DEFINED:
        own = {name: {"type": "string"} for name in ("apiVersion", "kind")} | {"metadata": {"$ref": f"#/{META}"}}
        _flatten(root, {"type": "object"} | openapi | {"properties": openapi.get("properties", {}) | own})
    return root


def _flatten(name: str, schema: dict[str, Any]) -> None:
    properties = {key: _inner(f"{name}.{key}", value) for key, value in schema.get("properties", {}).items()}
    DEFINED[name] = schema | {"properties": properties}


def _inner(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema inside of another, with its objects replaced by references."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"$ref": "#/io.k8s.apimachinery.pkg.util.intstr.IntOrString"}
    if schema.get("type") == "array":
        return schema | {"items": _inner(f"{name}[]", schema.get("items", {}))}
    if isinstance(schema.get("additionalProperties"), dict):
        return schema | {"additionalProperties": _inner(f"{name}.*", schema["additionalProperties"])}
    if schema.get("x-kubernetes-embedded-resource") or (
        not schema.get("properties") and schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        return {"type": "any"}
    if schema.get("properties") is None:
        return {key: value for key, value in schema.items() if key != "additionalProperties"}
    _flatten(name, schema)
    kept = ("default", "x-kubernetes-map-type")
    return {"$ref": f"#/{name}"} | {key: schema[key] for key in kept if key in schema}


@functools.cache
def named(name: str) -> Type:
    """Return the type of that full schema name."""
    schema = DEFINED.get(name) or document()[name]
    fields = {key: _field(value) for key, value in schema.get("properties", {}).items()}
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    return Type(name, fields, tuple(schema.get("required", ())), keeps)


def zero(name: str) -> dict[str, Any]:
    """Return an object of that type with nothing set, as the server writes it: what is never left out is there."""
    kind = named(name)
    found: dict[str, Any] = {}
    for key, field in kind.fields.items():
        if field.default == {} and field.ref:
            found[key] = zero(field.ref)
        elif key in kind.required:
            found[key] = field.default if field.type != "array" else None
    return found


def _field(schema: dict[str, Any]) -> Field:
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), "")
    more = {
        "default": schema.get("default"),
        "list_type": schema.get("x-kubernetes-list-type", ""),
        "keys": tuple(schema.get("x-kubernetes-list-map-keys", ())),
        "merge_key": schema.get("x-kubernetes-patch-merge-key", ""),
        "strategy": tuple(filter(None, schema.get("x-kubernetes-patch-strategy", "").split(","))),
        "atomic": schema.get("x-kubernetes-map-type") == "atomic",
    }
    if reference:
        return _reference(reference.split("/", 1)[1].removeprefix("components/schemas/"), more)
    kind = schema.get("type", "any")
    if kind == "array":
        return Field("array", items=_field(schema["items"]), **more)
    if kind == "object" and "additionalProperties" in schema:
        return Field("object", values=_field(schema["additionalProperties"]), **more)
    return Field(kind, format=schema.get("format", ""), enum=tuple(schema.get("enum", ())), **more)


def _reference(name: str, more: dict[str, Any]) -> Field:
    if name in DEFINED:
        return Field("object", ref=name, **more)
    target = document()[name]
    short = name.rsplit(".", 1)[1]
    if short == "Quantity":
        return Field("quantity", **more)
    if short == "IntOrString":
        return Field("int-or-string", **more)
    if short in OPAQUE:
        return Field("any", **more)
    if target.get("type") != "object":
        return Field(target.get("type", "any"), format=target.get("format", ""), **more)
    if target.get("x-kubernetes-map-type") == "atomic":
        more = more | {"atomic": True}
    return Field("object", ref=name, **more)
