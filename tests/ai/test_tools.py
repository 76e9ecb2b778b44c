"""The AI tools by their true command lines, against stand-ins that accept what upstream accepts and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.ai import consult, recipes
from scripts.ai.consult import Connection
from scripts.ai.setup import doctor
from scripts.ai.tools import variables
from scripts.ai.types import Reply
from scripts.errors import UserError
from scripts.host.paths import ROOT
from tests.support.kagent import standing
from tests.support.model_server import ModelServer, says

DEBUG = recipes.pick(ROOT, "debug")
KEY = {"OPENAI_API_KEY": "sk-" + "test-0123456789abcdef"}
GOOD = "## Cause\nThe database is gone.\n```sh\nkubectl get pods\n```\n"
KAGENT = standing(KEY)
Maker = Callable[..., Connection]


def ask(connection: Connection, tool: str, **inputs: str) -> consult.Consultation:
    return consult.consult(connection, DEBUG, inputs, tool=tool)


def everything(called: dict[str, Any]) -> str:
    """The whole command line."""
    return " ".join(called["argv"])


@pytest.fixture
def model(running: ModelServer) -> ModelServer:
    running.reset()
    running.script = [says(GOOD)]
    return running


@pytest.fixture
def key(model: ModelServer) -> dict[str, str]:
    return KEY | {"OPENAI_BASE_URL": model.url}


def test_a_very_long_answer_is_kept_whole_also_one_with_half_a_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consult, "state_folder", tmp_path.joinpath)
    text = "x" * consult.LONGEST_ANSWER + "\ud800 end"
    shown = consult.bounded(Reply("api", text))
    (file,) = (tmp_path / "ai").iterdir()
    assert "cut off" in shown.text and str(file) in shown.notes[-1]
    assert file.read_text().endswith("\\ud800 end")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v0.0.20", "v0.0.25", "v0.0.28", "tip"])
def test_kubectl_ai_takes_the_whole_command_line(
    make_desk: Maker, doubles: Any, bin_folder: Path, version: str, key: dict[str, str]
) -> None:
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI[version], version)
    found = ask(make_desk(variables=key), "kubectl-ai")
    assert (found.tool, found.tried) == ("kubectl-ai", ())
    assert found.answer.text.startswith("## Cause\nThe database is gone.")
    assert [item.line for item in found.answer.commands] == ["kubectl get pods"]
    called = doubles.called(bin_folder, "kubectl-ai")
    assert called["argv"][0] == "--quiet" and "--skip-permissions=false" in called["argv"]
    assert called["argv"][called["argv"].index("--llm-provider") + 1] == "openai"
    assert called["stdin"].startswith("You help an operator of an app")


@pytest.mark.slow
def test_kubectl_ai_gets_few_rights_and_no_key(
    make_desk: Maker, doubles: Any, bin_folder: Path, monkeypatch: pytest.MonkeyPatch, key: dict[str, str]
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-no-concern")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI["v0.0.28"])
    ask(make_desk(variables=key), "kubectl-ai")
    called = doubles.called(bin_folder, "kubectl-ai")
    assert KEY["OPENAI_API_KEY"] not in everything(called)
    assert called["env"]["OPENAI_API_KEY"] != KEY["OPENAI_API_KEY"]
    assert called["env"]["OPENAI_ENDPOINT"].startswith("http://127.0.0.1:")
    assert not {"AWS_SECRET_ACCESS_KEY", "DATABASE_URL"} & called["env"].keys()
    given = json.loads(called["kubeconfig"])
    assert given["current-context"] == "test" and called["mode"] == "0o600"
    assert given["users"] == [{"name": "todo-ai-reader", "user": {"token": "a.token.of.the.tests"}}]
    assert given["contexts"][0]["context"]["namespace"] == "chatbot-dev"
    used = called["argv"][called["argv"].index("--kubeconfig") + 1]
    assert not Path(used).exists()  # gone after its use


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"out": "", "code": 0}, "ended before it asked the model, with status 0: no word"),
        ({"out": "Maximum number of iterations reached.\n"}, "ended before it asked the model"),
        ({"err": "creating llm client: 401", "code": 1}, "creating llm client: 401"),
        ({"out": "late", "sleep": 600.0}, "no answer within 1 s"),
    ],
)
def test_a_kubectl_ai_that_fails_is_told_of_and_the_rules_answer(
    make_desk: Maker, doubles: Any, bin_folder: Path, said: dict[str, Any], problem: str
) -> None:
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI["v0.0.28"])
    (bin_folder / "kubectl-ai.silent").touch()
    doubles.says(bin_folder, "kubectl-ai", **said)
    found = ask(make_desk(variables=KEY, timeout=1 if "sleep" in said else 120), "kubectl-ai")
    assert found.tool == "offline" and problem in found.tried[-1][1]
    assert found.answer.text


def test_a_tool_that_is_asked_for_by_name_has_to_be_there(make_desk: Maker) -> None:
    for tool in ("kubectl-ai", "gordon", "kagent", "api"):
        with pytest.raises(UserError, match=f"--tool {tool}: "):
            ask(make_desk(), tool)
    with pytest.raises(UserError, match="no such tool"):
        ask(make_desk(), "chatgpt")


def test_with_nothing_there_the_rules_answer_and_say_what_is_missing(make_desk: Maker) -> None:
    found = ask(make_desk(), "auto")
    assert found.tool == "offline"
    assert [name for name, _ in found.tried] == ["kubectl-ai", "kagent", "api", "gordon"]


@pytest.mark.slow
def test_auto_takes_the_first_that_is_there(
    make_desk: Maker, doubles: Any, bin_folder: Path, key: dict[str, str]
) -> None:
    doubles.program(bin_folder, "docker", doubles.GORDON, "1.2")
    doubles.says(bin_folder, "docker", GOOD)
    assert ask(make_desk(), "auto").tool == "gordon"
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI["tip"])
    assert ask(make_desk(variables=key), "auto").tool == "kubectl-ai"


@pytest.mark.slow
def test_gordon_is_asked_in_the_folder_of_the_service(make_desk: Maker, doubles: Any, bin_folder: Path) -> None:
    doubles.program(bin_folder, "docker", doubles.GORDON, "1.2")
    doubles.says(bin_folder, "docker", GOOD)
    found = consult.consult(make_desk(), recipes.pick(ROOT, "image"), {"service": "frontend"}, tool="gordon")
    argv = doubles.called(bin_folder, "docker")["argv"]
    assert argv[:3] == ["ai", "--working-dir", str(ROOT / "services/frontend")] and len(argv) == 4
    assert "FROM" in argv[3] and found.answer.text.startswith("## Cause")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"out": "Please sign in to Docker Desktop"}, "wants you to sign in"),
        ({"err": "rate limit exceeded", "code": 1}, "usage limit is reached"),
        ({"out": "\x1b[2K"}, "answered nothing"),
        ({"err": "boom", "code": 2}, "Gordon failed: boom"),
    ],
)
def test_a_gordon_that_fails_is_told_of(
    make_desk: Maker, doubles: Any, bin_folder: Path, said: dict[str, Any], problem: str
) -> None:
    doubles.program(bin_folder, "docker", doubles.GORDON)
    doubles.says(bin_folder, "docker", **said)
    found = ask(make_desk(), "gordon")
    assert found.tool == "offline" and problem in found.tried[-1][1]


@pytest.mark.slow
def test_words_of_an_answer_are_no_failure(make_desk: Maker, doubles: Any, bin_folder: Path) -> None:
    doubles.program(bin_folder, "docker", doubles.GORDON)
    doubles.says(bin_folder, "docker", GOOD + "The page asks people to sign in, and has a rate limit. " * 12)
    found = ask(make_desk(), "gordon")
    assert found.tool == "gordon" and "sign in" in found.answer.text


@pytest.mark.slow
def test_what_a_tool_read_by_itself_is_redacted_too(make_desk: Maker, doubles: Any, bin_folder: Path) -> None:
    """Gordon reads files, which no guard of ours sees; its answer may go into a pipe."""
    doubles.program(bin_folder, "docker", doubles.GORDON)
    doubles.says(bin_folder, "docker", GOOD + "The .env has DB_PASSWORD=hunter2long-x, and the Secret correct-horse.")
    found = ask(make_desk(secrets={"PASSWORD": "correct-horse"}), "gordon")
    piped = json.dumps(consult.as_json(found, ["kubectl"], "x")) + consult.for_screen(
        found, ["kubectl"], "x", private=False
    )
    assert "hunter2long" not in piped and "correct-horse" not in piped
    assert "hunter2long-x" in consult.for_screen(found, ["kubectl"], "x", private=True)
    doubles.says(bin_folder, "docker", err="cannot read DB_PASSWORD=hunter2long-x", code=2)
    assert "hunter2long" not in json.dumps(consult.as_json(ask(make_desk(), "gordon"), ["kubectl"], "x"))


@pytest.mark.slow
def test_a_gordon_that_does_not_end_is_stopped(make_desk: Maker, doubles: Any, bin_folder: Path) -> None:
    doubles.program(bin_folder, "docker", doubles.GORDON)
    doubles.says(bin_folder, "docker", "late", sleep=600.0)
    found = ask(make_desk(timeout=1), "gordon")
    assert found.tool == "offline" and "gave no answer within 1 s" in found.tried[-1][1]


@pytest.mark.slow
def test_an_endless_answer_is_cut_off_and_kept_in_a_file(
    make_desk: Maker, doubles: Any, bin_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    doubles.program(bin_folder, "docker", doubles.GORDON)
    doubles.says(bin_folder, "docker", "## Cause\n" + "word " * 100_000)
    found = ask(make_desk(), "gordon")
    assert len(found.answer.text) < 70_000
    (note,) = [note for note in found.notes if "the whole answer" in note]
    file = Path(note.rpartition(" ")[2])
    assert len(file.read_text()) > 400_000 and file.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_docker_without_gordon_is_recognised(make_desk: Maker, doubles: Any, bin_folder: Path) -> None:
    doubles.program(bin_folder, "docker", doubles.GORDON)
    (bin_folder / "docker.absent").touch()
    with pytest.raises(UserError, match="has no Gordon"):
        ask(make_desk(), "gordon")


@pytest.mark.parametrize("tool", ["kubectl-ai", "gordon", "kagent", "api", "auto"])
def test_dry_sends_nothing(make_desk: Maker, doubles: Any, bin_folder: Path, tool: str) -> None:
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI["tip"])
    found = consult.consult(make_desk(variables=KEY, answers=KAGENT), DEBUG, {}, tool=tool, dry=True)
    assert found.dry and found.prompt.startswith("You help an operator") and found.command
    assert not list(bin_folder.glob("*.called.json"))
    shown = consult.for_screen(found, ["kubectl"], "chatbot-dev", private=True)
    assert found.command in shown and KEY["OPENAI_API_KEY"] not in shown


def test_the_doctor_names_what_is_missing_and_how_to_get_it(make_desk: Maker) -> None:
    checks = {check.name: check for check in doctor(make_desk())}
    assert checks["offline"].state == "ready" and checks["least rights"].state == "ready"
    for name in ("model", "gordon", "kubectl-ai", "kagent", "api"):
        assert checks[name].state == "missing" and len(checks[name].text) > 30


@pytest.mark.slow
def test_the_doctor_proves_a_tool_by_one_tiny_question(
    make_desk: Maker, doubles: Any, bin_folder: Path, model: ModelServer, key: dict[str, str]
) -> None:
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI["tip"])
    checks = {check.name: check for check in doctor(make_desk(variables=key))}
    assert {name for name, check in checks.items() if check.state == "ready"} >= {"model", "kubectl-ai", "api"}
    assert len(model.requests) == 2 and len(model.sent) < 6000  # the model by itself, and through the program
    assert all(KEY["OPENAI_API_KEY"] not in check.text for check in checks.values())


def test_the_doctor_does_not_believe_a_key_that_is_refused(
    make_desk: Maker, doubles: Any, bin_folder: Path, model: ModelServer, key: dict[str, str]
) -> None:
    doubles.program(bin_folder, "kubectl-ai", doubles.KUBECTL_AI["tip"])
    model.script = [{"status": 401}]
    checks = {check.name: check for check in doctor(make_desk(variables=key))}
    assert checks["model"].state == checks["kubectl-ai"].state == checks["api"].state == "missing"
    assert "refuses the key" in checks["model"].text


def test_only_allowed_variables_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret-value")
    monkeypatch.setenv("LC_ALL", "C")
    argv = variables.with_allowed_variables(["tool"], ["KEPT"])
    assert argv[0] == "env" and "MY_TOKEN" in argv and "PATH" not in argv and "LC_ALL" not in argv
    assert "secret-value" not in " ".join(argv) and argv[-1] == "tool"


@pytest.mark.slow
def test_secrets_of_the_cluster_never_reach_a_tool(make_desk: Maker, doubles: Any, bin_folder: Path) -> None:
    doubles.program(bin_folder, "docker", doubles.GORDON)
    doubles.says(bin_folder, "docker", "the value <SECRET_1> is wrong")
    log = "cannot log in with correct-horse-battery"
    pod = {"kind": "Pod", "metadata": {"name": "backend-1", "labels": {"app.kubernetes.io/name": "backend"}},
           "spec": {"containers": [{"name": "backend"}]}, "status": {"phase": "Running"}}  # fmt: skip
    connection = make_desk({"items": [pod], "logs": {"backend-1": log}}, secrets={"PASSWORD": "correct-horse-battery"})
    found = ask(connection, "gordon", pod="backend")
    sent = doubles.called(bin_folder, "docker")["argv"][-1]
    assert "correct-horse" not in sent and "cannot log in with <SECRET_1>" in sent
    assert found.redactions == "1 value redacted (1 secret)"
    own = consult.for_screen(found, ["kubectl"], "chatbot-dev", private=True)
    piped = consult.for_screen(found, ["kubectl"], "chatbot-dev", private=False)
    assert "correct-horse-battery is wrong" in own and "<SECRET_1> is wrong" in piped
    assert "correct-horse" not in json.dumps(consult.as_json(found, ["kubectl"], "chatbot-dev"))
