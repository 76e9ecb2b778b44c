"""The cluster is read over one kept connection, with kubectl's words for a no; where that fails, kubectl is asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import UserError
from scripts.host.shell import Result, Shell
from scripts.kube import api, queries
from scripts.kube.kubectl import Kubectl
from tests.support.serving import serving


class Server(ThreadingHTTPServer):
    """An API server with two pods and one Deployment that changes once; it counts connections."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections: set[Any] = set()
        self.asked: list[str] = []
        self.tokens: set[str] = set()
        self.ended = threading.Event()
        self.changed = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.connections.add(self.client_address)
        self.server.asked.append(self.path)
        self.server.tokens.add(self.headers.get("Authorization", ""))
        path, _, query = self.path.partition("?")
        if "watch=true" in query:
            self.watch()
        elif path == "/api/v1/namespaces/large/pods":
            self.page(query)
        elif path == "/api/v1/namespaces/shop/pods":
            self.answer(200, {"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}]})
        elif path == "/api/v1/services":
            self.answer(200, {"items": [{"metadata": {"name": "b", "namespace": "other"}}]})
        elif path == "/apis/apps/v1/namespaces/shop/deployments":
            self.answer(200, {"metadata": {"resourceVersion": "7"}, "items": [deployment(1)]})
        elif path == "/api/v1/namespaces/shop/services/web:80/proxy/readyz":
            self.answer(200, {"ready": True})
        elif self.path == "/api/v1/namespaces/shop/pods/a/log?container=web&tailLines=60&previous=true":
            self.answer(200, {"said": "before"})
        elif path == "/api/v1/namespaces/shop/pods/a/log":
            self.answer(400, {"reason": "BadRequest", "message": 'container "web" in pod "a" is waiting to start'})
        elif path == "/api/v1/namespaces/shop/secrets":
            self.answer(403, {"reason": "Forbidden", "message": 'secrets is forbidden: User "eve" cannot list them'})
        elif path.endswith("/secrets/forbidden"):
            self.answer(403, {"reason": "Forbidden", "message": 'secrets "forbidden" is forbidden'})
        else:
            self.answer(404, {"reason": "NotFound", "message": f'pods "{path.rpartition("/")[2]}" not found'})

    def page(self, query: str) -> None:
        """Three pods, one at a time; the third page is gone where `large` has changed meanwhile."""
        asked = dict(part.split("=") for part in query.split("&") if part)
        if "limit" not in asked:
            self.answer(200, {"items": [{"metadata": {"name": name}} for name in "abc"]})
        elif asked.get("continue") == "2" and self.server.changed:
            self.answer(410, {"reason": "Expired", "message": "The provided continue parameter is too old"})
        else:
            number = int(asked.get("continue", "0"))
            rest = {"continue": str(number + 1)} if number < 2 else {}
            self.answer(200, {"metadata": rest, "items": [{"metadata": {"name": "abc"[number]}}]})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def watch(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in ({"type": "BOOKMARK", "object": {}}, {"type": "MODIFIED", "object": deployment(2)}):
            content = json.dumps(event).encode() + b"\n"
            self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.server.ended.wait(300)  # the server tells of nothing more, and does not end either

    def log_message(self, *words: Any) -> None: ...


def deployment(generation: int) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "generation": generation}}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serving(made):
        yield made
        made.ended.set()


class Asked(Shell):
    """Notes what kubectl itself is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[list[str]] = []

    def probe(self, argv: Sequence[str | Path], **how: Any) -> Result:
        self.words.append([str(word) for word in argv][5:])
        return Result(1, "", "The connection to the server was refused")


def kubectl(tmp_path: Path, server: str, **user: Any) -> tuple[Kubectl, Asked]:
    config = {
        "clusters": [{"name": "k", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    shell = Asked()
    return Kubectl(Path("kubectl"), file, "c", shell), shell


def at(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_questions_go_over_one_connection_and_start_no_process(tmp_path: Path, server: Server) -> None:
    cluster, shell = kubectl(tmp_path, at(server), token="t0ken")
    for _ in range(3):
        [pod, web] = cluster.items("pods,deployments", "shop")
        assert (pod["kind"], pod["apiVersion"], web["kind"], web["apiVersion"]) == (
            "Pod",
            "v1",
            "Deployment",
            "apps/v1",
        )
    assert cluster.find("pod", "none", "shop") is None
    assert cluster.named("pods", "shop", ["x", "y"]) == []
    assert json.loads(cluster.proxy_get("shop", "web", 80, "/readyz").out) == {"ready": True}
    assert len(server.connections) == 1 and shell.words == [] and server.tokens == {"Bearer t0ken"}


def test_the_log_of_a_container_starts_no_process_either(tmp_path: Path, server: Server) -> None:
    cluster, shell = kubectl(tmp_path, at(server))
    words = ("logs", "a", "--container", "web", "--namespace", "shop", "--tail=60")
    assert cluster.ask(*words, "--previous").out == '{"said": "before"}'
    refused = 'Error from server (BadRequest): container "web" in pod "a" is waiting to start'
    assert cluster.ask(*words) == Result(1, "", refused) and shell.words == []


def test_kinds_that_may_not_be_listed_are_named_and_the_others_read(tmp_path: Path, server: Server) -> None:
    cluster, shell = kubectl(tmp_path, at(server))
    no = Result(1, "", 'Error from server (Forbidden): secrets is forbidden: User "eve" cannot list resource "secrets"')
    shell.probe = lambda *_, **__: no  # type: ignore[method-assign]
    found, hidden = cluster.visible("deployments.apps,secrets,pods", "shop")
    assert [item["kind"] for item in found] == ["Deployment", "Pod"] and hidden == ["secrets"]
    shell.probe = lambda *_, **__: Result(1, "", "The connection to the server was refused")  # type: ignore[method-assign]
    with pytest.raises(UserError, match="refused"):
        cluster.visible("secrets,gone", "shop")


def test_a_no_is_told_in_kubectls_words(tmp_path: Path, server: Server) -> None:
    cluster, shell = kubectl(tmp_path, at(server))
    answer = cluster.ask("get", "secret", "forbidden", "--namespace", "shop", "-o", "json")
    assert (answer.code, answer.err) == (1, 'Error from server (Forbidden): secrets "forbidden" is forbidden')
    with pytest.raises(UserError, match="forbidden"):
        cluster.find("secret", "forbidden", "shop")
    with pytest.raises(UserError, match=r"Error from server \(NotFound\)"):
        cluster.get("pod", "gone", "--namespace", "shop")
    assert shell.words == []


@pytest.mark.parametrize("place", ["http://127.0.0.1:1", "https://[::1", "https://h:abc", "", "h:6443", "https://"])
def test_where_nothing_answers_kubectl_is_asked_and_says_why(tmp_path: Path, place: str) -> None:
    cluster, shell = kubectl(tmp_path, place)
    with pytest.raises(UserError, match="was refused"):
        cluster.items("pods", "shop")
    assert shell.words == [["get", "pods", "--namespace", "shop", "-o", "json"]]


@pytest.mark.parametrize("user", [{"exec": {"command": "login"}}, {"auth-provider": {"name": "x"}}, {"as": "somebody"}])
def test_what_is_left_to_kubectl_stays_with_it(tmp_path: Path, server: Server, user: dict[str, Any]) -> None:
    cluster, shell = kubectl(tmp_path, at(server), **user)
    with pytest.raises(UserError):
        cluster.items("pods", "shop")
    assert len(shell.words) == 1 and not server.asked


def test_changes_come_as_they_happen_until_somebody_stops_them(tmp_path: Path, server: Server) -> None:
    cluster, shell = kubectl(tmp_path, at(server))
    seen = []
    with cluster.changes([("deployments", "shop")], 60) as stream:
        for event in stream:
            seen.append((event["type"], event["object"]["metadata"]["generation"]))
            if len(seen) == 2:
                break
    assert seen == [("ADDED", 1), ("MODIFIED", 2)] and shell.words == []


@pytest.mark.parametrize("everywhere", ["--all-namespaces", "-A"])
def test_all_namespaces_are_one_list(tmp_path: Path, server: Server, everywhere: str) -> None:
    cluster, shell = kubectl(tmp_path, at(server))
    assert [item["metadata"]["namespace"] for item in cluster.get("services", everywhere)["items"]] == ["other"]
    assert shell.words == []


@pytest.mark.parametrize(
    "words",
    [
        ("get", "pods", "-o", "yaml", "--namespace", "shop"),
        ("get", "pods", "a", "-A", "-o", "json"),
        ("get", "pods", "--all-namespaces=false", "-o", "json"),
        ("get", "pods", "--namespace=", "-o", "json"),
        ("get", "widgets", "--namespace", "shop", "-o", "json"),
        ("get", "pods", "-o", "json"),
        ("get", "pods,services", "a", "--namespace", "shop", "-o", "json"),
        ("get", "pods/a", "--namespace", "shop", "-o", "json"),
        ("describe", "pods"),
        ("logs", "a"),
        ("logs", "a", "--container", "b", "--namespace", "shop", "--tail=60", "--follow"),
    ],
)
def test_what_is_not_understood_whole_is_left_to_kubectl(words: tuple[str, ...]) -> None:
    assert queries.parse_query(words) is None


def test_a_changed_kubeconfig_is_read_anew_and_credentials_are_not_shown(tmp_path: Path, server: Server) -> None:
    cluster, _ = kubectl(tmp_path, at(server), token="t0ken")
    first = api.connect(cluster.kubeconfig, "c")
    assert first is api.connect(cluster.kubeconfig, "c")
    access = api.read_access(cluster.kubeconfig, "c")
    assert "t0ken" not in repr(access)
    cluster.kubeconfig.unlink()
    assert api.connect(cluster.kubeconfig, "c") is None


@pytest.mark.parametrize("changed", [False, True])
def test_a_long_list_comes_in_pages_whole_also_where_it_changes_meanwhile(
    tmp_path: Path, server: Server, changed: bool
) -> None:
    server.changed = changed
    cluster, shell = kubectl(tmp_path, at(server))
    assert [item["metadata"]["name"] for item in cluster.items("pods", "large")] == ["a", "b", "c"]
    assert not shell.words and any("limit=500" in path for path in server.asked)


BUSY = [  # as a real API server under load, or just started, answered
    'Error from server (Forbidden): forbidden: User "kubernetes-admin" cannot get path "/readyz"',
    'Error from server (Forbidden): events is forbidden: User "kubernetes-admin" cannot list resource "events" in API '
    'group "" in the namespace "chatbot-dev"',
    'error: Get "https://127.0.0.1:33323/api/v1/namespaces/chatbot-dev/secrets?labelSelector=owner%3Dhelm&limit=500": '
    "read tcp 127.0.0.1:60336->127.0.0.1:33323: read: connection reset by peer - error from a previous attempt: EOF",
    "no answer within 30 s",
]
GIVEN = [
    'Error from server (Forbidden): events is forbidden: User "eve" cannot list resource "events" in API group ""',
    'Error from server (Forbidden): secrets "forbidden" is forbidden',
    "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
    'Error from server (NotFound): pods "a" not found',
]


class Overtaxed(Asked):
    """A kubectl that gets no answer the first time."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    def probe(self, argv: Sequence[str | Path], **how: Any) -> Result:
        super().probe(argv, **how)
        return Result(1, "", self.said) if len(self.words) == 1 else Result(0, '{"items": []}')


def by_program(shell: Shell, **options: Any) -> Kubectl:
    """A kubectl whose kubeconfig leaves everything to the program."""
    return Kubectl(Path("kubectl"), Path("/none"), "c", shell, **options)


@pytest.mark.parametrize("said", BUSY)
def test_a_server_that_is_overtaxed_is_asked_once_more(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.kube.kubectl.PAUSE", 0.0)
    shell = Overtaxed(said)
    assert by_program(shell).items("pods", "shop") == [] and len(shell.words) == 2
    shell = Overtaxed(said)
    assert by_program(shell).ask("get", "--raw", "/readyz") and len(shell.words) == 2


@pytest.mark.parametrize("said", GIVEN)
def test_what_no_waiting_mends_is_told_at_once(said: str) -> None:
    shell = Overtaxed(said)
    with pytest.raises(UserError):
        by_program(shell).items("pods", "shop")
    assert len(shell.words) == 1


def test_what_a_service_behind_the_server_says_is_not_asked_twice() -> None:
    shell = Overtaxed("error trying to reach service: read: connection reset by peer")
    assert not by_program(shell).proxy_get("shop", "web", 80, "/readyz") and len(shell.words) == 1


class Paused(Exception):
    pass


def paused() -> None:
    raise Paused


def test_a_node_that_is_paused_is_found_out_before_anything_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # its kernel takes connections, and nobody speaks
        cluster, shell = kubectl(tmp_path, f"https://127.0.0.1:{frozen.getsockname()[1]}")
        with pytest.raises(Paused):
            replace(cluster, require=paused).items("pods", "shop")
    assert shell.words == [], "kubectl would have waited for half a minute"


MOMENT = datetime(2026, 1, 1, 12, 0, 0, 400_000, UTC)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Thu, 01 Jan 2026 12:00:00 GMT", 0),
        ("Thu, 01 Jan 2026 12:00:03 GMT", 0),  # an answer that took its time was written meanwhile
        ("Thu, 01 Jan 2026 11:59:59 GMT", 0),
        ("Thu, 01 Jan 2026 12:05:03 GMT", 299.6),
        ("Thu, 01 Jan 2026 11:54:00 GMT", -359.4),
        ("", 0),
        ("yesterday", 0),
        ("Thu, 01 Jan 2026 12:05:03 -0000", 299.6),
    ],
)
def test_another_clock_is_told_by_the_date_of_an_answer(date: str, seconds: float) -> None:
    found = api.clock_difference(date, MOMENT, MOMENT + timedelta(seconds=3))
    assert found.total_seconds() == pytest.approx(seconds)


class Dated(Shell):
    """A kubectl that logs in by a program, and is told to show what answers are headed by."""

    def __init__(self, err: str) -> None:
        super().__init__()
        self.err = err
        self.asked = 0

    def probe(self, argv: Any, **how: Any) -> Result:
        self.asked += 1
        return Result(0, "{}", self.err)


@pytest.mark.parametrize(
    "line",
    ["I0101 12:00:00.1 9 round_trippers.go:587]     Date: {}", '"Response" status="200 OK" headers=<\n\tDate: {}'],
)
def test_the_clusters_clock_is_known_where_a_program_logs_in(tmp_path: Path, line: str) -> None:
    file = tmp_path / "config"
    user = {"name": "me", "user": {"exec": {"command": "login"}}}
    context = {"name": "c", "context": {"cluster": "c", "user": "me"}}
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    file.write_text(json.dumps({"clusters": [cluster], "contexts": [context], "users": [user]}))
    dated = Dated(line.format(format_datetime(datetime.now(UTC) + timedelta(hours=5), usegmt=True)))
    reached = Kubectl(Path("kubectl"), file, "c", dated)
    assert reached.now() - datetime.now(UTC) > timedelta(hours=4)
    assert reached.now() - datetime.now(UTC) > timedelta(hours=4) and dated.asked == 1


def test_times_of_the_cluster_are_judged_by_the_clusters_clock(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept, or a node that did, may be minutes off: nothing is older or newer for that."""
    cluster, _ = kubectl(tmp_path, at(server))
    cluster.items("pods", "shop")
    assert abs(cluster.now() - datetime.now(UTC)) < timedelta(hours=1)
    dated = format_datetime(datetime.now(UTC) + timedelta(hours=5), usegmt=True)
    monkeypatch.setattr(Handler, "date_time_string", lambda self, timestamp=None: dated)
    cluster.proxy_get("shop", "web", 80, "/readyz")  # where a pod answers, by a clock of its own
    assert abs(cluster.now() - datetime.now(UTC)) < timedelta(hours=1)
    cluster.items("pods", "shop")
    assert timedelta(hours=4) < cluster.now() - datetime.now(UTC) < timedelta(hours=6)
