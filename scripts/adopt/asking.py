"""The person's side of it: what was inferred, what is asked, what changes."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from scripts.adopt import adopting, record
from scripts.adopt.adopting import REFERENCE, Adopted, Request
from scripts.adopt.inference.decision import Question
from scripts.context.session import Session
from scripts.errors import SettingsError, UserError
from scripts.settings import reading
from scripts.settings.assemble import app_file, is_system_namespace

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?")


def _unfit(name: str) -> str:
    """Return why an application, and with it a namespace, cannot be called so; empty where it can."""
    if name == REFERENCE:
        return "is the reference app's"
    if is_system_namespace(name):
        return "is the name of a namespace of Kubernetes' own, and an app has one of its name"
    return "" if _NAME.fullmatch(name) else "must be lower-case letters, digits and hyphens"


def run(session: Session, path: Path, *, name: str, answers: str, own_chart: bool) -> None:
    """Adopt an application and say what was inferred; in a dry run nothing is written.

    Raises UserError where it cannot be done, naming what is missing.
    """
    root = session.settings.root
    if name and (why := _unfit(name)):
        raise UserError(f"--name {name}: {why}", "for instance: --name my-todo")
    request = Request(path, name, _answers(Path(answers)) if answers else {}, own_chart)

    @cache
    def fetched() -> Path:
        session.fetch_tools()
        return session.tools["helm"]

    def helm() -> Path:
        if not fetched().is_file():
            raise ValueError("a dry run fetches no helm: invoke install")
        return fetched()

    asks = _ask if sys.stdin.isatty() else None
    adopted = adopting.adopt(request, root, session.shell, asks, helm)
    print("\n".join(told(adopted)))
    if adopted.text == adopted.before:
        print(f"{app_file(adopted.name)}: as it was")
    elif adopted.before:
        print(record.difference(adopted.before, adopted.text, app_file(adopted.name)))
    if session.shell.dry:
        print(f"(dry run: {app_file(adopted.name)} is not written)")
        return
    adopting.write(adopted, root)
    next_step = "mend first what is named above, then" if adopted.decision.endings else "go on"
    print(f"{app_file(adopted.name)} is written, and config/pipeline.yaml names it; {next_step}: invoke pipeline")


def told(adopted: Adopted) -> list[str]:
    """Return what was concluded and why, a line each, and what was left out."""
    found = adopted.decision
    lines = [f"{key}: {what}  <- {place}" for key, what, place in found.reasons]
    lines += [f"note: {remark}" for remark in found.remarks]
    return [*lines, *(f"to mend: {ending}" for ending in found.endings)]


def _ask(question: Question) -> str:
    shown = f" [{'/'.join(question.options)}]" if question.options else ""
    default = f" (default {question.default})" if question.default else ""
    while True:
        answer = input(f"{question.text}{shown}{default}: ").strip() or question.default
        if answer and (not question.options or answer in question.options):
            return answer
        print(f"choose one of: {', '.join(question.options)}" if question.options else "an answer is needed")


def _answers(file: Path) -> dict[str, str]:
    """Return answers by key. Raises SettingsError naming the file and what is wrong with it."""
    data = reading.read(file.expanduser().resolve(), Path.cwd())
    wrong = [key for key, value in data.items() if isinstance(value, dict | list) or value is None]
    if wrong:
        raise SettingsError(f"{file}: {wrong[0]}: must be a text", "write KEY: VALUE, a line each")
    return {str(key): str(value).lower() if isinstance(value, bool) else str(value) for key, value in data.items()}
