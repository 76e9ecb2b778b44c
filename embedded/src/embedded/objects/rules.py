"""Rules in CEL (x-kubernetes-validations) that a CustomResourceDefinition brings for objects of its kind."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from embedded.errors import Cause
from embedded.objects import checks, expressions
from embedded.objects.expressions import RefusedError, UnknownError

WORD = "x-kubernetes-validations"
TIMES = ("date-time", "date", "duration")
NOTHING = object()  # no old value to compare with
ESCAPED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
    )
)
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_FIELD = re.compile(r"(?<![\w.])(?:self|oldSelf)\.(\w+)\b(?!\s*\()")
REASONS = {
    "FieldValueRequired": "Required value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueDuplicate": "Duplicate value",
}


def schema_problems(part: dict[str, Any], path: str) -> Iterator[Cause]:
    """Yield the rules of a schema, and of all below it, that are no rules."""
    for where, below, rule in _rules(part, path):
        text = str(rule.get("rule") or "").strip()
        if not text:
            yield checks.required(f"{where}.rule", "rule is not specified")
            continue
        for word in ("rule", "messageExpression"):
            try:
                expressions.check(str(rule.get(word) or "''"))
                _check_fields(below, str(rule.get(word) or ""), root=below is part)
            except RefusedError as error:
                yield checks.wrong(f"{where}.{word}", rule[word], f"compilation failed: {error}")
            except UnknownError:
                pass  # told by `unjudged`


def _check_fields(part: dict[str, Any], text: str, *, root: bool) -> None:
    """Raise RefusedError where an expression names a property of `self` that its schema does not have."""
    if part.get("type") != "object" or isinstance(part.get("additionalProperties"), dict):
        return
    known = {_escaped(name) for name in part.get("properties") or {}}
    if root or part.get("x-kubernetes-embedded-resource"):
        known |= {"apiVersion", "kind", "metadata"}
    for name in _FIELD.findall(_LITERAL.sub("''", text)):
        if name not in known:
            raise RefusedError(f"undefined field '{name}'")


def unjudged(part: dict[str, Any], path: str) -> Iterator[str]:
    """Yield a line on every rule that is accepted and not evaluated here."""
    for where, below, rule in _rules(part, path):
        if why := _unknown(below, rule):
            yield f"{where}: this cluster does not evaluate the rule {str(rule['rule']).strip()!r}: it has no {why}"


def _rules(part: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for number, rule in enumerate(part.get(WORD) or ()):
        yield f"{path}.{WORD}[{number}]", part, rule
    for name, inner in (part.get("properties") or {}).items():
        yield from _rules(inner, f"{path}.properties[{name}]")
    for word in ("items", "additionalProperties"):
        if isinstance(part.get(word), dict):
            yield from _rules(part[word], f"{path}.{word}")


def _unknown(part: dict[str, Any], rule: dict[str, Any]) -> str:
    """Return what of a rule is not known here; nothing for a rule that can be judged."""
    text = str(rule.get("rule") or "")
    try:
        expressions.check(text or "''")
    except UnknownError as error:
        return str(error)
    except RefusedError:
        return ""
    return "times in rules" if any(name in ("", *re.findall(r"\w+", text)) for name in _times(part)) else ""


def _times(part: dict[str, Any], name: str = "") -> Iterator[str]:
    """Yield the names of properties that are times, which CEL compares as such; "" for the part itself."""
    if part.get("format") in TIMES:
        yield name
    for below, inner in (part.get("properties") or {}).items():
        yield from _times(inner, _escaped(below))
    for word in ("items", "additionalProperties"):
        if isinstance(part.get(word), dict):
            yield from _times(part[word], name)


def _escaped(name: str) -> str:
    """Return a property's name as rules write it."""
    if name in RESERVED:
        return f"__{name}__"
    return re.sub(r"__|[./-]", lambda found: ESCAPED[found[0]], name)


def value_problems(
    part: dict[str, Any], value: Any, old: Any = NOTHING, path: str = "", *, root: bool = True
) -> Iterator[Cause]:
    """Yield what the rules of a schema refuse of a value. What is as it was before is not refused for what it was."""
    if value is None:
        return
    old = NOTHING if old is None else old
    if rules := [rule for rule in part.get(WORD) or () if _applies(rule, value, old)]:
        seen = _seen(part, value, root=root)
        given = {} if old is NOTHING else {"old": _seen(part, old, root=root)}
        for rule in rules:
            if not _unknown(part, rule):
                yield from _judge(rule, seen, given, path)
    if isinstance(value, dict):
        known, more = part.get("properties") or {}, part.get("additionalProperties")
        for name, item in value.items():
            inner = known.get(name) or (more if isinstance(more, dict) else None)
            if inner and not (root and name == "metadata"):
                earlier = old.get(name, NOTHING) if isinstance(old, dict) else NOTHING
                yield from value_problems(inner, item, earlier, f"{path}.{name}" if path else name, root=False)
    elif isinstance(value, list) and isinstance(part.get("items"), dict):
        for number, item in enumerate(value):
            earlier = item if old == value else _same(part, item, old)
            yield from value_problems(part["items"], item, earlier, f"{path}[{number}]", root=False)


def _same(part: dict[str, Any], item: Any, old: Any) -> Any:
    """Return the item of an old list that has the same keys, where the list is a map."""
    keys = part.get("x-kubernetes-list-map-keys") or ()
    if keys and isinstance(old, list):
        return next((one for one in old if all(one.get(key) == item.get(key) for key in keys)), NOTHING)
    return NOTHING


def _applies(rule: dict[str, Any], value: Any, old: Any) -> bool:
    """Return whether a rule is asked: one about a change where there was a value before, any other where it changed."""
    if re.search(r"\boldSelf\b", str(rule["rule"])):
        return old is not NOTHING or bool(rule.get("optionalOldSelf"))
    return bool(old is NOTHING or old != value)


def _judge(rule: dict[str, Any], value: Any, given: dict[str, Any], path: str) -> Iterator[Cause]:
    text = str(rule["rule"]).strip()
    if rule.get("optionalOldSelf"):
        given = given | {"has_old": "old" in given}
    try:
        if expressions.evaluate(text, value, **given) is not True:
            yield _cause(rule, _said(rule, text, value, given), path)
    except RefusedError as error:
        yield _cause(rule, f"{error} evaluating rule: {rule.get('message') or text}", path)
    except UnknownError:
        return


def _said(rule: dict[str, Any], text: str, value: Any, given: dict[str, Any]) -> str:
    """Return what a rule says of a value that it refuses."""
    if rule.get("messageExpression"):
        try:
            said = expressions.evaluate(str(rule["messageExpression"]), value, **given)
        except (RefusedError, UnknownError):
            said = ""
        if isinstance(said, str) and said.strip() and "\n" not in said:
            return said.strip()
    return str(rule.get("message") or "").strip() or f"failed rule: {text}"


def _cause(rule: dict[str, Any], said: str, path: str) -> Cause:
    reason = str(rule.get("reason") or "FieldValueInvalid")
    where = path + str(rule.get("fieldPath") or "")
    return Cause(where.lstrip(".") or "<nil>", reason, f"{REASONS.get(reason, 'Invalid value')}: {said}")


def _seen(part: dict[str, Any], value: Any, *, root: bool = False) -> Any:
    """Return a value as rules see it: of its schema's types, without what is null, by the names that CEL can write."""
    if isinstance(value, dict):
        known, more = part.get("properties") or {}, part.get("additionalProperties")
        if not known:
            inner = more if isinstance(more, dict) else {}
            return {name: _seen(inner, item) for name, item in value.items()}
        made = {_escaped(name): _seen(known.get(name) or {}, item) for name, item in value.items() if item is not None}
        if root or part.get("x-kubernetes-embedded-resource"):
            meta = value.get("metadata") or {}
            made["metadata"] = {name: meta[name] for name in ("name", "generateName") if name in meta}
        return made
    if isinstance(value, list):
        return [_seen(part.get("items") or {}, item) for item in value]
    if part.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if part.get("format") == "byte" and isinstance(value, str):
        return base64.b64decode(value)
    return value
