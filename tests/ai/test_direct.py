"""An OpenAI-compatible endpoint, scripted: good, refusing, busy, slow, and making no sense."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from scripts.ai import options
from scripts.ai.tools import direct
from scripts.ai.tools.direct import Direct
from scripts.errors import SettingsError
from scripts.settings.loading import ROOT

KEY = "sk-" + "test-0123456789abcdef"


class Server:
    """Answers what its script says, one entry a request, the last one for ever."""

    def __init__(self) -> None:
        self.script: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_get("/v1/models", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{port}/v1"

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(
            {"headers": dict(request.headers), "body": await request.json() if request.can_read_body else None}
        )
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        await asyncio.sleep(entry.get("sleep", 0))
        text = entry["text"] if "text" in entry else json.dumps(entry.get("body", {}))
        return web.Response(text=text, status=entry.get("status", 200), headers=entry.get("headers", {}))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(direct, "_wait", lambda header, attempt: float(header or 0.01))
    running.requests.clear()
    return running


def good(text: Any = "## Cause\nfound", **more: Any) -> dict[str, Any]:
    return {"body": {"choices": [{"message": {"role": "assistant", "content": text}} | more]}}


def tool(server: Server, **changes: Any) -> Direct:
    found = options.load(ROOT, {"OPENAI_API_KEY": KEY})
    assert found.model
    return Direct(replace(found, model=replace(found.model, endpoint=server.url), **changes))


def test_a_good_answer(server: Server) -> None:
    server.script = [good()]
    reply = tool(server).ask("why?")
    assert (reply.text, reply.error) == ("## Cause\nfound", "")
    sent = server.requests[0]
    assert sent["headers"]["Authorization"] == f"Bearer {KEY}"
    assert sent["body"]["messages"][1] == {"role": "user", "content": "why?"}
    assert KEY not in reply.command and KEY not in repr(tool(server))


def test_an_answer_in_parts_and_one_that_was_cut(server: Server) -> None:
    server.script = [good([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}])]
    assert tool(server).ask("x").text == "in parts"
    server.script = [good("long", finish_reason="length")]
    assert "cut off at the model's limit" in tool(server).ask("x").text


@pytest.mark.parametrize(
    ("script", "problem", "requests"),
    [
        ([{"status": 401, "body": {"error": {"code": "invalid_api_key", "message": f"bad key {KEY}"}}}],
         "refuses the key (invalid_api_key); check OPENAI_API_KEY", 1),
        ([{"status": 403, "body": {}}], "refuses the key", 1),
        ([{"status": 404, "body": {}}], "no such model", 1),
        ([{"status": 400, "text": "<html>"}], "answered with status 400", 1),
        ([{"status": 429, "body": {}}], "limit is reached", 3),
        ([{"status": 429, "headers": {"Retry-After": "3600"}}], "limit is reached", 1),
        ([{"status": 503, "body": {}}], "failed with status 503", 3),
        ([{"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}], "status 302", 1),
        ([{"text": "hello"}], "not a chat completion", 1),
        ([{"text": "[]"}], "not a chat completion", 1),
        ([{"body": {"choices": []}}], "not a chat completion", 1),
        ([good("")], "answered nothing", 1),
        ([good(None)], "answered nothing", 1),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_explained(server: Server, script: list[dict], problem: str, requests: int) -> None:
    server.script = script
    reply = tool(server).ask("x")
    assert reply.text == "" and problem in reply.error and KEY not in reply.error
    assert len(server.requests) == requests


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.script = [{"status": 429, "headers": {"Retry-After": "0.02"}}, {"status": 500}, good("at last")]
    assert tool(server).ask("x").text == "at last"


def test_a_slow_server_is_given_up(server: Server) -> None:
    server.script = [good() | {"sleep": 30}]
    reply = tool(server, timeout=1).ask("x")
    assert "no answer within 1 s" in reply.error and reply.seconds < 5


def test_a_server_that_is_not_there_is_named(server: Server) -> None:
    found = tool(server)
    assert found.options.model
    gone = Direct(replace(found.options, model=replace(found.options.model, endpoint="http://127.0.0.1:9/v1")))
    assert "http://127.0.0.1:9/v1/chat/completions cannot be reached" in gone.ask("x").error


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"status": 200}, "works"),
        ({"status": 401}, "refuses the key"),
        ({"status": 404}, ""),
        ({"sleep": 9}, "does not answer"),
    ],
)
def test_a_key_is_checked_without_asking_the_model(
    server: Server, monkeypatch: pytest.MonkeyPatch, script: dict, said: str
) -> None:
    monkeypatch.setattr(direct, "CHECK_SECONDS", 0.5)
    server.script = [script]
    assert tool(server).check() == said
    assert server.requests[0]["body"] is None


@pytest.mark.parametrize(
    ("variables", "provider", "endpoint"),
    [
        ({"OPENAI_API_KEY": "k"}, "openai", "https://api.openai.com/v1"),
        ({"ANTHROPIC_API_KEY": "k"}, "anthropic", "https://api.anthropic.com/v1"),
        ({"GEMINI_API_KEY": "k"}, "gemini", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://own/v1/"}, "openai", "http://own/v1"),
    ],
)
def test_the_model_follows_from_the_key(variables: dict[str, str], provider: str, endpoint: str) -> None:
    model = options.load(ROOT, variables).model
    assert model and (model.provider, model.endpoint, model.usable) == (provider, endpoint, True)


def test_without_a_key_there_is_no_model() -> None:
    found = options.load(ROOT, {})
    assert found.model is None and "no key" in Direct(found).missing()


def test_a_wrong_configuration_is_explained(tmp_path: Any) -> None:
    import shutil

    shutil.copytree(ROOT / "config", tmp_path / "config")
    file = tmp_path / "config/ai.yaml"
    text = file.read_text()
    for change, words in (
        (("provider: auto", "provider: openay"), "model.provider: openay is not among"),
        (("timeout: 180", "timeout: 1"), "timeout"),
        (("key: OPENAI_API_KEY", "key: sk-123"), "the name of an environment variable, never a key itself"),
        (("budget:", "budgt:"), "did you mean budget"),
    ):
        file.write_text(text.replace(*change))
        with pytest.raises(SettingsError, match=words):
            options.load(tmp_path, {})
