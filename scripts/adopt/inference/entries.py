"""Find a Python program's entry point: the file, and in it the application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from scripts.adopt import folder_kinds, needed, python_source, units
from scripts.adopt.packages import folder_of, join
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit

# Of a command: the module and its application, `app.main:app`.
NAMED = re.compile(r"(?<![\w./-])([A-Za-z_][\w.]*):(\w+)")
ABOVE = "/above"  # of an image: there a link by the program's own name leads to its folder
_FACTORY = r"(?:create|make|build|get)_(?:\w+_)?app(?:lication)?"
_APPLICATIONS = {  # by kind, the best first; the last of FastAPI's is a function that makes one
    "fastapi": (
        rf"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(?:FastAPI|{_FACTORY})\(",
        r"^(?:if|else|try|except)\b[^\n]*:[^\n]*\n(?:[ \t]+[^\n]*\n|[ \t]*\n)*?[ \t]+(\w+)\s*=\s*(?:\w+\.)?FastAPI\(",
        r"^(\w+)\s*=\s*(?:\w+\.)?(?:Starlette|streamable_http_app|http_app|sse_app)\(",
        rf"^def ({_FACTORY})\((?=[\s\S]*\bFastAPI\()",
    ),
    "flask": (r"^(\w+)\s*=\s*(?:\w+\.)?Flask\(", r"^def (create_app)\("),
}


def find_application(tree: Tree, unit: Unit) -> tuple[Place, str, bool] | None:
    """Return where a program's application object is made: its place, its name, and whether that is of a function."""
    for pattern in _APPLICATIONS.get(unit.kind, ()):
        for file in dict.fromkeys([main_file(unit, tree), *main_files(tree, unit)]):
            if match := re.search(pattern, tree.text(file), re.M) if file else None:
                return Place.at(file, match.string, match.start()), match[1], pattern.startswith("^def")
    return None


def main_files(tree: Tree, unit: Unit) -> list[str]:
    """Return the files in which a program may begin, the likeliest first."""
    order = ("main.py", "app.py", "server.py", "api.py", "worker.py", "run.py", "__init__.py")
    files = [file for file in tree.below(unit.sources) if file.endswith(".py") and not folder_kinds.TESTS.search(file)]
    return sorted(files, key=lambda file: (_rank(file, order), file.count("/"), file))


def _rank(file: str, order: Sequence[str]) -> int:
    name = PurePosixPath(file).name
    return order.index(name) if name in order else len(order)


def module_name(unit: Unit, file: str) -> str:
    """Return a file of a service as Python imports it."""
    path = PurePosixPath(file)
    relative = path.relative_to(unit.sources) if unit.sources != "." else path
    return ".".join(relative.with_suffix("").parts).removesuffix(".__init__")


def folder_name(tree: Tree, unit: Unit) -> str:
    """Return the name by which Python knows a program's folder from above it."""
    return PurePosixPath(unit.sources).name or tree.root.name


def own_name(tree: Tree, unit: Unit) -> str:
    """Return the name by which a program knows its own folder, which is started from above it then: its command names
    it so, or its first file imports its neighbours by it or relatively, or those of a package in it relatively and
    others by it, or relatively what lies above them within it; empty where it is started from within.
    """
    name, main = folder_name(tree, unit), main_file(unit, tree)
    told = [word.split(".")[1] for word in modules(_command(tree, unit)) if word.startswith(f"{name}.")]
    above = any(_is_neighbour(tree, unit, name, one) for one in told)
    relative = bool(main) and bool(re.search(r"(?m)^\s*from \.", tree.text(main)))
    if name.isidentifier() and (above or (relative and str(PurePosixPath(main).parent) == unit.sources)):
        return name
    by_name, bare = by_own_name(tree, unit)
    if by_name and (by_name.file == main or (relative and not bare)):
        return name
    within = module_name(unit, main) if main and name.isidentifier() else ""
    refused = within and any(needed.beyond_the_top(tree, unit.sources, main, within))
    return name if refused and not any(needed.beyond_the_top(tree, unit.sources, main, f"{name}.{within}")) else ""


def known_by_name(tree: Tree, unit: Unit) -> tuple[str, Place | None, Place | None]:
    """Return the name of a program's folder where the program knows it, else an empty one; and what `by_own_name`
    tells.
    """
    by_name, bare = by_own_name(tree, unit)
    return folder_name(tree, unit) if by_name or own_name(tree, unit) else "", by_name, bare


def by_own_name(tree: Tree, unit: Unit) -> tuple[Place | None, Place | None]:
    """Return where a program that starts imports its neighbours by its folder's name first, and where by their bare
    names one that it imports by that name as well, as two modules.
    """
    name, main = folder_name(tree, unit), main_file(unit, tree)
    named = re.compile(rf"(?m)^\s*(?:from|import) {re.escape(name)}\b")
    files = (file for file in tree.below(unit.sources) if file.endswith(".py"))
    if not (name.isidentifier() and main and any(named.search(tree.text(file)) for file in files)):
        return None, None
    known: dict[str, Place] = {}
    bare: dict[str, Place] = {}
    for file, module, names, line in needed.at_start(tree, unit.sources, main):
        first, _, rest = module.partition(".")
        for one in [rest.split(".")[0]] if rest else names:
            if first == name and _is_neighbour(tree, unit, name, one):
                known.setdefault(one, Place(file, line))
        bare.setdefault(first, Place(file, line))
    return next(iter(known.values()), None), next((bare[one] for one in known if one in bare), None)


def _is_neighbour(tree: Tree, unit: Unit, name: str, module: str) -> bool:
    """Return whether a module lies in a program's folder, and not in one of the folder's name inside it."""
    inner = join(join(unit.sources, name), module)
    return _is_module(tree, join(unit.sources, module)) and not _is_module(tree, inner)


def _is_module(tree: Tree, path: str) -> bool:
    """Return whether a path is that of a module: a file, or a folder with one."""
    return tree.has(f"{path}.py") or any(file.endswith(".py") for file in tree.below(path))


def _command(tree: Tree, unit: Unit) -> str:
    """Return the command of a service's Dockerfile; where it has none, what compose files and manifests start it by;
    where these name no program, what its author's scripts do.
    """
    commands = [unit.dockerfile.command] if unit.dockerfile else [item.command for item in unit.described]
    words = " ".join(word for command in commands for word in command)
    return words if _named(words) else f"{words} {told_by_author(tree, unit)[0]}"


# What an author starts a program by, the surest first: what a host runs, scripts, what people are told.
_SCRIPTS = (
    re.compile(r"Procfile"),
    re.compile(r".*\.(sh|bat|cmd|ps1)|[Mm]akefile|[Jj]ustfile|package\.json|(railway|nixpacks|fly|render)\.\w+"),
    re.compile(r"README\.md", re.I),
    re.compile(r".*\.py"),
)


def told_by_author(tree: Tree, unit: Unit) -> tuple[str, Place | None]:
    """Return (command, place) of what the files beside a Python program say that it is started by, or those above its
    folder that name it from there; an empty command for nothing.
    """
    above = [parent.as_posix() for parent in PurePosixPath(unit.sources).parents] if unit.sources != "." else []
    folders = [unit.sources, *above]
    found = [
        (rank, folders.index(folder_of(file)), file)
        for file in tree.files
        if folder_of(file) in folders
        for rank, pattern in enumerate(_SCRIPTS)
        if pattern.fullmatch(PurePosixPath(file).name)
    ]
    for _, far, file in sorted(found):
        text = tree.text(file)
        for line in re.finditer(r"[^\n]*(?:corn\b|python[\d.]* -m )[^\n]*", text):
            for module in modules(line[0]):
                base = next((it for it in folders if tree.has(join(it, module.replace(".", "/") + ".py"))), "")
                meant = join(base, module.replace(".", "/") + ".py") if base else ""
                own = folder_kinds.is_within(meant, unit.sources) and (base != unit.sources or not far)
                if base and own and meant != file and _has(tree, meant, module, line[0]):
                    return line[0], Place.at(file, text, line.start())
    return "", None


def _has(tree: Tree, file: str, module: str, command: str) -> bool:
    """Return whether a file has the application that a command wants of it as a module."""
    name = dict(NAMED.findall(command)).get(module)
    return name is None or python_source.binds(tree.text(file), name)


def modules(command: str) -> list[str]:
    """Return the modules that a command names: of `uvicorn app.main:app` and `python -m app.main`."""
    return [module for module, _ in NAMED.findall(command)] + re.findall(r" -m ([A-Za-z_][\w.]*)", command)


def _named(command: str) -> list[str]:
    """Return the modules and files of Python that a command names."""
    return modules(command) + re.findall(r"([\w/.-]+)\.py\b", command)


def start_of(tree: Tree, unit: Unit, file: str, built: bool = True) -> tuple[str, str]:
    """Return (folder to start in, module): as its own Dockerfile names it; a file that imports its neighbours by
    their bare
    names is started beside them, and one that imports them relatively from above its package. `built` says that the
    product's builder makes the image, which has nothing above the program's folder but a link to it.
    """
    if name := own_name(tree, unit):
        return ABOVE if built else "", f"{name}.{module_name(unit, file)}".removesuffix(".__init__")
    folder, parts = str(PurePosixPath(file).parent), module_name(unit, file).split(".")
    command = " ".join(unit.dockerfile.command) if unit.dockerfile else ""
    for told in (module.split(".") for module, _ in NAMED.findall(command)):
        meant = join(unit.sources, "/".join(told) + ".py")
        if parts[-len(told) :] == told and (meant == file or not tree.has(meant)):
            return "/".join(parts[: -len(told)]), ".".join(told)
    if re.search(r"(?m)^\s*from \.", tree.text(file)):
        inner = len(parts) - 1
        above = [join(unit.sources, "/".join(parts[:count])) for count in range(inner, 0, -1)]
        depth = next((index for index, one in enumerate(above) if not tree.has(f"{one}/__init__.py")), inner) or 1
        known = range(max(inner - depth, 0), -1, -1)  # its package, or one further above where its files lead there
        names = {one: ".".join(parts[one:]) for one in known}
        whole = (one for one in known if not any(needed.beyond_the_top(tree, unit.sources, file, names[one])))
        first = next(whole, known[0])
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
    """Return the file that starts a Python program: what its command names, else what its author's scripts and README
    say that it is started by, else where its app is made.
    """
    words = _command(tree, unit)
    folders = ["", *re.findall(r"(?:--app-dir|--chdir)[= ](?:\./|/app/)?([\w./-]+)", words)]
    for name in _named(words):
        parts = name.replace(".", "/").strip("/").split("/")
        for folder in (join(unit.sources, one) if one else unit.sources for one in folders):
            for first in range(len(parts)):  # the command may be given from above the folder
                if tree.has(file := join(folder, "/".join(parts[first:]) + ".py")) and _has(tree, file, name, words):
                    return file
    mains = main_files(tree, unit)
    made = (file for file in mains if re.search(r"=\s*(\w+\.)?(FastAPI|Flask)\(", tree.text(file)))
    return next(made, next((file for file in mains if "__main__" in tree.text(file)), ""))


def vite_files(tree: Tree, unit: Unit) -> list[str]:
    """Return the files in which a page's author tells Vite what its server does."""
    return [file for file in tree.below(unit.sources) if re.search(r"(^|/)vite\.config\.[cm]?[jt]s$", file)]


def take_whole(tree: Tree, chosen: Sequence[Unit]) -> Iterator[str]:
    """Make a server that cannot start, since the repository does not hold a module of its own, from the one folder in
    its own that holds a whole one of the same make and is no service yet; yield a line for each.
    """
    for unit in chosen:
        gone = _gone(tree, unit)
        if not gone:
            continue
        taken = {one.sources for one in chosen}
        below = [one for one in units.programs(tree, unit.place.file) if folder_kinds.is_within(one, unit.sources)]
        meant: list[tuple[str, str]] = []
        for folder in (one for one in below if one not in taken):
            file = join(folder, "Dockerfile")
            file, trial = file if tree.has(file) else "", replace(unit)
            if (
                units.become(tree, trial, folder, file)
                and trial.kind == unit.kind
                and find_application(tree, trial)
                and not _gone(tree, trial)
            ):
                meant.append((folder, file))
        if len(meant) == 1:
            said = f"{gone[0]}: {unit.name} imports {gone[1]}, which the repository does not hold"
            units.become(tree, unit, *meant[0])
            yield f"{said}; it is made from {unit.sources} in place of {folder_of(gone[0].file)}"


def _gone(tree: Tree, unit: Unit) -> tuple[Place, str] | None:
    """Return the first module of its own that a server in Python lacks, and where it imports it."""
    main = main_file(unit, tree) if unit.python and unit.kind in folder_kinds.CALLED else ""
    return next(((place, module) for place, module, _ in needed.lost(tree, unit.sources, main)), None) if main else None
