"""What CONTRIBUTING.md says of tests holds of all of them: none waits for a fixed time, and none judges by a clock."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.host.paths import ROOT

SLEEPS = ("time.sleep", "asyncio.sleep")
CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time"}
FILES = sorted(file for folder in ("tests", "embedded/tests") for file in (ROOT / folder).rglob("test_*.py"))
NOT_JUDGED = {"bench"}  # whose figures are what it is for
# What breaks a habit has one of these; the rest, most files, need no parser.
SUSPICIOUS = re.compile(r"sleep\(|\.seconds <|" + "|".join(sorted(CLOCKS)))


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """The syntax of every file of tests that names a clock or sleeps."""
    texts = {file: file.read_text(encoding="utf-8") for file in FILES if not NOT_JUDGED & set(file.parts)}
    assert len(texts) > 200
    return {file: ast.parse(text) for file, text in texts.items() if SUSPICIOUS.search(text)}


def sleeps_outside_of_loops(node: ast.AST, *, waiting: bool = False) -> Iterator[int]:
    """Yield the lines that let a fixed time pass, rather than look again and again until something is so."""
    waiting = waiting or isinstance(node, ast.While | ast.For | ast.AsyncFor)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in SLEEPS and not waiting:
        fixed = node.args[0]
        yield from [node.lineno] if isinstance(fixed, ast.Constant) and fixed.value else []
    for child in ast.iter_child_nodes(node):
        yield from sleeps_outside_of_loops(child, waiting=waiting)


def judgements_by_a_clock(tree: ast.AST) -> Iterator[int]:
    """Yield the asserts that bound how long something took; one that only gives up waiting compares two moments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and any(isinstance(one, ast.Lt | ast.LtE) for one in ast.walk(node.test)):
            parts = [one for one in ast.walk(node.test) if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub)]
            called = {
                ast.unparse(one).rpartition("(")[0].rpartition(".")[2] for part in parts for one in ast.walk(part)
            }
            if called & CLOCKS or ".seconds <" in ast.unparse(node.test):
                yield node.lineno


@pytest.mark.parametrize("look", [sleeps_outside_of_loops, judgements_by_a_clock], ids=lambda look: look.__name__)
def test_no_test_waits_a_fixed_time_or_judges_by_seconds(
    look: Callable[[ast.AST], Iterator[int]], trees: dict[Path, ast.Module]
) -> None:
    assert [f"{file.relative_to(ROOT)}:{line}" for file, tree in trees.items() for line in look(tree)] == []


def test_what_breaks_the_habit_is_found() -> None:
    bad = "import time\ndef test_it():\n    time.sleep(1)\n    assert time.monotonic() - begun < 2\n"
    good = "while not done():\n    time.sleep(0.1)\nassert time.monotonic() < deadline\n"
    assert list(sleeps_outside_of_loops(ast.parse(bad))) == [3] and list(judgements_by_a_clock(ast.parse(bad))) == [4]
    assert not [*sleeps_outside_of_loops(ast.parse(good)), *judgements_by_a_clock(ast.parse(good))]
