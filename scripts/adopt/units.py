"""Find the services that an application has, and what each is made of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.adopt import dockerfiles, javascript_source, lost, packages, python_source, variables
from scripts.adopt.dockerfiles import Dockerfile
from scripts.adopt.facts import Code, Described
from scripts.adopt.folder_kinds import (
    CALLED,
    PAGE_KINDS,
    PHASE,
    SERVERS,
    TESTS,
    is_beside,
    is_within,
    kind_in,
    kind_of,
    kind_of_python,
    knows_people,
    newest,
    pages_of,
    project,
    roots_of_pages,
)
from scripts.adopt.packages import Packages, folder_of, join
from scripts.adopt.tree import Place, Tree

_DOCKERFILE = re.compile(r"^(Dockerfile(\.[\w.-]+)?|[\w-]+\.Dockerfile)$")


@dataclass
class Unit:
    """One service to be: where it is, what it is, and everything that was read of it."""

    name: str
    folder: str
    kind: str
    place: Place
    dockerfile: Dockerfile | None = None
    javascript: Packages | None = None
    python: Packages | None = None
    code: Code = field(default_factory=Code)
    described: list[Described] = field(default_factory=list)
    sources: str = ""
    strange_lock: str = ""  # a lock that lies there and is none of its packages'
    once: list[Described] = field(default_factory=list)  # what runs in its image, and ends
    lacking: dict[str, Place] = field(default_factory=dict)  # packages that it loads and does not ask for
    renamed: dict[str, str] = field(default_factory=dict)  # public variables → names that no browser gets

    @property
    def packages(self) -> Packages:
        """Return the packages that the unit depends on, in either language."""
        return self.javascript or self.python or Packages()

    @property
    def called(self) -> set[str]:
        """Return the names by which other containers may call it."""
        return {self.name, *(item.service for item in self.described), *(item.name for item in self.described)}

    def wants(self, *names: str) -> Place | None:
        """Return where one of these packages is asked for."""
        return next(
            (self.packages.place(name) or Place(self.folder) for name in names if name in self.packages.wanted), None
        )


def dockerfiles_of(tree: Tree) -> list[str]:
    """Return the Dockerfiles, without those of tests and development."""
    found = [file for file in tree.files if _DOCKERFILE.match(Path(file).name) and not file.endswith(".dockerignore")]
    return [
        file for file in found if not re.search(r"\.dev$|\.test$|devcontainer", file) and not is_beside(folder_of(file))
    ]


def candidates(tree: Tree, composed: Sequence[Described], root: str = ".") -> tuple[list[Unit], list[str]]:
    """Return the services of a compose file, and a page or the page's servers that it leaves out, else those of
    folders; a line for each left out.
    """
    units: list[Unit] = []
    remarks: list[str] = []
    for item in (one for one in composed if not one.once):
        folder = _meant_folder(tree, item, composed) or item.context
        usual = join(folder, "Dockerfile")
        file = item.dockerfile if item.dockerfile and tree.has(item.dockerfile) else usual
        unit = _unit(tree, item.name, folder, file if tree.has(file) else "", item.place, stage=_stage(item))
        if unit and item.dockerfile not in ("", file):
            instead = file if tree.has(file) else "the product's builder"
            instead += f" for {folder}" if folder != item.context else ""
            remarks.append(f"{item.place}: {item.name}: no file {item.dockerfile}; in place of it {instead}")
        if unit is None:
            remarks.append(
                f"{item.place}: {item.name}: left out: {item.context} has neither a Dockerfile nor package files"
            )
        elif not (_moved(tree, unit) or _meant_instead(tree, unit)) and (lacks := _lost_sources(tree, unit, file)):
            remarks.append(f"{lacks}; {item.name}: left out")
        else:
            unit.described.append(item)
            units.append(unit)
    remarks += _once(units, composed)
    ending = {unit.name: line for unit in units if (line := _ends_by_itself(tree, unit, units))}
    remarks += ending.values()
    units = [unit for unit in units if unit.name not in ending]
    with_page = any(unit.kind in PAGE_KINDS for unit in units)
    if with_page and not all(unit.kind in PAGE_KINDS for unit in units):
        return units, remarks
    found, more = _of_folders(tree, root)
    found, copies = _of_one_copy(tree, found, root)
    more += copies
    if units:
        covered = {unit.sources for unit in units}
        wanted = (*(() if with_page else PAGE_KINDS), *(() if any(one.kind in CALLED for one in units) else CALLED))
        return units + [one for one in found if one.kind in wanted and one.sources not in covered], remarks
    return found, remarks + more


def _meant_folder(tree: Tree, item: Described, composed: Sequence[Described]) -> str:
    """Return the folder of a service's name, where the Dockerfile that a compose file names is nowhere and the folder
    that it names says nothing of the service: it holds no program, or another service's; empty elsewhere.
    """
    if not item.dockerfile or tree.has(item.dockerfile) or tree.has(join(item.context, "Dockerfile")):
        return ""
    name, own = clean(item.name), clean(Path(item.context).name)
    shared = any(one.context == item.context for one in composed if one is not item)
    if name == own or not (shared or kind_of(tree, item.context) is None):
        return ""
    return next((one for one in programs(tree, item.place.file) if clean(Path(one).name) == name), "")


def _stage(item: Described) -> str:
    """Return the stage that a compose file builds; empty for the last one, and for one that is for development."""
    return "" if re.search(r"dev|test", item.stage) else item.stage


def _of_one_copy(tree: Tree, found: list[Unit], root: str) -> tuple[list[Unit], list[str]]:
    """Return the services without those of other copies of the application, as earlier phases are; a line for each that
    is left out. Where the copy with the page has no server of its own, or none that knows people while another copy's
    does, those of the last copy with one are its.
    """
    roots = {one for one in roots_of_pages(tree) if one != root and is_within(one, root)}
    pages = [project(unit.sources) for unit in found if unit.kind in PAGE_KINDS]
    own = root if root in pages else newest(pages) if pages else root
    off = [unit for unit in found if (copy := project(unit.sources)) != own and (copy in roots or PHASE.search(copy))]
    kept = [unit for unit in found if unit not in off]
    far = [unit for unit in off if unit.kind in CALLED]
    knowing = [unit for unit in far if knows_people(tree, unit.sources)]
    alone = not any(unit.kind in CALLED for unit in kept)
    if pages and (alone or (knowing and not any(knows_people(tree, unit.sources) for unit in kept))):
        serving = [project(unit.sources) for unit in knowing or far]
        last = newest(serving) if serving else ""
        off = [unit for unit in off if project(unit.sources) != last or unit.kind not in (*CALLED, "python")]
    elif not any(project(unit.sources) == own and unit.kind not in PAGE_KINDS for unit in found):
        return found, []
    lines = [f"{unit.place}: {unit.sources}: left out: the page is in another copy of the application" for unit in off]
    return [unit for unit in found if unit not in off], lines


def _of_folders(tree: Tree, root: str) -> tuple[list[Unit], list[str]]:
    """Return the services of folders with a Dockerfile or package files, and a line for each left out."""
    units: list[Unit] = []
    remarks: list[str] = []
    files = set(tree.below(root))
    recipes = [one for one in dockerfiles_of(tree) if one in files]
    for file in recipes:
        folder = folder_of(file)
        unit = _unit(tree, _name_of(file), folder, file, Place(file))
        wrong = unit.dockerfile.problems if unit and unit.dockerfile else []
        several = sum(folder_of(one) == folder for one in recipes) > 1  # the folder's package files are another's
        if (
            unit
            and wrong
            and not (_widened(tree, unit, file) or _moved(tree, unit))
            and (unit.kind == "other" or (several and "COPY" in wrong[0]))
        ):
            remarks += [f"{problem}; left out" for problem in wrong[:1]]
            continue
        if unit and _ELSEWHERE.search(file) and unit.sources != folder:
            remarks.append(f"{file}: left out: it is for a host elsewhere")  # what it copies is found by itself
        elif unit:
            units.append(unit)
    units = [unit for unit in units if not _again(tree, unit, units)]
    units = [unit for unit in units if not _variant(unit, units)]  # of those that are left
    known = {folder for unit in units for folder in (unit.folder, unit.sources)}
    for file in (one for one in tree.named("package.json", *packages.PYTHON_FILES) if one in files):
        folder = folder_of(file)
        inside = any(folder.startswith(f"{one}/") for one in known if one not in (".", root))
        started = any(_starts_in(tree, one, folder) for one in units)
        if folder not in known and not inside and not started and not is_beside(folder):
            unit = _unit(tree, _name_of(join(folder, "x")), folder, "", Place(file))
            if unit and (unit.kind != "python" or _runs(tree, folder)) and _is_program(unit):
                units.append(unit)
                known.add(folder)
    if not any(unit.kind in PAGE_KINDS for unit in units):  # a page below its server's folder is one of its own
        inner = [folder for folder in pages_of(tree) if folder not in known and is_within(folder, root)]
        pages = (_unit(tree, _name_of(join(folder, "x")), folder, "", Place(folder)) for folder in inner)
        units += [unit for unit in pages if unit]
    if not any(unit.kind in CALLED for unit in units):
        units += [own for unit in units if unit.kind in PAGE_KINDS and (own := _server_within(tree, unit))]
    off = {unit.folder: line for unit in units if (line := _no_service(tree, unit, units))}
    units = [unit for unit in units if unit.folder not in off]
    spare = {unit.folder: f"{unit.place}: {unit.name}: left out: its path says that it is a spare one"
             for unit in units if _is_spare(unit, units)}  # fmt: skip
    return [one for one in units if one.folder not in spare], [*remarks, *off.values(), *spare.values()]


def _server_within(tree: Tree, page: Unit) -> Unit | None:
    """Return the server in Python whose sources and package files are in a page's own folder; None for none."""
    files = (one for one in tree.below(page.sources) if one.endswith(".py"))
    own = [one for one in files if not TESTS.search(one) and not _FUNCTION.search(one)]
    kind = kind_of_python(tree, page.sources) if any(_MAKES_AN_APP.search(tree.text(one)) for one in own) else None
    return _unit(tree, "server", page.sources, "", page.place, kind) if kind and kind[0] in CALLED else None


_HOSTS = r"hugging[-_]?face|hf|spaces?|render|railway|heroku|vercel|netlify|koyeb"
_ELSEWHERE = re.compile(rf"(^|[/_-])({_HOSTS})([/_-]|$)", re.I)
_SPARE = re.compile(
    rf"(^|[/_-])({_HOSTS}|templates?|te?mp|old|backup|bak|archived?|deprecated|legacy|copy)([/_-]|$)", re.I
)


def _is_spare(unit: Unit, units: Sequence[Unit]) -> bool:
    """Return whether a folder's name, or that of one above it, says that its service is for a host elsewhere, or is out
    of use, where there is another one of its kind.
    """
    page = unit.kind in PAGE_KINDS
    others = (one for one in units if one is not unit and not _SPARE.search(one.folder))
    return bool(_SPARE.search(unit.folder)) and any((one.kind in PAGE_KINDS) is page for one in others)


def _again(tree: Tree, unit: Unit, units: Sequence[Unit]) -> bool:
    """Return whether a Dockerfile above a service's folder, as hosts of programs want one, makes it once more."""
    others = [one for one in units if one is not unit and one.dockerfile and not one.dockerfile.problems]
    inside = [one for one in others if is_within(folder_of(one.dockerfile.file), one.sources)]  # type: ignore[union-attr]
    above = bool(unit.dockerfile) and not is_within(folder_of(unit.dockerfile.file), unit.sources)  # type: ignore[union-attr]
    moved = above and any(one.sources == unit.sources for one in inside)
    return moved or any(_starts_in(tree, unit, one.folder) for one in inside if one.sources == one.folder)


_CLUSTER = re.compile(r"k8s|kube|minikube", re.I)


def _variant(unit: Unit, units: Sequence[Unit]) -> bool:
    """Return whether another Dockerfile of the same folder makes the same program: one for a cluster is taken, else the
    plain one, else the first.
    """

    def rank(one: Unit) -> tuple[bool, bool, int]:
        name = Path(one.dockerfile.file).name if one.dockerfile else ""
        return (not _CLUSTER.search(name), name != "Dockerfile", units.index(one))

    same = [
        one for one in units if one.sources == unit.sources and one.kind == unit.kind and _starts(one) == _starts(unit)
    ]
    return bool(unit.dockerfile) and unit.kind != "other" and min(same, key=rank) is not unit


def _starts(unit: Unit) -> str:
    """Return what a service's image starts: the program that its command names, or the page that there is one of."""
    command = " ".join(unit.dockerfile.command) if unit.dockerfile else ""
    program = re.search(r"[A-Za-z_][\w.]*:\w+|[\w/-]+\.py\b", command)
    return "" if unit.kind in PAGE_KINDS else program[0] if program else command


def _starts_in(tree: Tree, unit: Unit, folder: str) -> bool:
    """Return whether the command of a service's image starts a module that lies in a folder below its context, or a
    script at its top that names that folder.
    """
    below = folder != unit.folder and is_within(folder, unit.folder)
    command = " ".join(unit.dockerfile.command) if unit.dockerfile and below else ""
    names = [
        join(unit.folder, name.replace(".", "/") + ".py") for name in re.findall(r"([A-Za-z_][\w.]*):\w+", command)
    ]
    if any(tree.has(file) and is_within(file, folder) for file in names):
        return True
    inner = re.escape(folder.removeprefix(f"{unit.folder}/").split("/")[0])
    scripts = (tree.text(join(unit.folder, name)) for name in re.findall(r"(?<![\w./-])([\w-]+\.py)\b", command))
    return any(re.search(rf"[\"'/]{inner}[\"'/.]", text) for text in scripts)


_IS_STARTED = re.compile(r"\b(FastAPI|Flask|Starlette|FastMCP)\(|__main__|\w*_app\(|\.run\(")
_MAKES_AN_APP = re.compile(r"\b(FastAPI|Flask)\(|get_[aw]sgi_application|\bexecute_from_command_line\(")


_CALLS = re.compile(r"\bfetch\(|\baxios\b|process\.env|import\.meta\.env|WebSocket|EventSource|https?://localhost")
_ASKS = re.compile(
    r"(?<![\w.])input\(|\b(Prompt|Confirm|IntPrompt)\.ask\(|\b(questionary|inquirer|prompt_toolkit|curses)\b"
)
_WAITS = re.compile(
    r"\b(celery|rq|arq|dramatiq|huey|taskiq|kafka|aiokafka|confluent_kafka|faststream|pika|aio_pika|nats|redis|apscheduler"
    r"|schedule|watchdog|grpc|websockets|aiogram|telegram|discord|FastMCP|fastmcp|uvicorn|http\.server|socketserver)\b"
    r"|\bwhile (True|not)\b|run_forever|serve_forever|\.listen\("
)
_FUNCTION = re.compile(r"(^|/)api/index\.py$")  # what a host elsewhere calls, in place of a program


def _no_service(tree: Tree, unit: Unit, units: Sequence[Unit]) -> str:
    """Return why package files without a Dockerfile are those of no service; empty where they are one's.

    The folder above the services has none of its own, and a program that asks at a terminal has nobody to ask.
    """
    if unit.dockerfile:
        return ""
    inner = [one.folder for one in units if one.folder != unit.folder and is_within(one.folder, unit.folder)]
    own = [file for file in tree.below(unit.sources) if not TESTS.search(file)
           and not any(is_within(file, one) for one in inner)]  # fmt: skip
    if unit.kind in PAGE_KINDS:
        pages = unit.kind != "nextjs" or not inner or any(re.search(r"(^|/)(app|pages)/", file) for file in own)
        if not pages:
            return f"{unit.place}: {unit.name}: left out: it has no pages, which are in the folders below"
        others = any(one is not unit and one.dockerfile and one.kind in PAGE_KINDS for one in units)
        spare = others and not any(_CALLS.search(tree.text(file)) for file in own)
        return f"{unit.place}: {unit.name}: left out: a page beside another one, which calls nobody" if spare else ""
    if unit.kind == "node":
        serves = not inner or any(file.endswith(javascript_source.SUFFIXES) for file in own)
        return "" if serves else f"{unit.place}: {unit.name}: left out: its services are those in its folders"
    texts = [tree.text(file) for file in own if file.endswith(".py") and not _FUNCTION.search(file)]
    if inner and unit.kind != "python" and not any(_MAKES_AN_APP.search(text) for text in texts):
        return f"{unit.place}: {unit.name}: left out: its services are those in its folders"
    if len(units) > 1 and unit.kind in ("fastapi", "flask") and not any(_IS_STARTED.search(text) for text in texts):
        return f"{unit.place}: {unit.name}: left out: it has no program of its own"
    asks = unit.kind == "python" and any(_ASKS.search(text) for text in texts)
    if asks:
        return f"{unit.place}: {unit.name}: left out: it asks at a terminal"
    return _ended(unit, units, texts)


def _ended(unit: Unit, units: Sequence[Unit], texts: Sequence[str]) -> str:
    """Return a line for a program that does what it does and ends; empty for one that serves, or waits for work."""
    told = [*texts, *unit.packages.wanted]
    ends = unit.kind == "python" and len(units) > 1 and not any(_WAITS.search(text) for text in told)
    return f"{unit.place}: {unit.name}: left out: nothing in it serves, or waits for work" if ends else ""


def _ends_by_itself(tree: Tree, unit: Unit, units: Sequence[Unit]) -> str:
    """Return a line for a service of a compose file that nobody calls, nothing starts again, and whose program ends."""
    item = unit.described[0]
    if item.port or item.stays or item.command or not unit.dockerfile or unit.dockerfile.ports:
        return ""
    files = (file for file in tree.below(unit.sources) if file.endswith(".py") and not TESTS.search(file))
    return _ended(unit, units, [*map(tree.text, files), " ".join(unit.dockerfile.command)])


def _once(units: Sequence[Unit], composed: Sequence[Described]) -> Iterator[str]:
    """Give what runs once to the service whose image it runs in; a line for each that has an image of its own."""
    for item in (one for one in composed if one.once):
        own = next((unit for unit in units if unit.described[0].context == item.context
                    and unit.described[0].dockerfile == item.dockerfile), None)  # fmt: skip
        if own:
            own.once.append(item)
        else:
            yield f"{item.place}: {item.name}: left out: it runs once, in an image that no service has"


BROKERS = ("aiokafka", "kafka-python", "confluent-kafka", "kafkajs", "faststream")


def calls_a_broker(unit: Unit) -> bool:
    """Return whether a service has a client of Kafka, and a variable tells it where Kafka is."""
    return bool(unit.wants(*BROKERS)) and any(variables.purpose(read) == "kafka" for read in unit.code.reads)


def without_a_broker(found: Sequence[Unit], brought: bool) -> tuple[list[Unit], list[str]]:
    """Return the services without those that only wait for messages which never come, since Kafka is not `brought`, or
    nothing tells them where it is; a line for each.
    """
    pages = {unit.name for unit in found if unit.kind in PAGE_KINDS}
    off = [unit for unit in found if unit.wants(*BROKERS) and unit.name not in pages and not _BACKEND.search(unit.name)
           and not (brought and calls_a_broker(unit))]  # fmt: skip
    off = off if len(off) < len(found) else []
    why = {unit.name: "no variable tells it where" if brought else "which is not brought here" for unit in off}
    lines = [f"{unit.wants(*BROKERS)}: {unit.name}: left off: it waits for Kafka, {why[unit.name]}" for unit in off]
    return [unit for unit in found if unit not in off], lines


_BACKEND = re.compile(r"back|api|server|^app$")


def _is_program(unit: Unit) -> bool:
    return unit.kind != "node" or bool(unit.wants(*SERVERS)) or "start" in unit.packages.scripts


def _runs(tree: Tree, folder: str) -> bool:
    """Return whether a folder of Python has a program at its top."""
    return any(tree.has(join(folder, name)) for name in ("main.py", "app.py", "worker.py", "server.py", "src/main.py"))


def _widened(tree: Tree, unit: Unit, file: str) -> bool:
    """Return whether the Dockerfile works with a folder above its own as context, which the service gets then."""
    folder = folder_of(file)
    while folder != ".":
        folder = folder_of(folder)
        wide = dockerfiles.read(tree, file, folder, unit.dockerfile.stage if unit.dockerfile else "")
        if not wide.problems:
            unit.dockerfile, unit.folder = wide, folder
            inside = [join(folder, name) for name in wide.copied]
            own = next((one for one in [unit.sources, *inside] if kind_of(tree, one)), "")
            if own and own != unit.sources:
                again = _unit(tree, unit.name, own, "", unit.place)
                if again:
                    unit.kind, unit.sources, unit.code = again.kind, own, again.code
                    unit.javascript, unit.python = again.javascript, again.python
            return True
    return False


def _moved(tree: Tree, unit: Unit) -> bool:
    """Return whether a Dockerfile that lacks its sources has them all in the folder of the service's name, or in the
    only one that does, which the service gets as its context then.
    """
    recipe = unit.dockerfile
    if not recipe or not recipe.problems or "COPY" not in recipe.problems[0]:
        return False
    folders = programs(tree, recipe.file)
    found = [one for one in folders if not dockerfiles.read(tree, recipe.file, one, recipe.stage).problems]
    named = [one for one in found if clean(Path(one).name) == unit.name]
    own = named[:1] or (found if len(found) == 1 else [])
    return bool(own) and own[0] != recipe.context and become(tree, unit, own[0], recipe.file)


def _meant_instead(tree: Tree, unit: Unit) -> bool:
    """Return whether a service of a compose file, whose Dockerfile lacks its sources and fits nowhere, is made from the
    folder of its name.
    """
    lacks = unit.dockerfile and unit.kind == "other" and "COPY" in "".join(unit.dockerfile.problems[:1])
    folders = programs(tree, unit.place.file) if lacks else []
    own = next((one for one in folders if clean(Path(one).name) == unit.name), "")
    file = join(own, "Dockerfile")
    return bool(own) and become(tree, unit, own, file if tree.has(file) else "")


def _lost_sources(tree: Tree, unit: Unit, file: str) -> str:
    """Return what a Dockerfile copies that is nowhere, where no package files tell how else to make its service."""
    wrong = unit.dockerfile.problems if unit.dockerfile and unit.kind == "other" else []
    lacks = [problem for problem in wrong[:1] if "COPY" in problem and not _widened(tree, unit, file)]
    return "".join(lacks)


def programs(tree: Tree, beside: str) -> list[str]:
    """Return the folders with package files, those that have most of their path in common with a file first."""
    folders = dict.fromkeys(folder_of(file) for file in tree.named("package.json", *packages.PYTHON_FILES))
    near = sorted(folders, key=lambda one: -len(os.path.commonpath([f"/{one}", f"/{beside}"])))
    return [one for one in near if not is_beside(one)]


def become(tree: Tree, unit: Unit, folder: str, dockerfile: str) -> bool:
    """Make a service of what another folder holds, and return whether it holds one."""
    same = unit.dockerfile and unit.dockerfile.file == dockerfile
    again = _unit(tree, unit.name, folder, dockerfile, unit.place, stage=unit.dockerfile.stage if same else "")  # type: ignore[union-attr]
    if again:
        # A Dockerfile that takes a wider context is still one of the program that it lies beside.
        own = again.sources if is_within(folder_of(dockerfile or folder), again.sources) else folder
        kind = kind_in(tree, own, again.dockerfile)
        unit.kind, unit.folder, unit.sources = (kind or (unit.kind,))[0], folder, own
        unit.dockerfile, unit.code = again.dockerfile, Code()
        unit.javascript, unit.python = packages.javascript(tree, own), packages.python(tree, own)
        _one_language(tree, unit)
        _read_code(tree, unit)
    return bool(again)


_FORM = re.compile(
    r"(k8s|kube(rnetes)?|minikube|helm|cloud|local|prod(uction)?|staging|simple|slim|alpine|optimi[sz]ed|multi[-_]?stage|fixed"
    r"|new|final|v?\d+)$",
    re.I,
)  # of an image, not of a service


def _name_of(file: str) -> str:
    """Return a name for what lies in a folder: a Dockerfile of a name of its own, else the folder's."""
    name = Path(file).name
    own = re.match(r"Dockerfile\.([\w-]+)$|([\w-]+)\.Dockerfile$", name)
    folder = folder_of(file)
    named = (own[1] or own[2]) if own else ""
    inner = Path(folder).name if folder != "." else ""
    return clean((inner if not named or (inner and _FORM.match(named)) else named) or "app")


def clean(name: str) -> str:
    """Return a name as Kubernetes takes it."""
    found = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return (found if found[:1].isalpha() else f"app-{found}".rstrip("-"))[:53].rstrip("-")


def _unit(
    tree: Tree,
    name: str,
    folder: str,
    dockerfile: str,
    place: Place,
    kind: tuple[str, Place] | None = None,
    stage: str = "",
) -> Unit | None:
    sources = folder
    recipe = dockerfiles.read(tree, dockerfile, folder, stage) if dockerfile else None
    kind = kind or kind_in(tree, folder, recipe)
    if dockerfile and folder_of(dockerfile) != folder and (own := kind_in(tree, folder_of(dockerfile), recipe)):
        sources, kind = folder_of(dockerfile), own
    elsewhere = (
        recipe and recipe.copied and not recipe.copies_files
    )  # what lies at the context's top is not in its image
    if recipe and (kind is None or (elsewhere and sources == folder)):
        sources, kind = _copied(tree, recipe, name) or (sources, kind)
    if kind is None and not recipe:
        return None
    unit = Unit(clean(name), folder, kind[0] if kind else "other", kind[1] if kind else place, sources=sources)
    unit.javascript, unit.python = packages.javascript(tree, sources), packages.python(tree, sources)
    _one_language(tree, unit)
    unit.dockerfile = recipe
    _read_code(tree, unit)
    return unit


def _one_language(tree: Tree, unit: Unit) -> None:
    """Keep the package files of the language that a service is written in."""
    if unit.kind in ("fastapi", "flask", "django", "python"):
        unit.javascript = None
    else:
        unit.python = None
    if unit.javascript and unit.kind in PAGE_KINDS:
        own = unit.javascript
        asked = {**own.development, **own.wanted}
        unit.lacking = lost.packages(tree, unit.sources, asked, tree.whole(own.lock) if own.lock else "")
        own.wanted |= dict.fromkeys(unit.lacking, "")
        own.places |= unit.lacking
    if unit.python and (strange := packages.strange_lock(tree, unit.python)):
        unit.python.lock, unit.strange_lock = "", strange


def _copied(tree: Tree, recipe: Dockerfile, name: str) -> tuple[str, tuple[str, Place]] | None:
    """Return the folder with the package files, and its kind, that a Dockerfile above it copies: one of its own name
    first.
    """
    folders = sorted((join(recipe.context, one) for one in recipe.copied), key=lambda one: Path(one).name != name)
    found = ((folder, kind_of(tree, folder)) for folder in folders)
    return next(((folder, kind) for folder, kind in found if kind), None)


def _read_code(tree: Tree, unit: Unit) -> None:
    source = javascript_source if unit.javascript else python_source
    ends = javascript_source.SUFFIXES if unit.javascript else (".py",)
    helpers: dict[str, bool] = {}
    for file in tree.below(unit.sources):
        helpers |= source.helpers(tree.text(file)) if file.endswith(ends) and not TESTS.search(file) else {}
    for file in tree.below(unit.sources):
        if "/migrations/" in f"/{file}" and file.endswith(".py") and not unit.javascript:
            unit.code.tables += python_source.tables(tree.text(file), file)
        if TESTS.search(file) or "/migrations/" in f"/{file}" or "/versions/" in file:
            continue
        if file.endswith(".py") and not unit.javascript:
            python_source.read(tree.text(file), file, unit.code, helpers)
        elif file.endswith(javascript_source.SUFFIXES) and not unit.python and not file.endswith(".d.ts"):
            javascript_source.read(tree.text(file), file, unit.code, helpers)
        elif file.endswith(".prisma") and unit.javascript:
            javascript_source.read_prisma(tree.text(file), file, unit.code)
