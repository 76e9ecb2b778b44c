"""Files and packages that a page's sources import and that nothing brings: its build would end there."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from scripts.adopt import javascript_source
from scripts.adopt.packages import join
from scripts.adopt.tree import Place, Tree

SOURCES = (".ts", ".tsx", ".js", ".jsx", ".mjs")
_IMPORT = re.compile(
    r"""(?m)^\s*(?:import\b(?!\s+type\b)[^"'\n;]*?(?:\bfrom\s*)?|export\b[^"'\n;]*\bfrom\s*|\}\s*from\s*)["']([^"'?\n]+)["']"""
)
_WITH_TYPES = re.compile(_IMPORT.pattern.replace(r"(?!\s+type\b)", ""))
_IN_ANY_WAY = re.compile(r"""\b(?:from\s*|import\s*\(?\s*|require\(\s*)["']([^"'?\n]+)["']""")
_ENDS = ("", *SOURCES, ".cts", ".mts", ".cjs", ".json", ".d.ts", *(f"/index{end}" for end in SOURCES))


_ENTRY = re.compile(
    r"^(src/)?app/(.*/)?(page|layout|route|template|error|not-found|loading|default|global-error)\.\w+$"
    r"|^(src/)?pages/.*\.\w+$|^(src/)?(middleware|proxy|instrumentation|main|index)\.\w+$"
)


_OWN = ("@/", "./", "../")


def imports(tree: Tree, folder: str) -> dict[str, Place]:
    """Return what a page imports of its own sources and is not there, each with its first place: by what it loads from
    its pages on. What programs make is left alone.
    """
    found: dict[str, Place] = {}
    for said, place, there in _loaded(tree, folder):
        if said.startswith(_OWN) and there is not None and not there and not _MADE.search(said):
            found.setdefault(said, place)
    return found


def unexported(tree: Tree, folder: str) -> dict[tuple[str, str], Place]:
    """Return what a page takes by name of its own modules and none of them exports, as (module, name), each with its
    first place.
    """
    meant: dict[str, dict[str, list[str]]] = {}
    for said, place, there in _loaded(tree, folder):
        if said.startswith(_OWN) and there and not _MADE.search(said):
            meant.setdefault(place.file, {})[said] = there
    return {
        (said, name): place
        for file, modules in reversed(meant.items())
        for said, name, place in reversed([*javascript_source.taken(tree.text(file), file)])
        if said in modules and not any(_exports(tree, folder, one, name) for one in modules[said])
    }


def _exports(tree: Tree, folder: str, file: str, name: str, seen: tuple[str, ...] = ()) -> bool:
    """Return whether a file exports a name, by other files as well, or may do so: where that cannot be told."""
    found = javascript_source.exports(tree.text(file), file) if file.endswith(SOURCES) and tree.has(file) else None
    if found is None or name in found.names or file in seen:
        return file not in seen
    if not found.whole or name == "default":
        return False
    others = {said: there for said, _, there in _imports(tree, folder, [file])}
    return any(
        not (there := others.get(said)) or any(_exports(tree, folder, one, name, (*seen, file)) for one in there)
        for said in found.whole
    )


def strays(tree: Tree, folder: str) -> dict[str, Place]:
    """Return the TypeScript files of a page that none of its pages loads and that import what is not there, each with
    the place that does: a build checks their types all the same, and ends there.
    """
    own = {file for file in tree.below(folder) if file.endswith((".ts", ".tsx")) and not file.endswith(".d.ts")}
    own -= set(_entries(tree, folder)).union(*(there or () for _, _, there in _loaded(tree, folder)))
    found: dict[str, Place] = {}
    wanted = {file: list(_imports(tree, folder, [file], _WITH_TYPES)) for file in own}
    while fresh := {
        file: place
        for file, all_of_it in wanted.items()
        for said, place, there in reversed(all_of_it)
        if file not in found
        and said.startswith(_OWN)
        and there is not None
        and not set(there) - found.keys()
        and not _MADE.search(said)
    }:
        found |= fresh
    return dict(sorted(found.items()))


def unloaded(tree: Tree, folder: str) -> set[str]:
    """Return the sources of a page that none of its pages loads, in whatever way; none where it has no pages."""
    waiting = _entries(tree, folder)
    seen = set(waiting)
    for _, _, files in _imports(tree, folder, waiting, _IN_ANY_WAY):
        fresh = [one for one in files or () if one not in seen]
        seen.update(fresh)
        waiting += (one for one in fresh if one.endswith(SOURCES))
    own = {file for file in tree.below(folder) if file.endswith(SOURCES)}
    return own - seen if has_pages(tree, folder) else set()


def packages(tree: Tree, folder: str, asked: Collection[str], lock: str) -> dict[str, Place]:
    """Return the packages that a page loads, which are not `asked` for and not in the text of its lock, each with its
    first place.
    """
    mapped = tuple(re.findall(r'"([^"*\s]+)\*?"\s*:\s*\[', _settings(tree, folder)))
    found: dict[str, Place] = {}
    for said, place, there in _loaded(tree, folder):
        name = re.match(r"(@[a-z0-9][\w.-]*/[\w.-]+|[a-z][\w.-]*)(/|$)", said)
        if not name or there or there is None or name[1] in asked or _BROUGHT.fullmatch(name[1]):
            continue
        if not said.startswith(mapped or ("@/",)):
            held = f'node_modules/{name[1]}"' in lock or re.search(rf"(^|[\s\"'/]){re.escape(name[1])}@", lock)
            found |= {} if held or name[1] in found else {name[1]: place}
    return found


# What Node and the framework bring.
_BROUGHT = re.compile(
    "assert|async_hooks|buffer|child_process|cluster|constants|crypto|dgram|dns|events|fs|http2?|https|inspector|module|net"
    "|os|path|perf_hooks|process|querystring|readline|stream|string_decoder|timers|tls|tty|url|util|v8|vm|worker_threads"
    "|zlib|client-only|server-only|next|react|react-dom"
)


def _loaded(tree: Tree, folder: str) -> Iterator[tuple[str, Place, list[str] | None]]:
    """Yield what a page's sources import, from its pages on."""
    waiting = _entries(tree, folder)
    seen = set(waiting)
    for said, place, files in _imports(tree, folder, waiting):
        yield said, place, files
        fresh = [one for one in files or () if one not in seen and one.endswith(SOURCES) and tree.has(one)]
        seen.update(fresh)
        waiting += fresh


_SCRIPT = re.compile(r"""<script\b[^>]*\bsrc=["'](?:\./|/)?([^"':?]+\.[jt]sx?)["']""")


def _entries(tree: Tree, folder: str) -> list[str]:
    """Return the sources that a page begins with: those that its index.html loads, else those of its routes, which
    are what Next.js looks at alone.
    """
    routed = re.search(r'"next"\s*:', tree.text(join(folder, "package.json")))
    scripts = [join(folder, one) for one in _SCRIPT.findall(tree.text(join(folder, "index.html")))]
    if not routed and (found := [file for file in scripts if tree.has(file)]):
        return found
    own = (file for file in tree.below(folder) if file.endswith(SOURCES))
    return [file for file in own if _ENTRY.search(file if folder == "." else file[len(folder) + 1 :])]


def _imports(
    tree: Tree, folder: str, waiting: list[str], pattern: re.Pattern[str] = _IMPORT
) -> Iterator[tuple[str, Place, list[str] | None]]:
    """Yield what files import, each with its place and the files it means: None where nothing says what it stands for.
    More may be put behind those that are waiting meanwhile.
    """
    settings = _settings(tree, folder)
    aliases, base = _aliases(settings, folder), _base(settings)
    while waiting:
        file = waiting.pop(0)
        text = tree.text(file)
        for match in pattern.finditer(text):
            here, said = file.rpartition("/")[0] or ".", match[1]
            bare = [] if base is None else [join(join(folder, base) if base else folder, said)]
            starts = _meant(said, aliases) if said.startswith("@/") else [join(here, said)]
            files = [it for start in (starts if said.startswith(_OWN) else bare) for it in _files(tree, start)]
            unknown = said.startswith("@/") and not starts
            yield said, Place.at(file, text, match.start(1)), None if unknown else files


def has_pages(tree: Tree, folder: str) -> bool:
    """Return whether a Next.js application has a page at all: one without any builds, and answers 404."""
    page = re.compile(r"^(src/)?(app/(.*/)?(page|route)\.\w+|pages/(?!api/|_)(.*/)?[^/]+\.\w+)$")
    return any(page.search(file if folder == "." else file[len(folder) + 1 :]) for file in tree.below(folder))


def _files(tree: Tree, path: str) -> list[str]:
    """Return the files, or the folder, that an import of a path may mean, by whichever case of letters: Windows and
    macOS make no difference, and so may who wrote it.
    """
    whole = os.path.normpath(path)
    bare = re.sub(r"\.(js|jsx|mjs)$", "", whole)  # TypeScript is imported by the name of what it becomes
    names = [f"{one}{end}" for one in dict.fromkeys((whole, bare)) for end in _ENDS]
    found = [tree.spelled(name) for name in names if (tree.root / name).exists()]
    return found or [tree.spelled(name) for name in names if tree.spelled(name) != name]


def misspelled(tree: Tree, folder: str) -> dict[str, tuple[str, Place]]:
    """Return the imports of a page that differ from the names of files in the case of letters, each as it has to be and
    with its first place; not those that are right elsewhere, where they mean another file.
    """
    found: dict[str, tuple[str, Place]] = {}
    right: set[str] = set()
    for said, place, there in _loaded(tree, folder):
        tail = re.sub(r"^(@/|(\.{1,2}/)+)", "", said)
        at = there[0].lower().rfind(f"/{tail}".lower()) + 1 if there and said.startswith(_OWN) else 0
        own = said.removesuffix(tail) + there[0][at : at + len(tail)] if there and at else said
        right |= {said} if own == said else set()
        if own != said:
            found.setdefault(said, (own, place))
    return {said: own for said, own in found.items() if said not in right}


_MADE = re.compile(r"generated|\.prisma|\.next|\.velite|\.contentlayer|\.svelte-kit|/dist/|paraglide")


def _meant(said: str, aliases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the paths that an import by an alias may mean: those of the longest alias that it begins with."""
    alias = max((one for one in aliases if said.startswith(one)), key=len, default="")
    return [join(folder, said[len(alias) :]) for folder in aliases[alias]] if alias else []


def _base(settings: str) -> str | None:
    """Return the folder that bare imports are looked for in, as tsconfig.json says; None where it does not."""
    found = re.search(r'"baseUrl"\s*:\s*"\.?/?([^"]*)"', settings)
    return found[1].strip("/") if found else None


def _aliases(settings: str, folder: str) -> dict[str, list[str]]:
    """Return the folders that `@/`, or what begins so, stands for, as tsconfig.json says; none where it says nothing
    of it.
    """
    above = _base(settings) or ""
    found = {
        match[1]: [
            join(folder, join(above, root).strip("/") or ".") for root in re.findall(r'"\.?/?([^"]*?)/?\*"', match[2])
        ]
        for match in re.finditer(r'"(@/[^"*]*)\*"\s*:\s*\[([^\]]*)\]', settings)
    }
    return found if "@/" in found else {}


def _settings(tree: Tree, folder: str) -> str:
    """Return the file that says what a page's imports stand for: the first that maps `@/`, else the first."""
    names = [join(folder, name) for name in ("tsconfig.json", "tsconfig.app.json", "jsconfig.json")]
    texts = [tree.text(name) for name in names if tree.has(name)]
    return next((text for text in texts if '"@/*"' in text), next(iter(texts), ""))


def ignored_by(tree: Tree, path: str) -> str:
    """Return the line of a .gitignore that keeps a path's folder out of the repository; empty for none."""
    parts = path.split("/")
    for file in sorted(one for one in tree.files if one.rpartition("/")[2] == ".gitignore"):
        if not path.startswith(file.removesuffix(".gitignore")):
            continue
        for number, line in enumerate(tree.text(file).splitlines(), 1):
            if (name := line.strip().strip("/")) and not line.startswith(("#", "!")) and name in parts[:-1]:
                return f"{file}:{number} leaves out {line.strip()}"
    return ""
