"""List the tools of the MCP server, by name; every answer is text without secrets, and has an end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.ai import budget, consult, recipes
from scripts.ai.consult import Connection
from scripts.ai.facts import resolve_pod
from scripts.errors import UserError
from scripts.secrets.redact import Redactor

LONGEST = 16_000  # characters of one answer
LINES = 300  # of a log
MOST_BYTES = 8 << 20  # of a log: its lines may be of any length
_TEXT = {"type": "string", "maxLength": 200}
_SERVICE = {"service": _TEXT | {"description": "a service of the release, by its name"}}


@dataclass(frozen=True)
class Knowledge:
    """One thing to ask. `inputs` are JSON schemas of its arguments, `required` those that have to be given."""

    about: str
    answer: Callable[[Connection, Mapping[str, Any]], str]
    inputs: Mapping[str, Any]
    required: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """Return the schema of all its arguments."""
        return {
            "type": "object", "properties": dict(self.inputs), "required": list(self.required),
            "additionalProperties": False,
        }  # fmt: skip


def ask(connection: Connection, name: str, arguments: Mapping[str, Any]) -> str:
    """Answer one question, redacted and cut. Raises UserError for a name or arguments that cannot be, and, redacted
    too, for whatever goes wrong.
    """
    import jsonschema

    item = ALL.get(name)
    if item is None:
        raise UserError(f"there is no tool {name[:80]!r}", f"there are: {', '.join(ALL)}")
    try:
        jsonschema.validate(arguments, item.schema)
    except jsonschema.ValidationError as error:
        where = ".".join(map(str, error.path)) or "arguments"
        raise UserError(
            f"{name}: {where}: {error.message[:200]}", f"it takes: {', '.join(item.inputs) or 'nothing'}"
        ) from None
    try:
        text = item.answer(connection, arguments)
    except UserError as error:
        raise UserError(_safe(connection, str(error)), _safe(connection, error.hint)) from None
    except Exception as error:  # the client goes on asking, and its model reads what we say
        told = _safe(connection, f"{name}: {type(error).__name__}: {error}")
        raise UserError(told, "this should not have happened") from None
    return budget.cut(_safe(connection, text), "log" if name in ("logs", "events") else "text", LONGEST)


def _safe(connection: Connection, text: str) -> str:
    """Return a text without secrets, its middle left out where it is far too long."""
    secrets, _ = consult.known_secrets(connection)
    return Redactor(secrets).clean(budget.ends(budget.clean(text)))


def _seen(connection: Connection, *words: str) -> str:
    answer = connection.kubectl.ask(*words, "--namespace", connection.namespace)
    if not answer:
        raise UserError(
            f"kubectl {words[0]} {words[1]}: {answer.err.strip() or 'no answer'}", "see: invoke cluster.status"
        )
    return answer.out.strip() or answer.err.strip() or "(nothing)"


def _status(connection: Connection, _: Mapping[str, Any]) -> str:
    return _seen(connection, "get", "deployments,pods,services", "--output", "wide")


def _rules(recipe: str) -> Callable[[Connection, Mapping[str, Any]], str]:
    """Return what the product's rules answer to a recipe. Nothing is sent to any model."""

    def answer(connection: Connection, given: Mapping[str, Any]) -> str:
        inputs = {key: str(value) for key, value in given.items()}
        found = consult.consult(connection, recipes.pick(connection.settings.root, recipe), inputs, tool="offline")
        return found.answer.text

    return answer


def _history(connection: Connection, _: Mapping[str, Any]) -> str:
    head, *rows = connection.history()
    if not rows:
        raise UserError("no revision is known", "deploy it first: invoke pipeline")
    return "\n".join(", ".join(f"{key.lower()} {value}" for key, value in zip(head, row, strict=True)) for row in rows)


def _logs(connection: Connection, given: Mapping[str, Any]) -> str:
    try:
        pods = connection.kubectl.items("pods", connection.namespace)
    except (ValueError, KeyError):
        raise UserError("kubectl get pods answered nothing that can be read", "see: invoke cluster.status") from None
    pod, _ = resolve_pod(pods, str(given["pod"]))
    previous = ("--previous",) if given.get("previous") else ()
    lines = min(int(given.get("lines") or 100), LINES)
    bound = f"--limit-bytes={MOST_BYTES}"
    return f"log of {pod}\n" + _seen(connection, "logs", pod, "--all-containers", f"--tail={lines}", bound, *previous)


def _events(connection: Connection, _: Mapping[str, Any]) -> str:
    return _seen(connection, "get", "events", "--sort-by=.lastTimestamp")


def _report(connection: Connection, _: Mapping[str, Any]) -> str:
    files = sorted((connection.settings.root / "reports").glob("*.json"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise UserError("no run has left a report yet", "the first is made by: invoke pipeline")
    return f"{files[-1].name}\n{files[-1].read_text(encoding='utf-8', errors='replace')}"


def _propose(connection: Connection, given: Mapping[str, Any]) -> str:
    inputs = {key: value for key, value in given.items() if key != "recipe"}
    recipe = str(given["recipe"])
    text = _rules(recipe)(connection, inputs)
    words = " ".join(f"--{key}={value}" for key, value in inputs.items())
    return f"{text}\n\nNothing was changed. Who wants this made runs: invoke ai.{recipe} {words} --apply".replace(
        "  ", " "
    )


ALL: Mapping[str, Knowledge] = {
    "status": Knowledge("What runs: Deployments, pods and Services of the release.", _status, {}),
    "diagnose": Knowledge(
        "What is wrong, why, and what to do: causes found by the product's rules, with the lines that prove them.",
        _rules("debug"), _SERVICE | {"pod": _TEXT | {"description": "a pod, or the beginning of its name"}},
    ),
    "history": Knowledge("The release's revisions with their verdicts.", _history, {}),
    "logs": Knowledge(
        "The end of a pod's log.", _logs,
        {
            "pod": _TEXT | {"description": "a pod, the beginning of its name, or a service"},
            "lines": {"type": "integer", "minimum": 1, "maximum": LINES}, "previous": {"type": "boolean"},
        },
        ("pod",),
    ),
    "events": Knowledge("The namespace's events, the newest last.", _events, {}),
    "usage": Knowledge("Used cpu and memory against requests and limits.", _rules("optimize"), _SERVICE),
    "last_run": Knowledge("The report of the pipeline's last run on this machine.", _report, {}),
    "propose": Knowledge(
        "A change that the rules propose, as commands. Nothing is changed: a person applies it.", _propose,
        {"recipe": {"enum": ["scale", "optimize"]}, **_SERVICE}, ("recipe",),
    ),
}  # fmt: skip
