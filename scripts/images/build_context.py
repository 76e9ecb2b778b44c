"""Content digests: an image's tag is computed from everything that goes into it, and from nothing else."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

TAG_LENGTH = 16  # hexadecimal digits: 64 bits, far beyond an accidental clash, still readable


class IgnoreRules:
    """A `.dockerignore` file, with the meaning BuildKit gives it.

    Patterns are anchored at the context's root, `**` crosses folders, `!` takes back, the last match wins, and a
    pattern that matches a folder matches everything below it.
    Source: https://docs.docker.com/build/concepts/context/#dockerignore-files
    """

    def __init__(self, text: str = "") -> None:
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        self._exceptions: list[str] = []
        for line in text.lstrip("\ufeff").splitlines():
            pattern = line.strip()
            if not pattern or line.startswith("#"):
                continue
            keep = pattern.startswith("!")
            pattern = os.path.normpath(pattern[keep:].strip()).lstrip("/")
            if pattern != ".":
                self._rules.append((not keep, _compile(pattern)))
                if keep:
                    self._exceptions.append(pattern + "/")

    def ignores(self, path: str) -> bool:
        """Whether `path` (relative to the context, `/`-separated) stays out of the context."""
        verdict = False
        for ignored, pattern in self._rules:
            if ignored != verdict and pattern.match(path):
                verdict = ignored
        return verdict

    def prunes(self, folder: str) -> bool:
        """Whether nothing below `folder` can be part of the context, so that walking it is a waste."""
        inside = folder + "/"
        # An exception with a wildcard may lie anywhere; one without lies below the folder or it does not.
        reaches = any(set("*?[") & set(exception) or exception.startswith(inside) for exception in self._exceptions)
        return not reaches and self.ignores(folder)


@lru_cache(maxsize=512)
def _compile(pattern: str) -> re.Pattern[str]:
    out = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if pattern.startswith("**/", index):
            out.append("(?:.*/)?")
            index += 3
        elif pattern.startswith("**", index):
            out.append(".*")
            index += 2
        else:
            if char == "*":
                out.append("[^/]*")
            elif char == "?":
                out.append("[^/]")
            elif char == "[" and (end := pattern.find("]", index + 1)) > 0:
                body = pattern[index + 1 : end]
                out.append("[" + ("^" + body[1:] if body[:1] in "!^" else body).replace("\\", r"\\") + "]")
                index = end
            elif char == "\\" and index + 1 < len(pattern):
                index += 1
                out.append(re.escape(pattern[index]))
            else:
                out.append(re.escape(char))
            index += 1
    return re.compile("".join(out) + r"(?:/.*)?\Z", re.DOTALL)


def ignore_rules(context: Path, dockerfile: Path) -> IgnoreRules:
    """The rules that hold for a build: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore`."""
    for candidate in (dockerfile.with_name(dockerfile.name + ".dockerignore"), context / ".dockerignore"):
        if candidate.is_file():
            return IgnoreRules(candidate.read_text(encoding="utf-8"))
    return IgnoreRules()


def context_files(context: Path, rules: IgnoreRules) -> Iterator[tuple[str, Path]]:
    """Every file and link the build would see, as (relative path, path), in a stable order."""

    def walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            relative = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if not rules.prunes(relative):
                    yield from walk(Path(entry.path), relative + "/")
            elif not rules.ignores(relative):
                yield relative, Path(entry.path)

    yield from walk(context, "")


def build_digest(context: Path, dockerfile: Path, build_args: Mapping[str, str], bases: Mapping[str, str]) -> str:
    """The tag of an image: a digest of its build context, Dockerfile, build arguments and base images' identities.

    Of a file its relative path, whether it is executable, and its bytes count; owner and times do not, as they differ
    from clone to clone. Raises OSError if a file cannot be read.
    """
    total = hashlib.sha256()

    def add(kind: str, name: str, content: bytes) -> None:
        total.update(f"{kind}\0{name}\0{len(content)}\0".encode())
        total.update(content)

    add("dockerfile", "", dockerfile.read_bytes())
    for name, value in sorted(build_args.items()):
        add("arg", name, value.encode())
    for name, identity in sorted(bases.items()):
        add("base", name, identity.encode())
    for relative, path in context_files(context, ignore_rules(context, dockerfile)):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            add("link", relative, os.fsencode(path.readlink()))
        elif stat.S_ISREG(mode):
            add("executable" if mode & stat.S_IXUSR else "file", relative, path.read_bytes())
    return total.hexdigest()[:TAG_LENGTH]
