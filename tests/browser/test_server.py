"""The frontend's server as its neighbours see it: proxy, health, metrics, the end. Needs no browser.

Runs against a frontend started here, never against BASE_URL: these tests stop it and take its backend away.
"""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from conftest import comes_up, free_port, frontend_command, running_frontend

pytestmark = pytest.mark.skipif("BASE_URL" in os.environ, reason="needs a frontend of its own")


LONG = 300
"""Seconds, far more than anything takes."""


def until(happened: Callable[[], object]) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + LONG
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent; `/api/slow`, `/api/stream` and the like do as they are called."""

    protocol_version = "HTTP/1.1"
    released: ClassVar[threading.Event] = threading.Event()
    gone: ClassVar[threading.Event] = threading.Event()
    arrived: ClassVar[threading.Event] = threading.Event()
    connections: ClassVar[set[int]] = set()
    posts: ClassVar[list[tuple[str, bytes]]] = []

    def do_GET(self) -> None:
        Echo.connections.add(self.client_address[1])
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.command == "POST":
            Echo.posts.append((self.path, body))
        if self.path == "/api/slow":
            Echo.arrived.set()
            Echo.released.wait(LONG)
        if self.path == "/api/hang-up":
            self.close_connection = True
            return
        if self.path == "/api/hang-up-twice" and len(Echo.connections) <= 2:
            self.close_connection = True
            return
        if self.path == "/api/stream":
            self.stream()
            return
        answer = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "length": len(body),
            "body": body[:100].decode(),
        }
        content = json.dumps(answer).encode()
        self.send_response(201 if self.command == "POST" else 200)
        self.send_header("content-length", str(len(content)))
        self.send_header("set-cookie", "one=1; HttpOnly")
        self.send_header("set-cookie", "two=2; HttpOnly")
        self.send_header("connection", "keep-alive, x-private")
        self.send_header("x-private", "between the two of us")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        if self.path == "/api/close-after":
            # Says keep-alive, then closes: what a restarting server does to a pooled connection.
            self.close_connection = True

    do_POST = do_PATCH = do_DELETE = do_HEAD = do_GET

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            self.chunk(b"event: delta\n\n")
            deadline = time.monotonic() + LONG
            while not Echo.released.wait(0.05) and time.monotonic() < deadline:
                self.chunk(b": still here\n\n")
            self.chunk(b"event: done\n\n")
            self.chunk(b"")
        except OSError:
            Echo.gone.set()
            self.close_connection = True

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        """Be quiet."""


class Backend(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def running_echo(port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[str]:
    server = Backend(("127.0.0.1", port), Echo)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def frontend() -> Iterator[str]:
    with running_echo() as backend, running_frontend(backend, DRAIN_SECONDS="0") as (url, _):
        yield url


@pytest.fixture(autouse=True)
def fresh_echo() -> None:
    Echo.released.clear()
    Echo.gone.clear()
    Echo.arrived.clear()
    Echo.connections.clear()
    Echo.posts.clear()


def connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=LONG)


def ask(
    url: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any], http.client.HTTPMessage]:
    """Status, JSON body and headers of one answer."""
    connection = connect(url)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else {}, answer.headers


# Proxy


def test_a_request_arrives_whole(frontend: str) -> None:
    status, seen, headers = ask(
        frontend,
        "/api/todos/7?q=a%20b&r=%2F",
        "POST",
        b'{"title": "buy milk"}',
        cookie="session=abc; other=1",
        authorization="Bearer token",
        content_type="application/json",
        x_forwarded_for="203.0.113.9",
    )
    assert status == 201
    assert (seen["method"], seen["path"], seen["body"]) == (
        "POST",
        "/api/todos/7?q=a%20b&r=%2F",
        '{"title": "buy milk"}',
    )
    assert seen["headers"]["cookie"] == "session=abc; other=1"
    assert seen["headers"]["authorization"] == "Bearer token"
    assert seen["headers"]["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert seen["headers"]["x-forwarded-proto"] == "http"
    assert headers.get_all("set-cookie") == ["one=1; HttpOnly", "two=2; HttpOnly"]
    assert headers["x-content-type-options"] == "nosniff"


def test_headers_of_one_connection_stay_there(frontend: str) -> None:
    _, seen, headers = ask(frontend, "/api/x", te="trailers", connection="keep-alive, x-hop", x_hop="1", keep_alive="5")
    assert not {"te", "x-hop", "keep-alive"} & seen["headers"].keys()
    assert headers["x-private"] is None


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_every_method_passes(frontend: str, method: str) -> None:
    assert ask(frontend, "/api/x", method)[0] == 200


def test_large_bodies_stream(frontend: str) -> None:
    assert ask(frontend, "/api/x", "POST", b"x" * 5_000_000)[1]["length"] == 5_000_000


@pytest.mark.parametrize("path", ["/api/../metrics", "/api/%2e%2e/metrics", "/api//x", "/api/%00", "/api/a;b=c?d=e?f"])
def test_paths_are_not_reinterpreted(frontend: str, path: str) -> None:
    assert ask(frontend, path)[1]["path"] == path


def test_bytes_beyond_ascii_in_a_path(frontend: str) -> None:
    parts = urlsplit(frontend)
    with socket.create_connection((parts.hostname, parts.port), timeout=LONG) as raw:
        raw.sendall("GET /api/ü HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        answer = raw.recv(65536)
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("OPTIONS *", 400),
        ("GET http://elsewhere.example/api/x", 400),
        ("POST /", 405),
        ("GET /_next/image?url=%2Ficon.svg&w=64&q=75", 404),
        ("GET /_next/static/..%2f..%2fserver/main.ts", 404),
        ("GET /server/main.ts", 404),
        ("GET /%", 404),
    ],
)
def test_odd_requests(frontend: str, line: str, status: int) -> None:
    parts = urlsplit(frontend)
    with socket.create_connection((parts.hostname, parts.port), timeout=LONG) as raw:
        raw.sendall(f"{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        assert int(raw.recv(65536).split()[1]) == status


def test_request_ids(frontend: str) -> None:
    _, seen, headers = ask(frontend, "/api/x")
    assert len(seen["headers"]["x-request-id"]) == 32
    assert headers["x-request-id"] == seen["headers"]["x-request-id"]
    assert ask(frontend, "/api/x", x_request_id="given-1")[1]["headers"]["x-request-id"] == "given-1"
    forged = ask(frontend, "/api/x", x_request_id='"} {"level": "forged')[1]["headers"]["x-request-id"]
    assert "forged" not in forged


def test_streams_are_not_held_back(frontend: str) -> None:
    connection = connect(frontend)
    connection.request("GET", "/api/stream", headers={"accept-encoding": "gzip"})
    answer = connection.getresponse()
    assert answer.readline() == b"event: delta\n"
    Echo.released.set()
    assert b"event: done" in answer.read()
    connection.close()


def test_a_reader_who_leaves_stops_the_backend(frontend: str) -> None:
    connection = connect(frontend)
    connection.request("GET", "/api/stream")
    answer = connection.getresponse()
    answer.readline()
    answer.close()
    connection.close()
    assert Echo.gone.wait(LONG)


def test_connections_to_the_backend_are_reused(frontend: str) -> None:
    for _ in range(20):
        ask(frontend, "/api/x")
    assert len(Echo.connections) <= 2


def test_a_connection_the_backend_has_closed_costs_no_request(frontend: str) -> None:
    for _ in range(20):
        assert ask(frontend, "/api/close-after")[0] == 200


def test_a_backend_that_ends_twice_over_costs_no_request_that_may_be_repeated(frontend: str) -> None:
    assert ask(frontend, "/api/hang-up-twice")[0] == 200


def test_what_must_not_be_repeated_is_not(frontend: str) -> None:
    ask(frontend, "/api/x")
    status, body, _ = ask(frontend, "/api/hang-up", "POST", b"{}")
    assert (status, Echo.posts) == (502, [("/api/hang-up", b"{}")])
    assert "may have done it" in body["detail"]


def test_a_request_that_nobody_took_is_sent_again_with_its_body() -> None:
    """As where the last backend has ended and the next one is not there yet."""
    port, own = free_port(), free_port()
    settings = {"API_BASE_URL": f"http://127.0.0.1:{port}", "PORT": str(own), "LOG_LEVEL": "INFO"}
    env = {**os.environ, **settings}
    Echo.posts.clear()
    with (
        subprocess.Popen(frontend_command(settings, None), env=env, text=True, stdout=subprocess.PIPE) as process,
        ThreadPoolExecutor(1) as pool,
    ):
        try:
            assert comes_up(own, process)
            answer = pool.submit(ask, f"http://127.0.0.1:{own}", "/api/todos", "POST", b'{"title": "milk"}')
            assert process.stdout
            assert any("sent again" in line for line in process.stdout)
            backend = ThreadingHTTPServer(("127.0.0.1", port), Echo)
            threading.Thread(target=backend.serve_forever, args=(0.05,), daemon=True).start()
            assert answer.result(LONG)[0] == 201
            assert Echo.posts == [("/api/todos", b'{"title": "milk"}')]
            backend.shutdown()
            backend.server_close()
        finally:
            process.terminate()


# Health and metrics


def test_healthy(frontend: str) -> None:
    assert ask(frontend, "/healthz")[:2] == (200, {"status": "ok"})
    assert ask(frontend, "/readyz")[:2] == (200, {"status": "ready"})


def test_backend_away_and_back() -> None:
    port = free_port()
    with running_frontend(f"http://127.0.0.1:{port}", DRAIN_SECONDS="0", REPEAT_SECONDS="0") as (url, _):
        status, body, _ = ask(url, "/readyz")
        assert (status, list(body["missing"])) == (503, ["backend"])
        status, body, headers = ask(url, "/api/todos", "POST", b"{}")
        assert (status, list(body)) == (502, ["detail"])
        assert len(headers["x-request-id"]) == 32
        assert ask(url, "/healthz")[0] == 200
        with running_echo(port):
            assert ask(url, "/readyz")[0] == 200
            assert ask(url, "/api/x")[0] == 200


def test_backend_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with running_frontend(f"http://127.0.0.1:{port}", DRAIN_SECONDS="0") as (url, _):
            status, body, _ = ask(url, "/readyz")
            assert (status, body["missing"]) == (503, {"backend": "no answer within 4 s"})


def test_metrics(frontend: str) -> None:
    for number in range(3):
        ask(frontend, f"/api/todos/{number}", "DELETE")
    connection = connect(frontend)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    assert 'http_requests_total{method="DELETE",route="/api/todos/{id}",status="200"} 3' in lines
    bucket = 'http_request_duration_seconds_bucket{method="DELETE",route="/api/todos/{id}",le="+Inf"} 3'
    assert bucket in lines
    assert "http_requests_in_flight 1" in lines


# TLS and traces


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with cert.pem and key.pem for localhost, signed by itself."""
    tmp_path.chmod(0o755)
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    key.chmod(0o644)
    return tmp_path


def test_tls_on_both_sides(certificate: Path) -> None:
    cert, key = str(certificate / "cert.pem"), str(certificate / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    files = {"TLS_CERT_FILE": cert, "TLS_KEY_FILE": key, "TLS_CA_FILE": cert}
    with running_echo(context=context) as backend, running_frontend(backend, certificate, **files) as (url, _):
        trust = ssl.create_default_context(cafile=cert)
        parts = urlsplit(url)
        assert parts.hostname is not None
        for path in ("/readyz", "/api/x", "/"):
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=LONG, context=trust)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            if path == "/api/x":
                assert json.loads(answer.read())["headers"]["x-forwarded-proto"] == "https"
            connection.close()


def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with running_echo(context=context) as backend, running_frontend(backend, DRAIN_SECONDS="0") as (url, _):
        status, body, _ = ask(url, "/readyz")
        assert status == 503
        assert body["missing"]["backend"].startswith("self-signed certificate")
        assert ask(url, "/api/x")[0] == 502


def test_traces_are_exported_and_passed_on() -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with (
        running_echo() as echo,
        running_frontend(echo, DRAIN_SECONDS="0", OTEL_EXPORTER_OTLP_ENDPOINT=echo) as (url, process),
    ):
        _, seen, _ = ask(url, "/api/todos/5", traceparent=f"00-{trace}-{parent}-01")
        process.send_signal(signal.SIGTERM)
        assert wait_for_end(process) == 0
    version, trace_id, span_id, flags = seen["headers"]["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", trace, "01")
    assert span_id != parent
    (export,) = (json.loads(body) for path, body in Echo.posts if path == "/v1/traces")
    (span,) = export["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (span["traceId"], span["spanId"], span["parentSpanId"]) == (trace, span_id, parent)
    assert span["name"] == "GET /api/todos/{id}"
    assert int(span["endTimeUnixNano"]) > int(span["startTimeUnixNano"])


def test_settings_that_make_no_sense_end_it_at_once() -> None:
    settings = {"PORT": "http", "API_BASE_URL": "backend:8000", "TLS_CERT_FILE": "/x"}
    command = frontend_command(settings, None)
    ended = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=LONG)
    assert ended.returncode == 2
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == [
        "TLS_CERT_FILE, TLS_KEY_FILE",
        "PORT",
        "API_BASE_URL",
    ]
    assert "backend:8000" not in ended.stderr


# The end


class Load:
    """Clients that ask on kept connections, one request after the other, and count what failed."""

    def __init__(self, url: str, clients: int) -> None:
        self.url = url
        self.answered = 0
        self.failures: list[str] = []
        self.until = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.until.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        connection = connect(self.url)
        paths = ["/api/x", "/", "/api/todos/1", "/healthz"]
        turn = number
        while not self.until.is_set():
            turn += 1
            try:
                # Like a load balancer, this client opens a new connection when the old one was said to close.
                connection.request(
                    "POST" if turn % 3 == 0 else "GET", paths[turn % 4], b"{}" if turn % 3 == 0 else None
                )
                answer = connection.getresponse()
                answer.read()
                problem = "" if answer.status < 500 else f"{paths[turn % 4]}: {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                problem = f"{paths[turn % 4]}: {error!r}"
                connection.close()
            with self._lock:
                self.answered += 1
                if problem:
                    self.failures.append(problem)
            time.sleep(0.01)
        connection.close()


def wait_for_end(process: subprocess.Popen[bytes]) -> int:
    return process.wait(timeout=LONG)


def draining(url: str) -> bool:
    """Whether the frontend says that it is about to leave."""
    return ask(url, "/readyz")[0] == 503


def closed(url: str) -> bool:
    """Whether the frontend takes no more connections."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) != 0


def test_sigterm_under_load_fails_no_request() -> None:
    with running_echo() as backend, running_frontend(backend, DRAIN_SECONDS="8") as (url, process):
        load = Load(url, clients=12)
        load.start()
        until(lambda: load.answered > 100)
        slow: list[int] = []
        in_flight = threading.Thread(target=lambda: slow.append(ask(url, "/api/slow")[0]))
        process.send_signal(signal.SIGTERM)
        until(lambda: draining(url))
        # The cluster needs a moment to notice; until then requests keep coming.
        before = load.answered
        until(lambda: load.answered > before + 50)
        in_flight.start()
        assert Echo.arrived.wait(LONG)
        load.stop()
        until(lambda: closed(url))
        Echo.released.set()
        in_flight.join()
        assert wait_for_end(process) == 0
    assert slow == [200]
    assert load.failures == []


def test_a_stream_begun_before_sigterm_is_finished() -> None:
    with running_echo() as backend, running_frontend(backend, DRAIN_SECONDS="0.5") as (url, process):
        connection = connect(url)
        connection.request("GET", "/api/stream")
        answer = connection.getresponse()
        assert answer.readline() == b"event: delta\n"
        process.send_signal(signal.SIGTERM)
        until(lambda: closed(url))
        Echo.released.set()
        assert b"event: done" in answer.read()
        assert wait_for_end(process) == 0
        connection.close()


def test_idle_connections_do_not_keep_it_from_ending() -> None:
    with running_echo() as backend, running_frontend(backend, DRAIN_SECONDS="0") as (url, process):
        idle = connect(url)
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        process.send_signal(signal.SIGTERM)
        assert wait_for_end(process) == 0
        idle.close()
