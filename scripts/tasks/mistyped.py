"""Say what a command line that invoke does not understand may have meant.

invoke prints its own error, so the words are given to the error.
"""

from __future__ import annotations

import re
from collections import abc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke import Collection

NO_IDEA = re.compile(r"No idea what '(.*)' is!", re.DOTALL)
NO_VALUE = re.compile(r"Flag <Argument: (\S+).*> needed value")
NO_PLACE = re.compile(r"'(.*)' did not receive required positional arguments: (.*)", re.DOTALL)


def give_words() -> None:
    """Let invoke's errors about a command line be told in our words."""
    from invoke import Collection
    from invoke.exceptions import ParseError

    ParseError.__str__ = _told  # type: ignore[method-assign]
    Collection.subcollection_from_path = _group  # type: ignore[method-assign]


def _group(self: Collection, path: str) -> Collection:
    """Return a group of tasks by its name, as `invoke --list NAME` wants it. Ends where there is none."""
    from invoke import Exit

    from scripts.host.terminal import printable

    found = self
    for name in path.split("."):
        if name not in found.collections:
            groups = sorted(found.collections)
            otherwise = f"choose one of: {', '.join(groups)}" if groups else "all that there are: invoke --list"
            text = f"error: --list {printable(path)}: no such group of tasks\n  {_advice(path, groups, otherwise)}"
            raise Exit(text, code=1)
        found = found.collections[name]
    return found


def _told(error: BaseException) -> str:
    from invoke.main import program

    said = str(error.args[0])
    context = getattr(error, "context", None)
    own = [*context.flags, *context.inverse_flags] if context else []
    options = dict.fromkeys([*own, *program.initial_context.flags])
    # invoke takes an option that it does not know for what a task needs, and what follows that for a task.
    taken = [str(one.value) for one in context.positional_args if one.value is not None] if context else []
    if NO_IDEA.match(said) and (options_taken := [word for word in taken if word.startswith("--")]):
        said = f"No idea what '{options_taken[0]}' is!"
    return explain(said, task=(context and context.name) or "", options=options, tasks=list(program.parser.contexts))


def explain(said: str, *, task: str, options: abc.Collection[str], tasks: abc.Collection[str]) -> str:
    """Return invoke's sentence about a command line as problem and remedy; `options` are those of `task` and invoke."""
    from scripts.host.terminal import printable

    usage = f"invoke --help {task}" if task else "invoke --help"
    where = f"{task} " if task else ""
    if found := NO_VALUE.match(said):
        return f"error: {where}--{found[1]}: needs a value\n  what it takes: {usage}"
    if found := NO_PLACE.match(said):
        lacking = found[2].replace("'", "").upper()
        return f"error: {found[1]}: lacks {lacking}\n  what it takes: invoke --help {found[1]}"
    if not (found := NO_IDEA.match(said)):
        return said
    word = printable(found[1])
    if word.startswith("-"):
        return f"error: {where}{word}: no such option\n  {_advice(word, options, f'all that there are: {usage}')}"
    if members := [name for name in tasks if name.startswith(f"{word}.")]:
        return f"error: {word}: a group of tasks, and none by itself\n  choose one of: {', '.join(members)}"
    left = f"; {task} takes it neither" if task else ""
    return f"error: {word}: no such task{left}\n  {_advice(word, tasks, 'all that there are: invoke --list')}"


def _advice(word: str, names: abc.Collection[str], otherwise: str) -> str:
    import difflib

    form = re.sub("[:_/ ]", ".", word.lower()) if not word.startswith("-") else word.lower().replace("_", "-")
    long = [name for name in names if len(name) > 2]
    near = difflib.get_close_matches(form, long, 3, cutoff=0.7)
    near += [name for name in long if name.rpartition(".")[2] == form and name not in near]
    return f"did you mean {' or '.join(near[:3])}? {otherwise}" if near else otherwise
