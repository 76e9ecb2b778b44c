"""Match the workloads of a manifest or chart with the services whose images they run, by the words of their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scripts.adopt.facts import Described
from scripts.adopt.units import Unit


def describe(units: Sequence[Unit], found: Sequence[Described]) -> list[str]:
    """Give each service the workload that runs its image, and return a line for each that runs a service's image, by a
    name that is no service's: workers and the like, which its author starts by other variables or another command.
    """
    left_out = []
    chosen = deployed(units, found)
    for unit in units:
        own = chosen.get(unit.name)
        if own and not any(it.kind == own.kind for it in unit.described):
            unit.described.append(own)
    for item in {it.name: it for it in reversed(found)}.values():
        of = _meant(units, item)
        if of and item.name != chosen[of.name].name and not words_of(item.name) & words_of(of.name):
            said = f"{item.place}: {item.name}: left out: it runs the image of {of.name} by a name of its own"
            left_out.append(f"{said}; is it needed, write it into the app's file as a service")
    return left_out


def deployed(units: Sequence[Unit], found: Sequence[Described]) -> dict[str, Described]:
    """Return by a service's name the workload that runs its image: of several the one that has its name."""
    by_unit: dict[str, list[Described]] = {}
    for item in found:
        if unit := _meant(units, item):
            by_unit.setdefault(unit.name, []).append(item)
    return {
        name: max(items, key=lambda item: len(words_of(item.name) & words_of(name))) for name, items in by_unit.items()
    }


def _meant(units: Sequence[Unit], item: Described) -> Unit | None:
    words = words_of(item.image.split("/")[-1].split(":")[0]) | words_of(item.name)
    best = max(units, key=lambda unit: len(words_of(unit.name) & words), default=None)
    return best if best and words_of(best.name) & words else None


_SAME = {"web": "frontend", "ui": "frontend", "client": "frontend", "api": "backend", "server": "backend"}
_COMMON = {"todo", "app", "service", "deployment", "chatbot", "image", ""}  # words that tell no service from another


def words_of(text: str) -> set[str]:
    """Return the words that tell one service from another in a name, with what is usually meant by them."""
    words = set(re.split(r"[^a-z0-9]+", text.lower())) - _COMMON
    return words | {_SAME[word] for word in words & _SAME.keys()}
