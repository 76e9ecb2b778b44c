"""The one reader of JSON, YAML, TOML and addresses: what cannot be read is one error, for whatever reason.

A text may be none of its kind, be cut off in the middle of a character, hold a number without end, or nest without end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

import yaml

from scripts.errors import UserError

DEEP = 100  # levels of one kind of nesting
TOO_DEEP = "nested too deeply"
MOST_VALUES = 1_000_000  # of one text whose aliases are written out


class Unreadable(UserError, ValueError):
    """A text that is not what it should be. `problem` says why; `line` and `column`, from 1, where that is known.

    Whoever knows what was read says so in words of their own. Where nobody does, it is still told in one line.
    """

    def __init__(self, kind: str, problem: str, line: int = 0, column: int = 0) -> None:
        where = f"line {line}, column {column}: " if line else ""
        super().__init__(f"what should be {kind} cannot be read: {where}{problem}", "see what the command before says")
        self.problem = problem
        self.line = line
        self.column = column


def from_url(text: str) -> SplitResult:
    """Return the parts of an address; empty ones where it is malformed, as people's placeholders are."""
    try:
        found = urlsplit(text)
        _ = found.port  # judged only when it is asked for
    except ValueError:
        return SplitResult("", "", "", "", "")
    return found


def from_json(text: str | bytes) -> Any:
    """Return what a JSON text says. Raises Unreadable."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable("JSON", error.msg, error.lineno, error.colno) from None
    except (ValueError, RecursionError) as error:
        raise Unreadable("JSON", _first_line(error)) from None


def from_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says. Raises Unreadable."""
    import tomllib  # few runs read any

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        raise Unreadable("TOML", _first_line(error), *(map(int, place.groups()) if place else ())) from None


def from_yaml(text: str, *, strict: bool = False) -> Any:
    """Return what a YAML text of one document says; a key that stands twice is refused where that is `strict`.

    Raises Unreadable.
    """
    return _read(text, yaml.load, *(_STRICT if strict else _USUAL))


def documents_from_yaml(text: str, loaders: tuple[Any, Any] | None = None) -> list[Any]:
    """Return the documents of a YAML text, but for empty ones; `loaders` make other values of it: (fast, thorough).

    Raises Unreadable.
    """

    def load_all(text: str, kind: Any) -> list[Any]:
        return [item for item in yaml.load_all(text, Loader=kind) if item is not None]

    return list(_read(text, load_all, *(loaders or _USUAL)))


def misread(text: str, below: Collection[str]) -> list[tuple[str, str, str]]:
    """Return the scalars that YAML reads as a number or a boolean of another spelling, in mappings of these names.

    Each is (place, as it is written, as it is read): 3.10 is 3.1, 010 is 8, no is false. Raises
    Unreadable.
    """
    root = _read(text, yaml.compose, *_USUAL)
    return list(_misread(root, "", below, inside=False)) if root else []


def _misread(node: Any, place: str, below: Collection[str], *, inside: bool) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value)
            yield from _misread(
                value,
                f"{place}.{name}" if place else name,
                below,
                inside=inside if isinstance(value, yaml.ScalarNode) else name in below,
            )
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _misread(item, f"{place}.{number}", below, inside=False)
    elif inside and node.tag.rpartition(":")[2] in ("int", "float", "bool"):
        read = str(yaml.SafeLoader("").construct_object(node))
        read = read.lower() if node.tag.endswith("bool") else read
        if read not in (node.value, node.value.lower()):
            yield place, node.value, read


class _OnceOnly(yaml.constructor.SafeConstructor):
    """A key that stands twice is an error: the first would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = (key_node.tag, getattr(key_node, "value", None))
            if isinstance(key_node, yaml.ScalarNode) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key[1]!r} stands twice", key_node.start_mark)
            if isinstance(key_node, yaml.ScalarNode):
                seen.add(key)
        return super().construct_mapping(node, deep)


def _without_sexagesimals(kind: Any) -> Any:
    """Return a loader for which 22:22 is a text, as it is for helm, kubectl and compose; PyYAML reads it as 1342."""
    resolvers = {
        sign: [(tag, re.compile(f"(?!.*:){form.pattern}", form.flags) if tag.endswith((":int", ":float")) else form)
               for tag, form in pairs]
        for sign, pairs in kind.yaml_implicit_resolvers.items()
    }  # fmt: skip
    return type(kind.__name__, (kind,), {"yaml_implicit_resolvers": resolvers})


Thorough: Any = _without_sexagesimals(yaml.SafeLoader)
# The same in a tenth of the time, where PyYAML has libyaml. It ends the process where a text nests too deeply.
Fast: Any = _without_sexagesimals(yaml.CSafeLoader) if hasattr(yaml, "CSafeLoader") else Thorough


class _Strict(_OnceOnly, Thorough):  # type: ignore[misc]
    """YAML as SafeLoader reads it. Its words for what is wrong are the ones that are told."""


class _FastStrict(_OnceOnly, Fast):  # type: ignore[misc]
    """The same, fast."""


_USUAL: tuple[Any, Any] = (Fast, Thorough)
_STRICT: tuple[Any, Any] = (_FastStrict, _Strict)


def _read(text: str, load: Any, fast: Any, slow: Any) -> Any:
    if fast is not slow and _is_shallow(text):
        with suppress(yaml.YAMLError, *_REFUSALS):
            return _bounded(text, load(text, fast))
    try:
        return _bounded(text, load(text, slow))
    except (yaml.YAMLError, *_REFUSALS) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        if not isinstance(error, yaml.YAMLError | RecursionError):
            with suppress(*_REFUSALS):  # where it is no value, but a sign that there is not: "\\U00110000"
                mark, problem = _misfit(text, slow)
        problem = str(problem or _first_line(error))
        raise Unreadable("YAML", problem, *((mark.line + 1, mark.column + 1) if mark else ())) from None


# How PyYAML refuses a value that is not what its tag or its form says: a list as a key, `!!bool maybe`, 2026-13-45.
_REFUSALS = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


def _misfit(text: str, kind: Any) -> tuple[Any, str]:
    """Return the place of the first value that is not what its tag or its form says, and what is wrong with it."""
    todo, seen = [*yaml.compose_all(text, kind)][::-1], set[int]()
    while todo:
        node = todo.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            todo += [one for pair in node.value[::-1] for one in pair[::-1]]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value[::-1]
        else:
            try:
                kind("").construct_object(node)
            except _REFUSALS as error:
                name = node.tag.rpartition(":")[2]
                said = _first_line(error) if isinstance(error, ValueError) else "it is none"
                return node.start_mark, f"{name}: {said}"
            except yaml.YAMLError:
                continue
    return None, ""


def _bounded(text: str, value: Any) -> Any:
    """Return what was read. Raises ValueError where its anchors unfold to more than anybody can work with."""
    if "&" in text and "*" in text and not isinstance(value, yaml.Node):
        _size(value, {})
    return value


def _size(value: Any, known: dict[int, int]) -> int:
    """Return how many values there are in a value, each counted wherever an alias puts it."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = MOST_VALUES  # of one that holds itself
        known[id(value)] = 1 + sum(_size(one, known) for one in (value.values() if isinstance(value, dict) else value))
    if known[id(value)] >= MOST_VALUES:
        raise ValueError("its anchors unfold without end")
    return known[id(value)]


def _is_shallow(text: str) -> bool:
    """Return whether a text surely nests less than some hundred levels."""
    depth = deepest = 0
    for mark in re.findall(r"[\[{\]}]", text):
        depth = depth + 1 if mark in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest < DEEP and not re.search(rf"^ {{{DEEP}}}|(?:[-?] ){{{DEEP}}}", text, re.MULTILINE)


def _first_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return TOO_DEEP
    return next(iter(str(error).splitlines()), type(error).__name__)
