"""kubectl-ai, one question at a time: rights that only read, and a guard between it and the model.

The program is given the guard's address and a key of its own for this one question; the person's key it never sees.
What it prints is not read: it is rendered for a terminal. The answer is what the model said to the guard.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.ai.budget import clean
from scripts.ai.guard.conversation import CHARACTERS, Conversation
from scripts.ai.guard.server import Guard
from scripts.ai.options import Options
from scripts.ai.tools.variables import with_allowed_variables
from scripts.ai.types import INTERRUPTED, Question, Reply
from scripts.ai.upstream import Upstream
from scripts.host.shell import Result, Shell, render
from scripts.secrets.redact import Redactor

INSTALL = "install it: invoke ai.install --tool=kubectl-ai"
OTHER_VERSION = re.compile(r"(?i)unknown (?:shorthand )?flag|unknown command|flag provided but not defined")
QUERY = "Carry out the task that follows."
_FOLDERS = {
    "HOME": "home", "TMPDIR": "tmp", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache",
    "XDG_STATE_HOME": "state", "XDG_DATA_HOME": "data",
}  # fmt: skip


@dataclass(frozen=True)
class KubectlAi:
    """The program, asked about one cluster. `access` gives a kubeconfig of least rights for as long as it is used.

    `kubectl` is the product's own, the first that the program finds.
    """

    shell: Shell
    options: Options
    access: Callable[[], AbstractContextManager[Path]]
    kubectl: Path
    path: str | None = None
    name: str = "kubectl-ai"

    def missing(self) -> str:
        """Return why it cannot be used here; empty if it can."""
        if not shutil.which("kubectl-ai", path=self.path):
            return f"kubectl-ai is not installed; {INSTALL}"
        return self.options.no_model

    def argv(self, kubeconfig: str) -> list[str]:
        """Return the whole command line. The provider is the guard, whoever is behind it."""
        model = self.options.model
        return [
            shutil.which("kubectl-ai", path=self.path) or "kubectl-ai",
            "--quiet",
            "--kubeconfig", kubeconfig,
            "--llm-provider", "openai",
            "--model", model.name if model else "MODEL",
            "--max-iterations", str(self.options.max_iterations + 1),  # the guard counts, and says so
            # Said whatever the user's own defaults are: nothing is changed without asking, no trace is left
            # where others may read it, no other server gets to see what is asked.
            "--skip-permissions=false",
            "--mcp-client=false",
            "--ui-type", "terminal",
            "--trace-path", "",
            "--remove-workdir",
            QUERY,
        ]  # fmt: skip

    def command(self) -> str:
        """Return the command line as a person reads it."""
        return render(self.argv("KUBECONFIG_OF_LEAST_RIGHTS")) + " < PROMPT"

    def ask(self, question: Question) -> Reply:
        """Ask, through the guard, and judge the answer by what the model said rather than by what is printed."""
        model = self.options.model
        if model is None:
            return Reply(self.name, "", self.options.no_model)
        started = time.monotonic()
        stop = threading.Event()
        results: list[Result] = []

        def make(perform: Callable[..., object]) -> Conversation:
            return Conversation(
                Upstream(model, self.shell.say), question.served, Redactor(question.secrets, question.mapping), perform,  # type: ignore[arg-type]
                room=self.options.budget // CHARACTERS, rounds=self.options.max_iterations,
            )  # fmt: skip

        def decide(ruling: object) -> str:
            return question.decide(ruling.verdict)  # type: ignore[attr-defined]

        with self.access() as kubeconfig, private_home(self.kubectl) as home, Guard(make, decide) as guard:
            env = home | tool_variables(guard, kubeconfig)
            argv = with_allowed_variables(self.argv(str(kubeconfig)), tuple(env))

            def work() -> None:
                results.append(self.shell.converse(argv, stop=stop, stdin=question.prompt, env=env))

            try:
                in_time, ended_by = guard.while_working(work, stop.set, self.options.timeout), None
            except KeyboardInterrupt as end:
                in_time, ended_by = True, end
        talk = guard.talk
        error = problem(talk, results[0] if results else Result(1, ""), in_time, self.options.timeout)
        return Reply(
            self.name, clean(talk.answer or "\n\n".join(talk.said)).strip(), INTERRUPTED if ended_by else error,
            self.command(), time.monotonic() - started, notes(talk), talk.redactor.mapping, ended_by,
        )  # fmt: skip


def problem(talk: Conversation, result: Result, in_time: bool, seconds: int) -> str:
    """Return why there is no answer, by its cause; empty where there is one."""
    if talk.answer:
        return ""
    if talk.problem:
        return f"{talk.problem}" + (f"; {talk.problem.hint}" if talk.problem.hint else "")
    if not in_time:
        return f"kubectl-ai gave no answer within {seconds} s"
    said = next(
        (line.strip() for line in reversed(f"{result.out}\n{result.err}".splitlines()) if line.strip()), "no word"
    )
    if OTHER_VERSION.search(f"{result.out}{result.err}"):
        return f"this kubectl-ai is too old or too new: {clean(said)}; {INSTALL}"
    when = f"after {talk.asked} rounds" if talk.asked else "before it asked the model"
    return f"kubectl-ai ended {when}, with status {result.code}: {clean(said)[:300]}"


def notes(talk: Conversation) -> tuple[str, ...]:
    """Return what was done on the way to the answer, for the person."""
    about = f"{talk.asked} round{'s' * (talk.asked != 1)}" + (f", {talk.tokens} tokens" if talk.tokens else "")
    return (
        about,
        *(f"looked at: {line}" for line in dict.fromkeys(talk.seen)),
        *(f"refused: {line} ({reason})" for line, reason in dict.fromkeys(talk.refused)),
        *(f"asked to change: {line}" for line in talk.changes),
    )


def tool_variables(guard: Guard, kubeconfig: Path) -> dict[str, str]:
    """Return the variables that point the program to the guard and to the cluster."""
    return {
        "OPENAI_API_KEY": guard.key,
        "OPENAI_ENDPOINT": guard.url,
        "OPENAI_API_BASE": guard.url,
        "KUBECONFIG": str(kubeconfig),
        "NO_COLOR": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "KUBECTL_AI_TERM_WIDTH": "400",
    }


@contextmanager
def private_home(kubectl: Path) -> Iterator[dict[str, str]]:
    """Yield folders of its own for a program that leaves traces, gone at the end, and our kubectl before any other."""
    root = Path(tempfile.mkdtemp(prefix="todo-ai-home-"))
    try:
        for name in (*_FOLDERS.values(), "bin"):
            (root / name).mkdir(mode=0o700)
        (root / "bin/kubectl").symlink_to(kubectl)
        path = f"{root / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        yield {key: str(root / name) for key, name in _FOLDERS.items()} | {"PATH": path}
    finally:
        shutil.rmtree(root, ignore_errors=True)
