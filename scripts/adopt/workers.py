"""Find the worker that a backend hands work to by a queue, and that nothing starts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scripts.adopt.facts import Described
from scripts.adopt.folder_kinds import TESTS
from scripts.adopt.inference.decision import worker_of
from scripts.adopt.inference.entries import module_name
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit

_MAKES = (  # by package: what makes its queue, and how its worker is called, with the module and the name
    (
        "celery",
        re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:celery\.)?Celery\(", re.M),
        "celery -A {module}:{name} worker",
    ),
    ("arq", re.compile(r"^class\s+(\w*WorkerSettings)\b", re.M), "arq {module}.{name}"),
    # The program rq is told which queues; the container puts the variable's value in.
    (
        "rq",
        re.compile(r"(?ms)^(?:from|import) rq\b.*?\bQueue\((?:\s*(?:name\s*=\s*)?[\"']([\w.-]+)[\"'])?"),
        "rq worker --url {url} {name}",
    ),
)
_HANDS = re.compile(r"\.(delay|apply_async|send_task|enqueue(_job|_call|_in|_at|_many)?)\(")


def unstarted(tree: Tree, units: Sequence[Unit]) -> Iterator[Unit]:
    """Yield a worker for each backend that hands work to a queue of its own which no service takes it from; it runs in
    the backend's image.
    """
    for unit in units:
        if not unit.python or any(worker_of(one) for one in units if one.sources == unit.sources):
            continue
        files = [file for file in tree.below(unit.sources) if file.endswith(".py") and not TESTS.search(file)]
        if not any(_HANDS.search(tree.text(file)) for file in files):
            continue
        found = (
            (file, match, line)
            for package, pattern, line in _MAKES if unit.wants(package) and (package != "rq" or _url(unit))
            for file in files if (match := pattern.search(tree.text(file)))
        )  # fmt: skip
        if one := next(found, None):
            file, match, line = one
            words = line.format(module=module_name(unit, file), name=match[1] or "default", url=_url(unit)).split()
            place = Place.at(file, match.string, match.start())
            told = Described(f"{unit.name}-worker", place, "compose", context=unit.folder, command=tuple(words))
            yield replace(unit, name=told.name, place=place, described=[told], once=[])


def _url(unit: Unit) -> str:
    """Return a queue's address by the variable that a program reads of it; empty where it reads none."""
    names = [read.name for read in unit.code.reads if re.search(r"REDIS_?(URL|HOST)", read.name, re.I)]
    return next((f"$({it})" if it.upper().endswith("URL") else f"redis://$({it}):6379" for it in names), "")
