"""Custom resources: the kinds that a CustomResourceDefinition makes, their defaults, and what is wrong with objects."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any

from embedded.errors import Cause
from embedded.kinds import Custom, Kind
from embedded.objects import checks, rules, schema, structural
from embedded.objects.values import clone

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
AGE = ({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},)
GO_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
# Words of JSON Schema that mean nothing to a validator, or are looked at elsewhere.
EXTENSIONS = ("x-kubernetes-", "default", "description", "title", "example", "format", "nullable")


def kinds_of(definition: dict[str, Any]) -> tuple[list[Kind], Kind]:
    """Return the kinds of a definition, one for each served version, and the one that objects are stored in."""
    versions = definition["spec"]["versions"]
    made = {version["name"]: _kind(definition, version) for version in versions}
    stored = next(version["name"] for version in versions if version.get("storage"))
    served = sorted((v["name"] for v in versions if v.get("served")), key=priority, reverse=True)
    return [made[name] for name in served], made[stored]


def priority(version: str) -> tuple[int, int, int, str]:
    """Return what versions are ordered by: v2, v1, v1beta2, v1alpha1; then other names."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not found:
        return (-1, 0, 0, version)
    stage = {None: 2, "beta": 1, "alpha": 0}[found[2]]
    return (stage, int(found[1]), int(found[3] or 0), "")


def _kind(definition: dict[str, Any], version: dict[str, Any]) -> Kind:
    spec, names = definition["spec"], definition["spec"]["names"]
    openapi = _openapi(version) or {"x-kubernetes-preserve-unknown-fields": True}
    subresources = version.get("subresources") or {}
    custom = Custom(
        schema.define(f"{spec['group']}.{version['name']}.{names['kind']}", openapi),
        openapi,
        tuple(version.get("additionalPrinterColumns") or AGE),
        subresources.get("scale"),
    )
    return Kind(
        spec["group"],
        version["name"],
        names["kind"],
        names["plural"],
        spec.get("scope") == "Namespaced",
        tuple(names.get("shortNames") or ()),
        subresources=tuple(sorted(subresources)),
        generation=True,
        categories=tuple(names.get("categories") or ()),
        singular_name=names.get("singular") or names["kind"].lower(),
        custom=custom,
    )


ACCEPTED = (
    ("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
    ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted"),
)


def refused(definition: dict[str, Any], taken: dict[str, str], now: str) -> dict[str, Any]:
    """Return the status of a definition whose names are `taken`: it is not served."""
    word, name = next(iter(taken.items()))
    conditions = _conditions(
        ("NamesAccepted", "False", f"{word}Conflict", f'"{name}" is already in use'),
        ("Established", "False", "NotAccepted", "not all names are accepted"),
        now=now,
    )
    stored = (definition.get("status") or {}).get("storedVersions") or []
    return {"acceptedNames": {"plural": "", "kind": ""}, "conditions": conditions, "storedVersions": stored}


def _conditions(*said: tuple[str, str, str, str], now: str) -> list[dict[str, Any]]:
    return [
        {"type": name, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}
        for name, status, reason, message in said
    ]


def accepted(definition: dict[str, Any], now: str) -> dict[str, Any]:
    """Return the status of a definition that is served."""
    names = definition["spec"]["names"]
    conditions = _conditions(*ACCEPTED, now=now)
    before = {one["type"]: one for one in definition.get("status", {}).get("conditions") or ()}
    stored = [version["name"] for version in definition["spec"]["versions"] if version.get("storage")]
    known = definition.get("status", {}).get("storedVersions") or []
    return {
        "acceptedNames": clone(names),
        "conditions": [_kept(before.get(one["type"], {}), one) for one in conditions],
        "storedVersions": [*known, *(name for name in stored if name not in known)],
    }


def _kept(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return a condition with the time at which it became what it is."""
    return before if before.get("status") == now["status"] else now


def complete(definition: dict[str, Any]) -> None:
    """Fill in what a definition leaves open."""
    spec = definition.get("spec") or {}
    names = spec.get("names") or {}
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})


def definition_problems(definition: dict[str, Any]) -> list[Cause]:
    """Return what is wrong with a definition."""
    spec, name = definition.get("spec") or {}, definition["metadata"].get("name", "")
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    found = [checks.required(f"spec.{key}") for key in ("group", "scope") if not spec.get(key)]
    found += [checks.required(f"spec.names.{key}") for key in ("plural", "kind") if not names.get(key)]
    wanted = f"{names.get('plural')}.{spec.get('group')}"
    if not found and name != wanted:
        found.append(checks.wrong("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if spec.get("scope") not in (None, "", "Cluster", "Namespaced"):
        found.append(checks.unsupported("spec.scope", spec["scope"], ("Cluster", "Namespaced")))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        found.append(checks.wrong("spec.versions", None, "must have exactly one version marked as storage version"))
    named = [str(version.get("name")) for version in versions]
    if len(set(named)) < len(named):
        found.append(checks.wrong("spec.versions", named, "must contain unique version names"))
    if spec.get("preserveUnknownFields"):
        found.append(
            checks.wrong("spec.preserveUnknownFields", True, "must be set to false in apiextensions.k8s.io/v1")
        )
    for index, version in enumerate(versions):
        path, openapi = f"spec.versions[{index}].schema.openAPIV3Schema", _openapi(version)
        if not openapi:
            found.append(checks.required(path, "schemas are required"))
        else:
            found += structural.schema_problems(openapi, path, _problems_of)
            found += rules.schema_problems(openapi, path)
    return found


def unjudged(definition: dict[str, Any]) -> Iterable[str]:
    """Yield a line on every rule of a definition that is accepted and not evaluated here."""
    for index, version in enumerate((definition.get("spec") or {}).get("versions") or ()):
        yield from rules.unjudged(_openapi(version), f"spec.versions[{index}].schema.openAPIV3Schema")


def _openapi(version: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return found


def is_established(definition: dict[str, Any]) -> bool:
    """Return whether the kind of a definition is served."""
    said = (definition.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in said)


def selectable(definition: dict[str, Any]) -> dict[str, str]:
    """Return the fields that a field selector may name, with their paths."""
    fields = [field for version in definition["spec"]["versions"] for field in version.get("selectableFields") or ()]
    return {path: path for field in fields if (path := str(field.get("jsonPath", "")).lstrip("."))}


def conflicts(definition: dict[str, Any], others: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return which names of a definition others of its group have been given already: word → name."""
    spec = definition["spec"]
    mine = [one for one in others if one["spec"]["group"] == spec["group"]]
    taken = [(one.get("status") or {}).get("acceptedNames") or {} for one in mine]
    plurals = {
        name for names in taken for name in (names.get("plural"), names.get("singular"), *names.get("shortNames", ()))
    }
    kinds = {name for names in taken for name in (names.get("kind"), names.get("listKind"))}
    names = spec["names"]
    wanted = [("Plural", names.get("plural"), plurals), ("Singular", names.get("singular"), plurals)]
    wanted += [("ShortNames", name, plurals) for name in names.get("shortNames") or ()]
    wanted += [("Kind", names.get("kind"), kinds), ("ListKind", names.get("listKind"), kinds)]
    return {word: name for word, name, known in wanted if name and name in known}


# objects


def fill(kind: Kind, obj: dict[str, Any]) -> None:
    """Give an object the defaults of its schema."""
    assert kind.custom  # noqa: S101 - a mistake of the caller
    _fill(kind.custom.openapi, obj)


def _fill(part: dict[str, Any], value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in part.get("properties", {}).items():
            if "default" in inner and value.get(name) is None and not (name in value and inner.get("nullable")):
                value[name] = clone(inner["default"])
            if name in value:
                _fill(inner, value[name])
        more = part.get("additionalProperties")
        if isinstance(more, dict):
            for name, item in value.items():
                if name not in part.get("properties", {}):
                    _fill(more, item)
    elif isinstance(value, list):
        for item in value:
            _fill(part.get("items", {}), item)


def problems(kind: Kind, obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    """Return every field of an object that its schema refuses, then what its rules do; `old` is what it replaces."""
    assert kind.custom  # noqa: S101 - a mistake of the caller
    checked = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    return _problems_of(kind.custom.openapi, checked) or list(rules.value_problems(kind.custom.openapi, obj, old))


def _problems_of(openapi: dict[str, Any], value: Any, path: str = "") -> list[Cause]:
    """Return what of a value a schema refuses; a default is named by the `path` of its own."""
    judge = _validator(json.dumps(openapi))
    found = [cause for error in judge.iter_errors(value) for cause in _causes(error, path)]
    return found or list(structural.value_problems(openapi, value, path))


@functools.lru_cache(maxsize=64)
def _validator(text: str) -> Any:
    from jsonschema import Draft202012Validator

    whole = json.loads(text)
    required = [name for name in whole.get("required") or () if name not in ("apiVersion", "kind", "metadata")]
    return Draft202012Validator(_plain(whole | {"required": required}))


def _plain(part: Any) -> Any:
    """Return a schema as the standard means it: without extensions, null allowed where it says so."""
    if not isinstance(part, dict):
        return part
    made = {key: value for key, value in part.items() if not key.startswith(EXTENSIONS)}
    for word in ("properties", "patternProperties"):
        if word in made:
            made[word] = {name: _plain(inner) for name, inner in made[word].items()}
    for word in ("items", "additionalProperties", "not"):
        if word in made:
            made[word] = _plain(made[word])
    for word in ("allOf", "anyOf", "oneOf"):
        if word in made:
            made[word] = [_plain(inner) for inner in made[word]]
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(word), bool):
            exclusive = made.pop(word)
            if exclusive and bound in made:
                made[word] = made.pop(bound)
    if part.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    if part.get("nullable") and "type" in made:
        made["type"] = [made["type"], "null"]
    return made


def _causes(error: Any, above: str = "") -> Iterable[Cause]:
    path = ".".join(filter(None, (above, _path(error.absolute_path))))
    value, limit = error.instance, error.validator_value
    if error.validator == "required":
        missing = [name for name in limit if name not in value]
        yield from (checks.required(f"{path}.{name}" if path else name) for name in missing)
    elif error.validator == "enum":
        yield checks.unsupported(path, value, tuple(map(str, limit)))
    elif error.validator == "type":
        wanted, given = limit if isinstance(limit, str) else limit[0], GO_TYPES.get(type(value), "null")
        yield Cause(
            path,
            "FieldValueTypeInvalid",
            f'Invalid value: "{given}": {path} in body must be of type {wanted}: "{given}"',
        )
    elif error.validator in BOUNDS:
        yield checks.wrong(path, value, f"{path} in body {BOUNDS[error.validator].format(limit)}")
    else:
        yield checks.wrong(path, value, error.message)


BOUNDS = {
    "minimum": "should be greater than or equal to {}",
    "maximum": "should be less than or equal to {}",
    "exclusiveMinimum": "should be greater than {}",
    "exclusiveMaximum": "should be less than {}",
    "minLength": "should be at least {} chars long",
    "maxLength": "should be at most {} chars long",
    "minItems": "should have at least {} items",
    "maxItems": "should have at most {} items",
    "minProperties": "should have at least {} properties",
    "maxProperties": "should have at most {} properties",
    "pattern": "should match '{}'",
    "multipleOf": "should be a multiple of {}",
}


def _path(parts: Iterable[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


# paths


STEP = re.compile(r"""\.([\w-]+|\*)|\[(\d+|\*)\]|\['([^']+)'\]|\[\?\(@\.([\w.]+)\s*==\s*["']([^"']*)["']\)\]""")


def look_up(obj: Any, path: str) -> list[Any]:
    """Return the values at a JSONPath of the simple kind that printer columns and scale have."""
    found = [obj]
    text = path.strip().removeprefix("{").removesuffix("}").replace("\\.", "\0")
    for step in re.finditer(STEP, text.replace("\0", "\x01")):
        name, index, quoted, key, wanted = step.groups()
        word = (quoted or name or "").replace("\x01", ".")
        found = [item for value in found for item in _step(value, word, index, key, wanted)]
    return found


def _step(value: Any, word: str, index: str | None, key: str | None, wanted: str | None) -> Iterable[Any]:
    if key is not None:
        return [item for item in value or () if isinstance(item, dict) and str(item.get(key)) == wanted]
    if index == "*" or word == "*":
        return list(value.values()) if isinstance(value, dict) else list(value or ())
    if index is not None:
        return value[int(index) : int(index) + 1] if isinstance(value, list) else []
    return [value[word]] if isinstance(value, dict) and word in value else []
