"""Where a Python program begins: which file, and in it which application."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from scripts.adopt import units
from scripts.adopt.packages import join
from scripts.adopt.tree import Tree
from scripts.adopt.units import Unit

_FACTORY = r"(?:create|make|build|get)_(?:\w+_)?app(?:lication)?"
_APPLICATIONS = {  # by kind, the best first; the last of FastAPI's is a function that makes one
    "fastapi": (
        rf"^(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)?(?:FastAPI|{_FACTORY})\(",
        r"^(\w+)\s*=\s*(?:\w+\.)?(?:Starlette|streamable_http_app|http_app|sse_app)\(",
        rf"^def ({_FACTORY})\((?=[\s\S]*\bFastAPI\()",
    ),
    "flask": (r"^(\w+)\s*=\s*(?:\w+\.)?Flask\(", r"^def (create_app)\("),
}


def find_application(tree: Tree, unit: Unit) -> tuple[str, int, str, bool] | None:
    """Return where a program's application object is made: file, line, name, and whether that is of a function."""
    for pattern in _APPLICATIONS.get(unit.kind, ()):
        for file in dict.fromkeys([main_file(unit, tree), *main_files(tree, unit)]):
            if match := re.search(pattern, tree.text(file), re.M) if file else None:
                return file, tree.text(file)[: match.start()].count("\n") + 1, match[1], pattern.startswith("^def")
    return None


def main_files(tree: Tree, unit: Unit) -> list[str]:
    """Return the files in which a program may begin, the likeliest first."""
    order = ("main.py", "app.py", "server.py", "api.py", "worker.py", "run.py", "__init__.py")
    files = [file for file in tree.below(unit.sources) if file.endswith(".py") and not units.TESTS.search(file)]
    return sorted(files, key=lambda file: (_rank(file, order), file.count("/"), file))


def _rank(file: str, order: Sequence[str]) -> int:
    name = PurePosixPath(file).name
    return order.index(name) if name in order else len(order)


def module_name(unit: Unit, file: str) -> str:
    """Return a file of a service as Python imports it."""
    path = PurePosixPath(file)
    relative = path.relative_to(unit.sources) if unit.sources != "." else path
    return ".".join(relative.with_suffix("").parts).removesuffix(".__init__")


def start_of(tree: Tree, unit: Unit, file: str) -> tuple[str, str]:
    """(folder to start in, module): as its own Dockerfile names it; a file that imports its neighbours by their bare
    names is started beside them, and one that imports them relatively from above its package.
    """
    folder, parts = str(PurePosixPath(file).parent), module_name(unit, file).split(".")
    command = " ".join(unit.dockerfile.command) if unit.dockerfile else ""
    for told in (name.split(".") for name in re.findall(r"(?<![\w./-])([A-Za-z_][\w.]*):\w+", command)):
        if parts[-len(told) :] == told:
            return "/".join(parts[: -len(told)]), ".".join(told)
    if re.search(r"(?m)^\s*from \.", tree.text(file)):
        inner = len(parts) - 1
        above = [join(unit.sources, "/".join(parts[:count])) for count in range(inner, 0, -1)]
        depth = next((index for index, one in enumerate(above) if not tree.has(f"{one}/__init__.py")), inner) or 1
        first = max(inner - depth, 0)
        return "/".join(parts[:first]), ".".join(parts[first:])
    siblings = {
        PurePosixPath(one).stem
        for one in tree.files
        if str(PurePosixPath(one).parent) == folder and one.endswith(".py")
    }
    siblings |= {one[len(folder) + 1 :].split("/")[0] for one in tree.below(folder) if "/" in one[len(folder) + 1 :]}
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", tree.text(file), re.M))
    own = next((index for index, part in enumerate(parts[:-1]) if part in imported), 0)
    if own:  # it imports its own package by name, which lies in a folder such as src
        return "/".join(parts[:own]), ".".join(parts[own:])
    if folder != unit.sources and imported & siblings - {PurePosixPath(folder).name}:
        return str(PurePosixPath(folder).relative_to(unit.sources) if unit.sources != "." else folder), PurePosixPath(
            file
        ).stem
    return "", module_name(unit, file)


def main_file(unit: Unit, tree: Tree) -> str:
    """Return the file that starts a Python program: what its Dockerfile's command names, else where its app is made."""
    words = " ".join(unit.dockerfile.command) if unit.dockerfile else ""
    for name in re.findall(r"([\w.]+):\w+", words) + re.findall(r"([\w/.-]+)\.py\b", words):
        file = join(unit.sources, name.replace(".", "/") + ".py")
        if tree.has(file):
            return file
    mains = main_files(tree, unit)
    made = (file for file in mains if re.search(r"=\s*(\w+\.)?(FastAPI|Flask)\(", tree.text(file)))
    return next(made, next((file for file in mains if "__main__" in tree.text(file)), ""))
