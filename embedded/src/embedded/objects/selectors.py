"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from embedded.errors import ApiError

Requirement = tuple[str, str, frozenset[str]]
"""key, operator (in, notin, exists, !), values"""

OPERATORS = "in, notin, =, ==, !=, gt, lt"
TOKEN = re.compile(r"\s*(!=|==|=|!|,|\(|\)|<|>|[^\s!=,()<>]+)")


def parse_labels(text: str) -> list[Requirement]:
    """Return the requirements of "a=b,c in (d,e),!f"; raises 400 on anything else."""
    tokens = TOKEN.findall(text)
    found: list[Requirement] = []
    at = 0

    def fail() -> ApiError:
        found = tokens[at] if at < len(tokens) else ""
        return ApiError(400, f"unable to parse requirement: found '{found}', expected: {OPERATORS}")

    while at < len(tokens):
        if tokens[at] == ",":
            at += 1
            continue
        if tokens[at] == "!":
            if at + 1 >= len(tokens):
                raise fail()
            found.append((tokens[at + 1], "!", frozenset()))
            at += 2
            continue
        key, operator = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ","
        if operator in ("=", "==", "!="):
            value = tokens[at + 2] if at + 2 < len(tokens) and tokens[at + 2] != "," else ""
            found.append((key, "notin" if operator == "!=" else "in", frozenset({value})))
            at += 3 if value else 2
        elif operator in ("in", "notin") and at + 2 < len(tokens) and tokens[at + 2] == "(":
            end = tokens.index(")", at) if ")" in tokens[at:] else None
            if end is None:
                raise fail()
            found.append((key, operator, frozenset(word for word in tokens[at + 3 : end] if word != ",")))
            at = end + 1
        elif operator == ",":
            found.append((key, "exists", frozenset()))
            at += 1
        else:
            at += 1
            raise fail()
    return found


def labels_match(requirements: list[Requirement], labels: dict[str, str]) -> bool:
    """Return whether labels meet every requirement."""
    return all(_meets(requirement, labels) for requirement in requirements)


def _meets(requirement: Requirement, labels: dict[str, str]) -> bool:
    key, operator, values = requirement
    if operator == "in":
        return labels.get(key) in values if key in labels else False
    if operator == "notin":
        return labels.get(key) not in values
    return (key in labels) == (operator == "exists")


def matches(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    """Return whether labels meet a metav1.LabelSelector; an absent one matches nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    return all(
        _meets((item["key"], operators[item["operator"]], frozenset(item.get("values") or ())), labels)
        for item in selector.get("matchExpressions") or ()
    )


# Fields a selector may name beside metadata.name and metadata.namespace, with the path they read.
FIELDS: dict[str, dict[str, str]] = {
    "pods": {
        "spec.nodeName": "spec.nodeName",
        "spec.restartPolicy": "spec.restartPolicy",
        "spec.schedulerName": "spec.schedulerName",
        "spec.serviceAccountName": "spec.serviceAccountName",
        "spec.hostNetwork": "spec.hostNetwork",
        "status.phase": "status.phase",
        "status.podIP": "status.podIP",
        "status.nominatedNodeName": "status.nominatedNodeName",
    },
    "events": {
        **{
            f"involvedObject.{part}": f"involvedObject.{part}"
            for part in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        },
        "reason": "reason",
        "reportingComponent": "reportingComponent",
        "source": "source.component",
        "type": "type",
    },
    "namespaces": {"status.phase": "status.phase"},
    "nodes": {"spec.unschedulable": "spec.unschedulable"},
    "secrets": {"type": "type"},
    "jobs.batch": {"status.successful": "status.succeeded"},
    "services": {"spec.clusterIP": "spec.clusterIP", "spec.type": "spec.type"},
}
COMMON = {"metadata.name": "metadata.name", "metadata.namespace": "metadata.namespace"}


def parse_fields(resource: str, text: str) -> Callable[[dict[str, Any]], bool]:
    """Return the test that "a.b=c,d!=e" stands for; raises 400 when the kind has no such selector."""
    known = COMMON | FIELDS.get(resource, {})
    tests = []
    for term in filter(None, text.split(",")):
        found = re.fullmatch(r"([^!=]+)(!=|==|=)(.*)", term)
        if not found:
            raise ApiError(400, f"invalid selector: '{text}'; can't understand '{term}'")
        key, operator, value = found.groups()
        if key not in known:
            raise ApiError(400, f"field label not supported: {key}")
        tests.append((known[key].split("."), operator == "!=", value.replace("\\,", ",").replace("\\=", "=")))
    return lambda obj: all((_read(obj, path) == value) != negated for path, negated, value in tests)


ABSENT = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.succeeded": "0"}  # as Go's zero reads


def _read(obj: dict[str, Any], path: list[str]) -> str:
    value: object = obj
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return ABSENT.get(".".join(path), "")
    return str(value).lower() if isinstance(value, bool) else str(value)
