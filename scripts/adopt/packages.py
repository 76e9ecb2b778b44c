"""Package files of Python and JavaScript: what a folder depends on, and how it is built and started."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from scripts.adopt.tree import Place, Tree
from scripts.host import parsing

PYTHON_FILES = ("requirements.txt", "pyproject.toml", "uv.lock", "Pipfile")
LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lockb", "bun.lock")
_TELLS = re.compile(
    r"^((docker-)?compose[\w.-]*\.ya?ml|Dockerfile[\w.-]*|[\w-]+\.Dockerfile|package\.json|Chart\.yaml|alembic\.ini"
    r"|requirements\.txt|pyproject\.toml|Pipfile)$"
)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*(.*)$")


@dataclass
class Packages:
    """The packages that one folder's package files name. `wanted` maps a name to what is said of its version."""

    wanted: dict[str, str] = field(default_factory=dict)
    development: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    lock: str = ""
    python: str = ""
    files: tuple[str, ...] = ()

    def place(self, package: str) -> Place | None:
        """Return where a package is asked for."""
        return self.places.get(package)

    @property
    def loose(self) -> list[str]:
        """Return the packages without a version, where no lock says one."""
        return [] if self.lock else [name for name, version in self.wanted.items() if not _bounded(version)]


def _bounded(version: str) -> bool:
    """Return whether a version cannot grow without end: pinned, compatible, or below another."""
    return bool(re.search(r"==|~=|<|@|^\d|^~\d", version.strip()))


def join(folder: str, name: str) -> str:
    """Return a path below a folder of the tree."""
    return name if folder in (".", "") else f"{folder}/{name}"


def javascript(tree: Tree, folder: str) -> Packages | None:
    """Return what package.json says; None where there is none that can be read."""
    file = join(folder, "package.json")
    if not tree.has(file):
        return None
    try:
        data: Any = parsing.from_json(tree.text(file))
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    found = Packages(files=(file,))
    for key, into in (("dependencies", found.wanted), ("devDependencies", found.development)):
        into.update({str(name): str(version) for name, version in mapping(data.get(key)).items()})
    found.scripts = {str(name): str(line) for name, line in mapping(data.get("scripts")).items()}
    lines = tree.text(file).splitlines()
    for number, line in enumerate(lines, 1):
        if match := re.match(r'\s*"([^"]+)"\s*:', line):
            found.places.setdefault(match[1], Place(file, number))
    found.lock = next((join(folder, name) for name in LOCKS if tree.has(join(folder, name))), "")
    return found


def not_in_npm_lock(tree: Tree, lock: str, asked: Packages) -> str:
    """Return the first package that package.json asks for and npm's lock does not hold; empty where it holds all."""
    try:
        data = mapping(parsing.from_json(tree.whole(lock) or "null"))
    except ValueError:
        return ""
    held = {path.rpartition("node_modules/")[2] for path in mapping(data.get("packages"))}
    held |= set(mapping(data.get("dependencies")))
    return next((name for name in [*asked.wanted, *asked.development] if data and name not in held), "")


def in_uv_lock(tree: Tree, lock: str) -> dict[str, str]:
    """Return the packages that a lock of uv holds, the project's own among them, each with its version."""
    return dict(re.findall(r'(?m)^name = "([^"]+)"(?:\nversion = "([^"]*)")?', tree.whole(lock)))


def strange_lock(tree: Tree, asked: Packages) -> str:
    """Return the lock of uv that holds none of the packages that are asked for; empty for one that may be theirs."""
    if not asked.lock or not asked.wanted:
        return ""
    held = in_uv_lock(tree, asked.lock)
    return "" if any(name in held for name in asked.wanted) else asked.lock


def mapping(value: Any) -> dict[str, Any]:
    """Return a value that was read as the mapping it is; an empty one for any other."""
    return value if isinstance(value, dict) else {}


def python(tree: Tree, folder: str) -> Packages | None:
    """Return what requirements.txt, else Pipfile, and pyproject.toml say; None where there is none of them."""
    project, found = join(folder, "pyproject.toml"), requirements(tree, folder)
    if not found.files:
        _pipfile(tree, found, join(folder, "Pipfile"))
    if tree.has(project):
        _project(found, tree.text(project), project)
        found.files += (project,)
    # Of a project that is Poetry's alone, uv installs nothing.
    own = not tree.has(project) or re.search(r"(?m)^\[project\]", tree.text(project))
    found.lock = join(folder, "uv.lock") if own and tree.has(join(folder, "uv.lock")) else ""
    return found if found.files else None


def requirements(tree: Tree, folder: str) -> Packages:
    """Return what requirements.txt alone says, which an image may be made from whatever else lies beside it."""
    found, file = Packages(), join(folder, "requirements.txt")
    limits: dict[str, str] = {}
    for line, place, limit in _lines(tree, file, limit=False):
        if limit:
            match = _REQUIREMENT.match(line)
            limits |= {_plain(match[1]): match[3]} if match else {}
        else:
            _add(found, line.split(";")[0], place)
    for name, version in limits.items():
        if name in found.wanted and not _bounded(found.wanted[name]):
            found.wanted[name] = version
    if tree.has(file):
        found.files += (file, *included(tree, file))
    return found


def included(tree: Tree, file: str) -> dict[str, Place]:
    """Return the files that requirements name by `-r` and `-c`, and those that these name, each with the place."""
    found: dict[str, Place] = {}
    for line, place, _ in _lines(tree, file, limit=False):
        inner = _named(line, place.file)
        if inner != file and tree.has(inner):
            found.setdefault(inner, place)
    return found


def whole_text(tree: Tree, file: str) -> str:
    """Return requirements with what the files hold that they name, and without limits on what they do not ask for."""
    if not included(tree, file):
        return tree.text(file)
    asked = requirements(tree, folder_of(file)).wanted
    lines = _lines(tree, file, limit=False)
    kept = (
        line for line, _, limit in lines if not limit or ((it := _REQUIREMENT.match(line)) and _plain(it[1]) in asked)
    )
    return "\n".join(one for one in kept if not _INCLUDES.match(one)) + "\n"


_INCLUDES = re.compile(r"\s*(-r|--requirement|-c|--constraint)[=\s]\s*([^\s#:]+)\s*(?:#.*)?$")


def _named(line: str, file: str) -> str:
    """Return the file that a line of requirements names; `.` where it names none."""
    named = _INCLUDES.match(line)
    return os.path.normpath(join(folder_of(file), named[2]) if named else "")


def _lines(tree: Tree, file: str, *, limit: bool, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Place, bool]]:
    """Yield (line, place, whether it only limits a version) of requirements, and of the files that they name."""
    for number, line in enumerate(tree.text(file).splitlines(), 1):
        yield re.sub(r"(^|\s)#.*", "", line), Place(file, number), limit
        inner = _named(line, file)
        if tree.has(inner) and inner not in (*above, file):
            only = limit or line.lstrip().startswith(("-c", "--constraint"))
            yield from _lines(tree, inner, limit=only, above=(*above, file))


def _pipfile(tree: Tree, found: Packages, file: str) -> None:
    """Take up what Pipenv's file asks for, where there is one."""
    if not tree.has(file):
        return
    found.files += (file,)
    try:
        data = parsing.from_toml(tree.text(file))
    except parsing.Unreadable:
        return
    text = tree.text(file)
    for name, said in mapping(data.get("packages")).items():
        version = said if isinstance(said, str) else str(mapping(said).get("version", ""))
        line = re.search(rf"(?m)^[\"']?{re.escape(name)}[\"']?\s*=", text)
        _add(found, f"{name} {version.replace('*', '')}", Place.at(file, text, line.start()) if line else Place(file))
    version = mapping(data.get("requires")).get("python_version", "")
    found.python = f"=={version}.*" if version else ""


def _project(found: Packages, text: str, file: str) -> None:
    try:
        data = parsing.from_toml(text)
    except parsing.Unreadable:
        return
    own = mapping(data.get("project"))
    found.python = str(own.get("requires-python", "")) or found.python
    lines = text.splitlines()
    for item in own.get("dependencies", []) if isinstance(own.get("dependencies"), list) else []:
        number = next((number for number, line in enumerate(lines, 1) if str(item) in line), 0)
        _add(found, str(item).split(";")[0], Place(file, number))
    poetry = mapping(mapping(mapping(data.get("tool")).get("poetry")).get("dependencies"))
    for name, version in poetry.items():
        if name != "python":
            _add(found, f"{name} {version if isinstance(version, str) else ''}", Place(file))


def _add(found: Packages, line: str, place: Place) -> None:
    match = _REQUIREMENT.match(line)
    if match and not line.lstrip().startswith("-"):
        name = _plain(match[1])
        found.wanted[name] = match[3]
        found.places[name] = place


def _plain(name: str) -> str:
    """Return a package's name as all its spellings are told."""
    return name.lower().replace("_", "-").replace(".", "-")


def unreadable(tree: Tree) -> Iterator[str]:
    """Yield a line for each file that is not what it should be, and so says nothing."""
    for file in tree.files:
        if _TELLS.match(PurePosixPath(file).name) and (why := tree.unread(file)):
            yield f"{file}: not read: {why}"
    for file in tree.named("package.json", "pyproject.toml", "Pipfile"):
        if tree.unread(file):
            continue
        try:
            parsing.from_json(tree.text(file)) if file.endswith(".json") else parsing.from_toml(tree.text(file))
        except parsing.Unreadable as error:
            kind = "JSON" if file.endswith(".json") else "TOML"
            why = parsing.TOO_DEEP if error.problem == parsing.TOO_DEEP else f"no {kind}"
            yield f"{file}{f':{error.line}' if error.line else ''}: not read: {why}"


def folder_of(file: str) -> str:
    """Return the folder of a file of the tree."""
    return str(PurePosixPath(file).parent)
