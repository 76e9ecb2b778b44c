"""The live table shows what programs say as they said it, one line a row, and what has ended stays ended."""

from __future__ import annotations

import io

from rich.console import Console

from scripts.reporting.display import PlainDisplay, TerminalDisplay
from scripts.settings.model import Outcome


def shown(live: TerminalDisplay, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(live._table())
    return console.file.getvalue() if isinstance(console.file, io.StringIO) else ""


def test_the_table_is_harmless_cut_and_final() -> None:
    live = TerminalDisplay()
    live.close()
    live.begin("rollout")
    live.waiting("rollout", "backend", "[backend] 1/2 ready, [red]x [/nope] " + "long " * 40)
    text = shown(live)
    assert "[backend] 1/2 ready, [red]x [/nope]" in text
    assert len(text.splitlines()) == 1 and len(text.rstrip("\n")) <= 80
    live.outcome(Outcome("rollout", "backend", "done", 3.0, "2/2 ready"))
    live.waiting("rollout", "backend", "late news")
    assert "2/2 ready" in shown(live) and "late news" not in shown(live)


def test_lines_for_a_log_are_told_once() -> None:
    stream = io.StringIO()
    plain = PlainDisplay(stream)
    for text in ("1/2 ready", "1/2 ready", "2/2 ready"):
        plain.waiting("rollout", "backend", text)
    assert stream.getvalue().splitlines() == ["  rollout backend: 1/2 ready", "  rollout backend: 2/2 ready"]
