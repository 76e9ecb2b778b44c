"""A Dockerfile read: its port, command, user, home, what it writes, and why it cannot work where it cannot."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scripts.adopt.packages import LOCKS, Packages, in_uv_lock, join, not_in_npm_lock
from scripts.adopt.tree import Place, Tree
from scripts.dockerfiles import reading
from scripts.dockerfiles.reading import Instruction
from scripts.host import parsing
from scripts.images import families

FIRST_USER, SYSTEM_USER = 1000, 999
ADDUSER_SYSTEM = 100


@dataclass
class Dockerfile:
    """The stage of a Dockerfile that is built: its instructions, each with its place, and what is wrong with it."""

    file: str
    context: str
    stage: str = ""  # empty for the last one
    images: list[str] = field(default_factory=list)
    command: tuple[str, ...] = ()
    command_line: int = 0
    ports: dict[str, tuple[int, Place]] = field(default_factory=dict)  # by what says it: EXPOSE, PORT
    user: str = ""
    uid: int | None = None
    home: str = ""
    workdir: str = "/"
    volumes: list[tuple[str, Place]] = field(default_factory=list)
    made: list[tuple[str, Place]] = field(default_factory=list)
    health: tuple[str, Place] | None = None
    variables: dict[str, tuple[str, Place]] = field(default_factory=dict)
    arguments: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)  # folders of the context that are copied from
    copies_files: bool = False  # all of the context, or files at its top
    from_root_home: bool = False
    installs_packages: bool = False
    sources: list[str] = field(default_factory=list)  # what is copied into the image, as the tree has it

    def holds(self, file: str) -> bool:
        """Return whether a file of the tree is copied into the image, be it by its folder or by a pattern."""
        return any(
            source in ("", ".") or file == source or file.startswith(f"{source}/") or fnmatch.fnmatch(file, source)
            for source in self.sources
        )


def read(tree: Tree, file: str, context: str, stage: str = "") -> Dockerfile:
    """Return what a Dockerfile says, built up to a stage with a context of the tree."""
    found = Dockerfile(file, context, stage)
    text = tree.text(file)
    items = reading.instructions(text)
    if not any(item.name == "FROM" for item in items):
        found.problems.append(f"{file}: no FROM line: it does not parse as a Dockerfile")
        return found
    found.images = reading.external_images(text)
    own = reading.lineage(text, stage)
    arguments = reading.global_arguments(text)
    created: dict[str, int] = {}
    current = -1
    for item in items:
        current += item.name == "FROM"
        if item.name == "ARG":
            found.arguments |= {word.split("=")[0] for word in item.value.split()}
        if item.name == "RUN":
            script = reading.script(text, item)
            created |= _users(script)
            found.installs_packages |= bool(re.search(r"\bpip3? install\b|\bnpm (i|install)\b", script))
        if current in own or item.name == "VOLUME":
            _final(found, item, arguments)
        elif item.name == "ENV":
            arguments |= _pairs(item.value)
    _as_user(found, created, text)
    found.problems += list(_missing_sources(tree, found, items))
    return found


def _final(found: Dockerfile, item: Instruction, arguments: dict[str, str]) -> None:
    """Take up what one line of the stage that is built, or of one it stands on, says."""
    place = Place(found.file, item.first + 1)
    if item.name in ("CMD", "ENTRYPOINT"):
        words = _words(item.value)
        found.command = (*found.command, *words) if item.name == "CMD" and found.command else words
        found.command_line = item.first + 1
    elif item.name == "EXPOSE":
        number = re.match(r"(\d+)", reading.expand(item.value, arguments))
        if number:
            found.ports.setdefault("EXPOSE", (int(number[1]), place))
    elif item.name == "ENV":
        for name, value in _pairs(item.value).items():
            arguments[name] = value
            found.variables[name] = (value, place)
            if name == "PORT" and value.isdigit():
                found.ports["PORT"] = (int(value), place)
    elif item.name == "USER":
        found.user = item.value.strip()
    elif item.name == "WORKDIR":
        folder = reading.expand(item.value.strip(), arguments)
        found.workdir = folder if folder.startswith("/") else join(found.workdir.rstrip("/") or "/", folder)
    elif item.name == "VOLUME":
        found.volumes += [(folder, place) for folder in _names(item.value)]
    elif item.name == "HEALTHCHECK":
        path = re.search(r"https?://[\w.-]+(?::\d+)?(/[\w./-]*)", item.value)
        if path:
            found.health = (path[1], place)
    elif item.name == "RUN":
        for folders in re.findall(r"\bmkdir\s+(?:-p\s+)?((?:[/\w.-]+\s*)+)", item.value):
            found.made += [(_absolute(found.workdir, it), place) for it in folders.split() if not it.startswith("-")]
    if re.search(r"/root/\.local", item.value) and (
        item.name == "ENV" or item.value.rstrip("/").endswith("/root/.local")
    ):
        found.from_root_home = True
    if item.name == "RUN" and re.search(r"pip3? install\b[^&|;]*--user|curl[^|]*\|\s*sh", item.value):
        found.from_root_home = True


def _absolute(workdir: str, path: str) -> str:
    return path if path.startswith("/") else f"{workdir.rstrip('/')}/{path.removeprefix('./')}"


def _words(value: str) -> tuple[str, ...]:
    """Return a command: in JSON's form its words, else the shell that it is given to."""
    return _names(value) if value.startswith("[") else ("sh", "-c", value)


def _names(value: str) -> tuple[str, ...]:
    """Return the words of a line, in JSON's form or plain; none where it looks like JSON and is not."""
    if not value.startswith("["):
        return tuple(value.split())
    try:
        return tuple(str(word) for word in parsing.from_json(value))
    except ValueError:
        return ()


def _pairs(value: str) -> dict[str, str]:
    if "=" not in next(iter(value.split()), ""):
        name, _, rest = value.partition(" ")
        return {name: rest.strip().strip("\"'")}
    try:
        return dict(word.split("=", 1) for word in shlex.split(value) if "=" in word)
    except ValueError:
        return {}


def _users(value: str) -> dict[str, int]:
    """Return users that a RUN line makes, with the number they get."""
    made: dict[str, int] = {}
    for line in re.split(r"&&|;|\n", value):
        words = line.split()
        command = next((word for word in words if word in ("useradd", "adduser")), "")
        if not command:
            continue
        name = _name(words[words.index(command) + 1 :])
        number = re.search(r"(?:--uid[= ]|-u[= ]?)\s*(\d+)", line)
        system = bool(re.search(r"--system|\s-[a-zA-Z]*[rS]\b", line))
        default = (SYSTEM_USER if command == "useradd" else ADDUSER_SYSTEM) if system else FIRST_USER
        if name:
            made[name] = int(number[1]) if number else default
    return made


_TAKES_VALUE = {"-u", "--uid", "-g", "--gid", "-G", "--groups", "--ingroup", "-d", "--home", "-h", "-s", "--shell",
                "-c", "--comment", "--gecos", "--home-dir", "--disabled-password="}  # fmt: skip


def _name(words: list[str]) -> str:
    index = 0
    while index < len(words):
        word = words[index]
        if word in _TAKES_VALUE:
            index += 2
            continue
        if not word.startswith("-") and re.fullmatch(r"[a-z_][\w-]*", word):
            return word
        index += 1
    return ""


def _as_user(found: Dockerfile, created: dict[str, int], text: str) -> None:
    name = found.user.split(":")[0]
    if name.isdigit():
        found.uid = int(name) or None
    elif name and name != "root":
        node = any(re.match(r"(docker\.io/)?(library/)?node\b", image) for image in found.images)
        found.uid = created.get(name) or (1000 if name == "node" and node else FIRST_USER)
        home = re.search(rf"(?:--home(?:-dir)?|-[dh])[= ](/\S+)[^\n]*\b{re.escape(name)}\b", text)
        # A user of the system's kind has no folder of its own, unless one is made for it.
        system = re.search(rf"(?:--system|\s-[a-zA-Z]*[rS]\b)[^\n]*\b{re.escape(name)}\b", text)
        made = re.search(rf"--create-home|\s-[a-zA-Z]*m\b|/home/{re.escape(name)}", text)
        found.home = home[1] if home else f"/home/{name}" if made or not system else "/tmp"  # noqa: S108 writable


def _missing_sources(tree: Tree, found: Dockerfile, items: list[Instruction]) -> Iterator[str]:
    """Yield what a COPY names that the context does not have."""
    for item in items:
        if item.name not in ("COPY", "ADD") or "--from=" in item.value or "<<" in item.value:
            continue
        words = _names(item.value)
        for source in [word for word in words if not word.startswith("--")][:-1]:
            if "://" in source or "$" in source:
                continue
            path = source.strip("/").removeprefix("./")
            found.sources.append(join(found.context, "" if path == "." else path).rstrip("/"))
            found.copies_files |= path in ("", ".") or (
                "/" not in path and ("*" in path or tree.has(join(found.context, path)))
            )
            for folder in (path.split("/")[0], path, path.rpartition("/")[0]):
                if folder not in ("", ".", *found.copied) and "*" not in folder and ".." not in folder:
                    found.copied.append(folder)
            if not _there(tree, join(found.context, source.strip("/").removeprefix("./"))):
                yield f"{found.file}:{item.first + 1}: COPY {source}: there is no such file in {found.context}"


def _there(tree: Tree, path: str) -> bool:
    path = path.rstrip("/").removesuffix("/.") or "."
    if path == "." or tree.has(path) or any(True for _ in tree.below(path)):
        return True
    return any(mark in path for mark in "*?[") and any(fnmatch.fnmatch(file, path) for file in tree.files)


def broken_node(tree: Tree, found: Dockerfile, packages: Packages, standalone: bool) -> list[str]:
    """Return why the Dockerfile of a JavaScript service cannot work, in words; nothing where it may."""
    text = tree.text(found.file)
    problems = []
    locks = [name for name in LOCKS if tree.has(join(found.context, name))]
    for stage, lines in _stages(text):
        for item in lines:
            where = f"{found.file}:{item.first + 1}"
            if item.name == "RUN" and re.search(r"\bnpm ci\b", item.value):
                if "package-lock.json" not in locks and "npm-shrinkwrap.json" not in locks:
                    problems.append(f"{where}: npm ci, but there is no package-lock.json")
                elif not _lock_copied(lines, item):
                    problems.append(f"{where}: npm ci in a stage that has no lock file")
                elif lost := not_in_npm_lock(tree, join(found.context, "package-lock.json"), packages):
                    problems.append(f"{where}: npm ci, but package-lock.json does not hold {lost}")
        problems += _without_development(found.file, lines, packages)
        del stage
    if ".next/standalone" in text and not standalone:
        problems.append(f"{found.file}: copies .next/standalone, which its next.config does not ask for")
    problems += list(_nothing_public(tree, found, text))
    line = " ".join(found.command)
    if (own := re.search(r"\b(?:npm|yarn|pnpm|bun)(?: run)? (dev\b\S*)", line)) and _develops(packages, own[1]):
        problems.append(
            f"{found.file}:{found.command_line}: it starts a server for development, which writes its sources"
        )
    if found.command[:1] in (("next",), ("vite",), ("nest",), ("ts-node",), ("tsx",)):
        problems.append(f"{found.file}:{found.command_line}: the command {found.command[0]} is not on PATH")
    return problems


def _develops(packages: Packages, script: str) -> bool:
    """Return whether a script starts a page's server for development, and another builds the page."""
    return "build" in packages.scripts and bool(re.search(r"\b(next dev|vite)\b", packages.scripts.get(script, "")))


def _nothing_public(tree: Tree, found: Dockerfile, text: str) -> Iterator[str]:
    """Yield a folder `public` that is copied from a stage, and is neither in the sources nor made there."""
    if any(re.search(r"(^|/)public/", file) for file in tree.below(found.context)) or re.search(
        r"mkdir[^\n]*public", text
    ):
        return
    for item in reading.instructions(text):
        if item.name == "COPY" and re.search(r"--from=\S+.*\s\S*/public/?\s", item.value):
            yield f"{found.file}:{item.first + 1}: copies public, which is not there"


def _stages(text: str) -> Iterator[tuple[str, list[Instruction]]]:
    lines: list[Instruction] = []
    name = ""
    for item in reading.instructions(text):
        if item.name == "FROM":
            if lines:
                yield name, lines
            lines, name = [], item.value
        lines.append(item)
    yield name, lines


def _lock_copied(lines: list[Instruction], until: Instruction) -> bool:
    """Return whether a stage has a lock when it installs: copied, or there already in a stage it goes on from."""
    before = lines[: lines.index(until)]
    copied = " ".join(item.value for item in before if item.name in ("COPY", "ADD"))
    base = next(iter(before[0].value.split()), "") if before and before[0].name == "FROM" else ""
    from_stage = ":" not in base and "/" not in base and not base.startswith("$")
    mounted = "--mount=type=bind" in until.value
    whole = any(re.search(r"(^|\s)\.{1,2}/?\s", item.value) for item in before if item.name == "COPY")
    return mounted or from_stage or whole or bool(re.search(r"lock|\*\.json|package\*", copied))


def _without_development(file: str, lines: list[Instruction], packages: Packages) -> Iterator[str]:
    pruned = re.compile(r"npm (?:ci|install|i)\b[^&|;]*(?:--only[= ]prod|--omit[= ]dev|--production)")
    without = next((item for item in lines if item.name == "RUN" and pruned.search(item.value)), None)
    built = next(
        (item for item in lines if item.name == "RUN" and re.search(r"npm run build|next build", item.value)), None
    )
    needed = [
        name for name in packages.development if name in ("typescript", "tailwindcss", "vite", "@tailwindcss/postcss")
    ]
    if without and built and built.first >= without.first and needed:
        yield f"{file}:{built.first + 1}: builds without its development packages ({', '.join(needed)})"


def broken_python(tree: Tree, found: Dockerfile, packages: Packages, lock: str) -> Iterator[str]:
    """Yield lines that install what a lock holds, where the lock is not one of the project's packages, and lines for a
    Poetry that is not the one which is installed.
    """
    yield from _for_an_older_poetry(tree.text(found.file), found)
    locked = in_uv_lock(tree, lock) if lock else {}
    for item in reading.instructions(tree.text(found.file)):
        if item.name == "RUN" and re.search(r"\buv sync\b[^&|;]*--(frozen|locked)", item.value) and lock:
            lost = [name for name in packages.wanted if name not in locked]
            if lost and (len(lost) == len(packages.wanted) or "--locked" in item.value):
                yield f"{found.file}:{item.first + 1}: uv sync, but {lock} does not hold {lost[0]}"


# What Poetry has not since its second version, of January 2025: `export` is a plugin's.
_POETRY_1 = re.compile(r"\bpoetry install\b[^&|;]*--no-dev\b|\bpoetry (?:export|shell)\b")
_ANY_POETRY = re.compile(r"\bpip3? install\b[^&|;]*\spoetry(?=[\s&|;>]|$)")


def _for_an_older_poetry(text: str, found: Dockerfile) -> Iterator[str]:
    """Yield a line that says what Poetry no longer knows, where the newest Poetry is installed."""
    items = [item for item in reading.instructions(text) if item.name == "RUN"]
    said = " ".join(item.value for item in items)
    fetched = "install.python-poetry.org" in said and not re.search(r"POETRY_VERSION|--version", text)
    if not (fetched or _ANY_POETRY.search(said)) or any(
        re.search(r"python:3\.[0-8](?!\d)", image) for image in found.images
    ):
        return
    for item in items:
        if (line := _POETRY_1.search(item.value)) and not ("export" in line[0] and "poetry-plugin-export" in said):
            yield f"{found.file}:{item.first + 1}: `{line[0]}` is for Poetry 1, and the newest is installed"


def lacks_included(tree: Tree, found: Dockerfile, files: Sequence[str]) -> Iterator[str]:
    """Yield a line that installs requirements before the files are copied that these name."""
    copied: list[str] = []
    for item in reading.instructions(tree.text(found.file)) if files else ():
        if item.name == "FROM":
            copied = []
        elif item.name in ("COPY", "ADD") and "--from=" not in item.value:
            copied += [one.strip("/").removeprefix("./") for one in _names(item.value)[:-1] if not one.startswith("--")]
        elif item.name == "RUN" and re.search(r"\bpip3? install\b[^&|;]*(-r|--requirement)\b", item.value):
            paths = [found.context if one in ("", ".") else join(found.context, one) for one in copied]
            there = [one for one in files if any(is_below(one, path) or fnmatch.fnmatch(one, path) for path in paths)]
            if "--mount=" not in item.value and (lost := next((one for one in files if one not in there), "")):
                yield f"{found.file}:{item.first + 1}: installs requirements before {lost} is there, which they name"


def is_below(file: str, folder: str) -> bool:
    """Return whether a file is a path itself, or lies below it."""
    return folder == "." or f"{file}/".startswith(f"{folder}/")


_MIGRATES = re.compile(
    r"\balembic\b[^&|;]*\bupgrade\b|\bflask db upgrade\b|\bmanage\.py migrate\b|\bprisma (migrate deploy|db push)\b"
)
_MAKES_TABLES = re.compile(r"create_all|CREATE TABLE|\bupgrade\(")


def opens_database(tree: Tree, found: Dockerfile) -> Iterator[tuple[Place, list[str]]]:
    """Yield (place, scripts) of a build step that makes the tables of a database, which is not there while an image is
    built: by these scripts of Python, or by migrations.
    """
    for item in reading.instructions(tree.text(found.file)):
        if item.name != "RUN" or "||" in item.value:
            continue
        files = re.findall(r"\bpython[\d.]*\s+(?:-u\s+)?(?:\./)?([\w./-]+\.py)\b", item.value)
        making = [it for it in files if _MAKES_TABLES.search(tree.text(join(found.context, it)))]
        if making or _MIGRATES.search(item.value):
            yield Place(found.file, item.first + 1), making


_INSTALLS_PROJECT = re.compile(
    r"\bpip3? install\b[^&|;]*\s\.(\[[^\]]*\])?(?=[\s&|;]|$)"
    r"|\buv sync\b(?![^&|;]*--no-install-project)|\bpoetry install\b(?![^&|;]*--no-root)"
)


def too_early(tree: Tree, found: Dockerfile, folder: str) -> Iterator[str]:
    """Yield a line that installs the project of a folder before the files are copied that its build asks for."""
    project = tree.text(join(folder, "pyproject.toml"))
    asked = re.search(r"(?m)^readme\s*=\s*(?:\{[^}]*\bfile\s*=\s*)?[\"']([^\"']+)", project)
    sources = re.search(r"[\"'](hatchling\.build|uv_build)[\"']", project) and "[tool.hatch.build" not in project
    # setuptools does without a README that is not there.
    wanted = [asked[1]] if asked and not re.search(r"=\s*[\"']setuptools\.build", project) else []
    # The folder that it looks for packages in has to be there, empty or not.
    below = re.search(r"\b(?:where|package-dir)\s*=\s*(?:\[|\{[^}=]*=)\s*[\"'](?!\.)([\w/-]+)", project)
    base = below[1] if below else ""
    root = join(folder, base)
    copied: list[str] = []
    for item in reading.instructions(tree.text(found.file)):
        if item.name == "FROM":
            copied = []
        elif item.name in ("COPY", "ADD") and "--from=" not in item.value:
            copied += [one.strip("/").removeprefix("./") for one in _names(item.value)[:-1] if not one.startswith("--")]
        elif item.name == "RUN" and "[build-system]" in project and _INSTALLS_PROJECT.search(item.value):
            paths = [join(found.context, one) if one != "." else found.context for one in copied]
            brought = [file for path in paths for file in tree.below(path)]
            whole = any(file.endswith(".py") for file in brought)
            there = [*paths, *brought]
            lost = [one for one in wanted if not any(fnmatch.fnmatch(join(folder, one), it) for it in there)]
            bare = base and not any(f"{file}/".startswith(f"{root}/") for file in there)
            if lost := lost or ["its sources"] * bool(sources and not whole) or [base] * bool(bare):
                yield f"{found.file}:{item.first + 1}: installs the project before {lost[0]} is there"


def cannot_be_made(found: Dockerfile, text: str, alpine: bool) -> list[str]:
    """Return why no base image of this Dockerfile can be had where no registry answers."""
    problems = [f"{found.file}: {image} cannot be made from packages" for image in found.images
                if families.equal(image) is None]  # fmt: skip
    if alpine and (words := families.foreign_words(text)):
        problems.append(f"{found.file}: `{words[0].strip()}` runs on Alpine only, which cannot be made from packages")
    return problems
