"""From a recipe and its facts to the text that leaves this machine."""

from __future__ import annotations

import secrets as random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scripts.ai import budget, recipes
from scripts.ai.types import Gathered, Inputs, Recipe
from scripts.secrets import redact
from scripts.settings.model import Settings


@dataclass(frozen=True)
class Prompt:
    """The text to send, with what its placeholders stand for, which never leaves."""

    text: str
    mapping: Mapping[str, str] = field(repr=False)

    @property
    def redactions(self) -> str:
        """Return how much was taken out, in words."""
        return redact.summary(self.mapping)


def render(
    recipe: Recipe,
    inputs: Inputs,
    gathered: Sequence[Gathered],
    settings: Settings,
    *,
    secrets: Iterable[str] = (),
    limit: int = 24_000,
) -> Prompt:
    """Redact first, cut then: a secret that is cut in half could no longer be recognised."""
    names = list(inputs)
    raw = [recipe.body, *(inputs[name] for name in names), *(item.text for item in gathered)]
    safe, mapping = redact.redact_all([budget.ends(budget.clean(text)) for text in raw], secrets)
    body, values, texts = safe[0], safe[1 : len(names) + 1], safe[len(names) + 1 :]
    fitted = budget.fit(
        [(text, item.fact.kind, item.fact.weight) for text, item in zip(texts, gathered, strict=True)], limit
    )
    facts = fence([(item.fact.title, item.command, text) for item, text in zip(gathered, fitted, strict=True)])
    given = {"input": dict(zip(names, values, strict=True))}
    known = {
        "namespace": settings.release.namespace,
        "release": settings.release.name,
        "app": described(settings),
        "sections": ", ".join(recipe.sections),
        "facts": facts,
    }
    text = recipes.fill(body, {**known, **given}, settings.root)
    return Prompt(text, {name: value for name, value in mapping.items() if name in text})


def described(settings: Settings) -> str:
    """Return the app in words, by its file: its services and where each answers, its page, its Secrets."""
    parts = [f"{one.name} ({one.address}:{one.port})" if one.address else one.name for one in settings.services]
    text = f"{settings.app.name}: {len(parts)} Deployments, with the Services they answer at: {', '.join(parts)}."
    text += f" A browser opens {settings.app.page}." if settings.app.page else ""
    held = ", ".join(settings.app.secrets)
    return text + (f" Its Secrets: {held}." if held else "")


def fence(facts: Sequence[tuple[str, str, str]]) -> str:
    """Return facts (title, command, text) between marks that no fact can imitate: nobody knew the number before."""
    whole = "\n".join(text for _, _, text in facts)
    number = random.token_hex(8)
    while number in whole:
        number = random.token_hex(8)
    blocks = []
    for title, command, text in facts:
        about = f"{title} ({command})" if command else title
        lines = "\n".join(f"| {line}" for line in (text or "(nothing)").split("\n"))
        blocks.append(f"[DATA {number}: {' '.join(about.split())}]\n{lines}\n[END {number}]")
    return "\n\n".join(blocks) or "(no facts)"
