"""From an AI task to its answer on the screen, and to the change it asks for."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from invoke import Exit

from scripts.ai.model import Recipe
from scripts.errors import UserError

if TYPE_CHECKING:
    from scripts.context.session import Session


def ask(
    s: Session,
    name: str,
    inputs: Mapping[str, str],
    *,
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    apply: bool = False,
    yes: bool = False,
    observe: float = 0.0,
) -> None:
    """Ask a recipe, show its answer, and with `apply` make the change it proposes.

    Ends with exit status 1 where a tool that was asked for by name did not answer.
    """
    from scripts.ai import change, consult, recipes, setup

    recipe = recipes.pick(s.settings.root, name)
    place = setup.desk(s)
    show = print if not json else s.say
    found = consult.consult(
        place, recipe, inputs, tool=tool, dry=dry or s.shell.dry, observe=observe,
        decide=change.at_the_terminal(s, place, show), person=input if sys.stdin.isatty() else None,
    )  # fmt: skip
    command = place.kubectl.command()
    if json:
        print(jsonlib.dumps(consult.as_json(found, command, place.namespace), indent=1))
    else:
        print(consult.for_screen(found, command, place.namespace, private=sys.stdout.isatty()))
    if tool not in ("auto", found.tool):
        raise Exit(f"{tool} did not answer; the rules did", code=1)
    if apply and not found.dry:
        change.make(s, place, found, yes=yes, show=show)


def pairs(given: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping. Raises UserError for anything else."""
    found = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UserError(f"--input {item!r}: not NAME=VALUE", "for instance --input service=backend")
        found[name] = value
    return found


def described(recipe: Recipe) -> str:
    """A recipe for a person who thinks of using or changing it."""
    lines = [
        f"{recipe.name}: {recipe.title}",
        f"  when    {recipe.when}",
        f"  safety  {recipe.safety}",
        f"  tools   {', '.join(recipe.tools)}",
        f"  rules   {', '.join(recipe.offline)}",
        f"  answer  {', '.join(recipe.sections)}",
    ]
    for item in recipe.inputs:
        extra = ", required" if item.required else f", default {item.default}" if item.default else ""
        lines.append(f"  input   {item.name} ({item.type}{extra}): {item.description}")
    for fact in recipe.facts:
        lines.append(f"  fact    {fact.title}: {' '.join(fact.run) or f'computed ({fact.collect})'}")
    return "\n".join([*lines, "", recipe.body])
