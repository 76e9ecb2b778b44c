"""Define what passes between recipes, tools and answers: inputs, facts, prompts, replies. Everything is frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from scripts.ai.commands import ServedKinds, Verdict

TOOLS = ("gordon", "kubectl-ai", "kagent", "api", "offline")
FactKind = Literal["table", "text", "log", "config"]


@dataclass(frozen=True)
class Input:
    """An input of a recipe. `type` decides what is allowed; only `text` may hold anything."""

    name: str
    description: str
    type: str = "name"
    required: bool = False
    default: str = ""


@dataclass(frozen=True)
class Fact:
    """One thing to find out: a read-only command (`run`), or something this package computes (`collect`).

    A fact that mentions an input nobody gave is left out. `weight` is its share of the budget against the others.
    """

    id: str
    title: str
    run: tuple[str, ...] = ()
    collect: str = ""
    kind: FactKind = "text"
    weight: int = 1


@dataclass(frozen=True)
class Recipe:
    """A recipe as its file says it. `offline` names the rules that answer where there is no tool."""

    name: str
    title: str
    when: str
    tools: tuple[str, ...]
    safety: Literal["read", "change"]
    inputs: tuple[Input, ...]
    facts: tuple[Fact, ...]
    offline: tuple[str, ...]
    sections: tuple[str, ...]
    body: str
    file: Path

    def input(self, name: str) -> Input | None:
        """Return the input of that name, if the recipe has it."""
        return next((item for item in self.inputs if item.name == name), None)


@dataclass(frozen=True)
class Gathered:
    """A fact with what was found. `command` is how a person finds it; `text` may hold secrets until it is redacted."""

    fact: Fact
    command: str
    text: str = field(repr=False)
    ok: bool = True


@dataclass(frozen=True)
class Reply:
    """The reply of a tool. `error` is empty where it answered; `command` is the line that was run, without the prompt.

    Where there is an error, `text` is what was said until then; `ended_by` is Ctrl-C, after which nobody else is asked.
    """

    tool: str
    text: str
    error: str = ""
    command: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict, repr=False)
    ended_by: KeyboardInterrupt | None = None


@dataclass(frozen=True)
class Question:
    """A prompt that is ready to leave, and what a tool's own calls are treated by.

    `mapping` is what the prompt's placeholders stand for, `secrets` what must not leave in a tool's result either.
    `decide` puts a change that the model wants to the person, and says what came of it in words for the model.
    `person` answers a question of the tool in words; there is none where nobody is at a terminal.
    """

    prompt: str
    served: ServedKinds = field(default_factory=lambda: ServedKinds.default("default"))
    secrets: Sequence[str] = field(default=(), repr=False)
    mapping: Mapping[str, str] = field(default_factory=dict, repr=False)
    decide: Callable[[Verdict], str] = field(default=lambda verdict: NOBODY)
    person: Callable[[str], str] | None = None


INTERRUPTED = "it was interrupted"
NOBODY = "Refused: there is no person at a terminal who could say yes. Nothing was changed. Propose it in the answer."


class Tool(Protocol):
    """An AI tool that takes a prompt and gives a text back."""

    @property
    def name(self) -> str:
        """Return the word by which the tool is asked for."""

    def missing(self) -> str:
        """Return why this tool cannot be used here, with the remedy; empty if it can."""

    def command(self) -> str:
        """Return the command line as it can be pasted, with where the prompt goes."""

    def ask(self, question: Question) -> Reply:
        """Send the prompt and wait for the answer."""


Inputs = Mapping[str, str]
Words = Sequence[str]
