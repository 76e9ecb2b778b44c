"""Tests that passed are not run again while nothing that they read has changed, and are when anything has."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import kept_results

TEST = """\
from pathlib import Path

import code_of_it


def test_it():
    assert Path("data.txt").read_text() == code_of_it.EXPECTED
    assert not Path("missing.txt").exists()
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a test, the code that it loads, a file that it reads, and one that nothing reads."""
    written = {
        "test_it.py": TEST,
        "code_of_it.py": 'EXPECTED = "a"\n',
        "data.txt": "a",
        "other.txt": "a",
        ".gitignore": ".nox/\n.pytest_cache/\n__pycache__/\n",
        "pytest.ini": "[pytest]\npythonpath = .\n",
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    commit = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.hooksPath=/dev/null", "commit"]
    for words in (["init", "-q"], ["add", "."], [*commit, "-q", "-m", "a"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def run(repository: Path, *words: str, **variables: str) -> str:
    """Return `ran` or `kept`, and `failed` where the tests did."""
    argv = [sys.executable, kept_results.__file__, "it", *(words or ("test_it.py",))]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(repository), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment |= variables
    done = subprocess.run(argv, cwd=repository, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    kept = "it: 1 tests passed at" in done.stdout
    assert kept or " in " in done.stdout, done.stdout
    return "failed" if done.returncode else "kept" if kept else "ran"


CHANGES: dict[str, Callable[[Path], object]] = {
    "the test": lambda root: (root / "test_it.py").write_text(TEST + "\n"),
    "its code": lambda root: (root / "code_of_it.py").write_text('EXPECTED = "a"  # changed\n'),
    "a file that appears": lambda root: (root / "new.txt").write_text(""),
    "a file that goes": lambda root: (root / "other.txt").unlink(),
    "the result itself": lambda root: (root / ".nox/passed/it").write_text("{"),
    "settings of pytest": lambda root: (root / "pytest.ini").write_text("[pytest]\npythonpath = . ..\n"),
}


@pytest.mark.slow
def test_whatever_a_result_may_come_from_makes_the_tests_run_again(repository: Path) -> None:
    assert run(repository) == "ran"
    (repository / "other.txt").write_text("b")
    assert run(repository) == "kept"
    for what, change in CHANGES.items():
        change(repository)
        assert run(repository) == "ran", what
    assert run(repository, MODE="other") == "ran"
    assert run(repository, "-v", "test_it.py", MODE="other") == "ran"
    (repository / "bin").mkdir()
    assert run(repository, "-v", "test_it.py", MODE="other", PATH=f"{repository}/bin:/usr/bin:/bin") == "ran"


@pytest.mark.slow
def test_what_failed_is_never_kept(repository: Path) -> None:
    (repository / "data.txt").write_text("b")
    assert [run(repository), run(repository)] == ["failed", "failed"]
    (repository / "data.txt").write_text("a")
    assert run(repository) == "ran"


@pytest.mark.slow
def test_where_a_program_was_started_every_file_and_the_commit_count(repository: Path) -> None:
    (repository / "test_it.py").write_text("import subprocess\n\n\ndef test_it():\n    subprocess.run(['true'])\n")
    assert [run(repository), run(repository)] == ["ran", "kept"]
    (repository / "other.txt").write_text("b")
    assert run(repository) == "ran"
    subprocess.run(["git", "update-ref", "-d", "HEAD"], cwd=repository, check=True)
    assert [run(repository), run(repository)] == ["ran", "ran"]  # git names no commit: nothing is kept


def test_a_package_counts_and_its_bytecode_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", {"purelib": str(tmp_path)}.__getitem__)
    (tmp_path / "one-1.0.dist-info").mkdir()
    before = kept_results.around([], [], {})
    (tmp_path / "__pycache__").mkdir()
    assert kept_results.around([], [], {}) == before
    (tmp_path / "one-1.0.dist-info").rename(tmp_path / "one-1.1.dist-info")
    assert kept_results.around([], [], {}) != before
