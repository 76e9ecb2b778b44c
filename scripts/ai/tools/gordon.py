"""Gordon, Docker's assistant: `docker ai`, a part of Docker Desktop.

It is made for people at a terminal: its answer is taken as text, its time is limited, and whatever it wants to be
allowed gets no answer, because its standard input is closed.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.ai.budget import clean
from scripts.ai.model import Question, Reply
from scripts.ai.options import Options
from scripts.ai.tools.environment import without
from scripts.host.shell import Shell, render

INSTALL = "install Docker Desktop, sign in, and enable Gordon in its settings: https://docs.docker.com/ai/gordon/"
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
        """Why it cannot be used here; empty if it can."""
        docker = shutil.which("docker", path=self.path)
        if not docker:
            return f"there is no docker client; {INSTALL}"
        if not self.shell.probe(without([docker, "ai", "version"]), timeout=20):
            return f"this docker has no Gordon (docker ai); {INSTALL}"
        return ""

    def argv(self, prompt: str) -> list[str]:
        """The whole command line."""
        docker = shutil.which("docker", path=self.path) or "docker"
        return [docker, "ai", "--working-dir", str(self.folder), prompt]

    def command(self) -> str:
        """The command line as a person reads it."""
        return render(self.argv("PROMPT"))

    def ask(self, question: Question) -> Reply:
        """Ask. The prompt is an argument, the only way there is; secrets have been taken out of it."""
        started = time.monotonic()
        prompt = question.prompt
        if len(prompt.encode()) > LONGEST:
            return Reply(self.name, "", f"the prompt is longer than {LONGEST} bytes; lower budget in config/ai.yaml")
        result = self.shell.probe(without(self.argv(prompt)), timeout=self.options.timeout)
        text = clean(result.out).strip()
        said = f"{result.err}\n{text}".lower()
        error = ""
        if result.code == 124:
            error = f"Gordon gave no answer within {self.options.timeout} s"
        elif "sign in" in said or "log in to docker" in said or "login required" in said:
            error = "Gordon wants you to sign in to Docker Desktop first"
        elif "rate limit" in said or "usage limit" in said:
            error = "Gordon's usage limit is reached; come again later"
        elif not result:
            error = f"Gordon failed: {(result.err.strip() or text or 'no word').splitlines()[-1]}"
        elif not text:
            error = "Gordon answered nothing"
        return Reply(self.name, text, error, self.command(), time.monotonic() - started)
