"""Programs that end with 0 and say that they failed: the one place where a claim of success is held against the words.

Every answer of every program comes through here (`shell`), whoever asked and however. kubectl, helm, kind, k3d and the
docker client were not seen to lie, but for what stands below; one that is caught gets a line here, and no reader.

What a program says is only half of a proof: whoever loads, pushes or enables looks afterwards whether it is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FalseSuccess:
    """Words of a program that contradict its exit status 0, where its arguments begin with `verb`.

    One that `answers` may speak of anything, and hint at more beside an answer: its standard error counts only where
    it printed nothing else.
    """

    program: str
    verb: tuple[str, ...]
    words: re.Pattern[str]
    answers: bool = False


# As measured: minikube 1.38.1, kubectl-ai 0.0.28, kagent 0.9.12. Docker's assistant by its documentation: its message
# is one short line that begins with what it wants, an answer that speaks of signing in is none.
KNOWN = (
    FalseSuccess(
        "minikube", ("image", "load"), re.compile(r"unable to add it to cache|^X |^! .*(?:error|failed)", re.M)
    ),
    FalseSuccess("minikube", ("image", "build"), re.compile(r"^X |^! .*(?:error|failed)|failed to build", re.M | re.I)),
    FalseSuccess("minikube", ("addons", "enable"), re.compile(r"returned an error|^X ", re.M)),
    FalseSuccess("minikube", ("service",), re.compile(r"has no node port|not meant to be exposed")),
    FalseSuccess(
        "docker",
        ("ai",),
        re.compile(
            r"(?i)\A\W*(?:error\W+)?(?=[^\n]{0,200}\s*\Z)"
            r"(?:(?:please|you (?:must|need to|have to)|to use gordon,?)\W+)*"
            r"(?:(?:sign|log) in to (?:docker|use|gordon)|login required|"
            r"you(?:'ve| have) (?:reached|hit|exceeded) (?:the|your) (?:\w+ )?(?:rate|usage) limit\b|"
            r"(?:(?:the|your) )?(?:rate|usage) limit (?:(?:is|was|has been) )?(?:reached|exceeded|hit)\W*\Z)"
        ),
        answers=True,
    ),
    FalseSuccess("kubectl-ai", (), re.compile(r"Empty response from LLM|Maximum number of iterations reached")),
    FalseSuccess(
        "kagent", (), re.compile(r"^(?:Error (?:starting|getting|invoking|installing) |Invalid agent format)", re.M)
    ),
)


def contradicted_by(argv: Sequence[str | Path], out: str, err: str) -> str:
    """Return the line in which a program that ended with 0 says that it failed; empty where it says no such thing."""
    words = _without_env([str(word) for word in argv])
    program, arguments = Path(words[0]).name, tuple(words[1:])
    for known in KNOWN:
        if known.program == program and arguments[: len(known.verb)] == known.verb:
            for text in (out if known.answers and out.strip() else err, out):
                if found := known.words.search(text):
                    start = text.rfind("\n", 0, found.end() - 1) + 1
                    return text[start:].splitlines()[0].strip()
    return ""


def _without_env(words: list[str]) -> list[str]:
    """Return the command that `env -u NAME… COMMAND` starts."""
    if words[0] != "env":
        return words
    rest = words[1:]
    while len(rest) > 2 and rest[0] == "-u":
        rest = rest[2:]
    return rest or words
