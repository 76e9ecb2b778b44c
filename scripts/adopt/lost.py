"""Files that a page's sources import and that the repository does not hold: its build would end there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.adopt.packages import join
from scripts.adopt.tree import Place, Tree

SOURCES = (".ts", ".tsx", ".js", ".jsx", ".mjs")
_IMPORT = re.compile(
    r"""(?m)^\s*(?:import\b(?!\s+type\b)[^"'\n;]*?(?:\bfrom\s*)?|export\b[^"'\n;]*\bfrom\s*|\}\s*from\s*)["']((?:@/|\.{1,2}/)[^"'?\n]+)["']"""
)
_ENDS = ("", *SOURCES, ".cts", ".mts", ".cjs", ".json", ".d.ts", *(f"/index{end}" for end in SOURCES))


_ENTRY = re.compile(
    r"^(src/)?app/(.*/)?(page|layout|route|template|error|not-found|loading|default|global-error)\.\w+$"
    r"|^(src/)?pages/.*\.\w+$|^(src/)?(middleware|proxy|instrumentation|main|index)\.\w+$"
)


def imports(tree: Tree, folder: str) -> dict[str, Place]:
    """Return what a page imports of its own sources and is not there, each with its first place: by what it loads from
    its pages on. What programs make is left alone.
    """
    aliases, found = _aliases(tree, folder), dict[str, Place]()
    own = (file for file in tree.below(folder) if file.endswith(SOURCES))
    waiting = [file for file in own if _ENTRY.search(file if folder == "." else file[len(folder) + 1 :])]
    seen = set(waiting)
    while waiting:
        file = waiting.pop(0)
        for match in _IMPORT.finditer(tree.text(file)):
            here, said = file.rpartition("/")[0] or ".", match[1]
            starts = _meant(said, aliases) if said.startswith("@/") else [join(here, said)]
            files = [it for start in starts for it in _files(tree.root, start)]
            if starts and not files and not _MADE.search(said):
                found.setdefault(said, Place(file, tree.text(file)[: match.start(1)].count("\n") + 1))
            fresh = [one for one in files if one not in seen and one.endswith(SOURCES) and tree.has(one)]
            seen.update(fresh)
            waiting += fresh
    return found


def has_pages(tree: Tree, folder: str) -> bool:
    """Return whether a Next.js application has a page at all: one without any builds, and answers 404."""
    page = re.compile(r"^(src/)?(app/(.*/)?(page|route)\.\w+|pages/(?!api/|_)(.*/)?[^/]+\.\w+)$")
    return any(page.search(file if folder == "." else file[len(folder) + 1 :]) for file in tree.below(folder))


def _files(root: Path, path: str) -> list[str]:
    """Return the files, or the folder, that an import of a path may mean."""
    whole = os.path.normpath(path)
    bare = re.sub(r"\.(js|jsx|mjs)$", "", whole)  # TypeScript is imported by the name of what it becomes
    return [f"{one}{end}" for one in dict.fromkeys((whole, bare)) for end in _ENDS if (root / f"{one}{end}").exists()]


_MADE = re.compile(r"generated|\.prisma|\.next|\.velite|\.contentlayer|\.svelte-kit|/dist/|paraglide")


def _meant(said: str, aliases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the paths that an import by an alias may mean: those of the longest alias that it begins with."""
    alias = max((one for one in aliases if said.startswith(one)), key=len, default="")
    return [join(folder, said[len(alias) :]) for folder in aliases[alias]] if alias else []


def _aliases(tree: Tree, folder: str) -> dict[str, list[str]]:
    """Return the folders that `@/`, or what begins so, stands for, as tsconfig.json says; none where it says nothing
    of it.
    """
    for name in ("tsconfig.json", "tsconfig.app.json", "jsconfig.json"):
        text = tree.text(join(folder, name)) if tree.has(join(folder, name)) else ""
        base = re.search(r'"baseUrl"\s*:\s*"\.?/?([^"]*)"', text)
        above = base[1].strip("/") if base else ""
        found = {
            match[1]: [
                join(folder, join(above, root).strip("/") or ".")
                for root in re.findall(r'"\.?/?([^"]*?)/?\*"', match[2])
            ]
            for match in re.finditer(r'"(@/[^"*]*)\*"\s*:\s*\[([^\]]*)\]', text)
        }
        if "@/" in found:
            return found
    return {}


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
