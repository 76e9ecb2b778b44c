"""Tell what a folder holds, by its package files: a kind of program, a page, a copy of the application."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from scripts.adopt import documents, lost, packages
from scripts.adopt.dockerfiles import Dockerfile
from scripts.adopt.facts import Described
from scripts.adopt.packages import folder_of, join
from scripts.adopt.tree import Place, Tree

PAGE_KINDS = ("nextjs", "static")
CALLED = ("fastapi", "flask", "django", "node")  # what a page calls
SERVERS = ("express", "fastify", "koa", "hono", "@nestjs/core", "@hono/node-server", "socket.io", "ws")
TESTS = re.compile(
    r"(^|/)(tests?|__tests__|e2e|spec|examples?|docs?|cypress|playwright)(/|$)|[._](test|spec)\.\w+$|(^|/)test[-_]"
)


def kind_of(tree: Tree, folder: str) -> tuple[str, Place] | None:
    """Return what a folder holds by its package files: nextjs, static, node, fastapi, flask, django, python."""
    return _kind_of_javascript(tree, folder) or kind_of_python(tree, folder)


def _kind_of_javascript(tree: Tree, folder: str) -> tuple[str, Place] | None:
    script = packages.javascript(tree, folder)
    if not script:
        return None
    file = join(folder, "package.json")
    asked = {**script.development, **script.wanted}
    for name, kind in (
        ("next", "nextjs"),
        *((name, "node") for name in SERVERS),
        ("vite", "static"),
        ("react-scripts", "static"),
    ):
        if name in asked:
            return kind, script.place(name) or Place(file)
    return ("node", script.place("start") or Place(file)) if "start" in script.scripts else None


def kind_of_python(tree: Tree, folder: str) -> tuple[str, Place] | None:
    """Return what a folder holds by its package files of Python: fastapi, flask, django, python."""
    wanted = packages.python(tree, folder)
    if not wanted:
        return None
    for name in ("fastapi", "flask", "django"):
        if name in wanted.wanted:
            return name, wanted.place(name) or Place(folder)
    return "python", Place(wanted.files[0])


def kind_in(tree: Tree, folder: str, recipe: Dockerfile | None) -> tuple[str, Place] | None:
    """Return what a folder holds: where a Dockerfile's image runs Python, package files of another language are none of
    its program's.
    """
    python = recipe and re.search(r"(^|/)python\b|/uv:\S*python", next(reversed(recipe.images), ""))
    return kind_of_python(tree, folder) if python else kind_of(tree, folder)


def roots_of_pages(tree: Tree) -> tuple[str, ...]:
    """Return the folders that hold an application with a page: several where there are copies of one, as phases are."""
    return tuple(sorted({project(folder) for folder in pages_of(tree)}))


def pages_of(tree: Tree) -> list[str]:
    """Return the folders that hold a page of the application."""
    folders = [folder_of(file) for file in tree.named("package.json")]
    return [folder for folder in folders if is_page(tree, folder)]


def is_answered(tree: Tree, root: str) -> bool:
    """Return whether a copy of an application has what its page calls: a server beside it, or routes of its own."""
    below = [file for file in tree.below(root) if not TESTS.search(file)]
    routes = any(_ROUTE.search(file) for file in below)
    folders = {folder_of(file) for file in tree.named("package.json", *packages.PYTHON_FILES) if is_within(file, root)}
    kinds = [kind for folder in folders if not is_beside(folder) and (kind := kind_of(tree, folder))]
    return routes or any(kind[0] in CALLED for kind in kinds)


_ROUTE = re.compile(r"(^|/)(app/(.*/)?route|pages/api/.*)\.\w+$")


def knows_people(tree: Tree, folder: str) -> bool:
    """Return whether a program below a folder has a route for people or their todos, as what sends notices has not."""
    files = (file for file in tree.below(folder) if file.endswith((".py", ".ts", ".js", ".mjs")))
    return any(
        _OF_PEOPLE.search(tree.text(file)) or (_ROUTE.search(file) and _PEOPLE.search(file))
        for file in files if not TESTS.search(file)
    )  # fmt: skip


_PEOPLE = re.compile(r"/(?:todos?|tasks?|auth|log-?in|sign-?in|sign-?up|register|users?|chat)(?![\w-])")
_OF_PEOPLE = re.compile(
    r"(?:\b(?:app|api|server|bp|\w*router|\w+_bp)\.(?:get|post|put|patch|delete|use|route|api_route)\(|\bprefix\s*=)\s*"
    rf"f?[\"'`][^\"'`\s]*{_PEOPLE.pattern}"
)


def is_page(tree: Tree, folder: str) -> bool:
    """Return whether a folder holds a page of the application."""
    kind = None if is_beside(folder) else kind_of(tree, folder)
    index = any(tree.has(join(folder, name)) for name in ("index.html", "public/index.html"))
    return bool(kind) and (kind[0] == "nextjs" or (kind[0] == "static" and index))  # type: ignore[index]


def is_starter(tree: Tree, folder: str) -> bool:
    """Return whether a folder holds a Next.js application without any page, or the page that a Vite or a React project
    is begun with.
    """
    kind = kind_of(tree, folder)
    if not kind or kind[0] not in PAGE_KINDS:
        return False
    firsts = (join(folder, f"src/App.{end}") for end in ("jsx", "tsx", "js"))
    begun = any(_BEGUN.search(tree.text(file)) for file in firsts)
    return begun if kind[0] == "static" else not lost.has_pages(tree, folder)


_BEGUN = re.compile(r"Click on the Vite and React logos|Edit <code>src/App\.\w+</code> and save to (?:test HMR|reload)")


def is_beside(folder: str) -> bool:
    """Return whether a folder is not the application's: of tests, or of a tool that hides its own."""
    return bool(TESTS.search(f"{folder}/") or documents.HIDDEN.search(folder))


def builds_a_page(tree: Tree, composed: Sequence[Described]) -> bool:
    """Return whether a compose file at the top builds a page: then it says which copy is meant."""
    return any(folder_of(item.place.file) == "." and is_page(tree, item.context) for item in composed)


def project(folder: str) -> str:
    """Return the folder that a service's folder lies in, which is the application's."""
    parts = folder.split("/")
    phase = next((i for i, part in enumerate(parts) if PHASE.match(part)), None)
    if phase is not None:
        return "/".join(parts[: phase + 1])
    return "/".join(parts[:-1]) or "."


def newest(roots: Iterable[str]) -> str:
    """Return the copy that comes last, by the numbers in its name, in figures or Roman."""
    return max(roots, key=lambda root: [_number(part) for part in re.split(r"(\d+)|[\W_]+", root) if part] + [0])


PHASE = re.compile(r"(?<![^/])(phase|part|step|hackathon|stage|v)[-_ ]?[\divx]+", re.I)
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _ROMAN.index(word.lower()) + 1 if word.lower() in _ROMAN else -1


def is_within(path: str, folder: str) -> bool:
    """Return whether a path is in a folder or below it, both relative to the same root."""
    return folder == "." or f"{path}/".startswith(f"{folder}/")
