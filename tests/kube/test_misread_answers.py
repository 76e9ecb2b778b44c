"""Only an answer that is a list of objects says that there are none: every other one is an error in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.kube.kubectl import Changes, Kubectl, documents
from tests.support.scripted import Said
from tests.support.serving import serving

MISREAD = [
    b"null", b"[]", b"{}", b"0", b'"x"', b"<html>502 Bad Gateway</html>", b'{"items": [', b"\xff\xfe", b"[" * 100_000,
    b'{"items": {}}', b'{"items": [1]}', b'{"items": [{}]}', b'{"items": [{"metadata": null}]}',
    b'{"kind": "Status", "metadata": {}, "status": "Failure", "message": "no", "code": 500}',
]  # fmt: skip
QUESTIONS: dict[str, Callable[[Kubectl], Any]] = {
    "items": lambda kubectl: kubectl.items("pods", "shop"),
    "items of two kinds": lambda kubectl: kubectl.items("pods,secrets", "shop"),
    "find": lambda kubectl: kubectl.find("secret", "a", "shop"),
    "named": lambda kubectl: kubectl.named("secret", "shop", ["a"]),
    "two named": lambda kubectl: kubectl.named("secret", "shop", ["a", "b"]),
    "get": lambda kubectl: kubectl.get("deployment", "web", "--namespace", "shop"),
}


class Server(ThreadingHTTPServer):
    """An API server, or what stands before it, that says the same whatever it is asked."""

    daemon_threads = True
    body = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    with serving(made):
        yield made


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("answer", MISREAD, ids=[repr(one[:40]) for one in MISREAD])
def test_an_answer_that_is_no_list_is_not_taken_for_an_empty_one(
    tmp_path: Path, server: Server, answer: bytes, ask: Callable[[Kubectl], Any]
) -> None:
    with pytest.raises(UserError, match="kubectl get "):
        ask(Kubectl(Path("kubectl"), tmp_path / "none", "c", Said(Result(0, answer.decode(errors="replace")))))
    server.body = answer
    file = tmp_path / "kubeconfig"
    config = {
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": ""}}],
    }
    file.write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="what kubectl says"):  # who reads it as it is, and has the words
        ask(Kubectl(Path("kubectl"), file, "c", Said(Result(1, "", "what kubectl says"))))


def test_an_empty_list_says_that_there_is_nothing() -> None:
    for text in ('{"items": []}', '{"metadata": {}, "items": null}'):
        assert Kubectl(Path("kubectl"), Path("none"), "c", Said(Result(0, text))).items("pods", "shop") == []


@pytest.mark.parametrize("line", ['{"type": "ADDED", }', "{nothing}"])
def test_a_stream_that_breaks_off_ends(line: str) -> None:
    changes = Changes(timeout=60.0)
    changes.read(documents(['{"type": "ADDED", "object": {}}', line]))
    assert list(changes) == [{"type": "ADDED", "object": {}}]
