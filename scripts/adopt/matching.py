"""Match the workloads of a manifest or chart with the services whose images they run, by the words of their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scripts.adopt.facts import Described
from scripts.adopt.units import Unit


def describe(units: Sequence[Unit], found: Sequence[Described]) -> None:
    """Give each service the workload that runs its image, by the words of their names."""
    for item in found:
        best = _meant(units, item)
        if best and not any(it.kind == item.kind for it in best.described):
            best.described.append(item)


def deployed(units: Sequence[Unit], found: Sequence[Described]) -> dict[str, Described]:
    """Return by a service's name the workload, of one chart, that runs its image."""
    pairs = ((_meant(units, item), item) for item in reversed(found))
    return {unit.name: item for unit, item in pairs if unit}


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
