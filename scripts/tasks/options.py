"""Make tasks: the common options, the session and the words for errors, once for all of them."""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from invoke import Context, Task, task

from scripts.tasks.support import errors_explained, session

WHERE = {
    "environment": "dev, ci or secure; default dev, or INVOKE_ENVIRONMENT",
    "target": "auto, minikube, kind, k3d, context or embedded; default by the configuration, or INVOKE_TARGET",
}
INSTALL = "forbid the installation of system packages"
JSON = "print the result as JSON"
KEEP = "leave a failed first install for inspection"
NUMBERS: Mapping[str, type[int] | type[float]] = {"int": int, "int | None": int, "float": float}
MOST = 2**31 - 1  # what every program and clock takes that a number is handed on to

_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")  # 1_0 is a slip, and no ten

Work = Callable[..., None]


def command(
    name: str | None = None, /, *, where: bool = True, tools: bool | None = None, **help: str
) -> Callable[[Work], Task[Any]]:
    """Make a task of a function whose first parameter is the session.

    Adds `--environment` and `--target` unless `where` is false, reads numbers, opens the session, fetches helm and
    kubectl where they are missing unless `tools` is false (default as `where`), and tells errors in words. `help` says
    what each of the function's own parameters is for.
    """
    fetches = where if tools is None else tools

    def make(work: Work) -> Task[Any]:
        own = list(inspect.signature(work).parameters.values())[1:]
        common = [_option(key, "") for key in WHERE] if where else []

        @functools.wraps(work)
        def body(c: Context, *, environment: str = "", target: str = "", **given: Any) -> None:
            with errors_explained():
                _refuse_slips(os.environ)
                for one in common:
                    _text(one, {"environment": environment, "target": target}[one.name])
                values = {one.name: _value(one, given[one.name]) for one in own if one.name in given}
                opened = session(c, environment or c.config.environment or "dev", target or c.config.target)
                if fetches:
                    opened.fetch_tools()
                work(opened, **values)

        first = inspect.Parameter("c", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        body.__signature__ = inspect.Signature([first, *map(_shown, own), *common])  # type: ignore[attr-defined]
        made: Task[Any] = task(name=name, help=(WHERE if where else {}) | help)(body)
        return made

    return make


def stage(name: str, summary: str) -> Task[Any]:
    """Make the task of one stage of the pipeline."""
    from scripts.tasks.support import run_stages

    def work(s: Any, install: bool = True, json: bool = False) -> None:
        run_stages(s, (name,), name, install=install, as_json=json)

    work.__name__, work.__doc__ = name, summary
    return command(tools=False, install=INSTALL, json=JSON)(work)


def _refuse_slips(variables: Iterable[str]) -> None:
    """Raise UserError for a variable that is almost one of those that choose where a task works."""
    known = [f"INVOKE_{key.upper()}" for key in WHERE]
    for name in (one for one in variables if one.startswith("INVOKE_") and one not in known):
        from difflib import get_close_matches

        if near := get_close_matches(name, known, 1, 0.85):
            from scripts.errors import UserError

            raise UserError(f"{name}: nothing reads this variable", f"is {near[0]} meant? Else unset it")


def _option(name: str, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)


def _number(parameter: inspect.Parameter) -> type[int] | type[float] | None:
    return NUMBERS.get(str(parameter.annotation))


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return the parameter as invoke is to see it: a number as text, since its own parser ends in a traceback."""
    if parameter.default is inspect.Parameter.empty or not _number(parameter):
        return parameter
    return parameter.replace(default="" if parameter.default is None else str(parameter.default))


def _value(parameter: inspect.Parameter, given: object) -> Any:
    """Return a parameter's value, a number where it is one. Raises UserError for text that is none."""
    kind = _number(parameter)
    if kind is None:
        return _text(parameter, given)
    if given == "" and parameter.default is None:
        return None
    from scripts.errors import UserError

    option = "--" + parameter.name.replace("_", "-")
    try:
        if not _NUMBER.fullmatch(str(given)):
            raise ValueError(given)
        value = kind(str(given))
        if not math.isfinite(value):
            raise ValueError(given)
    except ValueError:
        raise UserError(f"{option} {given}: not a {_words(kind)}", f"for instance: {option}=2") from None
    if value < 0:
        raise UserError(f"{option} {given}: must not be negative", f"for instance: {option}=2")
    if value > MOST:
        raise UserError(f"{option} {given}: must not be more than {MOST}", f"for instance: {option}=2")
    return value


def _text(parameter: inspect.Parameter, given: object) -> object:
    """Return what was given.

    Raises UserError for a text with a zero byte, which neither a file nor a program takes, for an empty one, as of a
    variable that is not set, which would count as not given and mean all services where one was meant, and for an
    option that invoke does not know and takes for what the task needs.
    """
    option = f"--{parameter.name.replace('_', '-')}"
    problem = "holds a zero byte" if isinstance(given, str) and "\0" in given else ""
    if isinstance(given, str) and given.startswith("--") and given in sys.argv:
        problem = f"{given} is no option of this task"
    if given == "" and (parameter.default != "" or _is_empty_in(sys.argv, option)):
        problem = "is empty"
    if problem:
        from scripts.errors import UserError

        raise UserError(f"{option}: {problem}", "give it a value, or leave it out")
    return given


def _is_empty_in(words: Sequence[str], option: str) -> bool:
    """Return whether a command line gives an option an empty value."""
    return f"{option}=" in words or (option, "") in pairwise(words)


def _words(kind: type[int] | type[float]) -> str:
    return "whole number" if kind is int else "number"
