"""AI operations: a task for every recipe of ai/recipes/, and what is around them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from invoke import Task

from scripts.host import parsing
from scripts.tasks.options import command
from scripts.tasks.support import print_table, refuse_beside

RECIPES = Path(__file__).parents[2] / "ai/recipes"
# How every recipe is asked. What a recipe itself takes, its file says.
OPTIONS: dict[str, tuple[Any, str, str]] = {
    "tool": ("auto", "str", "gordon, kubectl-ai, kagent, api, offline or auto"),
    "dry": (False, "bool", "print the prompt and the command, send nothing"),
    "json": (False, "bool", "print the answer as JSON"),
    "observe": (0.0, "float", "seconds to look on first, for a baseline"),
}
CHANGE: dict[str, tuple[Any, str, str]] = {
    "apply": (False, "bool", "make the proposed change, after its diff"),
    "yes": (False, "bool", "do not ask after the diff"),
}


def _heads() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and front matter of every recipe that can be read; `ai.list` says what is wrong with others."""
    for file in sorted(RECIPES.glob("*.md")):
        try:
            head = parsing.from_yaml(file.read_text(encoding="utf-8").split("---\n", 2)[1])
            if isinstance(head, Mapping) and isinstance(head.get("title"), str):
                yield file.stem, head
        except (OSError, ValueError, IndexError):
            continue


def _parameter(name: str, default: Any, annotation: str = "str") -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)


def recipe_task(name: str, head: Mapping[str, Any]) -> Task[Any]:
    """Make the task of one recipe: its inputs as options, before those that all have."""
    inputs: Mapping[str, Any] = head.get("inputs") or {}
    options = OPTIONS | (CHANGE if head.get("safety") == "change" else {})

    def work(s: Any, **given: Any) -> None:
        from scripts.tasks.asking import ask

        ask(s, name, {key: given.pop(key) for key in inputs}, **given)

    own = [
        _parameter(key, inspect.Parameter.empty if spec.get("required") else str(spec.get("default", "")))
        for key, spec in inputs.items()
    ]
    own += [_parameter(key, default, kind) for key, (default, kind, _) in options.items()]
    work.__name__, work.__doc__ = name.replace("-", "_"), f"{head['title']}."
    work.__signature__ = inspect.Signature([_parameter("s", inspect.Parameter.empty), *own])  # type: ignore[attr-defined]
    texts = {key: str(spec.get("description", "")).rstrip(".") for key, spec in inputs.items()}
    return _with_help(command(name)(work), texts | {key: text for key, (_, _, text) in options.items()})


def _with_help(made: Task[Any], texts: Mapping[str, str]) -> Task[Any]:
    """Add what options are for; also those that are called as a parameter of `command` is."""
    made.help = {**made.help, **texts}
    return made


# A recipe is a file, and its task comes from the file: also that of one of your own.
globals().update({f"recipe_{name}": recipe_task(name, head) for name, head in _heads()})


def run(
    s: Any,
    name: str,
    input: Any = None,
    tool: str = "auto",
    dry: bool = False,
    json: bool = False,
    observe: float = 0.0,
    apply: bool = False,
    yes: bool = False,
) -> None:
    """Ask any recipe by its name."""
    from scripts.tasks.asking import ask, pairs

    ask(s, name, pairs(input or []), tool=tool, dry=dry, json=json, observe=observe, apply=apply, yes=yes)


_TEXTS = {"name": "the recipe, see ai.list", "input": "NAME=VALUE, repeatable"}
run_task = _with_help(command("run")(run), _TEXTS | {key: text for key, (_, _, text) in (OPTIONS | CHANGE).items()})
run_task.iterable = ["input"]


@command("list", where=False)
def list_recipes(s: Any) -> None:
    """Show every recipe."""
    from scripts.ai.recipes import read_all

    rows = [(item.name, item.safety, item.title) for item in read_all(s.settings.root).values()]
    print_table([("RECIPE", "SAFETY", "WHAT IT DOES"), *rows])


def show(s: Any, name: str) -> None:
    """Show one recipe: inputs, facts, tools and prompt."""
    from scripts.ai.recipes import pick
    from scripts.tasks.asking import described

    print(described(pick(s.settings.root, name)))


show_task = _with_help(command("show", where=False)(show), {"name": "the recipe, see ai.list"})


@command()
def doctor(s: Any) -> None:
    """Say which AI tools answer, and how to get others."""
    from scripts.ai import setup

    checks = setup.doctor(setup.connection(s))
    print_table([("TOOL", "STATE", "ABOUT"), *((item.name, item.state, item.text) for item in checks)])


@command(tool="kubectl-ai for this machine, or kagent for the cluster")
def install(s: Any, tool: str = "kagent") -> None:
    """Install kagent with its agent and its model."""
    if tool != "kagent":
        from scripts.tasks.support import install_programs

        print_table(install_programs(s, tool))
        return
    from scripts.ai import setup
    from scripts.ai.kagent import install as kagent
    from scripts.context.release_lock import hold_release_lock

    with hold_release_lock(s):
        kagent.install(setup.kagent_place(s))


@command()
def uninstall(s: Any) -> None:
    """Take kagent, its agent and the key away again."""
    from scripts.ai import setup
    from scripts.ai.kagent import install as kagent
    from scripts.context.release_lock import hold_release_lock

    with hold_release_lock(s):
        kagent.uninstall(setup.kagent_place(s))


@command(
    http="port on loopback for streamable HTTP; default: standard input and output",
    configure="print the entry of gordon, kubectl-ai, kagent, vscode or claude",
)
def mcp(s: Any, http: int = 0, configure: str = "") -> None:
    """Serve what is known of the release to any MCP client."""
    if configure:
        from scripts.ai.mcp import clients

        refuse_beside("--configure", {"--http": http})
        where, text = clients.entry(configure, s.settings.root)
        s.say(f"into {where}:")
        print(text)
        return
    from scripts.ai.mcp import serve

    serve.serve(s, http)


@command(
    tool="also ask this tool: kubectl-ai, api or gordon",
    model="the provider's name of the model, instead of the configured one",
    only="the beginning of the situations' names",
    json="print every mark as JSON",
)
def evaluate(s: Any, tool: str = "", model: str = "", only: str = "", json: bool = False) -> None:
    """Ask broken situations and attacks; count the results."""
    from scripts.tasks.asking import evaluate as asked

    asked(s, tool, model, only, as_json=json)
