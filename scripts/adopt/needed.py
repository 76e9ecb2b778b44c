"""List packages that a Python program imports and its package files do not bring, each with its place. Pure."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from scripts.adopt import python_source
from scripts.adopt.packages import Packages, folder_of, in_uv_lock, join
from scripts.adopt.packages import python as python_packages
from scripts.adopt.tree import Place, Tree

# Name that is imported → the package that has it, and the packages that bring it along. Others' names are not guessed:
# a package of the same name as an import may be another's.
KNOWN: dict[str, tuple[str, ...]] = {
    "agents": ("openai-agents",),
    "aiofiles": ("aiofiles",),
    "aiohttp": ("aiohttp",),
    "aiokafka": ("aiokafka",),
    "aiosmtplib": ("aiosmtplib", "fastapi-mail"),
    "aiosqlite": ("aiosqlite",),
    "alembic": ("alembic", "flask-migrate"),
    "anthropic": ("anthropic",),
    "apscheduler": ("apscheduler",),
    "argon2": ("argon2-cffi", "pwdlib"),
    "arrow": ("arrow",),
    "asyncpg": ("asyncpg",),
    "authlib": ("authlib",),
    "babel": ("babel",),
    "bcrypt": ("bcrypt", "passlib", "pwdlib"),
    "boto3": ("boto3",),
    "bs4": ("beautifulsoup4",),
    "cachetools": ("cachetools", "google-auth", "google-generativeai"),
    "celery": ("celery",),
    "chatkit": ("openai-chatkit",),
    "cohere": ("cohere",),
    "croniter": ("croniter",),
    "cryptography": ("cryptography", "pyjwt", "python-jose", "authlib", "mcp"),
    "dapr": ("dapr", "dapr-ext-fastapi"),
    "dateparser": ("dateparser",),
    "dateutil": ("python-dateutil", "celery", "pandas", "croniter", "boto3", "arrow", "dateparser", "icalendar"),
    "dotenv": ("python-dotenv", "pydantic-settings", "uvicorn", "fastapi", "mcp"),
    "email_validator": ("email-validator", "pydantic", "fastapi"),
    "fastapi_mail": ("fastapi-mail",),
    "fastmcp": ("fastmcp",),
    "flask_cors": ("flask-cors",),
    "google.genai": ("google-genai",),
    "google.generativeai": ("google-generativeai",),
    "groq": ("groq",),
    "httpx": ("httpx", "openai", "openai-agents", "anthropic", "groq", "mcp", "fastmcp", "google-genai", "fastapi"),
    "icalendar": ("icalendar",),
    "itsdangerous": ("itsdangerous", "flask"),
    "jinja2": ("jinja2", "flask"),
    "jose": ("python-jose",),
    "jwt": ("pyjwt", "flask-jwt-extended", "mcp", "flask-jwt"),
    "langchain": ("langchain",),
    "langchain_core": ("langchain-core", "langchain", "langgraph", "langchain-openai"),
    "langchain_openai": ("langchain-openai",),
    "langgraph": ("langgraph",),
    "litellm": ("litellm",),
    "loguru": ("loguru",),
    "markdown": ("markdown",),
    "mcp": ("mcp", "fastmcp", "openai-agents"),
    "motor": ("motor",),
    "multipart": ("python-multipart", "mcp", "fastmcp", "openai-agents", "fastapi"),
    "nest_asyncio": ("nest-asyncio",),
    "numpy": ("numpy", "pandas", "pgvector"),
    "openai": ("openai", "openai-agents"),
    "orjson": ("orjson",),
    "pandas": ("pandas",),
    "passlib": ("passlib",),
    "pgvector": ("pgvector",),
    "PIL": ("pillow", "qrcode"),
    "prometheus_client": ("prometheus-client", "prometheus-fastapi-instrumentator"),
    "psutil": ("psutil",),
    "psycopg2": ("psycopg2-binary", "psycopg2"),
    "pwdlib": ("pwdlib",),
    "pydantic_settings": ("pydantic-settings", "mcp", "fastmcp", "openai-agents", "fastapi"),
    "pymongo": ("pymongo", "motor"),
    "pyotp": ("pyotp",),
    "pythonjsonlogger": ("python-json-logger",),
    "pytz": ("pytz",),
    "pywebpush": ("pywebpush",),
    "qdrant_client": ("qdrant-client",),
    "qrcode": ("qrcode",),
    "redis": ("redis",),
    "reportlab": ("reportlab",),
    "requests": ("requests", "openai-agents", "tiktoken", "google-generativeai", "google-genai"),
    "resend": ("resend",),
    "rich": ("rich", "typer", "fastmcp"),
    "sendgrid": ("sendgrid",),
    "sentry_sdk": ("sentry-sdk",),
    "slowapi": ("slowapi",),
    "slugify": ("python-slugify",),
    "sqlalchemy": ("sqlalchemy", "sqlmodel", "flask-sqlalchemy", "alembic", "flask-migrate"),
    "sqlalchemy_utils": ("sqlalchemy-utils",),
    "sqlmodel": ("sqlmodel",),
    "sse_starlette": ("sse-starlette", "mcp", "fastmcp", "openai-agents"),
    "stripe": ("stripe",),
    "structlog": ("structlog",),
    "tenacity": ("tenacity",),
    "tiktoken": ("tiktoken", "litellm", "langchain-openai"),
    "twilio": ("twilio",),
    "websockets": ("websockets", "uvicorn", "google-genai"),
    "yaml": ("pyyaml", "uvicorn"),
}
STARTERS = ("uvicorn", "gunicorn", "hypercorn")  # programs that others run by
SYNC, ASYNC = "a driver for postgresql://", "a driver for postgresql+asyncpg://"
KNOWN |= {
    SYNC: ("psycopg2-binary", "psycopg2", "psycopg", "psycopg-binary", "pg8000"),
    ASYNC: ("asyncpg", "psycopg", "psycopg-binary", "aiosqlite"),
}
# What of a package comes along only with one of its extras.
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "fastapi": ("standard", "all"),
    "uvicorn": ("standard",),
    "pydantic": ("email",),
    "passlib": ("bcrypt", "argon2"),
    "pwdlib": ("bcrypt", "argon2"),
    "pyjwt": ("crypto",),
    "python-jose": ("cryptography",),
}


# Names of a package that is there without asking for another one: what a class or function of it needs.
INDIRECT: Mapping[tuple[str, str], str] = {
    ("pydantic", "EmailStr"): "email_validator",
    ("sqlalchemy", "create_engine"): SYNC,
    ("sqlmodel", "create_engine"): SYNC,
    ("sqlalchemy.ext.asyncio", "create_async_engine"): ASYNC,
    ("fastapi", "Form"): "multipart",
    ("fastapi", "File"): "multipart",
    ("fastapi", "UploadFile"): "multipart",
    ("fastapi.security", "OAuth2PasswordRequestForm"): "multipart",
}


def packages(
    tree: Tree, folder: str, wanted: Packages, main: str, postgres: bool, imported: Collection[str]
) -> dict[str, str]:
    """Return the requirements to add, each with why: what a lock lacks, what is imported and none brings.

    `postgres` says that its database is PostgreSQL, which needs a driver; `imported` are the modules that it imports.
    """
    found: dict[str, str] = {}
    locked = set(in_uv_lock(tree, wanted.lock)) if wanted.lock else set()
    for name, version in wanted.wanted.items() if locked else ():
        if name not in locked and (name in STARTERS or not _modules(name).isdisjoint(imported)):
            found[_requirement(name, version)] = f"{wanted.place(name)}: {name} is not in {wanted.lock}"
            locked.add(name)
    asked = needs(tree, folder, main)
    for module, place in asked.items():
        if module in (SYNC, ASYNC) and not (postgres and (module == ASYNC or ASYNC not in asked)):
            continue
        known = KNOWN[module]
        if not any(_brings(tree, wanted, locked, one, one == known[0]) for one in known):
            found.setdefault(known[0], f"{place}: {module}, which no package file brings")
    return found


def left_behind(tree: Tree, folder: str, wanted: Packages, imported: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (package, requirement, why) of what pyproject.toml asks for and requirements.txt beside it, by which an
    image is made, does not, though the program imports what it has.
    """
    whole = python_packages(tree, folder) or Packages()
    for name, version in whole.wanted.items():
        own = {*_modules(name), name.rpartition("-")[2]} - sys.stdlib_module_names  # openai-agents: agents
        if name not in wanted.wanted and not own.isdisjoint(imported):
            place = whole.places[name]
            extras = re.search(rf"{re.escape(name)}(\[[a-z,]+\])", tree.line(place), re.I)
            asked = _requirement(name, version).replace(name, f"{name}{extras[1] if extras else ''}", 1)
            yield name, asked, f"{place}: {name}, which requirements.txt lacks"


def is_brought(tree: Tree, wanted: Packages, module: str) -> bool:
    """Return whether package files bring a module that is known here, by a package of its own or another one."""
    locked = set(in_uv_lock(tree, wanted.lock)) if wanted.lock else set()
    return any(_brings(tree, wanted, locked, one, one == KNOWN[module][0]) for one in KNOWN[module])


def _modules(package: str) -> set[str]:
    """Return the names by which what a package has may be imported."""
    known = {module.split(".")[0] for module, brought in KNOWN.items() if brought[0] == package}
    bare = package.removeprefix("python-").removesuffix("-binary")
    return known | {package.replace("-", "_"), bare.replace("-", "_")}


def _requirement(name: str, version: str) -> str:
    said = version.replace(" ", "")
    return f"{name}{said}" if re.fullmatch(r"([<>=!~]=?[0-9.]+(,[<>=!~]=?[0-9.]+)*)?", said) else name


def _brings(tree: Tree, wanted: Packages, locked: set[str], name: str, own: bool) -> bool:
    """Return whether the package files bring a package: by its name, else by another that needs it, with its extra."""
    if locked:
        return (own or name.startswith(("psycopg", "pg8000"))) and name in locked
    if name not in wanted.wanted:
        return False
    place, extras = wanted.place(name), () if own else EXTRAS.get(name, ())
    line = tree.line(place) if place else ""
    return not extras or any(re.search(rf"\[[^\]]*\b{extra}\b", line) for extra in extras)


def needs(tree: Tree, folder: str, main: str) -> dict[str, Place]:
    """Return the known modules that a program imports when it starts, each with its place: from its first file on."""
    found: dict[str, Place] = {}
    for file, module, names, line in at_start(tree, folder, main):
        indirect = [INDIRECT[(module, name)] for name in names if (module, name) in INDIRECT]
        for one in (module, module.split(".")[0], *(f"{module}.{name}" for name in names), *indirect):
            if one in KNOWN and not any(True for _ in _files(tree, folder, file, one, ())):
                found.setdefault(one, Place(file, line))
    return found


def at_start(tree: Tree, folder: str, main: str) -> Iterator[tuple[str, str, tuple[str, ...], int]]:
    """Yield (file, module, names, line) of what a program imports when it starts, from its first file on."""
    waiting, seen = [main], {main}
    while waiting:
        file = waiting.pop(0)
        for module, names, line in _imported(tree.text(file)):
            inner = [one for one in _files(tree, folder, file, module, names) if one not in seen]
            seen.update(inner)
            waiting += inner
            yield file, module, names, line


def loaded_at_start(tree: Tree, folder: str, main: str) -> list[str]:
    """Return the files that a program cannot start without: its first one, and what is imported at the top of each."""
    found = [main]
    for file, module, names, _ in at_start(tree, folder, main):
        found += _files(tree, folder, file, module, names)
    return list(dict.fromkeys(found))


def imported_files(tree: Tree, folder: str, main: str) -> set[str]:
    """Return the files of a program that its first file loads, by imports anywhere in them."""
    waiting, seen = [main], {main}
    while waiting:
        file = waiting.pop()
        for node in (it for one in python_source.statements(tree.text(file)) for it in ast.walk(one)):
            for module, names, _ in _named(node):
                fresh = set(_files(tree, folder, file, module, names)) - seen
                seen |= fresh
                waiting += fresh
    return seen


def hidden_by_sources(tree: Tree, folder: str, main: str) -> Place | None:
    """Return where a program imports of a folder without an `__init__.py` what a package of the same name in its `src`
    has not: Python takes the package, wherever on its path that is.
    """
    for file in sorted(imported_files(tree, folder, main)):
        for node in (it for one in python_source.statements(tree.text(file)) for it in ast.walk(one)):
            for module, names, line in _named(node):
                top, inner = module.split(".")[0], module.replace(".", "/")
                meant = [inner, *(f"{inner}/{name}" for name in names)]
                package = top and tree.has(join(folder, f"src/{top}/__init__.py"))
                if package and not tree.has(join(folder, f"{top}/__init__.py")):
                    own = [one for one in meant if one != top and tree.has(join(folder, f"{one}.py"))]
                    if any(not tree.has(join(folder, f"src/{one}.py")) for one in own):
                        return Place(file, line)
    return None


def out_of_reach(tree: Tree, folder: str, context: str, main: str, wanted: Collection[str]) -> dict[str, Place]:
    """Return the modules that a program imports when it starts and that lie in a folder above its own, out of what its
    image is built from, each with its first place: `shared/` beside `backend/`. What one of the packages that are
    `wanted` may have is none of these.
    """
    own = "agents" if "openai-agents" not in wanted else ""  # what many call a folder of theirs
    brought = {*KNOWN, *(name.replace("-", "_") for name in wanted)} - {own}
    found: dict[str, Place] = {}
    above = [parent.as_posix() for parent in PurePosixPath(folder).parents] if folder != "." else []
    outer = [one for one in above if context != "." and not f"{one}/".startswith(f"{context}/")]
    for file in sorted(imported_files(tree, folder, main)) if outer else ():
        text = tree.text(file)
        for module, names, line in _imported(text):
            top = module.split(".")[0]
            if "sys.path" in text and any(re.search(rf"/{top}(\.py$|/)", f"/{one}") for one in tree.below(folder)):
                continue  # it looks for it there, wherever that is
            reached = not top or top in brought or any(True for _ in _files(tree, folder, file, module, names))
            if not reached and any(True for one in outer for _ in _files(tree, one, f"{one}/x.py", module, names)):
                found.setdefault(top, Place(file, line))
    return found


def from_above(tree: Tree, folder: str, root: str, main: str, tops: Collection[str]) -> set[str]:
    """Return the files above a program's folder that it loads: those of the modules `tops`, which a root has, and what
    these load there.
    """
    waiting, seen = [main], {main}
    while waiting:
        file = waiting.pop()
        for module, names, _ in _imported(tree.text(file)):
            known = module.split(".")[0] in tops or not f"{file}/".startswith(f"{folder}/")
            starts = [folder, root] if known else [folder]
            fresh = {one for start in starts for one in _files(tree, start, file, module, names)} - seen
            seen |= fresh
            waiting += fresh
    return {file for file in seen if not f"{file}/".startswith(f"{folder}/")}


def beyond_the_top(tree: Tree, folder: str, main: str, name: str) -> Iterator[tuple[Place, str, str]]:
    """Yield (place, import, module that it stands in) of each relative import that leads above what Python knows as
    the top, where the first file of a program is started as the module `name`: Python refuses it.
    """
    waiting, seen = [(main, name.split("."))], {main}
    while waiting:
        file, own = waiting.pop(0)
        package = own if file.endswith("/__init__.py") else own[:-1]
        for module, names, line in _imported(tree.text(file)):
            dots = len(module) - len(module.lstrip("."))
            if dots > len(package):
                yield Place(file, line), f"from {module} import {', '.join(names)}", ".".join(own)
                continue
            base = package[: len(package) - dots + 1] if dots else []
            whole = [*base, *(part for part in module.lstrip(".").split(".") if part)]
            known = [*([*whole, one] for one in names), *(whole[:end] for end in range(len(whole), 0, -1))]
            for inner in _files(tree, folder, file, module, names):
                parts = inner.removesuffix(".py").removesuffix("/__init__").split("/")
                found = next((one for one in known if parts[-len(one) :] == one), None)
                if found and inner not in seen:
                    seen.add(inner)
                    waiting.append((inner, found))


def lost(tree: Tree, folder: str, main: str) -> Iterator[tuple[Place, str, str]]:
    """Yield (place, module, path) of what a program imports of its own when it starts, relatively or from a folder of
    its sources, and that is nowhere.
    """
    files = [f"/{file}" for file in tree.below(folder) if file.endswith(".py")]
    for file, module, _, line in at_start(tree, folder, main):
        dots = len(module) - len(module.lstrip("."))
        path, above = module.lstrip(".").replace(".", "/"), PurePosixPath(file).parents
        if not path or dots > len(above):
            continue
        top, whole = path.split("/")[0], join(above[dots - 1].as_posix() if dots else folder, path)
        there = (tree.root / f"{whole}.py").exists() or (tree.root / whole).is_dir()
        # What is imported by a name from the top may lie below whichever folder is looked in.
        anywhere = not dots and any(f"/{path}.py" in one or f"/{path}/" in one for one in files)
        own = dots or (top not in KNOWN and _is_own(tree, join(folder, top)))
        if own and not there and not anywhere:
            yield Place(file, line), module, whole


def _is_own(tree: Tree, folder: str) -> bool:
    """Return whether a folder has sources in Python, so that Python takes it for a package."""
    return any(file.endswith(".py") for file in tree.below(folder))


def _imported(text: str) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Yield (module, names, line) of what a file imports at its top, beyond what it can do without."""
    for node in python_source.statements(text):
        yield from _named(node)


def _named(node: ast.AST) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Yield (module, names, line) of one import."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, (), node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield module, tuple(alias.name for alias in node.names), node.lineno


def _files(tree: Tree, folder: str, file: str, module: str, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the files of the tree that an import loads."""
    here = file.rpartition("/")[0] or "."
    dots = len(module) - len(module.lstrip("."))
    base = here
    for _ in range(dots - 1):
        base = base.rpartition("/")[0] or "."
    path = module.lstrip(".").replace(".", "/")
    starts = [base] if dots else [folder, here, join(folder, "src")]
    if not dots and folder != "." and path.split("/")[0] == PurePosixPath(folder).name:
        starts.append(folder_of(folder))  # a program that is started from above knows its own folder by name
    for start in dict.fromkeys(starts):
        own = join(start, path) if path else start
        above = [own.rsplit("/", count)[0] for count in range(path.count("/"), 0, -1)]
        for one in (*above, own, *(join(own, name) for name in names)):
            yield from (it for it in (f"{one}.py", join(one, "__init__.py")) if tree.has(it))
