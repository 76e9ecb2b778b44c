"""A command line with a slip in it is told with what it may have meant."""

from __future__ import annotations

import subprocess
import sys

import pytest
from invoke.main import program
from invoke.parser import Parser

from scripts.host.paths import ROOT
from scripts.tasks import mistyped, namespace

LIST = "all that there are: invoke --list"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("pipline", f"error: pipline: no such task\n  did you mean pipeline? {LIST}"),
        ("PIPELINE", f"error: PIPELINE: no such task\n  did you mean pipeline? {LIST}"),
        ("secret.sync", f"error: secret.sync: no such task\n  did you mean secrets.sync? {LIST}"),
        ("cluster:down", "did you mean cluster.down"),
        ("cluster", "error: cluster: a group of tasks, and none by itself\n  choose one of: cluster.up, "),
        ("up", f"error: up: no such task\n  did you mean cluster.up? {LIST}"),
        ("qqqq", f"error: qqqq: no such task\n  {LIST}"),
        ("status everything", f"error: everything: no such task; status takes it neither\n  {LIST}"),
        ("pipeline --targt=kind", "error: pipeline --targt: no such option\n  did you mean --target? "),
        ("pipeline --drry", "error: pipeline --drry: no such option\n  did you mean --dry? "),
        ("pipeline --no-instal", "did you mean --no-install or --install? all that there are: invoke --help pipeline"),
        ("--lisst", "error: --lisst: no such option\n  did you mean --list? all that there are: invoke --help"),
        ("logs --service", "error: logs --service: needs a value\n  what it takes: invoke --help logs"),
        ("backup.restore --archive=/tmp", "error: backup.restore --archive: no such option\n  all that there are: "),
        ("scale --servce=backend --replicas=2", "error: scale --servce: no such option\n  did you mean --service?"),
        ("scale backend", "error: scale: lacks REPLICAS\n  what it takes: invoke --help scale"),
    ],
)
def test_a_slip_is_told_with_what_it_may_have_meant(line: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from invoke.exceptions import ParseError

    monkeypatch.setattr(ParseError, "__str__", ParseError.__str__)  # back as it was after the test
    mistyped.give_words()
    parser = Parser(contexts=namespace().to_contexts(), initial=program.initial_context)
    monkeypatch.setattr(program, "parser", parser, raising=False)
    with pytest.raises(ParseError) as problem:
        parser.parse_argv(line.split())
    assert told in str(problem.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["pipline"], "did you mean pipeline?"),
        (["backup.verify", "--verbose"], "error: --file: --verbose is no option of this task"),
        (["charts.render", "--folder=/etc/passwd"], "error: --folder /etc/passwd: is a file, not a folder"),
        (
            ["--list", "clustr"],
            "error: --list clustr: no such group of tasks\n  did you mean cluster? choose one of: ai, ",
        ),
        (["--list", "status"], "error: --list status: no such group of tasks\n  choose one of: ai, "),
    ],
)
def test_the_command_line_has_these_words(words: list[str], told: str) -> None:
    argv = [sys.executable, "-m", "invoke", *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and told in done.stderr and not done.stdout
