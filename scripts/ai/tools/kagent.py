"""kagent: an agent inside of the cluster, asked by its command line, or by A2A through the API server.

The command line ends with status 0 whatever happens, so its answer is judged by what it says.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.ai.budget import clean
from scripts.ai.model import Question, Reply
from scripts.ai.options import Options
from scripts.ai.tools.environment import without
from scripts.host.shell import render
from scripts.kube.kubectl import Kubectl

INSTALL = "install it: invoke ai.install, see ai/README.md"
PORT = 8083


@dataclass(frozen=True)
class Kagent:
    """One agent of the cluster. `reach` gives a kubeconfig whose current context is this cluster, for port-forwards."""

    kubectl: Kubectl
    options: Options
    reach: Callable[[], AbstractContextManager[Path]]
    path: str | None = None
    name: str = "kagent"

    def missing(self) -> str:
        """Why it cannot be used here; empty if it can."""
        agent, namespace = self.options.kagent_agent, self.options.kagent_namespace
        answer = self.kubectl.ask(
            "get", "agents.kagent.dev", agent, "--namespace", namespace, "--output", "json", timeout=10
        )
        if not answer:
            absent = "the server doesn't have a resource type" in answer.err
            return (
                f"kagent is not in this cluster; {INSTALL}"
                if absent
                else f"kagent has no agent {namespace}/{agent} that could be asked: {_last(answer.err)}; {INSTALL}"
            )
        conditions = json.loads(answer.out).get("status", {}).get("conditions", ())
        bad = [item for item in conditions if item.get("type") in ("Accepted", "Ready") and item["status"] != "True"]
        return f"the agent {agent} is not ready: {bad[0].get('message', bad[0]['type'])}" if bad else ""

    def argv(self) -> list[str]:
        """The whole command line of the program; the task comes by standard input."""
        binary = shutil.which("kagent", path=self.path) or "kagent"
        return [
            binary, "invoke",
            "--agent", self.options.kagent_agent,
            "--namespace", self.options.kagent_namespace,
            "--kagent-url", self.options.kagent_url,
            "--timeout", f"{self.options.timeout}s",
            "--file", "-",
        ]  # fmt: skip

    def a2a_argv(self) -> list[str]:
        """The same question by A2A: one POST through the API server, which needs no port to be opened."""
        namespace, agent = self.options.kagent_namespace, self.options.kagent_agent
        service = f"/api/v1/namespaces/{namespace}/services/kagent-controller:{PORT}/proxy"
        return self.kubectl.command("create", "--raw", f"{service}/api/a2a/{namespace}/{agent}/", "--filename", "-")

    def command(self) -> str:
        """The command line as a person reads it."""
        return render(self.argv() if self._installed() else self.a2a_argv()) + " < PROMPT"

    def ask(self, question: Question) -> Reply:
        """Ask; without the program, by A2A."""
        started = time.monotonic()
        prompt = question.prompt
        limit = self.options.timeout
        if self._installed():
            with self.reach() as kubeconfig:
                argv = without(self.argv(), ("KUBECONFIG",))
                env = {"KUBECONFIG": str(kubeconfig)}
                result = self.kubectl.shell.probe(argv, stdin=prompt, timeout=limit + 5, env=env)
        else:
            result = self.kubectl.shell.probe(self.a2a_argv(), stdin=json.dumps(message(prompt)), timeout=limit)
        seconds = time.monotonic() - started
        if result.code == 124:
            return Reply(self.name, "", f"kagent gave no answer within {limit} s", self.command(), seconds)
        text, error = read(result.out)
        if not text and result.err.strip():
            error = f"kagent: {_last(result.err)}"
        return Reply(self.name, text, error, self.command(), seconds)

    def _installed(self) -> bool:
        return shutil.which("kagent", path=self.path) is not None


def message(text: str) -> dict[str, Any]:
    """A JSON-RPC request that sends one message to an agent (A2A 0.3)."""
    return {
        "jsonrpc": "2.0",
        "id": uuid.uuid4().hex,
        "method": "message/send",
        "params": {
            "message": {
                "kind": "message",
                "role": "user",
                "messageId": uuid.uuid4().hex,
                "parts": [{"kind": "text", "text": text}],
            }
        },
    }


def read(text: str) -> tuple[str, str]:
    """(answer, problem) of what an agent sent: a task or a message, bare or inside of a JSON-RPC answer."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        return "", "kagent answered nothing that can be read" if text.strip() else "kagent answered nothing"
    if not isinstance(data, Mapping):
        return "", "kagent answered nothing that can be read"
    if isinstance(data.get("error"), Mapping):
        return "", f"kagent: {data['error'].get('message', 'an error without a word')}"
    result = data.get("result", data)
    if not isinstance(result, Mapping):
        return "", "kagent answered nothing that can be read"
    status = result.get("status")
    state = str(status.get("state", "")) if isinstance(status, Mapping) else ""
    found = _texts(result)
    if state and state.removeprefix("TASK_STATE_").lower() != "completed":
        return found, f"the agent ended as {state}"
    return (found, "") if found else ("", "kagent answered nothing")


def _texts(result: Mapping[str, Any]) -> str:
    """The words of an answer: its artifacts, else the status's message, else its own parts."""
    status = result.get("status")
    spoken = status.get("message") if isinstance(status, Mapping) else None
    for holders in (result.get("artifacts") or (), [spoken] if spoken else (), [result]):
        words = [
            str(part["text"])
            for holder in holders
            if isinstance(holder, Mapping)
            for part in holder.get("parts") or ()
            if isinstance(part, Mapping) and part.get("text")
        ]
        if words:
            return clean("\n".join(words)).strip()
    return ""


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no word")
