"""`.dockerignore`: which files of a folder are no part of a build."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from scripts.errors import UserError

# What a fetch or a commit changes is no reason to build anew; `!.git` in the file takes it back.
ALWAYS = "**/.git"
LONGEST = 64 * 1024  # characters of a line, of which Docker's reader takes no more


class IgnoreRules:
    """A `.dockerignore` file, with the meaning BuildKit gives it.

    Patterns are anchored at the context's root, `**` crosses folders, `!` takes back, the last match wins, and a
    pattern that matches a folder matches everything below it. `keep_git` leaves `.git` in.
    Source: https://docs.docker.com/build/concepts/context/#dockerignore-files and github.com/moby/patternmatcher
    """

    def __init__(self, text: str = "", name: str = ".dockerignore", *, keep_git: bool = False) -> None:
        """Read the patterns. Raises UserError naming the line whose pattern Docker refuses."""
        first = [] if keep_git else [(True, ALWAYS)]
        rules = [*first, *_patterns(text, name)]
        # Neighbours of one kind are one expression: forty patterns on a hundred thousand files are too many otherwise.
        runs = [
            (ignored, re.compile("|".join(_expression(pattern, name) for _, pattern in run), re.DOTALL))
            for ignored, run in groupby(rules, key=lambda rule: rule[0])
        ]
        self._runs = runs[::-1]
        self._exceptions = [pattern + "/" for ignored, pattern in rules if not ignored]

    def ignores(self, path: str) -> bool:
        """Return whether `path` (relative to the context, `/`-separated) stays out of the context."""
        return next((ignored for ignored, pattern in self._runs if pattern.match(path)), False)

    def prunes(self, folder: str) -> bool:
        """Return whether nothing below `folder` can be part of the context, so that walking it is a waste."""
        inside = folder + "/"
        # An exception with a wildcard may lie anywhere; one without lies below the folder or it does not.
        reaches = any(set("*?[\\") & set(exception) or exception.startswith(inside) for exception in self._exceptions)
        return not reaches and self.ignores(folder)


def ignore_rules(context: Path, dockerfile: Path, more: Sequence[str] = ()) -> IgnoreRules:
    """Return the rules that hold for a build: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore`,
    and after them the patterns of `more`.

    Raises UserError for a pattern that Docker refuses, and OSError where the file cannot be read.
    """
    names_git = _wants_git(dockerfile.read_bytes())
    for candidate in (dockerfile.with_name(dockerfile.name + ".dockerignore"), context / ".dockerignore"):
        if candidate.is_file():
            text = candidate.read_bytes().decode("utf-8", errors="surrogateescape")
            if "\0" in text:  # as PowerShell's `>` writes it: no pattern would match, and `.env` go into the image
                raise UserError(f"{candidate}: not UTF-8", "save it as UTF-8: it leaves nothing out as it is")
            long = next((number for number, line in enumerate(text.split("\n"), 1) if len(line) >= LONGEST), 0)
            if long:
                raise UserError(
                    f"{candidate}, line {long}: too long, Docker reads 64 kB of one", "write a pattern a line"
                )
            return IgnoreRules("\n".join([text, *more]), str(candidate), keep_git=names_git)
    return IgnoreRules("\n".join(more), keep_git=names_git)


_GIT = re.compile(
    # the folder by its name, or what asks git about the checkout
    rb"(?<![\w.])\.git(?![\w.-])|\bgit\s+(?:describe|rev-parse|log|show|rev-list|symbolic-ref|ls-files|submodule)\b"
)


def _wants_git(recipe: bytes) -> bool:
    """Return whether a Dockerfile makes use of the checkout's `.git`; a comment does not."""
    lines = (line for line in recipe.splitlines() if not line.lstrip().startswith(b"#"))
    return any(_GIT.search(line) for line in lines)


def literal(path: str) -> str:
    """Return the pattern that matches one path to the letter."""
    return re.sub(r"([][*?\\])", r"\\\1", path)


def _patterns(text: str, name: str) -> Iterator[tuple[bool, str]]:
    """Yield every pattern of a file, cleaned as Docker cleans it, with whether it ignores."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        keep = pattern.startswith("!")
        pattern = pattern[keep:].strip()
        if not pattern:
            raise _refused(name, f"line {number}: an exclamation mark without a pattern")
        pattern = posixpath.normpath(pattern).lstrip("/")
        if pattern not in ("", "."):
            yield not keep, pattern


def _expression(pattern: str, name: str) -> str:
    """Return the regular expression of a pattern, which also matches everything below. Raises UserError."""
    out = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "*" and pattern.startswith("*", index):
            index += 1 + pattern.startswith("/", index + 1)
            out.append("(?:.*/)?" if index < len(pattern) else ".*")
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            try:
                body, index = _class(pattern, index)
            except IndexError:
                raise _refused(name, f"{pattern!r}: the bracket is not closed, or holds no range") from None
            out.append(body)
        elif char == "\\":
            if index == len(pattern):
                raise _refused(name, f"{pattern!r}: nothing follows the backslash")
            out.append(re.escape(pattern[index]))
            index += 1
        else:
            out.append(re.escape(char))
    return "".join(out) + r"(?:/.*)?\Z"


def _class(pattern: str, index: int) -> tuple[str, int]:
    """Return a bracket expression from behind its `[` on, and where it ends.

    Raises IndexError where it is malformed.
    """
    negated = pattern[index] == "^"
    index += negated
    ranges: list[str] = []
    while pattern[index] != "]" or not ranges:
        low, index = _character(pattern, index)
        high = low
        if pattern[index] == "-":
            high, index = _character(pattern, index + 1)
        if low <= high:  # Docker takes a range that is upside down for an empty one
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            ranges.append("")
    body = "".join(ranges)
    inside = f"[{body}]" if body else r"(?!)"
    return (f"(?!{inside})[^/]" if negated else f"(?!/){inside}"), index + 1


def _character(pattern: str, index: int) -> tuple[str, int]:
    if pattern[index] in "-]":
        raise IndexError(index)
    index += pattern[index] == "\\"
    return pattern[index], index + 1


def _refused(name: str, problem: str) -> UserError:
    return UserError(f"{name}: {problem}", "correct the pattern: Docker refuses it too")
