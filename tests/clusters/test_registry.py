"""A registry is asked for an image's manifest; what it does not say clearly is no answer."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.clusters import registry
from tests.support.serving import serving


class Answer(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        """As the distribution API answers, by the image's name; one without a kind of manifest it knows is 404."""
        known = "vnd.oci.image.manifest.v1+json" in self.headers.get("Accept", "")
        codes = {"/v2/team/there/manifests/1": 200 if known else 404, "/v2/team/private/manifests/1": 401}
        page = self.path == "/v2/team/page/manifests/1"
        self.send_response(200 if page else codes.get(self.path, 500 if "broken" in self.path else 404))
        self.send_header("Content-Type", "text/html" if page else f"{registry.MANIFESTS[1]}; charset=utf-8")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    with serving(server):
        yield f"127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    ("image", "there"),
    [
        ("team/there:1", True),
        ("team/there:2", False),
        ("team/private:1", None),
        ("team/broken:1", None),
        ("team/page:1", None),
    ],
)
def test_a_registry_says_yes_no_or_nothing(host: str, image: str, there: bool | None) -> None:
    assert registry.has(f"{host}/{image}", plain=True) is there


def test_a_registry_of_this_machine_is_spoken_to_without_tls(host: str) -> None:
    assert registry.has(f"{host}/team/there:1", plain=False) is True


@pytest.mark.parametrize("remote", ["team/app:1", "127.0.0.1:9/team/app:1", "127.0.0.1:x/team/app:1"])
def test_where_nobody_can_be_asked_the_client_is(remote: str) -> None:
    assert registry.has(remote, plain=True) is None
