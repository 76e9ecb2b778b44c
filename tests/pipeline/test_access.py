"""The page is there when it answers at its address; where nobody listens it is given up soon, with the cause."""

from __future__ import annotations

import socket
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from scripts.errors import UserError
from scripts.pipeline import access
from tests.support.serving import serving


@contextmanager
def page(kind: str, status: int = 200) -> Iterator[str]:
    """A server whose every answer is of that kind; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://localhost:{server.server_port}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_page_that_answers_is_there() -> None:
    with page("text/html; charset=utf-8") as url:
        access._fetch_page(url, 30)


def test_an_address_where_nobody_listens_is_given_up_long_before_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SILENT_SECONDS", 0.0)
    with pytest.raises(UserError, match="Connection refused") as caught:
        access._fetch_page(f"http://localhost:{free_port()}", 3600)
    assert "nothing listens on that port" in caught.value.hint and "cluster.status" in caught.value.hint


def test_a_page_that_takes_its_time_is_waited_for_and_is_not_told_as_somebody_elses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "FIRST_ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it takes requests, and answers none
        url = f"http://localhost:{listening.getsockname()[1]}"
        with pytest.raises(UserError, match=r"took the request, and gave no answer within 0\.") as caught:
            access._fetch_page(url, 0.3)
    assert "timeouts.health" in caught.value.hint and "something else" not in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "status", "words"), [("application/json", 200, "not a page"), ("text/html", 503, "503")]
)
def test_whoever_answers_otherwise_is_given_the_whole_limit(
    kind: str, status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SILENT_SECONDS", 3600.0)
    with page(kind, status) as url, pytest.raises(UserError, match=words):
        access._fetch_page(url, 0.0)


@pytest.mark.parametrize(
    ("url", "reason", "words"),
    [
        ("http://192.168.49.2:30000", ConnectionRefusedError(111, "refused"), "route, VPN and firewall"),
        ("http://192.168.49.2:30000", TimeoutError("timed out"), "ip route get 192.168.49.2"),
        ("http://192.168.49.2:30000", OSError(113, "No route to host"), "a node's address"),
        ("http://localhost:30000", ConnectionRefusedError(111, "refused"), "nothing listens on that port"),
        ("http://localhost:30000", ConnectionResetError(104, "reset"), "is something else listening"),
    ],
)
def test_the_cause_fits_the_address(url: str, reason: Exception, words: str) -> None:
    assert words in access.give_up_because(url, urllib.error.URLError(reason))
    assert words in access.give_up_because(url, reason)
