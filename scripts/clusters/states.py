"""Define the states of a cluster, and what each task does in each. Everything here decides; nothing acts.

An answer that is not understood leaves `unknown`, never `absent`: nothing is made or removed on a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.shell import Result

State = Literal["absent", "stopped", "paused", "degraded", "broken", "running", "unknown"]
Task = Literal["up", "down", "load", "reach"]
Step = Literal["create", "start", "resume", "repair", "remake", "remove", "nothing", "go", "refuse"]

COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
STATES: tuple[State, ...] = get_args(State)
TASKS: tuple[Task, ...] = get_args(Task)
MEANINGS: Mapping[State, str] = {
    "absent": "there is none",
    "stopped": "it was stopped; what is in it is kept",
    "paused": "its containers are frozen",
    "degraded": "it does not work whole",
    "broken": "its node is gone, but something of it is left",
    "running": "it answers",
    "unknown": "nobody can tell",
}
# `load` moves images into nodes, `reach` is everything that speaks to the API server or opens the page.
TABLE: Mapping[Task, Mapping[State, Step]] = {
    "up": {
        "absent": "create",
        "stopped": "start",
        "paused": "resume",
        "degraded": "repair",
        "broken": "remake",
        "running": "nothing",
        "unknown": "refuse",
    },
    "down": {
        "absent": "nothing",
        "stopped": "remove",
        "paused": "remove",
        "degraded": "remove",
        "broken": "remove",
        "running": "remove",
        "unknown": "refuse",
    },
    "load": {
        "absent": "refuse",
        "stopped": "refuse",
        "paused": "refuse",
        "degraded": "refuse",
        "broken": "refuse",
        "running": "go",
        "unknown": "refuse",
    },
    "reach": {
        "absent": "refuse",
        "stopped": "refuse",
        "paused": "refuse",
        "degraded": "refuse",
        "broken": "refuse",
        "running": "go",
        "unknown": "refuse",
    },
}


@dataclass(frozen=True)
class Reading:
    """The state that a cluster was found in. `why` is the evidence, in the program's own words where it has some.

    `holds` is what would be lost if a broken one were made anew; empty where nothing would. `stale` is why one that
    runs is to be started anew all the same. `notes` are remarks for `cluster.status`, by name.
    """

    state: State
    why: str = ""
    holds: str = ""
    stale: str = ""
    notes: Mapping[str, str] | None = None


def decide(task: Task, found: Reading) -> Step:
    """Return what `task` does with a cluster that was found so. What holds data is not made anew unasked."""
    step = TABLE[task][found.state]
    if task == "up" and found.state == "running" and found.stale:
        return "repair"
    return "refuse" if step == "remake" and found.holds else step


def refusal(task: Task, found: Reading, name: str, look: str) -> UserError:
    """Return why `task` cannot go on with cluster `name`, and what to do. `look` is a command that shows more."""
    because = f" ({found.why})" if found.why else ""
    if found.state == "unknown":
        return UserError(
            f"cluster {name}: whether it runs cannot be told{because}", f"nothing was changed; see: {look}"
        )
    if task == "up":
        return UserError(
            f"cluster {name} is {found.state}: {MEANINGS[found.state]}{because}; {found.holds} would be lost with it",
            "to give that up: invoke cluster.down, then invoke cluster.up",
        )
    remedy = "run: invoke cluster.up"
    if found.state == "absent":  # one that is made is empty: nothing is there to look at, or to remove
        remedy = "run: invoke pipeline, which makes it and deploys the app"
    return UserError(f"cluster {name} is {found.state}: {MEANINGS[found.state]}{because}", remedy)


def cannot_tell(answer: Result) -> Reading:
    """Return the reading of an answer that failed or is not understood, with the first words that were said."""
    said = first_line(answer.err) or first_line(answer.out) or "it said nothing"
    return Reading("unknown", f"{said} (exit status {answer.code})")


def plain(text: str) -> str:
    """Return a text without colours, which k3d prints to whatever it is connected to."""
    return COLOURS.sub("", text)


def first_line(text: str) -> str:
    """Return the first line that is not empty, without colours, cut to what fits a message."""
    line = next((line.strip() for line in plain(text).splitlines() if line.strip()), "")
    return line if len(line) <= 200 else line[:197] + "..."


def parse(text: str) -> Any:
    """Return the JSON in what a program printed, or None where that is none; None also for a JSON `null`."""
    try:
        return parsing.from_json(text)
    except ValueError:
        return None


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list that came from outside; nothing where it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
