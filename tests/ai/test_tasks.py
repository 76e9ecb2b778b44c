"""The tasks, and every command of the documentation, run against stand-ins."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from invoke import Collection, Program

from scripts.ai import setup
from scripts.ai.consult import Connection
from scripts.host.paths import ROOT
from scripts.tasks import ai, options

Maker = Callable[..., Connection]
Run = Callable[..., tuple[int, str, str]]
HEAVY = {
    "jsonschema",
    "aiohttp",
    "plumbum",
    "scripts.ai",
    "scripts.settings.configuration",
    "scripts.context.session",
    "scripts.secrets.redact",
}


@pytest.fixture
def run(
    make_desk: Maker, state_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> Run:
    """Run a line as a person types it: (exit status, what was printed, errors)."""
    connection = make_desk(state_of("readiness-404"))
    session = SimpleNamespace(
        wanted="embedded",
        settings=connection.settings,
        shell=connection.kubectl.shell,
        kubectl=connection.kubectl,
        helm=connection.helm,
        say=print,
        fetch_tools=lambda: None,
    )
    monkeypatch.setattr("scripts.context.release_lock.state_folder", tmp_path.joinpath)
    monkeypatch.setattr(options, "session", lambda c, environment, target: session)
    monkeypatch.setattr(setup, "connection", lambda s: connection)

    def one(line: str) -> tuple[int, str, str]:
        tasks = Collection()
        tasks.add_collection(Collection.from_module(ai))
        tasks.configure({"environment": "dev", "target": ""})
        try:
            Program(namespace=tasks).run(["invoke", *shlex.split(line)[1:]])
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return one


def commands(file: Path) -> list[tuple[str, bool]]:
    """The invoke lines of the sh blocks of a document, and whether they need what a test machine lacks."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```", file.read_text(), re.M | re.S):
        lines = [line for line in block.splitlines() if line.startswith("invoke ")]
        # What is applied needs a cluster: tests/e2e/test_guides.py.
        found += [(line, "# needs" in block or "--apply" in line) for line in lines]
    return found


DOCUMENTED = [*commands(ROOT / "docs/ai.md"), *commands(ROOT / "ai/README.md")]


@pytest.mark.parametrize("line", [line for line, needs in DOCUMENTED if not needs])
def test_a_documented_command_works(run: Run, line: str) -> None:
    code, out, err = run(line)
    assert (code, err) == (0, "") and out


@pytest.mark.parametrize("line", [line for line, needs in DOCUMENTED if needs])
def test_a_documented_command_that_cannot_run_here_is_at_least_one(line: str) -> None:
    from invoke.parser import Parser

    tasks = Collection()
    tasks.add_collection(Collection.from_module(ai))
    Parser(contexts=tasks.to_contexts()).parse_argv(shlex.split(line)[1:])


def test_the_right_cause_is_on_the_screen(run: Run) -> None:
    code, out, _ = run("invoke ai.debug --pod=backend --tool=offline")
    assert code == 0 and "/nope" in out and "404" in out and "answered by: offline" in out
    assert "0 values redacted" in out and "Checked, to be pasted:" in out


def test_json_is_for_programs(run: Run) -> None:
    _, out, _ = run("invoke ai.debug --service=backend --tool=offline --json")
    found = json.loads(out)
    assert found["tool"] == "offline" and found["sections"][0]["data"][0]["rule"] == "probe-path-missing"
    assert all("--context test" in item["run"] for item in found["commands"] if item["kind"] == "read")


@pytest.mark.slow
def test_dry_prints_prompt_and_command(run: Run) -> None:
    _, out, _ = run("invoke ai.debug --service=backend --tool=kubectl-ai --dry")
    assert "$ " in out and "--skip-permissions=false" in out and "[DATA " in out
    _, out, _ = run("invoke ai.debug --service=backend --dry --json")
    assert json.loads(out)["prompt"].startswith("You help an operator")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("invoke ai.debug --pod=nope --tool=offline", ["no pod nope", "there are: backend-"]),
        ("invoke ai.debug --pod=pod/ --tool=offline", ["input pod", "'pod/' is not possible"]),
        ("invoke ai.debug --service=bakend --tool=offline", ["no service bakend", "choose one of: frontend"]),
        ("invoke ai.debug --tool=chatgpt", ["--tool chatgpt: no such tool", "auto, gordon"]),
        ("invoke ai.debug --tool=kubectl-ai", ["kubectl-ai is not installed", "ai.doctor"]),
        ("invoke ai.run nothing", ["recipe 'nothing': there is none"]),
        ("invoke ai.run debug --input service", ["not NAME=VALUE"]),
        ("invoke ai.run debug --input color=red", ["no input color", "its inputs are: service, pod"]),
        ("invoke ai.run deploy --input name=x", ["input image is missing"]),
        ("invoke ai.deploy --name=Echo --image=x:1 --tool=offline", ["input name", "small letters"]),
        ("invoke ai.run debug --input service=backend --tool=offline --apply", ["--apply: debug proposes no change"]),
        ("invoke ai.install", ["kagent needs a model"]),
        ("invoke ai.install --tool=gpt", ["--tool gpt: no such tool", "choose one of: kubectl-ai, kagent"]),
        ("invoke ai.evaluate --only=zzz", ["no situation begins so"]),
        ("invoke ai.mcp --configure=emacs", ["not a client that is known"]),
    ],
)
def test_what_cannot_be_is_explained(run: Run, line: str, words: list[str]) -> None:
    code, _, err = run(line)
    assert code == 1 and "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.slow
def test_a_tool_asked_for_by_name_that_is_there_and_fails_ends_with_status_1(
    run: Run, make_desk: Maker, doubles: Any, bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI["v0.0.28"])
    (bin_folder / "kubectl-ai.silent").touch()
    doubles.says(bin_folder, "kubectl-ai", err="creating llm client: no", code=1)
    connection = make_desk(variables={"OPENAI_API_KEY": "sk-" + "test-0123456789abcdef"})
    monkeypatch.setattr(setup, "connection", lambda s: connection)
    code, out, err = run("invoke ai.debug --tool=kubectl-ai")
    assert code == 1 and "kubectl-ai did not answer; the rules did" in err
    assert "creating llm client: no" in out and "answered by: offline" in out
    code, out, _ = run("invoke ai.debug --tool=kubectl-ai --json")
    assert code == 1 and json.loads(out)["tried"][0]["tool"] == "kubectl-ai"
    code, _, _ = run("invoke ai.debug")
    assert code == 0  # the rules are what auto ends with


@pytest.mark.slow
def test_the_tasks_import_nothing_heavy() -> None:
    script = "import sys, scripts.tasks.ai; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)
