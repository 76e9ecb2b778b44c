"""CEL as rules of custom resources have it: the language, and what of Kubernetes' own functions is known here."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import itertools
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from embedded.objects import quantity

# What a rule may name that Kubernetes knows and this module does not: such a rule is accepted, and not evaluated.
FOREIGN = frozenset(
    ("authorizer", "cidr", "format", "ip", "isCIDR", "isSemver", "jsonpatch", "lists", "regex", "semver", "sets", "url")
)
_UNDECLARED = re.compile(r"undeclared reference to '([\w.]+)'")
_TWO_VARIABLES = re.compile(r"\.(?:all|exists|existsOne|transform\w+)\(\s*\w+\s*,\s*\w+\s*,")
_OF_LISTS = re.compile(r"(?i)no matching overloads? (?:found : \(list\)\.|for ')((?:last)?indexOf)")


class RefusedError(Exception):
    """An expression that is no CEL, or that fails for a value: the message says why."""


class UnknownError(Exception):
    """An expression that cannot be judged here: the message names what of it is not known."""


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        with contextlib.suppress(ValueError):
            read(text)
            return True
        return False

    return test


def _is_url(text: str) -> bool:
    with contextlib.suppress(ValueError):
        parts = urllib.parse.urlsplit(text)
        return bool(parts.scheme) or text.startswith("/")
    return False


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""


# Name, whether it is a method, types of what it takes, type of what it gives, what it does.
FUNCTIONS: tuple[tuple[str, bool, str, str, Callable[..., Any]], ...] = (
    ("isSorted", True, "list", "bool", lambda items: all(a <= b for a, b in itertools.pairwise(items))),
    ("sum", True, "list", "dyn", sum),
    ("min", True, "list", "dyn", min),
    ("max", True, "list", "dyn", max),
    ("find", True, "string string", "string", _find),
    ("findAll", True, "string string", "list", lambda text, pattern: [one[0] for one in re.finditer(pattern, text)]),
    ("isURL", False, "string", "bool", _is_url),
    ("isIP", False, "string", "bool", _reads(ipaddress.ip_address)),
    ("isQuantity", False, "string", "bool", _reads(quantity.parse)),
    ("quantity", False, "string", "double", lambda text: float(quantity.parse(text))),
    ("compareTo", True, "double double", "int", lambda one, other: (one > other) - (one < other)),
    ("isGreaterThan", True, "double double", "bool", lambda one, other: one > other),
    ("isLessThan", True, "double double", "bool", lambda one, other: one < other),
    ("isInteger", True, "double", "bool", float.is_integer),
    ("asInteger", True, "double", "int", int),
    ("asApproximateFloat", True, "double", "double", float),
    ("sign", True, "double", "int", lambda one: (one > 0) - (one < 0)),
)


@functools.cache
def _environment() -> Any:
    """Return what compiles expressions. The library is imported for the first rule, as it is large."""
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

    types = {name: getattr(cel.Type, name.upper()) for name in ("bool", "double", "dyn", "int", "list", "string")}

    def declared(name: str, is_method: bool, takes: str, gives: str, do: Callable[..., Any]) -> Any:
        overload = cel.Overload(
            f"{name} {takes}".replace(" ", "_"),
            return_type=types[gives],
            parameters=[types[word] for word in takes.split()],
            is_member=is_method,
            impl=do,
        )
        return cel.FunctionDecl(name, [overload])

    return cel.NewEnv(
        variables=dict.fromkeys(("self", "oldSelf", "hasOld"), cel.Type.DYN),
        extensions=[
            ext_bindings.ExtBindings(),
            ext_encoders.ExtEncoders(),
            ext_math.ExtMath(),
            ext_optional.ExtOptional(),
            ext_strings.ExtStrings(),
        ],
        functions=[declared(*one) for one in FUNCTIONS],
    )


@functools.lru_cache(maxsize=4096)
def _compiled(text: str) -> Any:
    environment = _environment()
    try:
        return environment.compile(text)
    except RuntimeError as error:
        said = _plain(str(error))
        foreign = [name for name in _UNDECLARED.findall(said) if name in FOREIGN or _TWO_VARIABLES.search(text)]
        if foreign or (foreign := _OF_LISTS.findall(said)):
            raise UnknownError(foreign[0]) from error
        raise RefusedError(said) from error


def _plain(said: str) -> str:
    """Return an error without the name and the repetition of its kind."""
    return re.sub(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$", "", said.strip())


def check(text: str) -> None:
    """Say what is wrong with an expression: raises RefusedError, or UnknownError where that cannot be told."""
    _compiled(text)


def evaluate(text: str, value: Any, old: Any = None, *, has_old: bool | None = None) -> Any:
    """Return what an expression says of `self` and `oldSelf`, which is optional where `has_old` is given.

    Raises RefusedError where it fails for these values, UnknownError where it cannot be judged.
    """
    check(text)
    if has_old is not None:
        text = f"cel.bind(oldSelf, hasOld ? optional.of(oldSelf) : optional.none(), ({text}))"
    found = _compiled(text).eval(data={"self": value, "oldSelf": old, "hasOld": bool(has_old)})
    if found.type().name() == "ERROR":
        said = _plain(str(found.value()))
        if other := _OF_LISTS.search(said):
            raise UnknownError(other[1])
        raise RefusedError(said)
    return found.plain_value()
