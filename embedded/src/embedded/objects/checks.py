"""The small checks that validation is made of, each in the words of the real server."""

from __future__ import annotations

import json
import re
from typing import Any

from embedded.errors import Cause

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
SERVICE_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
SERVICE_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
QUALIFIED_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
PORT_RULE = "must be between 1 and 65535, inclusive"
NOT_NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"


def shown(value: Any) -> str:
    """Return a value as messages show it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(path: str, detail: str = "") -> Cause:
    """Return a field that must be there and is not."""
    return Cause(path, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))


def wrong(path: str, value: Any, detail: str) -> Cause:
    """Return a value that cannot be."""
    return Cause(path, "FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}")


def unsupported(path: str, value: Any, supported: tuple[str, ...]) -> Cause:
    """Return a word that is not one of those known."""
    listed = ", ".join(f'"{word}"' for word in supported)
    return Cause(path, "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {listed}")


def duplicate(path: str, value: Any) -> Cause:
    """Return a second item of the same identity."""
    return Cause(path, "FieldValueDuplicate", f"Duplicate value: {shown(value)}")


def missing(path: str, value: Any) -> Cause:
    """Return a reference to nothing."""
    return Cause(path, "FieldValueNotFound", f"Not found: {shown(value)}")


def forbidden(path: str, detail: str) -> Cause:
    """Return a field that may not be set, or not be changed."""
    return Cause(path, "FieldValueForbidden", f"Forbidden: {detail}")


def label(path: str, value: str) -> list[Cause]:
    """Return what is wrong, unless it is an RFC 1123 label."""
    return _name(path, value, LABEL, LABEL_RULE, 63)


def subdomain(path: str, value: str) -> list[Cause]:
    """Return what is wrong, unless it is an RFC 1123 subdomain."""
    return _name(path, value, SUBDOMAIN, SUBDOMAIN_RULE, 253)


def service_label(path: str, value: str) -> list[Cause]:
    """Return what is wrong, unless it is an RFC 1035 label."""
    return _name(path, value, SERVICE_LABEL, SERVICE_RULE, 63)


def _name(path: str, value: str, pattern: re.Pattern[str], rule: str, longest: int) -> list[Cause]:
    found = []
    if len(value) > longest:
        found.append(wrong(path, value, f"must be no more than {longest} bytes"))
    if not pattern.fullmatch(value):
        found.append(wrong(path, value, rule))
    return found


def path_segment(path: str, value: str) -> list[Cause]:
    """Return what is wrong, unless it is usable as one segment of a URL path (names of RBAC objects)."""
    if value in (".", ".."):
        return [wrong(path, value, f"may not be '{value}'")]
    return [wrong(path, value, f"may not contain '{char}'") for char in "/%" if char in value]


def qualified(path: str, key: str) -> list[Cause]:
    """Return what is wrong, unless it is a label or annotation key: an optional DNS prefix, "/", a name."""
    parts = key.split("/")
    if len(parts) > 2:
        rule = f"a qualified name must consist of alphanumeric characters, '-', '_' or '.', {QUALIFIED_RULE[10:]}"
        return [wrong(path, key, rule + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")]
    found = []
    if len(parts) == 2 and not parts[0]:
        found.append(wrong(path, key, "prefix part must be non-empty"))
    elif len(parts) == 2 and not SUBDOMAIN.fullmatch(parts[0]):
        found.append(wrong(path, key, f"prefix part {SUBDOMAIN_RULE}"))
    name = parts[-1]
    if not name:
        found.append(wrong(path, key, "name part must be non-empty"))
    if len(name) > 63:
        found.append(wrong(path, key, "name part must be no more than 63 bytes"))
    if not QUALIFIED.fullmatch(name):
        found.append(wrong(path, key, QUALIFIED_RULE))
    return found


def labels(path: str, values: dict[str, str]) -> list[Cause]:
    """Return what is wrong, unless every key and value can be a label."""
    found = []
    for key, value in sorted(values.items()):
        found += qualified(path, key)
        if len(value) > 63:
            found.append(wrong(path, value, "must be no more than 63 bytes"))
        if not LABEL_VALUE.fullmatch(value):
            found.append(wrong(path, value, LABEL_VALUE_RULE))
    return found


def port(path: str, value: Any) -> list[Cause]:
    """Return what is wrong, unless it is a port number."""
    return [] if isinstance(value, int) and 1 <= value <= 65535 else [wrong(path, value, PORT_RULE)]


def port_name(path: str, value: str) -> list[Cause]:
    """Return what is wrong, unless it is an IANA service name."""
    found = []
    if len(value) > 15:
        found.append(wrong(path, value, "must be no more than 15 characters"))
    if not re.fullmatch(r"[-a-z0-9]*", value):
        found.append(wrong(path, value, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"))
    if not re.search(r"[a-z]", value):
        found.append(wrong(path, value, "must contain at least one letter (a-z)"))
    if "--" in value:
        found.append(wrong(path, value, "must not contain consecutive hyphens"))
    if value.startswith("-") or value.endswith("-"):
        found.append(wrong(path, value, "must not begin or end with a hyphen"))
    return found


def not_negative(path: str, value: Any) -> list[Cause]:
    """Return what is wrong, where it is a number below zero."""
    return [wrong(path, value, NOT_NEGATIVE)] if isinstance(value, int) and value < 0 else []


def count_or_percent(path: str, value: Any) -> list[Cause]:
    """Return what is wrong, unless it is a number from zero or a percentage."""
    if isinstance(value, int):
        return not_negative(path, value)
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+%", value):
        rule = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
        return [wrong(path, value, rule + "regex used for validation is '[0-9]+%')")]
    return []
