"""The list of tasks is answered from the last answer, while it holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.host.paths import ROOT

pytestmark = pytest.mark.slow  # all start programs

ASK = "import sys; from scripts.tasks import kept_list; kept_list.use(sys.argv.pop()); {}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".venv").mkdir()
    (tmp_path / "scripts" / "tasks").mkdir(parents=True)
    (tmp_path / "scripts" / "tasks" / "root.py").write_text("")
    (tmp_path / "tasks.py").write_text("")
    return tmp_path


def ask(checkout: Path, makes: str = "print('made')", words: tuple[str, ...] = ("--list",), **settings: str) -> str:
    """Return what a program prints that would make the list by the statement `makes`."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("INVOKE_")}
    environment = {**usual, "PYTHONPATH": str(ROOT), "HOME": str(checkout), "PYTHONIOENCODING": "utf-8", **settings}
    code = [sys.executable, "-c", ASK.format(makes), *words, str(checkout)]
    done = subprocess.run(code, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def test_it_is_made_once(checkout: Path) -> None:
    assert ask(checkout) == "made\n"
    assert ask(checkout, "print('made anew')") == "made\n"
    assert ask(checkout, "print('made anew')", ("-l",)) == "made\n"


@pytest.mark.parametrize(
    "file", ["tasks.py", "scripts/tasks/root.py", "scripts/tasks/new.py", ".venv/requirements.txt"]
)
def test_it_is_made_anew_when_something_changed(checkout: Path, file: str) -> None:
    ask(checkout)
    (checkout / file).write_text("# another")
    assert ask(checkout, "print('made anew')") == "made anew\n"


@pytest.mark.parametrize("words", [("--list", "ai"), ("--list", "--list-format=json"), ("pipeline",), ()])
def test_nothing_else_is_answered_with_it(checkout: Path, words: tuple[str, ...]) -> None:
    ask(checkout)
    assert ask(checkout, "print('other')", words) == "other\n"


def test_what_a_person_set_for_invoke_counts(checkout: Path) -> None:
    ask(checkout)
    assert ask(checkout, "print('by a variable')", INVOKE_TASKS_AUTO_DASH_NAMES="0") == "by a variable\n"
    (checkout / ".invoke.yaml").write_text("tasks: {}\n")
    assert ask(checkout, "print('by a file')") == "by a file\n"


@pytest.mark.parametrize("makes", ["print('half'); raise ValueError", "print('half'); raise KeyboardInterrupt"])
def test_half_a_list_is_not_kept(checkout: Path, makes: str) -> None:
    assert ask(checkout, makes) == "half\n"
    assert ask(checkout) == "made\n"


def test_a_checkout_that_cannot_be_written_has_its_list(checkout: Path) -> None:
    (checkout / ".venv").rmdir()
    assert ask(checkout) == "made\n"
    assert ask(checkout, "print('made anew')") == "made anew\n"
