"""kubectl, always aimed at an explicit kubeconfig and context."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host.shell import Result, Shell, Stream


@dataclass(frozen=True)
class Kubectl:
    """One cluster, as kubectl reaches it."""

    binary: Path
    kubeconfig: Path
    context: str
    shell: Shell
    require: Callable[[], None] = lambda: None  # raises UserError where the cluster is not in a state to answer

    def command(self, *words: str) -> list[str]:
        """The argv of a call, which never relies on the current context."""
        return [str(self.binary), "--kubeconfig", str(self.kubeconfig), "--context", self.context, *words]

    def ask(self, *words: str, timeout: float = 30.0) -> Result:
        """A call that changes nothing."""
        return self.shell.probe(self.command(*words), timeout=timeout)

    def get(self, *words: str) -> Any:
        """What `kubectl get … -o json` answers. Raises UserError if the cluster does not."""
        answer = self.ask("get", *words, "-o", "json")
        if not answer:
            self.require()
            raise UserError(f"kubectl get {' '.join(words)}: {answer.err.strip()}", "see: invoke cluster.status")
        return json.loads(answer.out)

    def items(self, kinds: str, namespace: str, *words: str) -> list[dict[str, Any]]:
        """The objects of some kinds in a namespace."""
        found: list[dict[str, Any]] = self.get(kinds, "--namespace", namespace, *words)["items"]
        return found

    @contextmanager
    def watch(self, kind: str, namespace: str, timeout: float) -> Iterator[Stream]:
        """The objects of a kind as they are and as they change, for `timeout` seconds; read them by `documents`."""
        argv = self.command(
            "get", kind, "--namespace", namespace, "--watch", "--output-watch-events", "--output", "json"
        )
        with self.shell.follow(argv, timeout) as stream:
            yield stream

    def effect(self, *words: str, stdin: str = "", shown_stdin: str = "", timeout: float | None = 60.0) -> Result:
        """A call that changes something. Raises CommandError if it fails."""
        return self.shell.effect(self.command(*words), stdin=stdin, shown_stdin=shown_stdin, timeout=timeout)

    def proxy_get(self, namespace: str, service: str, port: int, path: str, *, scheme: str = "") -> Result:
        """GET a path of a Service through the API server: works on every cluster, needs no port-forward."""
        name = f"{scheme}:{service}:{port}" if scheme else f"{service}:{port}"
        return self.ask("get", "--raw", f"/api/v1/namespaces/{namespace}/services/{name}/proxy{path}")


def documents(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The JSON documents in a stream: one a line, as kubectl 1.37 writes them, or indented, as older ones do.

    `kubectl get --watch --output-watch-events` writes `{"type": …, "object": …}`.
    """
    held: list[str] = []
    for line in lines:
        held.append(line)
        if line == "}" or (len(held) == 1 and line.startswith("{") and line.endswith("}")):
            yield json.loads("\n".join(held))
            held.clear()


def manifest(item: dict[str, Any]) -> str:
    """An object as `kubectl apply --filename -` reads it."""
    return json.dumps(item)
