"""Show a session to a person: plain lines, or one live screen with keys."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from scripts.reporting.display import MARKS
from scripts.settings.model import Outcome

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")
ERROR = re.compile(
    r'"level": ?"(?:ERROR|CRITICAL)"|\b(?:ERROR|FATAL|\w*Error:|error:)|Traceback|has ended with status [^0]'
)
DRAWN_EVERY = 0.1
"""Seconds between two drawings of the screen."""
KEYS = {"r": "rebuild", "s": "restart", "o": "open", "p": "pause", "q": "quit"}


class Screen(Protocol):
    """The screen of a session. All methods may be called from several threads; it is a display of a run too."""

    def line(self, text: str) -> None:
        """Show a line to read."""

    def log(self, service: str, text: str) -> None:
        """Show a line that a service has written."""

    def state(self, service: str, *, pods: str = "", change: str = "", done: str = "") -> None:
        """Show what is known about a service: its pods, the last change, what was done for it."""

    def begin(self, stage: str) -> None:
        """Show that a stage of the pipeline starts."""

    def outcome(self, outcome: Outcome) -> None:
        """Show that something of a stage ended."""

    def waiting(self, stage: str, target: str, text: str) -> None:
        """Show what is going on now."""

    def close(self) -> None:
        """End: the session is over."""


class PlainScreen:
    """Plain lines, for a log."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._last: dict[str, tuple[str, str]] = {}

    def line(self, text: str) -> None:
        """Print it."""
        with self._lock:
            print(text, file=self._stream, flush=True)

    def log(self, service: str, text: str) -> None:
        """Print it behind the service's name."""
        self.line(f"{service} | {text}")

    def state(self, service: str, *, pods: str = "", change: str = "", done: str = "") -> None:
        """Print what was done, and the pods when their state is another one."""
        if done:
            self.line(f"{service}: {change}: {done}" if change else f"{service}: {done}")
        elif pods and self._last.get(service) != (pods, ""):
            self._last[service] = (pods, "")
            self.line(f"{service}: {pods}")

    def begin(self, stage: str) -> None:
        """Print a heading."""
        self.line(f"== {stage}")

    def outcome(self, outcome: Outcome) -> None:
        """Print one line."""
        detail = f": {outcome.detail}" if outcome.detail else ""
        self.line(f"{MARKS[outcome.status]} {outcome.stage} {outcome.target} {outcome.status}{detail}")

    def waiting(self, stage: str, target: str, text: str) -> None:
        """Print nothing: what is waited for comes or is told."""

    def close(self) -> None:
        """Leave what was printed."""


class TerminalScreen:
    """A table of the services above the newest lines. Errors stay in sight until the service is changed again."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console(stderr=True, highlight=False)
        self._services: dict[str, dict[str, str]] = {}
        self._errors: dict[str, str] = {}
        self._lines: deque[tuple[str, str]] = deque(maxlen=500)
        self._now = ""
        self._lock = threading.RLock()
        self._live = RichLive(console=self._console, get_renderable=self._drawn, auto_refresh=False, screen=True)
        self._changed, self._over = threading.Event(), threading.Event()
        self._drawing = threading.Thread(target=self._draw, daemon=True)
        self._live.start()
        self._drawing.start()

    def _draw(self) -> None:
        """Draw what has changed, a few times a second at most: an idle session costs nothing."""
        while not self._over.is_set():
            self._changed.wait()
            self._changed.clear()
            self._live.refresh()
            self._over.wait(DRAWN_EVERY)

    def line(self, text: str) -> None:
        """Add a line of the session's own."""
        with self._lock:
            self._lines.extend(("", part) for part in text.splitlines() or [""])
            if text.startswith(("error", "!")):
                self._errors[""] = text
        self._changed.set()

    def log(self, service: str, text: str) -> None:
        """Add a line in the service's colour, and keep it in sight if it is an error."""
        with self._lock:
            self._lines.append((service, text))
            if ERROR.search(text):
                self._errors[service] = text
        self._changed.set()

    def state(self, service: str, *, pods: str = "", change: str = "", done: str = "") -> None:
        """Change what is known about a service."""
        with self._lock:
            row = self._services.setdefault(service, {"pods": "", "change": "", "done": "", "at": ""})
            row["pods"] = pods or row["pods"]
            if done:
                row |= {"change": change, "done": done, "at": time.strftime("%H:%M:%S")}
                self._errors.pop(service, None)
                self._errors.pop("", None)
        self._changed.set()

    def begin(self, stage: str) -> None:
        """Show that a stage goes on."""
        self._now = stage
        self._changed.set()

    def outcome(self, outcome: Outcome) -> None:
        """Add a line, unless nothing was done."""
        self._now = ""
        if outcome.status != "unchanged":
            self.line(f"{MARKS[outcome.status]} {outcome.stage} {outcome.target} {outcome.status}: {outcome.detail}")

    def waiting(self, stage: str, target: str, text: str) -> None:
        """Show what is waited for."""
        self._now = f"{stage} {target}: {text}"
        self._changed.set()

    def close(self) -> None:
        """Give the terminal back, with the last lines on it."""
        self._over.set()
        self._changed.set()
        self._drawing.join()
        self._live.stop()
        for service, text in list(self._lines)[-10:]:
            self._console.print(self._text(service, text))

    def _text(self, service: str, text: str) -> Text:
        from rich.text import Text

        if not service:
            return Text(text, style="dim" if text.startswith("$ ") else "")
        colour = COLOURS[list(self._services).index(service) % len(COLOURS)] if service in self._services else "white"
        return Text.assemble((f"{service} | ", colour), (text, "red" if ERROR.search(text) else ""))

    def _drawn(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            table = Table(box=None, padding=(0, 2, 0, 0))
            for title in ("service", "pods", "last change", "done", "at"):
                table.add_column(title, no_wrap=True, overflow="ellipsis")
            for name, row in self._services.items():
                # As text: what a program or a person named may look like markup.
                table.add_row(*(Text(cell) for cell in (name, row["pods"], row["change"], row["done"], row["at"])))
            errors = [Text(f"{name or 'dev'}: {text}", style="bold red") for name, text in self._errors.items()]
            keys = Text("  ".join(f"[{key}] {word}" for key, word in KEYS.items()), style="dim")
            room = max(
                3, self._console.height - len(self._services) - 5 - sum(len(e.plain.splitlines()) for e in errors)
            )
            lines = [self._text(*item) for item in list(self._lines)[-room:]]
            for line in lines:
                line.no_wrap, line.overflow = True, "ellipsis"
            return Group(table, Text(self._now, style="cyan"), *errors, Text(""), *lines, keys)


def choose() -> Screen:
    """Return the screen that fits where standard error goes."""
    return TerminalScreen() if sys.stderr.isatty() else PlainScreen()


@contextmanager
def keys(on_key: Callable[[str], None]) -> Iterator[None]:
    """Report every key that is pressed, while the block runs; nothing where standard input is no terminal."""
    if not sys.stdin.isatty():
        yield
        return
    import select
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            if select.select([sys.stdin], [], [], 0.5)[0]:
                for key in os.read(sys.stdin.fileno(), 64).decode(errors="replace"):
                    on_key(key)

    tty.setcbreak(sys.stdin)
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
