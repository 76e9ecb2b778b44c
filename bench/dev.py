"""The inner loop: from a saved file to a changed answer, what idling costs, and a build beside the pipeline's."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.support.project import Project

IDLE_SECONDS = 20.0
MANY_FILES = 10_000
LONG = 900.0
BACKEND = "services/backend/todo_backend/app.py"
PAGE = "services/frontend/app/layout.tsx"
LOCK = "services/backend/requirements.txt"


class Session:
    """A running `invoke dev`, whose lines can be waited for."""

    def __init__(self, project: Project, *words: str) -> None:
        env = os.environ | {"XDG_STATE_HOME": str(project.state)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scripts.tasks", "dev", *words],
            cwd=project.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line)

    def find(self, pattern: str, start: int = 0) -> str:
        """The first group of the first line that fits, waited for."""
        deadline = time.monotonic() + LONG
        while True:
            for line in self.lines[start:]:
                if match := re.search(pattern, line):
                    return match[1] if match.groups() else match[0]
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("".join(self.lines[-40:]))
            time.sleep(0.01)

    def end(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        if self.process.stdout:
            self.process.stdout.close()


class _Told(dict[str, list[float]]):
    """Figures that are printed as they come, with the load beside them: a run that is ended keeps what it had."""

    def __setitem__(self, name: str, values: list[float]) -> None:
        super().__setitem__(name, values)
        shown = ", ".join(f"{value:.3f}" for value in values)
        print(f"  {name}: {shown} (load {os.getloadavg()[0]:.1f})", flush=True)


def measure(project: Project, rounds: int) -> dict[str, list[float]]:
    """Seconds by what was done; `idle` is the share of one core."""
    project.pipeline()
    found: dict[str, list[float]] = _Told()
    session = Session(project, "--service", "backend", "--service", "frontend")
    try:
        session.find("^watching: ")
        backend = session.find(r"backend answers at (\S+)") + "/api/openapi.json"
        page = session.find(r"frontend answers at (\S+)") + "/"
        found["saved Python file to changed answer"] = _edits(project.folder / BACKEND, _title, backend, rounds)
        found["saved page to changed page"] = _edits(project.folder / PAGE, _heading, page, rounds)
        found["idle, share of a core"] = [_idle(session.process.pid)]
        many = project.folder / "services/backend/todo_backend/many"
        made = project.folder / "many"
        made.mkdir()
        for number in range(MANY_FILES):
            (made / f"file_{number}.py").write_text(f"VALUE = {number}\n")
        start = len(session.lines)
        made.rename(many)  # all at once: what is measured next waits for no batch of these
        session.find(r"backend: .*many.*synced to", start)
        found[f"the same with {MANY_FILES} files"] = _edits(project.folder / BACKEND, _title, backend, rounds)
        found[f"idle with {MANY_FILES} files"] = [_idle(session.process.pid)]
        start = len(session.lines)
        many.rename(made)
        session.find(r"backend: .*many.*synced to", start)
        found["changed requirements, dev"] = [_requirements(project, session)]
    finally:
        session.end()
    started = time.monotonic()
    _change_lock(project)
    project.pipeline()
    found["changed requirements, pipeline"] = [time.monotonic() - started]
    return found


def rows(measured: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """A table with the median of each."""
    table: list[tuple[str, ...]] = [("INNER LOOP", "MEDIAN", "WORST")]
    for name, values in measured.items():
        median = sorted(values)[len(values) // 2]
        unit = "" if "idle" in name else " s"
        table.append((name, f"{median:.3f}{unit}", f"{max(values):.3f}{unit}"))
    return table


def _edits(file: Path, change: Callable[[str, str], str], url: str, rounds: int) -> list[float]:
    """Seconds from a saved file to a page that has the change in it."""
    before, mark = file.read_text(), ""
    seconds: list[float] = []
    for number in range(rounds):
        mark = f"mark{number}x{time.monotonic_ns()}"
        text = change(before, mark)
        _await_answer(url)
        started = time.monotonic()
        file.write_text(text)
        while mark not in _get(url):
            if time.monotonic() - started > LONG:
                raise RuntimeError(f"{file} never became live at {url}")
            time.sleep(0.01)
        seconds.append(time.monotonic() - started)
    file.write_text(before)
    while mark in _get(url):  # what comes next finds nothing left to do
        time.sleep(0.05)
    return seconds


def _await_answer(url: str) -> None:
    while not _get(url):
        time.sleep(0.05)


def _get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 built here
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


def _title(text: str, mark: str) -> str:
    return re.sub(r'title="[^"]*"', f'title="{mark}"', text)


def _heading(text: str, mark: str) -> str:
    return re.sub(r'title: "[^"]*"', f'title: "{mark}"', text, count=1)


def _idle(pid: int) -> float:
    """The share of a core that a process and its children take while nothing happens."""
    before = _used(pid)
    time.sleep(IDLE_SECONDS)
    return (_used(pid) - before) / IDLE_SECONDS


def _used(pid: int) -> float:
    """Seconds of CPU of a process and of those below it."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid or int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _requirements(project: Project, session: Session) -> float:
    start = len(session.lines)
    started = time.monotonic()
    _change_lock(project)
    session.find(r"^\+ rollout backend done", start)
    return time.monotonic() - started


def _change_lock(project: Project) -> None:
    file = project.folder / LOCK
    file.write_text(file.read_text() + f"# {time.monotonic_ns()}\n")
