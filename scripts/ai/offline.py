"""The answer of the rules: what helps where there is no tool, no key and no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scripts.ai.advice import collect
from scripts.ai.live_release import LiveRelease, Section
from scripts.ai.types import Recipe
from scripts.errors import UserError

BROKEN = 5


def sections(recipe: Recipe, live: LiveRelease) -> list[Section]:
    """Return what the recipe's rules say, the most urgent first. A rule that cannot look says why."""
    found = []
    for name in recipe.offline:
        try:
            found.append(collect(name, live))
        except UserError as error:
            hint = f" ({error.hint})" if error.hint else ""
            found.append(Section(name.capitalize(), (f"not available: {error}{hint}",)))
    if any(section.urgency >= BROKEN for section in found):
        # Mend first, tune later: nobody should paste the wrong one of two commands.
        found = [section if section.urgency >= BROKEN else replace(section, commands=()) for section in found]
    # What is broken comes first; of the rest, what the recipe asks first.
    return sorted(found, key=lambda section: -section.urgency if section.urgency >= BROKEN else 0)


def render(found: Sequence[Section], question: str = "") -> str:
    """Return the sections as Markdown, with what to run at the end of each."""
    blocks = []
    if question:
        blocks.append(
            "Nothing answered that could do so in words (see invoke ai.doctor). What the rules know of the release:"
        )
    for section in found:
        lines = [f"## {section.title}", "", *section.lines]
        if section.manifest:
            lines += ["", "```yaml", section.manifest.rstrip(), "```"]
        if section.commands:
            lines += ["", "```sh", *section.commands, "```"]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
