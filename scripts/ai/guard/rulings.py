"""Rule on a tool's call: it may read, is put to a person, or is refused."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scripts.ai.commands import ServedKinds, Verdict, judge_line
from scripts.ai.upstream import Call
from scripts.host import parsing

TAIL = 500  # lines of a log, where the call names no number or a larger one
SECONDS = 20  # that the API server has for one call
LONGEST = 4_000  # characters of one command
TOOLS = ("kubectl", "bash")  # kubectl-ai's own names; both run what stands in `command` by a shell


@dataclass(frozen=True)
class Ruling:
    """A call and what may come of it. `arguments` are those that the tool gets, `line` is for people."""

    call: Call
    kind: Literal["read", "change", "refused"]
    line: str
    reason: str = ""
    arguments: str = ""
    verdict: Verdict | None = None


def rule(call: Call, served: ServedKinds) -> Ruling:
    """Judge one call. What is not understood is refused."""
    if call.name not in TOOLS:
        return Ruling(call, "refused", call.name[:80], f"there is no tool {call.name[:80]!r}; use the tool kubectl")
    try:
        given = parsing.from_json(call.arguments)
    except ValueError:
        return Ruling(call, "refused", call.arguments[:80], "the arguments are not JSON")
    line = given.get("command") if isinstance(given, dict) else None
    if not isinstance(line, str) or not line.strip():
        return Ruling(call, "refused", call.arguments[:80], 'the arguments have to be {"command": "kubectl …"}')
    if len(line) > LONGEST:
        return Ruling(call, "refused", line[:80], f"the command is longer than {LONGEST} characters")
    verdict = judge_line(line, served)
    if verdict.argv and verdict.argv[0] in ("helm", "docker"):
        return Ruling(call, "refused", line, "only kubectl can be run", verdict=verdict)
    if verdict.kind == "refused":
        return Ruling(call, "refused", verdict.line, verdict.reason, verdict=verdict)
    if verdict.kind == "change":
        return Ruling(call, "change", verdict.line, verdict=verdict)
    words = bounded(verdict)
    # The words are quoted anew: what a shell makes of them is what was judged, whatever they held.
    arguments = json.dumps({"command": shlex.join(words), "modifies_resource": "no"})
    return Ruling(call, "read", shlex.join(words), arguments=arguments, verdict=verdict)


def bounded(verdict: Verdict) -> Sequence[str]:
    """Return the words of a reading command with a limit on lines and on time."""
    words = list(verdict.argv)
    if verdict.verb == "logs":
        words = _without(_without(words, "--limit-bytes"), "--tail")
        words.append(f"--tail={min(TAIL, _tail(verdict.argv))}")
    if verdict.verb == "rollout status" and not any(word.startswith("--timeout") for word in words):
        words.append(f"--timeout={SECONDS}s")
    if verdict.verb in ("get", "describe", "logs", "top pod", "top node", "events"):
        words = [*_without(words, "--request-timeout"), f"--request-timeout={SECONDS}s"]
    return words


def _without(words: Sequence[str], flag: str) -> list[str]:
    """Return the words without a flag and its value, in one word or in two."""
    found: list[str] = []
    for number, word in enumerate(words):
        value = number > 0 and words[number - 1] == flag
        if not value and word != flag and not word.startswith(f"{flag}="):
            found.append(word)
    return found


def _tail(words: Sequence[str]) -> int:
    for number, word in enumerate(words):
        value = word[7:] if word.startswith("--tail=") else words[number + 1] if word == "--tail" else ""
        if value.isdecimal():
            return int(value)
    return TAIL
