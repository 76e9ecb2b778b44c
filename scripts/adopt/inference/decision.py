"""Define the decision on an app, and the context that it is inferred from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from scripts.adopt.facts import Described
from scripts.adopt.folder_kinds import CALLED, PAGE_KINDS, TESTS
from scripts.adopt.tree import Tree
from scripts.adopt.units import Unit, calls_a_broker
from scripts.host import parsing

PYTHON_KINDS = ("fastapi", "flask", "django", "python")
PLACEHOLDER = "not-configured"
BROKER, BROKER_PORT = "kafka", 9092
_REDIS = ("redis", "celery", "rq", "arq", "aioredis", "ioredis", "bull", "bullmq")


@dataclass
class Decision:
    """The content of an app's file, the reason for each part, and the questions to ask first."""

    data: dict[str, Any] = field(default_factory=dict)
    reasons: list[tuple[str, str, str]] = field(default_factory=list)  # key, what, where it rests on
    remarks: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)  # what ends a program before it serves: its author's to mend
    questions: list[Question] = field(default_factory=list)

    def because(self, key: str, what: object, place: object) -> None:
        """Keep the reason of a conclusion."""
        self.reasons.append((key, str(what), str(place)))


@dataclass(frozen=True)
class Question:
    """A question that only the person can answer: `default` is taken by an empty answer."""

    key: str
    text: str
    options: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True)
class Whole:
    """The facts of the application as a whole."""

    tree: Tree
    units: Sequence[Unit]
    examples: Mapping[str, Mapping[str, str]]  # by the file that says so
    others: Mapping[str, str]  # services of somebody else's image, such as redis
    date: str
    registry: bool
    answers: Mapping[str, str]
    hosts: Mapping[str, str] = field(default_factory=dict)  # service → its name in the cluster, where it has another

    @cached_property
    def page(self) -> Unit | None:
        """Return the service that a browser opens: a page by its kind, else a server that makes pages itself."""
        pages = [unit for unit in self.units if unit.kind in PAGE_KINDS]
        pages = pages or [unit for unit in self.units if unit.kind in CALLED and _makes_pages(unit, self.tree)]
        return next((unit for unit in pages if "front" in unit.name or "web" in unit.name), pages[0] if pages else None)

    @property
    def broker(self) -> str:
        """Return the name of the Kafka that is brought for services which have a client of it; empty for none."""
        without = [name.strip() for name in self.answers.get("without", "").split(",")]
        wanted = BROKER not in without and any(calls_a_broker(unit) for unit in self.units)
        return BROKER if wanted else ""

    @cached_property
    def redis(self) -> str:
        """Return what tells of a Redis that the application's services are led to: its own image, else the variable
        that one of its programs ends without, or a worker takes its work by; empty for none.
        """
        asked = [
            (unit, read) for unit in self.units for read in unit.code.reads
            if "REDIS" in read.name.upper() or (read.default or "").startswith("redis://")
        ]  # fmt: skip
        image = next((f"{name} ({image})" for name, image in self.others.items() if "redis" in image), "")
        needed = (read.place for unit, read in asked
                  if unit.wants(*_REDIS) and ((read.required and read.default is None) or worker_of(unit)))  # fmt: skip
        return image if asked and image else str(next(needed, ""))

    def backend(self) -> Unit | None:
        """Return the service that a page calls."""
        kinds = ("fastapi", "flask", "django", "node")
        servers = [unit for unit in self.units if unit.kind in kinds and not worker_of(unit)]
        named = [unit for unit in servers if re.search(r"back|api|server", unit.name)]
        return (named or servers or [None])[0]  # type: ignore[list-item]

    def examples_of(self, unit: Unit) -> dict[str, str]:
        """Return what example files tell a service: its own, then those above it, then others that no service has."""
        folders = {one.sources for one in self.units if one is not unit} - {unit.sources, "."}
        inner = [one for one in folders if not f"{unit.sources}/".startswith(f"{one}/")]
        mine = [file for file in self.examples if not any(file.startswith(f"{one}/") for one in inner)]
        found: dict[str, str] = {}
        for file in sorted(mine, key=lambda file: _distance(file, unit.sources)):
            found = {**self.examples[file], **found}
        return found


_MAKES_PAGES = re.compile(
    r"\brender_template\(|\bJinja2Templates\(|\bTemplateResponse\(|\bStaticFiles\([^)]*\bhtml\s*=\s*True|FileResponse\([^)\n]*\.html"
    r"|\bsend_(file|from_directory)\([^)\n]*\.html|\bTemplateView\b|\brender\(\s*request\b|\bres\.(render\(|sendFile\([^)\n]*\.html)"
)


def _makes_pages(unit: Unit, tree: Tree) -> bool:
    """Return whether a server sends pages that lie in its folder."""
    own = [file for file in tree.below(unit.sources) if not TESTS.search(file)]
    code = (file for file in own if file.endswith((".py", ".js", ".ts", ".mjs")))
    return any(file.endswith(".html") for file in own) and any(_MAKES_PAGES.search(tree.text(file)) for file in code)


def _distance(file: str, sources: str) -> tuple[int, int]:
    """Sort files: below a folder first, the least deep before others; then those above it, the nearest first."""
    folder = str(PurePosixPath(file).parent)
    if sources == "." or f"{folder}/".startswith(f"{sources}/"):
        return 0, folder.count("/") + (folder != ".")
    above = folder == "." or f"{sources}/".startswith(f"{folder}/")
    return 1 if above else 2, -(folder.count("/") + (folder != "."))


@dataclass
class Context:
    """The facts that the inference of one service may read, and the decision it adds to."""

    whole: Whole
    ports: Mapping[str, int | None]
    published: Mapping[str, int | None]
    found: Decision
    browser: dict[str, int] = field(default_factory=dict)  # service → port of localhost that a browser must reach
    keys: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)  # (Secret, key, source) → readers

    def inside(self, unit: Unit) -> str:
        """Return a service's address within the cluster."""
        return f"http://{self.whole.hosts.get(unit.name, unit.name)}:{self.ports[unit.name]}"

    def outside(self, unit: Unit) -> str:
        """Return a service's address for a browser; it is served from then on."""
        port = self.browser.setdefault(unit.name, self.published[unit.name] or 0)
        return f"http://localhost:{port}"

    def secret(self, name: str, key: str, unit: Unit, source: Mapping[str, Any]) -> None:
        """Let a service read a key."""
        readers = self.keys.setdefault((name, key, json.dumps(source)), [])
        if unit.name not in readers:
            readers.append(unit.name)

    def secrets(self) -> dict[str, Any]:
        """Return the Secrets: keys of one kind that the same services read are in one, since they read all of it."""
        found: dict[str, Any] = {}
        for (name, key, source), readers in self.keys.items():
            spec = next((it for own, it in found.items() if own.startswith(name) and it["usedBy"] == readers), None)
            if spec is None or key in spec["keys"]:
                own = name if name not in found else f"{name}-{'-'.join(readers)}"
                spec = found.setdefault(own[:63].rstrip("-"), {"usedBy": readers, "keys": {}})
            spec["keys"][key] = parsing.from_json(source)
        return {name: {**spec, "keys": dict(self._linked(spec["keys"], found))} for name, spec in found.items()}

    def _linked(self, keys: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield keys whose value is another's: by the Secret that holds that one, or generated where none does."""
        for key, source in keys.items():
            other = source.get("same")
            held = next((name for name, spec in found.items() if other in spec["keys"]), "") if other else ""
            left_out = ("same", "generate") if held else ("same",)
            plain = {name: value for name, value in source.items() if name not in left_out}
            yield key, plain | ({"same": f"{held}.{other}"} if held else {})


def worker_of(unit: Unit) -> Described | None:
    """Return what says that a service is a worker."""
    return next((item for item in unit.described if _is_worker(item.command)), None)


def _is_worker(command: Sequence[str]) -> bool:
    """Return whether a command is that of a program which takes its work from a queue or a clock."""
    words = " ".join(command)
    return bool(re.search(r"(^|[\s/;&])(celery|rq|arq|dramatiq|huey_consumer\S*|taskiq|faust)\s", f"{words} "))


Sources = Sequence[Mapping[str, str]]


def told(unit: Unit, context: Context, name: str, what: str, place: object) -> None:
    """Say what a variable of a service is, and what that rests on."""
    context.found.because(f"services.{unit.name}.environment.{name}", what, place)
