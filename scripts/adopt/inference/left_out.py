"""Take back into an image what its `.dockerignore` leaves out and a job of the app runs from."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.adopt.inference.decision import Context
from scripts.adopt.inference.jobs import migrations
from scripts.adopt.packages import join
from scripts.adopt.tree import Place
from scripts.adopt.units import Unit
from scripts.dockerfiles.ignore import IgnoreRules, literal


def take_back(unit: Unit, context: Context) -> None:
    """Have in a service's image the files that its jobs run from: authors who migrate from outside leave them out.

    Raises UserError for a pattern that Docker refuses.
    """
    tree, found = context.whole.tree, context.found
    spec = found.data["services"][unit.name]
    folder = spec["context"]
    recipe = spec.get("dockerfile") or join(folder, "Dockerfile")
    own = [] if "builder" in spec else [f"{recipe}.dockerignore"]
    file = next((one for one in [*own, join(folder, ".dockerignore")] if tree.has(one)), "")
    if not file:
        return
    rules, lines = IgnoreRules(tree.text(file), file), tree.text(file).splitlines()
    taken: list[str] = []
    for wanted in dict.fromkeys(_wanted(unit, context)):
        inside = [wanted] if tree.has(wanted) else tree.below(wanted)
        lost = next((path for one in inside if rules.ignores(path := one.removeprefix(f"{folder}/"))), "")
        if lost:
            line = next((number for number, it in enumerate(lines, 1) if IgnoreRules(it).ignores(lost)), 0)
            taken.append(f"!{literal(wanted.removeprefix(f'{folder}/'))}")
            found.because(f"services.{unit.name}.ignore", f"{wanted} is taken back for its job", Place(file, line))
    spec["ignore"][:0] = taken  # before the others, which keep secrets out of every folder


def _wanted(unit: Unit, context: Context) -> Iterator[str]:
    """Yield the files and folders that the jobs of a service run from."""
    tree = context.whole.tree
    for job in context.found.data["jobs"].values():
        if job["service"] == unit.name:
            words = [word for one in job["command"] for word in one.split()]
            yield from (one for one in (join(unit.sources, word) for word in words) if tree.has(one))
            if unit.python and "alembic" in words:
                yield from filter(None, migrations(unit, context))
