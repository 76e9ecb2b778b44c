"""Ask the resolver that builds use whether the versions that a requirements.txt pins go together, in a second."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.host.shell import Result, Shell

Resolver = Callable[[str], str | None]  # requirements → nothing where they can be met, else why not; None: cannot tell
# Where one of these is the reason, another Python, another day or a compiler may help: that is no contradiction.
_ELSEWHERE = re.compile(
    r"usable wheels|wheels with a matching|building from source|Python version|Python>|upload", re.I
)
_PINNED = re.compile(r"(?m)^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==")


MOST_LOOSE = 5
MOST_PINS = 60

_ONCE = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "30"}  # a machine without a network is not waited for long


@dataclass(frozen=True)
class Contradiction:
    """A contradiction in the resolver's words, and the packages without whose versions there is none; or nothing."""

    said: str
    loosen: tuple[str, ...] = ()


def resolver(shell: Shell, python: str) -> Resolver:
    """Return what asks uv about requirements for one Python."""

    def resolve(text: str) -> str | None:
        answer = _compile(text, python, shell)
        return "" if answer else answer.err if "No solution found" in answer.err else None

    return resolve


def versions(text: str, names: Sequence[str], python: str, shell: Shell, before: str = "") -> tuple[str, ...]:
    """Return the versions that go with the rest of requirements once those of `names` are left open, as of the day
    `before`; nothing where none is found.
    """
    answer = _compile(_all_loosened(text, names), python, shell, *(["--exclude-newer", before] if before else []))
    known = dict(re.findall(r"(?m)^([a-z0-9][a-z0-9._-]*)==(\S+)", answer.out)) if answer else {}
    plain = {name: re.sub(r"[-_.]+", "-", name).lower() for name in names}
    return tuple(f"{name}=={known[plain[name]]}" for name in names if plain[name] in known)


def _compile(text: str, python: str, shell: Shell, *more: str) -> Result:
    """Return what uv says of requirements for a Python, of which nothing is installed."""
    argv: list[str | Path] = [Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", "--no-header"]
    argv += ["--no-annotate", "--no-build", "--python-version", python, *more, "-"]
    return shell.probe(argv, stdin=text, timeout=120, env=_ONCE)


def contradiction(text: str, resolve: Resolver) -> Contradiction | None:
    """Return why requirements cannot be met, and whose pin to loosen; None where they can, or nobody can tell."""
    if re.search(r"(?m)^\s*-|^\s*\.|@\s*(file|git)", text):  # other files and folders are not followed
        return None
    resolve = cache(resolve)  # a question takes a second or two
    why = " ".join((resolve(text) or "").split())
    if not why or _ELSEWHERE.search(why):
        return None
    return Contradiction(_said(why), _to_loosen(text, why, resolve) or _fewest(text, resolve))


def _to_loosen(text: str, why: str, resolve: Resolver) -> tuple[str, ...]:
    """Return the packages without whose versions requirements can be met: the first one that is enough by itself, else,
    one after another, those whose versions there are none of, or those that another one does not go with.
    """
    taken: list[str] = []
    while len(taken) < MOST_LOOSE:
        named = [name for name in _PINNED.findall(text) if re.search(rf"\b{re.escape(name)}\b", why, re.I)]
        for name in named:
            if resolve(loosened(text, name)) == "":
                return (*taken, name)
        gone = re.search(r"there is no version of ([\w.-]+)", why)
        # What the others need in another version: "mcp==1.25 depends on pydantic>=2.11 and you require pydantic==2.10".
        needed = re.search(r"depends on ([\w.-]+?)(?:\[[^\]]*\])?[<>=!~]\S* and you require \1\b", why, re.I)
        meant = [match[1].lower() for match in (gone, needed) if match]
        name = next((one for one in named if one.lower() in meant), "")
        if not name:
            return ()
        taken.append(name)
        text = loosened(text, name)
        why = " ".join((resolve(text) or "").split())
        if _ELSEWHERE.search(why):
            return ()
    return ()


def _fewest(text: str, resolve: Resolver) -> tuple[str, ...]:
    """Return the packages without whose versions requirements can be met, of which none can be held. None where no
    version at all helps.

    Pins are held again by halves, as many at once as go together: most of them do.
    """

    def hold(names: list[str], loose: list[str]) -> list[str]:
        rest = [one for one in loose if one not in names]
        if resolve(_all_loosened(text, rest)) == "":
            return rest
        middle = len(names) // 2
        return hold(names[middle:], hold(names[:middle], loose)) if middle else loose

    names = list(dict.fromkeys(_PINNED.findall(text)))
    goes = len(names) <= MOST_PINS and resolve(_all_loosened(text, names)) == ""
    return tuple(hold(names, names)) if goes else ()


def _all_loosened(text: str, names: Sequence[str]) -> str:
    for name in names:
        text = loosened(text, name)
    return text


def missing(wrong: Contradiction | None) -> str:
    """Return the package that no registry has, where that is what is wrong; empty otherwise."""
    found = re.match(r"(\S+) was not found", wrong.said) if wrong else None
    return found[1] if found else ""


def without(text: str, name: str) -> str:
    """Return requirements without a package."""
    either = re.sub(r"[-_.]+", "[-_.]+", name)
    return re.sub(rf"(?mi)^\s*{either}(?![A-Za-z0-9._-]).*$", "", text)


def loosened(text: str, name: str) -> str:
    """Return requirements with a package's version left open."""
    return re.sub(rf"(?mi)^(\s*{re.escape(name)}(?:\[[^\]]*\])?)\s*==[^;#\n]*", r"\1", text)


def _said(why: str) -> str:
    """Return the end of what the resolver says: the requirements themselves, or the package that there is not."""
    missing = re.search(r"[Bb]ecause (\S+ was not found[^,]*?|there is no version of \S+)(?: and you require|,)", why)
    if missing:
        return missing[1]
    required = re.findall(
        r"you require ((?:(?!you require|conclude).)+), we can conclude that your requirements are", why
    )
    return f"{required[-1]} do not go together" if required else why[:200]
