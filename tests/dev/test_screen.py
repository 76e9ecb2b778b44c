"""What a person sees of a session."""

import io
import os
import pty
import sys
from collections.abc import Iterator

import pytest

from scripts.dev.screen import ERROR, KEYS, PlainScreen, TerminalScreen, keys
from scripts.settings.model import Outcome


def test_lines_say_what_was_done_and_what_the_pods_are_once() -> None:
    out = io.StringIO()
    shown = PlainScreen(out)
    shown.state("backend", pods="1 of 2 ready")
    shown.state("backend", pods="1 of 2 ready")
    shown.state("backend", change="app.py", done="synced to 2 pods in 210 ms")
    shown.log("backend", "hello")
    shown.outcome(Outcome("build", "backend", "failed", 0.0, "no space left"))
    assert out.getvalue().splitlines() == [
        "backend: 1 of 2 ready",
        "backend: app.py: synced to 2 pods in 210 ms",
        "backend | hello",
        "! build backend failed: no space left",
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"level": "ERROR", "message": "x"}', True),
        ("Traceback (most recent call last):", True),
        ("TypeError: x is no function", True),
        ("the program has ended with status 1; it starts again", True),
        ("the program has ended with status 0; it starts again", False),
        ('{"level": "INFO", "message": "0 errors"}', False),
    ],
)
def test_what_is_kept_in_sight(line: str, error: bool) -> None:
    assert bool(ERROR.search(line)) == error


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as standard input and error; the end that a person has."""
    person, program = pty.openpty()
    os.set_blocking(person, False)
    ends = [os.fdopen(os.dup(program), "r"), os.fdopen(os.dup(program), "w")]
    monkeypatch.setattr(sys, "stdin", ends[0])
    monkeypatch.setattr(sys, "stderr", ends[1])
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    yield person
    for end in ends:
        end.close()
    os.close(program)
    os.close(person)


def test_one_screen_with_errors_that_stay(terminal: int) -> None:
    shown = TerminalScreen()
    shown.state("backend", pods="2 of 2 ready", change="app.py", done="synced to 2 pods in 210 ms")
    shown.log("backend", "Traceback (most recent call last):")
    for number in range(100):
        shown.log("backend", f"line {number} [bold]as it is[/bold]")
    drawn = shown._console.render_lines(shown._drawn(), pad=False)
    text = "\n".join("".join(part.text for part in line) for line in drawn)
    assert "app.py" in text and "synced to 2 pods in 210 ms" in text
    assert "backend: Traceback" in text, "an error stays in sight"
    assert "line 99 [bold]as it is[/bold]" in text and "line 0 " not in text
    assert all(f"[{key}] {word}" in text for key, word in KEYS.items())
    assert len(drawn) <= 30
    shown.state("backend", change="app.py", done="synced again")
    drawn = shown._console.render_lines(shown._drawn(), pad=False)
    assert "backend: Traceback" not in "\n".join("".join(part.text for part in line) for line in drawn)
    shown.close()


def test_keys_are_read_one_by_one(terminal: int) -> None:
    import threading

    pressed: list[str] = []
    enough = threading.Event()

    def on_key(key: str) -> None:
        pressed.append(key)
        if len(pressed) == 2:
            enough.set()

    with keys(on_key):
        os.write(terminal, b"rq")
        assert enough.wait(300)
    assert pressed == ["r", "q"]
