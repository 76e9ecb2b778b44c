"""Read from a structural schema what is beyond JSON Schema: keyed lists, formats, whole objects; check its own form."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any

from embedded.errors import Cause
from embedded.objects import checks

TYPES = ("array", "boolean", "integer", "number", "object", "string")
ANY = ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+|/[^\s]*")
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_DURATION = re.compile(r"-?(?:\d+(?:\.\d+)? ?[A-Za-z\u00b5]+ ?)+|0")


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Make a test of a function that raises ValueError for what it cannot read."""

    def test(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return test


def _time(text: str) -> datetime:
    if not _RFC3339.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _reads(_time),
    "date": _reads(date.fromisoformat),
    "uuid": _reads(uuid.UUID),
    "ipv4": _reads(ipaddress.IPv4Address),
    "ipv6": _reads(ipaddress.IPv6Address),
    "cidr": lambda text: "/" in text and _reads(lambda word: ipaddress.ip_network(word, strict=False))(text),
    "byte": _reads(lambda text: base64.b64decode(text, validate=True)),
    "uri": lambda text: bool(_URI.fullmatch(text)),
    "email": lambda text: bool(_EMAIL.fullmatch(text)),
    "duration": lambda text: bool(_DURATION.fullmatch(text)),
}


def value_problems(part: dict[str, Any], value: Any, path: str) -> Iterator[Cause]:
    """Yield what of a value the schema's own words refuse."""
    if isinstance(value, dict):
        if part.get("x-kubernetes-embedded-resource"):
            absent = [name for name in ("apiVersion", "kind") if not value.get(name)]
            yield from (checks.required(_below(path, name), "must not be empty") for name in absent)
        known, more = part.get("properties") or {}, part.get("additionalProperties")
        for name, item in value.items():
            inner = known.get(name) or (more if isinstance(more, dict) else None)
            if inner:
                yield from value_problems(inner, item, _below(path, name))
    elif isinstance(value, list):
        yield from _twice(part, value, path)
        for number, item in enumerate(value):
            yield from value_problems(part.get("items") or {}, item, f"{path}[{number}]")
    elif isinstance(value, str):
        wanted = str(part.get("format") or "")
        if wanted in FORMATS and not FORMATS[wanted](value):
            yield checks.wrong(path, value, f"{path} in body must be of type {wanted}: {checks.shown(value)}")


def _twice(part: dict[str, Any], items: list[Any], path: str) -> Iterator[Cause]:
    """Yield items of a set, or with the keys of a map, that are there already."""
    kind, keys = part.get("x-kubernetes-list-type"), part.get("x-kubernetes-list-map-keys") or ()
    if kind not in ("set", "map"):
        return
    seen = set()
    for number, item in enumerate(items):
        same = {key: item[key] for key in keys if key in item} if kind == "map" and isinstance(item, dict) else item
        text = json.dumps(same, sort_keys=True)
        if text in seen:
            yield checks.duplicate(f"{path}[{number}]", same)
        seen.add(text)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def schema_problems(part: dict[str, Any], path: str, judge: Callable[[dict[str, Any], Any, str], Iterable[Cause]],
                    *, root: bool = True) -> Iterator[Cause]:  # fmt: skip
    """Yield what is wrong with a schema itself. `judge` says what of a default a schema refuses, at a path."""
    kind = part.get("type")
    if root and kind != "object":
        yield (
            checks.wrong(f"{path}.type", kind, "must be object at the root")
            if kind
            else checks.required(f"{path}.type", "must not be empty at the root")
        )
    elif not kind and not any(part.get(word) for word in ANY):
        yield checks.required(f"{path}.type", "must not be empty for specified object fields")
    elif kind and kind not in TYPES:
        yield checks.unsupported(f"{path}.type", kind, TYPES)
    if kind == "array" and not isinstance(part.get("items"), dict):
        yield checks.required(f"{path}.items", "must be specified")
    if part.get("x-kubernetes-list-type") == "map" and not part.get("x-kubernetes-list-map-keys"):
        why = "must not be empty if x-kubernetes-list-type is map"
        yield checks.required(f"{path}.x-kubernetes-list-map-keys", why)
    if "default" in part:
        yield from judge(part, part["default"], f"{path}.default")
    for name, inner in (part.get("properties") or {}).items():
        if not (root and name in ("apiVersion", "kind", "metadata")):
            yield from schema_problems(inner, f"{path}.properties[{name}]", judge, root=False)
    for word in ("items", "additionalProperties"):
        if isinstance(part.get(word), dict):
            yield from schema_problems(part[word], f"{path}.{word}", judge, root=False)
