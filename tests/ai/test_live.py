"""Changes on a live cluster by the real kubectl: rights hold, diffs are real, what cannot be proved is undone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.ai import access, apply, consult, options, recipes
from scripts.ai.consult import Connection
from scripts.ai.samples import Store
from scripts.errors import UserError
from scripts.host import toolchain
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.kube.helm import Helm
from scripts.kube.kubectl import Kubectl
from scripts.settings.configuration import read_settings

pytestmark = pytest.mark.engine
NAME = f"ai-{os.getpid()}"
NAMESPACE = "chatbot-dev"
START_SECONDS = 300.0


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    state = tmp_path_factory.mktemp("cluster") / "state"
    command = [sys.executable, "-m", "embedded", "--name", NAME, "--state", str(state)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "embedded/src")}
    process = subprocess.Popen(command, env=environment)
    try:
        shell = Shell(echo=lambda line: None)
        tools = toolchain.locate(shell, ROOT, lambda line: None)
        kubeconfig = state / "kubeconfig"
        deadline = time.monotonic() + START_SECONDS
        while not kubeconfig.is_file():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        kubectl = Kubectl(tools["kubectl"], kubeconfig, NAME, shell)
        helm = Helm(tools["helm"], kubeconfig, NAME, shell)
        kubectl.effect("create", "namespace", NAMESPACE)
        settings = read_settings()
        yield Connection(
            settings, kubectl, helm, options.read(ROOT, {}), {}, Store(state.parent / "samples.jsonl"), "/nowhere"
        )
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        subprocess.run([*command, "--delete"], env=environment, check=True, timeout=START_SECONDS)


def deployed(connection: Connection) -> dict[str, int]:
    items = connection.kubectl.items("deployments", NAMESPACE)
    return {item["metadata"]["name"]: item["spec"]["replicas"] for item in items}


def change(connection: Connection, recipe: str, prove: object = None, **inputs: str) -> tuple[bool, str]:
    found = consult.consult(connection, recipes.pick(ROOT, recipe), inputs, tool="offline")
    return carry_out(connection, apply.plan(found.answer.commands, found.answer.manifests, NAMESPACE), prove)


def carry_out(connection: Connection, steps: Sequence[apply.Step], prove: object = None) -> tuple[bool, str]:
    shown: list[str] = []
    with access.kubeconfig(connection.kubectl, NAMESPACE, ROOT, "writer") as file:
        limited = replace(connection.kubectl, kubeconfig=file)
        done = apply.carry_out(
            connection.kubectl, limited, NAMESPACE, steps,
            show=shown.append, approve=lambda: True, prove=prove or (lambda names: None),  # type: ignore[arg-type]
        )  # fmt: skip
    return done, "\n".join(shown)


def refuse(names: Sequence[str]) -> None:
    raise UserError("not healthy")


def test_a_proposal_is_applied_after_its_diff(connection: Connection) -> None:
    done, shown = change(connection, "deploy", name="echo", image="todo-chatbot/none:1", replicas="1")
    assert done and deployed(connection) == {"echo": 1}
    assert "+  replicas: 1" in shown and "+      - env:" in shown


def test_what_cannot_be_proved_is_gone_again(connection: Connection) -> None:
    with pytest.raises(UserError, match="the change was undone"):
        change(connection, "deploy", refuse, name="other", image="todo-chatbot/none:1")
    assert "other" not in deployed(connection)
    (step,) = apply.plan([_verdict("kubectl scale deployment/echo --replicas=3")], (), NAMESPACE)
    with pytest.raises(UserError, match="the change was undone"):
        carry_out(connection, [step], refuse)
    assert deployed(connection) == {"echo": 1}
    done, shown = carry_out(connection, [step])
    assert done and "-  replicas: 1\n+  replicas: 3" in shown and deployed(connection) == {"echo": 3}


def test_the_rights_are_what_the_files_say(connection: Connection) -> None:
    for rights, allowed in (("reader", False), ("writer", True)):
        with access.kubeconfig(connection.kubectl, NAMESPACE, ROOT, rights) as file:  # type: ignore[arg-type]
            limited = replace(connection.kubectl, kubeconfig=file)
            assert limited.ask("get", "deployments")  # in the namespace, without naming it
            assert "forbidden" in limited.ask("get", "secrets").err.lower()
            assert "forbidden" in limited.ask("get", "pods", "--namespace", "default").err.lower()
            assert "forbidden" in limited.ask("delete", "deployment", "echo").err.lower()
            patched = limited.ask("patch", "deployment", "echo", "--patch", '{"metadata":{"annotations":{"a":"b"}}}')
            assert bool(patched) is allowed


def test_the_cause_is_named(connection: Connection) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = consult.consult(connection, recipes.pick(ROOT, "debug"), {"pod": "echo"}, tool="offline")
        if "todo-chatbot/none:1" in found.answer.text:
            break
        time.sleep(0.5)
    assert "todo-chatbot/none:1 is not on the node" in json.dumps(consult.as_json(found, ["kubectl"], NAMESPACE))


def _verdict(line: str) -> consult.answers.Verdict:
    return consult.answers.judge_line(line, consult.ServedKinds.default(NAMESPACE))


def test_an_mcp_client_asks_the_real_server(connection: Connection, tmp_path: Path) -> None:
    from scripts.ai.mcp import serve
    from scripts.host import virtualenvs

    bin_folder = virtualenvs.ensure(connection.kubectl.shell, ROOT, serve.LOCK, "mcp")
    words = [
        str(bin_folder / "python"), "-P", str(serve.SERVER), str(ROOT), sysconfig.get_path("purelib"),
        "dev", "embedded",
    ]  # fmt: skip
    client = [str(bin_folder / "python"), "-P", str(ROOT / "tests/support/mcp_client.py"), *words]
    done = subprocess.run(client, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"status", "diagnose", "logs", "propose"} <= set(found["tools"]) and found["read_only"]
    assert found["wrong"][0] is True and "there is no tool 'delete'" in found["wrong"][1]
    # kubectl-ai 0.0.28 names no version, and ends where the one that is answered is newer than it knows.
    assert found["versions"] == {"": "2024-11-05", "2025-06-18": "2025-06-18", "1999-01-01": "2025-11-25"}
