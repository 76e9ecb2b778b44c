"""Display a run while it goes on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from scripts.settings.model import Outcome

if TYPE_CHECKING:
    from rich.table import Table

MARKS = {"done": "+", "unchanged": "=", "planned": "~", "skipped": "-", "failed": "!"}
COLOURS = {"done": "green", "unchanged": "dim", "planned": "cyan", "skipped": "dim", "failed": "bold red"}


class Display(Protocol):
    """The display of a run. All methods may be called from several threads."""

    def line(self, text: str) -> None:
        """Show a line to read: a command, a remark."""

    def begin(self, stage: str) -> None:
        """Show that a stage starts."""

    def outcome(self, outcome: Outcome) -> None:
        """Show that something ended."""

    def waiting(self, stage: str, target: str, text: str) -> None:
        """Show what is going on now."""

    def close(self) -> None:
        """End: the run is over."""


class PlainDisplay:
    """Lines, for a log."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], str] = {}

    def line(self, text: str) -> None:
        """Print it."""
        with self._lock:
            print(text, file=self._stream, flush=True)

    def begin(self, stage: str) -> None:
        """Print a heading."""
        self.line(f"== {stage}")

    def outcome(self, outcome: Outcome) -> None:
        """Print one line."""
        seconds = f" ({outcome.seconds:.1f} s)" if outcome.seconds >= 0.05 else ""
        detail = f": {outcome.detail}" if outcome.detail else ""
        self.line(f"{MARKS[outcome.status]} {outcome.stage} {outcome.target} {outcome.status}{detail}{seconds}")

    def waiting(self, stage: str, target: str, text: str) -> None:
        """Print a line, when the words change."""
        if self._waiting.get((stage, target)) != text:
            self._waiting[stage, target] = text
            self.line(f"  {stage} {target}: {text}")

    def close(self) -> None:
        """Do nothing: there is nothing to tidy."""


class TerminalDisplay:
    """A table that is redrawn; commands scroll by above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console(stderr=True, highlight=False)
        self._rows: dict[tuple[str, str], tuple[str, str, float]] = {}
        self._started: dict[tuple[str, str], float] = {}
        self._lock = threading.RLock()
        self._live = RichLive(console=self._console, get_renderable=self._table, refresh_per_second=8, transient=False)
        self._live.start()

    def line(self, text: str) -> None:
        """Print above the table, cut to the terminal's width if it is a long command."""
        self._console.print(
            text, style="dim" if text.startswith("$ ") else None, markup=False, no_wrap=True, overflow="ellipsis"
        )

    def begin(self, stage: str) -> None:
        """Add a row for the stage."""
        with self._lock:
            self._started[stage, ""] = time.monotonic()
            self._rows[stage, ""] = ("running", "", 0.0)

    def outcome(self, outcome: Outcome) -> None:
        """Show the row's last state."""
        with self._lock:
            self._rows[outcome.stage, outcome.target] = (outcome.status, outcome.detail, outcome.seconds)
            if self._rows.get((outcome.stage, ""), ("",))[0] == "running":
                del self._rows[outcome.stage, ""]

    def waiting(self, stage: str, target: str, text: str) -> None:
        """Show the row's words of now. What has ended stays ended: another thread may be late with its news."""
        with self._lock:
            if self._rows.get((stage, target), ("running",))[0] != "running":
                return
            self._rows.pop((stage, ""), None)
            self._started.setdefault((stage, target), time.monotonic())
            self._rows[stage, target] = ("running", text, 0.0)

    def close(self) -> None:
        """Leave the table standing."""
        self._live.stop()

    def _table(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 1), show_header=False)
        for _ in range(5):
            table.add_column(no_wrap=True, overflow="ellipsis")
        now = time.monotonic()
        with self._lock:
            rows = list(self._rows.items())
        for (stage, target), (status, text, seconds) in rows:
            spent = now - self._started.get((stage, target), now) if status == "running" else seconds
            sign = Spinner("dots", style="cyan") if status == "running" else MARKS[status]
            # As text: what a program said may look like markup.
            cells = (stage, target, f"{spent:.1f} s", (text.splitlines() or [""])[0])
            table.add_row(sign, *(Text(cell) for cell in cells), style=COLOURS.get(status, ""))
        return table


def choose() -> Display:
    """Return the display that fits where standard error goes."""
    return TerminalDisplay() if sys.stderr.isatty() else PlainDisplay()
