"""Find the packages of a repository that one of its programs uses and that lie beside it, in a workspace. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from scripts.adopt import packages
from scripts.adopt.packages import folder_of, join, mapping
from scripts.adopt.tree import Place, Tree
from scripts.host import parsing


@dataclass(frozen=True)
class Workspace:
    """A workspace whose packages a program uses: its root, their folders, each after those that it needs itself, and
    where the program asks for the first of them.
    """

    root: str
    beside: tuple[str, ...]
    place: Place


def of_javascript(tree: Tree, folder: str) -> Workspace | None:
    """Return the workspace of npm, pnpm or yarn whose packages a program uses; None for one that uses none."""
    asked = packages.javascript(tree, folder)
    root = next((one for one in _above(folder) if _declares(tree, one)), "")
    if not asked or not root:
        return None
    patterns = _patterns(tree, root)
    members: dict[str, str] = {}
    for file in tree.named("package.json"):
        one = folder_of(file)
        inner = one if root == "." else one.removeprefix(f"{root}/")
        if one != root and any(_matches(inner, pattern) for pattern in patterns):
            members[str(_json(tree, file).get("name", ""))] = one
    members.pop("", None)
    found = list(_needed(tree, members, folder, []))
    if not found:
        return None
    names = {path: name for name, path in members.items()}
    wanted = {**asked.wanted, **asked.development}
    first = next(names[path] for path in found if names[path] in wanted)
    return Workspace(root, tuple(found), asked.place(first) or Place(asked.files[0]))


def of_python(tree: Tree, folder: str) -> Workspace | None:
    """Return the workspace of uv whose packages a program uses; None for one that uses none."""
    file = join(folder, "pyproject.toml")
    root = next((one for one in _above(folder) if "workspace" in _uv(tree, one)), "")
    used = [name for name, source in mapping(_uv(tree, folder).get("sources")).items()
            if isinstance(source, Mapping) and source.get("workspace") is True]  # fmt: skip
    if not root or not used:
        return None
    lines = tree.text(file).splitlines()
    number = next((at for at, line in enumerate(lines, 1) if re.search(rf"\b{re.escape(used[0])}\b", line)), 0)
    return Workspace(root, tuple(used), Place(file, number))


def _above(folder: str) -> list[str]:
    """Return the folders above one, the nearest first."""
    return [one.as_posix() for one in PurePosixPath(folder).parents] if folder != "." else []


def _needed(tree: Tree, members: Mapping[str, str], folder: str, seen: list[str]) -> Iterator[str]:
    """Yield the folders of members that one needs, each after those that it needs itself."""
    seen.append(folder)
    own = packages.javascript(tree, folder)
    for name in {**own.wanted, **own.development} if own else ():
        if name in members and members[name] not in seen:
            yield from _needed(tree, members, members[name], seen)
            yield members[name]


def _declares(tree: Tree, folder: str) -> bool:
    return tree.has(join(folder, "pnpm-workspace.yaml")) or "workspaces" in _json(tree, join(folder, "package.json"))


def _patterns(tree: Tree, root: str) -> list[str]:
    """Return what says which folders are members."""
    said: Any = _json(tree, join(root, "package.json")).get("workspaces")
    said = said.get("packages") if isinstance(said, Mapping) else said
    file = join(root, "pnpm-workspace.yaml")
    if tree.has(file):
        try:
            said = mapping(parsing.from_yaml(tree.text(file))).get("packages", said)
        except parsing.Unreadable:
            return []
    return [str(one).removeprefix("./").rstrip("/") for one in said] if isinstance(said, list) else []


def _matches(folder: str, pattern: str) -> bool:
    """Return whether a folder is one that a pattern means, whose star stands for one name and two for any."""
    return fnmatch.fnmatchcase(folder, pattern) and ("**" in pattern or folder.count("/") == pattern.count("/"))


def _json(tree: Tree, file: str) -> Mapping[str, Any]:
    try:
        return mapping(parsing.from_json(tree.text(file) or "null"))
    except ValueError:
        return {}


def _uv(tree: Tree, folder: str) -> Mapping[str, Any]:
    """Return what a folder's pyproject.toml tells uv."""
    try:
        return mapping(mapping(parsing.from_toml(tree.text(join(folder, "pyproject.toml"))).get("tool")).get("uv"))
    except parsing.Unreadable:
        return {}
