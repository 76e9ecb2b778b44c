"""The shapes of Kubernetes' own objects, by the schemas that a real API server has, for where none can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

from scripts.host import parsing
from scripts.host.paths import ROOT

VERSION = "1.36"
SOURCE = ROOT / "embedded/src/embedded/data/schemas.json"  # which the embedded cluster serves too
PLACE = "#/components/schemas/"
KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
"""What schemas call the types of values."""


def problems(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with the shape of rendered objects, as `Kind/name: path: problem`.

    Of a kind, or a version of one, that is not among the schemas nothing is known: it may be a custom one.
    """
    return [line for item in objects for line in problems_of(item) or ()]


def problems_of(item: Mapping[str, Any]) -> list[str] | None:
    """Return what is wrong with the shape of one object, or None where its kind is not known."""
    name = _names().get((item.get("apiVersion"), item.get("kind")))
    if name is None:
        return None
    label = f"{item['kind']}/{(item.get('metadata') or {}).get('name', '')}"
    return sorted(f"{label}: {line}" for error in _validator(name).iter_errors(_as_read(item)) for line in _told(error))


def _told(error: Any) -> Iterator[str]:
    """Yield a line for an error of jsonschema's, for each unknown field its own. Values are not shown: they may be
    secrets.
    """
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)[1:]
    if error.validator == "additionalProperties":
        unknown = [field for field in error.instance if field not in error.schema.get("properties", {})]
        yield from (f"{path}.{field}: Kubernetes {VERSION} has no such field".lstrip(".") for field in unknown)
    elif error.validator in ("type", "oneOf"):
        wanted = [part["type"] for part in error.schema.get("oneOf", ({"type": error.schema.get("type")},))]
        yield f"{path}: should be {' or '.join(wanted)}, not {_kind(error.instance)}"
    else:
        yield f"{path}: {error.message}"


def _kind(value: Any) -> str:
    return KINDS.get(type(value), type(value).__name__)


def _as_read(value: Any) -> Any:
    """Return a value as the API server reads it: null is nothing given, a date a text."""
    if isinstance(value, Mapping):
        return {key: _as_read(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_as_read(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator  # a tenth of a second to import
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    whole = DRAFT202012.create_resource({"components": {"schemas": _schemas()}})
    registry: Any = Registry().with_resource("k8s", whole)
    return Draft202012Validator({"$ref": f"k8s{PLACE}{name}"}, registry=registry)


@cache
def _schemas() -> dict[str, Any]:
    found = parsing.from_json(SOURCE.read_text(encoding="utf-8"))
    return {name: strict(schema) for name, schema in found.items()}


def strict(schema: Any) -> Any:
    """Return a schema that takes no unknown field, as `fieldValidation=Strict` does."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(part) for key, part in schema.items() if key not in ("default", "format", "properties")}
    if "properties" in schema:
        found["properties"] = {key: strict(part) for key, part in schema["properties"].items()}
        found.setdefault("additionalProperties", False)
    return found


@cache
def _names() -> dict[tuple[Any, Any], str]:
    """Return (apiVersion, kind) → name of the schema."""
    return {
        (f"{entry['group']}/{entry['version']}".lstrip("/"), entry["kind"]): name
        for name, schema in _schemas().items()
        for entry in schema.get("x-kubernetes-group-version-kind", ())
    }
