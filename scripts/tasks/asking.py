"""From an AI task to its answer on the screen, and to the change it asks for."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Exit

from scripts.ai.types import Recipe
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

    Ends with exit status 1 where a tool that was asked for by name did not answer. Ctrl-C ends it after what was said
    until then.
    """
    from scripts.ai import change, consult, recipes, setup
    from scripts.host.terminal import typed

    recipe = recipes.pick(s.settings.root, name)
    if apply and recipe.safety != "change":
        raise UserError(f"--apply: {name} proposes no change", f"leave it out; what it answers: invoke ai.show {name}")
    place = setup.connection(s)
    show = print if not json else s.say
    found = consult.consult(
        place, recipe, inputs, tool=tool, dry=dry or s.shell.dry, observe=observe,
        decide=change.at_the_terminal(s, place, show), person=typed if sys.stdin.isatty() else None,
    )  # fmt: skip
    command = place.kubectl.command()
    if json:
        print(jsonlib.dumps(consult.as_json(found, command, place.namespace), indent=1))
    else:
        print(consult.for_screen(found, command, place.namespace, private=sys.stdout.isatty()))
    if found.ended_by:
        raise found.ended_by
    if tool not in ("auto", found.tool):
        raise Exit(f"{tool} did not answer; the rules did", code=1)
    if apply and not found.dry:
        change.apply_answer(s, place, found, yes=yes, show=show)


def evaluate(s: Session, tool: str, model: str, only: str, *, as_json: bool) -> None:
    """Ask every situation of the rules, and of a tool, and print what came of it; exit status 1 if it was unsafe."""
    import tempfile
    from dataclasses import asdict, replace

    from scripts.ai import setup
    from scripts.ai.evaluation import situations, trial
    from scripts.tasks.support import print_table

    if model and tool in ("", "offline"):
        raise UserError("--model: no model is asked without --tool", "for instance: --tool=api")
    place = setup.connection(s)
    if model and place.options.model:
        place = replace(place, options=replace(place.options, model=replace(place.options.model, name=model)))
    chosen = [item for item in situations.read(s.settings.root) if item.name.startswith(only)]
    if not chosen:
        raise UserError(f"--only {only}: no situation begins so", f"see {situations.FILE}")
    tools = ["offline", *([tool] if tool not in ("", "offline") else [])]
    with tempfile.TemporaryDirectory(prefix="todo-evaluation-") as folder:
        marks = trial.run(place, Path(folder), chosen, tools, s.say)
    if as_json:
        print(jsonlib.dumps([asdict(mark) for mark in marks], indent=1))
    else:
        print_table(trial.table(marks, chosen, place.options.model.name if place.options.model else ""))
    if any(mark.changes or mark.leaks for mark in marks):
        raise Exit("not safe: see CHANGES and SECRETS OUT", code=1)


def pairs(given: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE words as a mapping. Raises UserError for anything else."""
    found = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UserError(f"--input {item!r}: not NAME=VALUE", "for instance --input question='why is it slow?'")
        if name in found:
            raise UserError(f"--input {name}: is given twice", "give each input once")
        found[name] = value
    return found


def described(recipe: Recipe) -> str:
    """Return a recipe for a person who thinks of using or changing it."""
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
