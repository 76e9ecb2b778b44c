"""The command line: every task in the list, each with its line, and mistakes told in words."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from invoke import Config, Context, Exit

from scripts.settings.loading import ROOT
from scripts.tasks import namespace


def invoke(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_every_task_has_one_line_of_help() -> None:
    lines = invoke("--list").stdout.splitlines()[2:]
    tasks = [line.split() for line in lines if line.strip()]
    assert {"pipeline", "build", "deploy", "rollback", "cluster.up", "ai.debug"} <= {words[0] for words in tasks}
    assert all(len(words) > 2 for words in tasks)


def test_every_parameter_has_help() -> None:
    text = invoke("--help", "pipeline").stdout
    for option in ("--environment", "--target", "--no-install", "--json", "--keep"):
        assert option.removeprefix("--no-") in text


def test_the_list_needs_no_heavy_module() -> None:
    heavy = ("jsonschema", "rich", "cryptography", "aiohttp")
    code = f"import sys, tasks; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_checking_a_schema_does_not_build_a_parser_of_addresses() -> None:
    """The optional checkers of formats, which another package may bring in, take jsonschema a second to import."""
    code = "import sys, jsonschema; print(*(name for name in ('lark', 'rfc3987_syntax') if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pipeline", "--target", "swarm"], "no such target"),
        (["pipeline", "--environment", "prod"], "allowed are dev, ci, secure"),
        (["scale", "--service", "backend", "--replicas", "two"], "--replicas two: not a whole number"),
    ],
)
def test_a_mistake_is_told_in_words(words: list[str], message: str) -> None:
    done = invoke(*words)
    assert done.returncode == 1
    assert message in done.stdout + done.stderr and "Traceback" not in done.stderr


NUMBERS = re.compile(r"(int|float)( \| None)?")


def numbers() -> Iterator[tuple[str, str]]:
    """Every option of every task that takes a number."""
    for name in (words := namespace()).task_names:
        body = words[name].body
        annotations = getattr(body, "__wrapped__", body).__annotations__
        yield from ((name, key) for key, kind in annotations.items() if NUMBERS.fullmatch(str(kind)))


@pytest.mark.parametrize("wrong", ["abc", "-1", "1e999", "½", "--", "0x10"])
def test_no_number_of_any_task_ends_in_a_traceback(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    tried = 0
    for task, option in numbers():
        if task.startswith("ai."):
            continue
        with pytest.raises(Exit) as ended:
            namespace()[task](Context(Config({"environment": "dev", "target": ""})), **{option: wrong})
        words = capsys.readouterr().err
        assert ended.value.code == 1 and f"--{option} {wrong}: " in words, (task, words)
        tried += 1
    assert tried >= 5


def test_environment_and_target_come_from_invokes_own_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_TARGET", "swarm")
    done = invoke("status")
    assert done.returncode == 1 and "--target swarm: no such target" in done.stderr
