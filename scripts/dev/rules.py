"""Map files of a build context to their places in the container, and to what a change of them asks for. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from pathlib import Path

from scripts.dockerfiles import reading
from scripts.dockerfiles.ignore import IgnoreRules
from scripts.errors import SettingsError

BUILT = (
    "Dockerfile*", "*.Dockerfile", "*.dockerignore", "requirements*.txt", "requirements*.in", "constraints*.txt",
    "pyproject.toml", "setup.py", "setup.cfg", "poetry.lock", "uv.lock", "Pipfile", "Pipfile.lock", "package.json",
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", ".npmrc",
)  # fmt: skip
"""Names of files that decide what an image has installed: a change of one needs a build."""

_BUILT = re.compile("|".join(map(translate, BUILT)))

# What editors and file systems keep beside a file while it is open or saved: opening one in an editor changes nothing.
_SCRATCH = re.compile(
    r"\..+\.sw[a-z]{1,2}|4913|.+~|\.#.+|#.+#|.+___jb_(?:tmp|old|bak)___|\.goutputstream-\w+|\..+\.kate-swp|sed[A-Za-z0-9]{6}|"
    r"\.nfs[0-9a-f]{8,}|\.DS_Store|\.fuse_hidden\w+"
)

SYSTEM = ("/", "/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var")
"""Folders that no writable copy is laid over."""


@dataclass(frozen=True)
class Rule:
    """A rule that `source` in the build context (all of it where that is empty) lies at `target` in the container."""

    source: str
    target: str
    folder: bool = True

    def place(self, path: str) -> str | None:
        """Return where a file of the context lies in the container, by this rule."""
        if path == self.source:
            return self.target
        prefix = f"{self.source}/" if self.source else ""
        if self.folder and path.startswith(prefix):
            return posixpath.join(self.target, path.removeprefix(prefix))
        return None

    @property
    def root(self) -> str:
        """Return the folder in the container that has to be writable."""
        return self.target if self.folder else posixpath.dirname(self.target)


def of_dockerfile(text: str, target: str, context: Path) -> tuple[Rule, ...]:
    """Return the rules that the COPY lines of an image's stage give: its last one, or the one named `target`."""
    stages = reading.stages(text)
    stage = next((item for item in stages if item.name == target), None) if target else stages[-1] if stages else None
    rules = [rule for copy in (stage.copies if stage else ()) for rule in _of_copy(copy, context)]
    return tuple(rule for rule in rules if _usable(rule, context))


def _of_copy(copy: reading.Copy, context: Path) -> Iterable[Rule]:
    for pattern in copy.sources:
        relative = posixpath.normpath(pattern.lstrip("/"))
        found = sorted(context.glob(relative)) if set("*?[") & set(relative) else [context / relative]
        for path in found:
            name = path.relative_to(context).as_posix() if path != context else ""
            if path.is_dir():
                yield Rule("" if name == "." else name, copy.target.rstrip("/") or "/")
            elif path.is_file():
                place = posixpath.join(copy.target, path.name) if copy.target.endswith("/") else copy.target
                yield Rule(name, place, folder=False)


def _usable(rule: Rule, context: Path) -> bool:
    """Return a single file beside package.json is rebuilt: a writable copy of that folder would hold all that is
    installed.
    """
    if rule.root in SYSTEM or (not rule.folder and is_built(rule.source)):
        return False
    return rule.folder or not (context / posixpath.dirname(rule.source) / "package.json").is_file()


def check(rules: Sequence[Rule], context: Path, ignored: IgnoreRules, key: str) -> None:
    """Raise SettingsError naming the rule that leads out of the build context, or over a folder of the system."""
    for number, rule in enumerate(rules):
        where = f"{key}.{number}"
        if rule.source.startswith("/"):
            raise SettingsError(f"{where}.from: {rule.source} is absolute", f"name it as it is called in {context}")
        if rule.source.startswith("..") or not (context / rule.source).resolve().is_relative_to(context.resolve()):
            raise SettingsError(
                f"{where}.from: {rule.source!r} is outside of {context}", "name a folder in the context"
            )
        if not (context / rule.source).exists():
            raise SettingsError(f"{where}.from: there is no {context / rule.source}", "name a folder in the context")
        if ignored.prunes(rule.source) if rule.folder else ignored.ignores(rule.source):
            raise SettingsError(
                f"{where}.from: {rule.source!r} is left out of the build context by .dockerignore or `ignore`",
                "take it out there, or leave this rule out",
            )
        if rule.root in SYSTEM:
            raise SettingsError(
                f"{where}.to: {rule.target} lies in a folder of the system", "name the program's own folder, as /app"
            )


def roots(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return the folders of the container that a writable copy is laid over, none within another."""
    kept: list[str] = []
    for root in sorted({rule.root for rule in rules}):
        if not any(root == outer or root.startswith(f"{outer}/") for outer in kept):
            kept.append(root)
    return tuple(kept)


def is_built(path: str) -> bool:
    """Return whether a change of this file needs a build whatever the rules say."""
    return _BUILT.match(path.rpartition("/")[2]) is not None


def is_scratch(path: str) -> bool:
    """Return whether a file is an editor's own, there only while another one is worked on."""
    return _SCRATCH.fullmatch(path.rpartition("/")[2]) is not None


def is_read(path: str, sources: Sequence[str] | None) -> bool:
    """Return whether an image that takes `sources` from its build context may hold a file of it."""
    parts = path.split("/")
    return sources is None or any(_leads_to(posixpath.normpath(source.lstrip("/") or "."), parts) for source in sources)


def _leads_to(source: str, parts: Sequence[str]) -> bool:
    steps = source.split("/")
    if source == "." or "**" in source:
        return True
    return len(steps) <= len(parts) and all(map(fnmatchcase, parts, steps))


def places(path: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return everywhere a file of the context lies in the container; nowhere if a change of it needs a build."""
    if is_built(path):
        return ()
    return tuple(dict.fromkeys(place for rule in rules if (place := rule.place(path)) is not None))
