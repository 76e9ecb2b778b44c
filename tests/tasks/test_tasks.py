"""The command line: every task in the list, each with its line, and mistakes told in words."""

from __future__ import annotations

import errno
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from invoke import Config, Context, Exit

from scripts.errors import UserError
from scripts.host import files
from scripts.host.paths import ROOT
from scripts.host.shell import CommandError, ProgramNotFound, Result, Shell
from scripts.reporting import report_page
from scripts.settings.model import Outcome
from scripts.tasks import cluster, entry, namespace, support
from scripts.tasks.support import errors_explained


def invoke(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no device that takes nothing")
@pytest.mark.parametrize("words", [["--list"], ["ai.list"]])
def test_output_that_finds_no_room_is_no_success(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        argv = [sys.executable, "-m", "invoke", *words]
        done = subprocess.run(argv, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: what is printed cannot be written: No space left on device"), done.stderr


@pytest.mark.slow
def test_every_task_has_one_line_of_help() -> None:
    lines = invoke("--list").stdout.splitlines()[2:]
    tasks = [line.split() for line in lines if line.strip()]
    assert {"pipeline", "build", "deploy", "rollback", "cluster.up", "ai.debug"} <= {words[0] for words in tasks}
    assert all(len(words) > 2 for words in tasks)


@pytest.mark.slow
def test_every_parameter_has_help() -> None:
    text = invoke("--help", "pipeline").stdout
    for option in ("--environment", "--target", "--no-install", "--json", "--keep"):
        assert option.removeprefix("--no-") in text


@pytest.mark.slow
def test_the_list_needs_no_heavy_module() -> None:
    heavy = ("jsonschema", "rich", "cryptography", "aiohttp")
    code = f"import sys, tasks; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_a_run_that_changes_nothing_does_without_what_only_trouble_needs() -> None:
    """The rules, and the hundred patterns of what looks like a secret, are a fifth of such a run's CPU.

    So are the kinds of cluster that are not the one in use, with what they load.
    """
    rooms = ("scripts.diagnose", "scripts.secrets.redact", "scripts.secrets.shapes", "jsonschema", "jinja2", "plumbum")
    rooms += ("scripts.clusters.minikube", "scripts.clusters.k3d", "scripts.clusters.context", "asyncio", "unittest")
    loads = "import sys; from scripts.tasks import loading; loading.load_invoke(); import scripts.clusters.embedded"
    loads += ", scripts.tasks.root, scripts.pipeline.runner, scripts.pipeline.stages"
    code = f"{loads}; print(*(name for name in {rooms} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_invoke_is_loaded_without_what_it_has_for_tests_of_tasks() -> None:
    """And a test of somebody's own tasks gets the real class, by invoke and by the standard library."""
    modules = ("unittest", "unittest.mock", "asyncio", "importlib.metadata", "invoke.vendor.yaml", "yaml")
    code = (
        "import sys; from scripts.tasks import loading; loading.load_invoke(); "
        f"print(*(name for name in {modules} if name in sys.modules)); "
        "from invoke import MockContext, Result, __version__; from unittest.mock import Mock; "
        "made = MockContext(run=Result('said')); print(made.run('anything').stdout, isinstance(made.run, Mock)); "
        "from importlib import metadata; print(metadata.version('invoke') == __version__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\nsaid True\nTrue\n"


@pytest.mark.slow
def test_settings_of_invoke_in_yaml_are_read(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("run: {echo: true}\n")
    code = (
        "from scripts.tasks import loading; loading.load_invoke(); from invoke import Config; config = Config(); "
        f"config.set_runtime_path({str(tmp_path / 'own.yaml')!r}); config.load_runtime(); print(config.run.echo)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["", "1"])
def test_bytecode_is_kept_for_the_next_command_unless_a_person_wants_none(flag: str, tmp_path: Path) -> None:
    env = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": flag}
    subprocess.run([sys.executable, "-m", "invoke", "--list"], cwd=ROOT, env=env, capture_output=True, check=True)
    assert any(tmp_path.rglob("scripts/tasks/root.*.pyc")) is not bool(flag)


@pytest.mark.slow
def test_checking_a_schema_does_not_build_a_parser_of_addresses() -> None:
    """The optional checkers of formats, which another package may bring in, take jsonschema a second to import."""
    code = "import sys, jsonschema; print(*(name for name in ('lark', 'rfc3987_syntax') if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pipeline", "--target", "swarm"], "no such target"),
        (["pipeline", "--environment", "prod"], "allowed are dev, ci, secure"),
        (["scale", "--service", "backend", "--replicas", "two"], "--replicas two: not a whole number"),
        (["logs", "--service", "backend", "--tail", "9" * 20], f"--tail {'9' * 20}: must not be more than 2147483647"),
        (["monitor", "--interval", "nan"], "--interval nan: not a number"),
        (["restart", "--service="], "--service: is empty"),  # as of $SERVICE that is not set: not all of them
        (["diagnose", "--service", ""], "--service: is empty"),
        (["charts.render", "--folder="], "--folder: is empty"),
        (["destroy", "--environment="], "--environment: is empty"),  # not the default one's release
        (["cluster.down", "--target", ""], "--target: is empty"),
        (["diagnose", "--explain=crash-loop", "--service=backend"], "--service: has no effect beside --explain"),
        (["ai.mcp", "--configure=vscode", "--http=9000"], "--http: has no effect beside --configure"),
        (["ai.run", "ask", "--input", "question=a", "--apply"], "--apply: ask proposes no change"),
        (["ai.run", "ask", "--input", "question=a", "--input", "question=b"], "--input question: is given twice"),
        (["ai.evaluate", "--model=x"], "--model: no model is asked without --tool"),
    ],
)
def test_a_mistake_is_told_in_words(words: list[str], message: str) -> None:
    done = invoke(*words)
    assert done.returncode == 1
    assert message in done.stdout + done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("slip", ["INVOKE_TARGT", "INVOKE_ENVIRONMEN"])
def test_a_slip_in_the_variable_that_chooses_the_cluster_is_told(slip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(slip, "kind")
    done = invoke("status")
    assert done.returncode == 1 and f"error: {slip}: nothing reads this variable" in done.stderr


NUMBERS = re.compile(r"(int|float)( \| None)?")


def numbers() -> Iterator[tuple[str, str]]:
    """Every option of every task that takes a number."""
    for name in (words := namespace()).task_names:
        body = words[name].body
        annotations = getattr(body, "__wrapped__", body).__annotations__
        yield from ((name, key) for key, kind in annotations.items() if NUMBERS.fullmatch(str(kind)))


@pytest.mark.parametrize("wrong", ["abc", "-1", "nan", "1e999", "½", "--", "0x10", "1_0", "२", " 2"])
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


def texts() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every option of every task that takes a text, with what the task needs besides."""
    for name in (words := namespace()).task_names:
        body = words[name].body
        work = getattr(body, "__wrapped__", body)
        own = list(inspect.signature(work).parameters.values())[1:]
        needed = {one.name: "2" if NUMBERS.fullmatch(str(one.annotation)) else "x" for one in own}
        kept = {one.name: needed[one.name] if one.default is one.empty else one.default for one in own}
        for one in own:
            if str(one.annotation) in ("str", "str | None"):
                yield name, one.name, {key: value for key, value in kept.items() if key != one.name}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any program, engine or cluster, on which nothing is changed."""

    def missing(argv: list[str], **_: object) -> None:
        raise ProgramNotFound(f"{argv[0]}: not found")

    monkeypatch.setattr("scripts.host.shell._popen", missing)
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")


SESSION = cast("Any", SimpleNamespace(shell=Shell(dry=True)))


def test_a_dry_run_claims_nothing_that_was_not_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.release.database_password.renew", lambda session: None)
    monkeypatch.setattr("scripts.release.operate.url", lambda session: "http://localhost:30000")
    monkeypatch.setattr("webbrowser.open", lambda url: pytest.fail(f"{url} was opened"))
    for name in ("database.password", "open"):
        body = inspect.unwrap(namespace()[name].body)
        body(SESSION)
    assert capsys.readouterr().out == "http://localhost:30000\n"
    cluster._show(SESSION, Outcome("down", "cluster todo-chatbot", "done", 0.0, "removed"))
    assert capsys.readouterr().out == "cluster todo-chatbot: planned, removed\n"


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["", "\0", "no/such\nthing", "é" * 300, "-", "{x}%s$(y)"], ids=ascii)
def test_no_text_of_any_task_ends_in_a_traceback(wrong: str, nowhere: None, capsys: pytest.CaptureFixture[str]) -> None:
    tried, faults = 0, []
    for task, option, besides in texts():
        context = Context(Config({"environment": "dev", "target": "", "run": {"dry": True}}))
        try:
            namespace()[task](context, **{option: wrong}, **besides)
        except Exit as ended:
            told = f"{ended.message or ''}{capsys.readouterr().err}"
            assert ended.code == 1 and told.strip(), (task, option)
            if "should not have happened" in told:
                faults.append((task, option, told))
        tried += 1
    assert tried >= 20 and not faults


def test_what_nobody_thought_of_is_one_line_with_the_place_of_the_details(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.host.paths.ROOT", tmp_path)
    with pytest.raises(Exit) as ended, errors_explained():
        json.loads('{"password": "hunter2-hunter2"')
    assert ended.value.code == 1 and ended.value.message is not None
    first, second = ended.value.message.splitlines()
    assert first.startswith("error: JSONDecodeError: ")
    (file,) = tmp_path.glob("reports/error-*.txt")
    assert str(file) in second and "Traceback" in file.read_text() and "hunter2" not in file.read_text()
    assert capsys.readouterr().err == ""


def test_what_a_program_quotes_in_its_last_words_is_told_without_its_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Exit), errors_explained():
        raise CommandError(
            ["git", "fetch"], Result(128, "", "fatal: unable to access 'https://bob:correct-horse@h/a/'")
        )
    told = capsys.readouterr().err
    assert told.startswith("error: git fetch failed with exit status 128\nfatal: unable to access '<CONNECTION_1>")
    assert "correct-horse" not in told


def test_a_file_that_finds_no_room_is_named_with_what_to_do() -> None:
    with pytest.raises(Exit) as ended, errors_explained():
        raise OSError(errno.ENOSPC, "No space left on device", "/state/samples.jsonl")
    assert ended.value.message == (
        "error: /state/samples.jsonl: No space left on device\n  make room there, and run it again"
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_file_that_is_somebody_elses_is_named_with_what_to_do(tmp_path: Path, number: int) -> None:
    file = tmp_path / "plan.json"
    with pytest.raises(Exit) as ended, errors_explained(), pytest.MonkeyPatch.context() as patched:
        fault = OSError(number, os.strerror(number), f"{tmp_path}/.plan.json.x1.partial")
        patched.setattr(tempfile, "mkstemp", lambda **_: (_ for _ in ()).throw(fault))
        files.write_whole(file, "{}")
    told = str(ended.value.message)
    assert told.startswith(f"error: {file}: {os.strerror(number)}\n  give this user the right to it")


def test_a_file_below_a_home_that_is_not_there_is_told_by_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a service's user: no right to a folder of somebody else's would help."""
    monkeypatch.setenv("HOME", str(tmp_path / "nonexistent"))
    file = tmp_path / "nonexistent/.cache/todo-chatbot/generated"
    with pytest.raises(Exit) as ended, errors_explained():
        raise PermissionError(errno.EACCES, "Permission denied", str(file))
    assert ended.value.message == (
        f"error: {file}: Permission denied\n"
        f"  there is no home folder {tmp_path}/nonexistent: set HOME to a folder of your own"
    )


def test_a_page_may_be_written_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for page in ("<html>1", "<html>2"):
        assert report_page.write(tmp_path / "a/b/page.html", page).read_text() == page
    with pytest.raises(UserError, match="cannot be written"):
        report_page.write(tmp_path / "a", "<p>")
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(UserError, match="was not written by this"):
        report_page.write(tmp_path / "notes.md", "<html>")
    assert (tmp_path / "notes.md").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("invoke.yaml", b"run:\n  dry: [}\n", "{folder}/invoke.yaml: line 2: not valid YAML: "),
        ("invoke.yaml", b"- a\n", "{folder}/invoke.yaml: must be a mapping of keys\n"),
        ("home/.invoke.yaml", b"run: [\n", "{folder}/home/.invoke.yaml: line 2: not valid YAML: "),
        ("home/.invoke.yaml", b"run:\n  env: 3\n", "{folder}/home/.invoke.yaml: run.env: must be a mapping of keys\n"),
        ("home/.invoke.yaml", b"run:\n  shell: {a: b}\n", "{folder}/home/.invoke.yaml: run.shell: has no keys\n"),
        ("home/.invoke.yml", b"\xff\xfe", "{folder}/home/.invoke.yml: not UTF-8 at byte 0\n"),
        ("home/.invoke.json", b"{'a': 1}", "{folder}/home/.invoke.json: line 1: not valid JSON: "),
        ("home/.invoke.py", b"run = (", "{folder}/home/.invoke.py: line 1: not valid Python: "),
        ("home/.invoke.yaml/x", b"", "{folder}/home/.invoke.yaml: cannot be read: Is a directory\n"),
        ("home", b"", "{folder}/home/.invoke.yaml: cannot be read: something in its path is no folder\n"),
    ],
)
def test_settings_of_invokes_own_that_cannot_be_used_are_named(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    shutil.copy(ROOT / "tasks.py", tmp_path / "tasks.py")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "scripts.tasks", "--list"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.startswith("error: " + said.format(folder=tmp_path)) and "should not have" not in done.stderr
    assert done.stderr.count("\n") == 2  # what is wrong, and what to do


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--command-timeout=abc", "status"], "error: --command-timeout: 'abc' is no number\n  give one, "),
        (["--list-depth", "x", "--list"], "error: --list-depth: 'x' is no number\n  give one, "),
        (["--list-format", "xml", "--list"], "error: --list-format: xml is none\n  choose one of: flat, "),
    ],
)
def test_a_value_that_an_option_of_invokes_own_does_not_take_is_named(options: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.tasks", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and done.stderr.startswith(said) and done.stderr.count("\n") == 2


@pytest.mark.slow
def test_who_stops_a_command_that_has_not_begun_sees_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    support.tell_uncaught(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capfd.readouterr() == ("", "")
    first = "import sys, scripts.tasks; print('invoke' in sys.modules)"  # what loads before our words are in place
    done = subprocess.run([sys.executable, "-c", first], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_the_environments_own_invoke_has_our_words_too(tmp_path: Path) -> None:
    (tmp_path / ".invoke.yaml").write_text("run: [\n")
    made = Path(sys.executable).with_name("invoke")
    assert not made.is_file() or entry.STARTS in made.read_text(), "the package writes its program as it did"
    program = tmp_path / "invoke"
    program.write_text(f"import sys\n{entry.STARTS}sys.exit(program.run())\n")
    for _ in range(2):
        entry.give_words(tmp_path)
    assert program.read_text().count("excepthook") == 1
    done = subprocess.run(
        [sys.executable, program, "--list"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.startswith(f"error: {tmp_path}/.invoke.yaml: line 2: not valid YAML")
    assert done.stderr.count("\n") == 2


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_who_reads_one_line_of_a_list_and_goes_is_told_nothing(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv, env = [sys.executable, "-m", "invoke", "--list"], os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(argv, cwd=ROOT, env=env, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert b"Traceback" not in done.stderr and b"Error" not in done.stderr


@pytest.mark.slow
def test_output_that_was_closed_before_is_no_error() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-m", "invoke", "--list"], cwd=ROOT, stderr=subprocess.PIPE
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_ENVIRONMENT", "")
    monkeypatch.setenv("INVOKE_TARGET", "swarm")
    assert "--target swarm: no such target" in invoke("status").stderr


@pytest.mark.slow
def test_environment_and_target_come_from_invokes_own_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_TARGET", "swarm")
    done = invoke("status")
    assert done.returncode == 1 and "--target swarm: no such target" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "printed"), [("ascii", r"caf\xe9 \udcff"), ("utf-8", "caf\u00e9 \\udcff")])
def test_what_a_terminal_has_no_sign_for_is_printed_as_its_code(encoding: str, printed: str) -> None:
    code = "import tasks; print('caf\\xe9 \\udcff')"
    env = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True)
    assert done.stdout.decode("utf-8").strip() == printed
