"""Gordon, Docker's assistant: `docker ai`, a part of Docker Desktop.

It is made for people at a terminal: its answer is taken as text, its time is limited, and whatever it wants to be
allowed gets no answer, because its standard input is closed.
"""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.ai.budget import clean
from scripts.ai.options import Options
from scripts.ai.tools.variables import with_allowed_variables
from scripts.ai.types import INTERRUPTED, Question, Reply
from scripts.host.shell import Interrupted, Result, Shell, render

INSTALL = "install Docker Desktop, sign in, and enable Gordon in its settings: https://docs.docker.com/ai/gordon/"
TIMED_OUT = 124
LONGEST = 100_000  # bytes of one argument: Linux refuses more than 128 KiB


@dataclass(frozen=True)
class Gordon:
    """The docker client's assistant, asked in the folder it is asked about."""

    shell: Shell
    options: Options
    folder: Path
    path: str | None = None
    name: str = "gordon"

    def missing(self) -> str:
        """Return why it cannot be used here; empty if it can."""
        docker = shutil.which("docker", path=self.path)
        if not docker:
            return f"there is no docker client; {INSTALL}"
        if not self.shell.probe(with_allowed_variables([docker, "ai", "version"]), timeout=20):
            return f"this docker has no Gordon (docker ai); {INSTALL}"
        return ""

    def argv(self, prompt: str) -> list[str]:
        """Return the whole command line."""
        docker = shutil.which("docker", path=self.path) or "docker"
        return [docker, "ai", "--working-dir", str(self.folder), prompt]

    def command(self) -> str:
        """Return the command line as a person reads it."""
        return render(self.argv("PROMPT"))

    def ask(self, question: Question) -> Reply:
        """Ask. The prompt is an argument, the only way there is; secrets have been taken out of it."""
        started = time.monotonic()
        prompt = question.prompt
        if len(prompt.encode(errors="surrogatepass")) > LONGEST:
            return Reply(self.name, "", f"the prompt is longer than {LONGEST} bytes; lower budget in config/ai.yaml")
        argv, ended_by = with_allowed_variables(self.argv(prompt)), None
        try:
            result = self.shell.converse(argv, stop=threading.Event(), seconds=self.options.timeout)
        except Interrupted as end:
            result, ended_by = end.result, end
        text = clean(result.out).strip()
        error = INTERRUPTED if ended_by else self._problem(result, text)
        return Reply(self.name, text, error, self.command(), time.monotonic() - started, ended_by=ended_by)

    def _problem(self, result: Result, text: str) -> str:
        """Return why there is no answer; empty where there is one. Words of an answer are no failure."""
        if result:
            return "" if text else "Gordon answered nothing"
        if result.code == TIMED_OUT:
            return f"Gordon gave no answer within {self.options.timeout} s"
        said = f"{result.err}\n{text}".lower()
        if "sign in" in said or "log in to docker" in said or "login required" in said:
            return "Gordon wants you to sign in to Docker Desktop first"
        if "rate limit" in said or "usage limit" in said:
            return "Gordon's usage limit is reached; come again later"
        return f"Gordon failed: {(result.err.strip() or text or 'no word').splitlines()[-1]}"
