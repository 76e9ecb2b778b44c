"""What any MCP client gets to know of the release: redacted, bounded, and nothing that changes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from scripts.ai.consult import Connection
from scripts.ai.mcp import clients, knowledge, serve
from scripts.errors import UserError
from scripts.host.paths import ROOT

Maker = Callable[..., Connection]
CHANGING = {"apply", "scale", "delete", "patch", "create", "rollout", "replace", "set"}


@pytest.fixture
def connection(make_desk: Maker, state_of: Callable[[str], Any]) -> Connection:
    state = state_of("readiness-404")
    pod = next(item for item in state["items"] if item["kind"] == "Pod")
    log = "\n".join(["DB_PASS=hunter2-long", "canary-in-a-secret", *(f"GET /nope 404 {n} x" * 9 for n in range(900))])
    state["logs"][pod["metadata"]["name"]] = log
    made = make_desk(state, secrets={"TOKEN": "canary-in-a-secret"})
    return replace(
        made, history=lambda: [("REVISION", "STATUS", "VERIFIED"), ("3", "deployed", "2026-11-26T07:00:00Z")]
    )


ARGUMENTS: dict[str, dict[str, Any]] = {
    "diagnose": {"service": "backend"}, "logs": {"pod": "backend"},
    "propose": {"recipe": "scale", "service": "backend"},
    "usage": {"service": "backend"},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in knowledge.ALL if name != "last_run"])
def test_every_answer_is_redacted_bounded_and_changes_nothing(
    connection: Connection, name: str, calls: Callable[[], list[dict[str, Any]]]
) -> None:
    text = knowledge.ask(connection, name, ARGUMENTS.get(name, {}))
    assert text and len(text) < knowledge.LONGEST + 200
    assert "hunter2" not in text and "canary-in-a-secret" not in text
    assert not [call for call in calls() if call["words"][0] in CHANGING]


def test_the_diagnosis_names_cause_and_remedy(connection: Connection) -> None:
    text = knowledge.ask(connection, "diagnose", {"service": "backend"})
    assert "/nope" in text and "what to do:" in text


def test_the_history_has_its_verdicts(connection: Connection) -> None:
    assert knowledge.ask(connection, "history", {}) == "revision 3, status deployed, verified 2026-11-26T07:00:00Z"


@pytest.mark.slow
def test_a_log_without_an_end_is_read_up_to_a_limit(
    connection: Connection, calls: Callable[[], list[dict[str, Any]]]
) -> None:
    knowledge.ask(connection, "logs", {"pod": "backend"})
    (words,) = [call["words"] for call in calls() if call["words"][0] == "logs"]
    assert f"--limit-bytes={knowledge.MOST_BYTES}" in words


def test_a_proposal_says_who_applies_it(connection: Connection) -> None:
    text = knowledge.ask(connection, "propose", {"recipe": "scale", "service": "backend"})
    assert "Nothing was changed" in text and "invoke ai.scale --service=backend --apply" in text


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("delete", {}, "there is no tool 'delete'"),
        ("logs", {}, "'pod' is a required property"),
        ("logs", {"pod": "nope"}, "no pod nope"),
        ("logs", {"pod": "backend", "lines": 100_000}, "lines"),
        ("logs", {"pod": "backend", "--kubeconfig": "x"}, "Additional properties"),
        ("propose", {"recipe": "rm"}, "recipe"),
        ("diagnose", {"service": "nope"}, "no service nope"),
    ],
)
def test_what_cannot_be_asked_is_told(connection: Connection, name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        knowledge.ask(connection, name, arguments)


@pytest.mark.parametrize("name", ["status", "history"])
def test_what_goes_wrong_is_redacted_too(make_desk: Maker, name: str) -> None:
    def broken() -> Any:
        raise KeyError("canary-in-a-secret")

    said = "Error: postgresql://u:hunter2-long@db refused canary-in-a-secret"
    answers = [{"starts": "get deployments,pods,services", "code": 1, "err": said}]
    made = replace(make_desk(answers=answers, secrets={"T": "canary-in-a-secret"}), history=broken)
    with pytest.raises(UserError, match=r"refused|KeyError") as raised:
        knowledge.ask(made, name, {})
    told = f"{raised.value} {raised.value.hint}"
    assert "hunter2" not in told and "canary-in-a-secret" not in told


@pytest.mark.parametrize("client", ["gordon", "kubectl-ai", "kagent", "vscode", "claude"])
def test_each_client_gets_its_entry(client: str) -> None:
    where, text = clients.entry(client, ROOT)
    held = yaml.safe_load(text)
    assert where and clients.NAME in json.dumps(held)
    assert client != "kagent" or "`Bearer TOKEN`" in where  # the header is what the Secret holds, word for word
    if client != "kagent":
        assert str(ROOT / "run") in text and "ai.mcp" in text


@pytest.mark.parametrize("port", [-1, 70_000, 0])
def test_a_port_that_cannot_be_served_is_told_before_anything_is_started(port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = port or other.getsockname()[1]
        with pytest.raises(UserError, match=f"--http={taken}: (no port|another program has this port)"):
            serve.serve(cast("Any", None), taken)


def test_a_token_that_is_empty_is_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed, or a full disk, leaves one, and everybody would know it."""
    monkeypatch.setattr(serve, "state_folder", lambda *parts: tmp_path.joinpath(*parts))
    file = serve.token_file()
    first = file.read_text()
    assert len(first) > 30 and file.stat().st_mode & 0o777 == 0o600
    assert serve.token_file().read_text() == first
    file.write_text("\n")
    assert len(serve.token_file().read_text()) > 30


def test_a_client_that_is_not_known_is_told() -> None:
    with pytest.raises(UserError, match="not a client that is known"):
        clients.entry("emacs", ROOT)
