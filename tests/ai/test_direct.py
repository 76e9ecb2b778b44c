# ruff: noqa: E501 tables are read along their lines
"""An OpenAI-compatible endpoint, scripted: good, refusing, busy, slow, and making no sense."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.ai import options, refusals, upstream
from scripts.ai.options import Model
from scripts.ai.tools import direct
from scripts.ai.tools.direct import Direct
from scripts.ai.types import Question
from scripts.errors import SettingsError
from scripts.host.paths import ROOT
from tests.support.model_server import ModelServer

KEY = "sk-" + "test-0123456789abcdef"


@pytest.fixture
def server(running: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(upstream, "PAUSE", 0.005)
    running.reset()
    return running


def good(text: Any = "## Cause\nfound", **more: Any) -> dict[str, Any]:
    return {"body": {"choices": [{"message": {"role": "assistant", "content": text}} | more]}}


def tool(server: ModelServer, **changes: Any) -> Direct:
    found = options.read(ROOT, {"OPENAI_API_KEY": KEY})
    assert found.model
    return Direct(replace(found, model=replace(found.model, endpoint=server.url), **changes))


def test_a_good_answer(server: ModelServer) -> None:
    server.script = [good()]
    reply = tool(server).ask(Question("why?"))
    assert (reply.text, reply.error) == ("## Cause\nfound", "")
    sent = server.requests[0]
    assert sent["headers"]["Authorization"] == f"Bearer {KEY}"
    assert sent["body"]["messages"][1] == {"role": "user", "content": "why?"}
    assert KEY not in reply.command and KEY not in repr(tool(server))


@pytest.mark.parametrize("usage", [[1], "many", {"total_tokens": "12"}, {"total_tokens": -1}, {"total_tokens": 1e999}])
def test_an_answer_is_one_whatever_the_server_counts(server: ModelServer, usage: Any) -> None:
    server.script = [{"body": good()["body"] | {"usage": usage}}]
    assert tool(server).ask(Question("x")).text == "## Cause\nfound"


def test_an_answer_in_parts_and_one_that_was_cut(server: ModelServer) -> None:
    server.script = [good([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}])]
    assert tool(server).ask(Question("x")).text == "in parts"
    server.script = [good(["in ", "parts"])]
    assert tool(server).ask(Question("x")).text == "in parts"
    server.script = [good("long", finish_reason="length")]
    assert "cut off at the model's limit" in tool(server).ask(Question("x")).text


@pytest.mark.parametrize(
    ("script", "problem", "requests"),
    [
        ([{"status": 401, "body": {"error": {"code": "invalid_api_key", "message": f"bad key {KEY}"}}}],
         "refuses the key (401); see OPENAI_API_KEY", 1),
        ([{"status": 403, "body": {}}], "refuses the key", 1),
        ([{"status": 403, "body": {"error": {"message": "Project x does not have access to model y", "code": "model_not_found"}}}],
         "does not give this key the model", 1),
        ([{"status": 403, "body": {"error": {"message": "Country, region, or territory not supported"}}}],
         "does not answer from here: Country", 1),
        ([{"body": {"error": {"message": "Provider disconnected"}, "choices": [{"message": {"content": "half"}, "finish_reason": "error"}]}}],
         "answered with an error: Provider disconnected", 1),
        ([{"body": {"choices": [{"error": {"message": "Upstream fell over"}, "message": {"content": "half"}}]}}],
         "answered with an error", 1),
        ([{"text": 'data: {"choices": [{"delta": {"content": "half"}}]}\n\ndata: {"error": {"message": "gone"}, "choices": [{"delta": {}, "finish_reason": "error"}]}\n\n'}],
         "answered with an error: gone", 1),
        ([{"status": 404, "body": {}}], "nothing is there (404)", 1),
        ([{"status": 400, "text": "<html>"}], "answered 400", 1),
        ([{"status": 429, "body": {}}], "takes no more questions just now", 3),
        ([{"status": 429, "headers": {"Retry-After": "3600"}}], "asks to wait 3600 s", 1),
        ([{"status": 503, "body": {}}], "answered 503", 3),
        ([{"status": 503, "headers": {"Retry-After": "120"}}], "answered 503, and asks to wait 120 s", 1),
        ([{"status": 429, "headers": {"Retry-After-Ms": "90000"}}], "asks to wait 90 s", 1),
        ([{"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}], "points to another address", 1),
        ([{"text": "hello"}], "answers no completion", 1),
        ([{"text": "[]"}], "answers no completion", 1),
        ([{"body": {"choices": []}}], "answers no completion", 1),
        ([good("")], "answered nothing", 1),
        ([good(None)], "answered nothing", 1),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_explained(server: ModelServer, script: list[dict], problem: str, requests: int) -> None:
    server.script = script
    reply = tool(server).ask(Question("x"))
    assert reply.text == "" and problem in reply.error and KEY not in reply.error
    assert len(server.requests) == requests


# As the providers themselves word them: status, answer, what is told.
REFUSALS = {
    "gemini, wrong key": (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}],
                          "refuses the key (400); see OPENAI_API_KEY"),
    "gemini, from a country that it does not serve": (400, {"error": {"message": "User location is not supported for the API use."}}, "does not answer from here"),
    "gemini, not switched on": (403, {"error": {"message": "Generative Language API has not been used in project 1 before or it is disabled. Enable it by visiting"}},
                                "not switched on for this key: Generative"),
    "gemini, no such model": (404, {"error": {"message": "models/m is not found for API version v1main, or is not supported"}}, "has no model"),
    "openai, a limit on the bill": (400, {"error": {"message": "Billing hard limit has been reached", "code": "billing_hard_limit_reached"}}, "no credit is left"),
    "openai, account not active": (429, {"error": {"message": "Your account is not active, please check your billing details", "code": "billing_not_active"}},
                                   "no credit is left"),
    "openai, more than a minute may hold": (429, {"error": {"message": "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000."}},
                                            "the question is too long for"),
    "groq, more than a minute may hold": (413, {"error": {"message": "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9000"}},
                                          "the question is too long for"),
    "xai, no credits": (403, {"error": "Your newly created team doesn't have any credits yet."}, "no credit is left"),
    "deepseek, no balance": (402, {"error": {"message": "Insufficient Balance"}}, "no credit is left"),
    "ollama, no tools": (400, {"error": "registry.ollama.ai/library/gemma:latest does not support tools"}, "calls no tools"),
    "openrouter, no tools": (404, {"error": {"message": "No endpoints found that support tool use."}}, "calls no tools"),
    "vllm, no tools": (400, {"object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'}, "calls no tools"),
    "vllm, no such model": (404, {"object": "error", "message": "The model `m` does not exist.", "code": 404}, "has no model"),
    "lm studio, too long": (400, {"error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096"},
                            "the question is too long for"),
    "litellm, no such model": (400, {"error": {"message": "Invalid model name passed in model=m. Call `/v1/models`"}}, "has no model"),
    "an endpoint without chat": (405, {"detail": "Method Not Allowed"}, "nothing is there (405): Method Not Allowed"),
    "a parameter that is not known": (400, {"error": {"message": "Unsupported parameter: 'tools'"}}, "calls no tools"),
    "a proxy in between": (403, "<html><head><title>Access blocked by policy</title></head></html>", "something between here and the model refuses (403): Access blocked"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_told_by_its_cause_at_once(server: ModelServer, case: str) -> None:
    status, body, words = REFUSALS[case]
    server.script = [{"status": status, "text": body if isinstance(body, str) else json.dumps(body)}]
    assert words in tool(server).ask(Question("x")).error
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached for m. Please try again in 20s. Visit", "20 s"),
        ("Rate limit reached for model `m` on tokens per minute (TPM). Please try again in 7m12.5s.", "432 s"),
        ("You exceeded your current quota. Please retry in 37.254687s.", "37 s"),
        ("Rate limit reached. Please try again in 1h2m3s.", "3723 s"),
    ],
)
def test_how_long_to_wait_is_read_from_a_servers_words_too(message: str, seconds: str) -> None:
    model = Model("openai", "m", "http://model/v1", "OPENAI_API_KEY", KEY)
    told = refusals.explain(429, json.dumps({"error": {"message": message}}), {}, model, "http://model")
    assert f"asks to wait {seconds}" in str(told) and told.passing


def test_a_busy_server_is_asked_again(server: ModelServer) -> None:
    server.script = [{"status": 429, "headers": {"Retry-After": "0.02"}}, {"status": 500}, good("at last")]
    assert tool(server).ask(Question("x")).text == "at last"


def piece(delta: dict[str, Any], finish: str | None = None) -> str:
    return f"data: {json.dumps({'id': 'x', 'choices': [{'delta': delta, 'finish_reason': finish}]})}\n\n"


CALL = {"index": 0, "id": "a", "function": {"name": "kubectl", "arguments": '{"command": '}}
STREAMS = {
    "words": piece({"content": "## Cause\n"}) + piece({"content": "found"}) + piece({}, "stop") + "data: [DONE]\n\n",
    "calls": piece({"tool_calls": [CALL]})
    + piece({"tool_calls": [{"index": 0, "function": {"arguments": '"kubectl get pods"}'}}]})
    + piece({}, "tool_calls")
    + "data: [DONE]\n\n",
}


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_that_is_cut_anywhere_is_whole_or_no_answer(kind: str) -> None:
    text = STREAMS[kind]
    whole = upstream.read(text, "text/event-stream", "http://model")
    for end in range(len(text)):
        try:
            found = upstream.read(text[:end], "text/event-stream", "http://model")
        except refusals.ModelError:
            continue
        assert (found.text, found.calls) == (whole.text, whole.calls), text[:end]


ODD = "a\u2028b\x85"  # characters that end a line elsewhere


def lines(*pieces: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, pieces))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (lines({"message": {"content": "a"}, "done": False}, {"message": {"content": "b"}, "done": True}), "ab"),
        (": keep alive\n\ndata:" + STREAMS["words"][5:], "## Cause\nfound"),
        ("event: message\r\n" + STREAMS["words"].replace("\n\n", "\r\n\r\n"), "## Cause\nfound"),
        (f"data: {json.dumps({'choices': [{'message': {'content': 'whole'}, 'finish_reason': 'stop'}]})}\n", "whole"),
        (piece({"content": ODD}, "stop").replace("\\u2028", "\u2028").replace("\\u0085", "\x85"), ODD),
        (json.dumps(good("<think>\nkubectl delete\n</think>\n\n## Cause")["body"]), "## Cause"),
        (json.dumps(good("kubectl delete\n</think>\n\n## Cause")["body"]), "## Cause"),
        (json.dumps(good("<think>\nkubectl delete it, no, wait")["body"]), ""),
        (json.dumps(good([{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "yes"}])["body"]), "yes"),
    ],
)
def test_an_answer_is_read_in_every_form_in_which_servers_send_it(text: str, words: str) -> None:
    assert upstream.read(text, "application/json", "http://model").text == words


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"message": {"content": "half"}, "done": False}),
        lines({"message": {"content": "half"}, "done": False}, {"message": {"content": "of it"}, "done": False}),
    ],
)
def test_half_an_answer_of_ollama_is_none(text: str) -> None:
    with pytest.raises(refusals.ModelError, match="broke off"):
        upstream.read(text, "application/x-ndjson", "http://model")


def test_another_try_is_told(server: ModelServer) -> None:
    said: list[str] = []
    server.script = [{"status": 429, "headers": {"Retry-After": "0.02"}}, good("at last")]
    assert replace(tool(server), say=said.append).ask(Question("x")).text == "at last"
    assert len(said) == 1 and "(429)" in said[0] and "asking again" in said[0]


@pytest.mark.parametrize(
    ("written", "error"), [(f" {KEY}\r\n", ""), ("sk-half\nhalf", "OPENAI_API_KEY holds characters")]
)
def test_a_key_with_stray_characters_is_read_or_named(server: ModelServer, written: str, error: str) -> None:
    server.script = [good()]
    found = options.read(ROOT, {"OPENAI_API_KEY": written, "OPENAI_BASE_URL": server.url})
    reply = Direct(found).ask(Question("x"))
    assert error in reply.error and bool(reply.error) is bool(error)


def test_a_slow_server_is_given_up(server: ModelServer) -> None:
    server.script = [good() | {"sleep": 600}]
    reply = tool(server, timeout=1).ask(Question("x"))
    assert "no answer within 1 s" in reply.error


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["another program", "endless header", "bad chunk", "unknown encoding"],
)
def test_what_speaks_no_http_is_told_in_one_line(server: ModelServer, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0] as taken, suppress(OSError):  # who reads no further closes
                taken.recv(65_536)
                taken.sendall(said)
                taken.recv(65_536)  # until it lets go

        speaking = threading.Thread(target=answer, daemon=True)
        speaking.start()
        server = SimpleNamespace(url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1")  # type: ignore[assignment]
        reply = tool(server).ask(Question("why?"))
        speaking.join(300)
    assert "answers nothing that can be read: " in reply.error and "model.endpoint" in reply.error
    assert "\n" not in reply.error


def test_a_server_that_is_not_there_is_named(server: ModelServer) -> None:
    found = tool(server)
    assert found.options.model
    gone = Direct(replace(found.options, model=replace(found.options.model, endpoint="http://127.0.0.1:9/v1")))
    assert "http://127.0.0.1:9/v1/chat/completions cannot be reached" in gone.ask(Question("x")).error


@pytest.mark.parametrize(
    ("entry", "works", "said"),
    [
        (good("yes"), True, "answered 'yes'"),
        ({"status": 401}, False, "refuses the key"),
        ({"status": 404, "body": {"error": 'model "m" not found, try pulling it first'}}, False, "has no model"),
        (good() | {"sleep": 600}, False, "no answer within 0.5 s"),
        (good(""), False, "answered nothing"),
    ],
)
def test_a_key_is_proved_by_one_tiny_question(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, entry: dict, works: bool, said: str
) -> None:
    if "sleep" in entry:
        monkeypatch.setattr(direct, "CHECK_SECONDS", 0.5)
    server.script = [entry]
    found, text = tool(server).check()
    assert found is works and said in text
    assert len(server.sent) < 200


@pytest.mark.parametrize(
    ("variables", "provider", "endpoint"),
    [
        ({"OPENAI_API_KEY": "k"}, "openai", "https://api.openai.com/v1"),
        ({"ANTHROPIC_API_KEY": "k"}, "anthropic", "https://api.anthropic.com/v1"),
        ({"GEMINI_API_KEY": "k"}, "gemini", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ({"GOOGLE_API_KEY": "k"}, "gemini", "https://generativelanguage.googleapis.com/v1beta/openai"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://own/v1/"}, "openai", "http://own/v1"),
        ({"OPENAI_BASE_URL": " http://own/v1/chat/completions/ "}, "openai", "http://own/v1"),
        ({"OPENAI_BASE_URL": "http://bob:s3cr%40t@own:80/v1"}, "openai", "http://own:80/v1"),
    ],
)
def test_the_model_follows_from_the_key(variables: dict[str, str], provider: str, endpoint: str) -> None:
    model = options.read(ROOT, variables).model
    assert model and (model.provider, model.endpoint, model.usable) == (provider, endpoint, True)


def test_a_login_in_the_address_is_sent_as_one_and_never_shown(server: ModelServer) -> None:
    place = server.url.removeprefix("http://")
    found = options.read(ROOT, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"http://bob:s3cr%40t@{place}"})
    server.script = [good(), {"status": 401, "body": {"error": "no user bob:s3cr@t here"}}]
    asked = Direct(found)
    assert asked.check()[0]
    assert server.requests[0]["headers"]["Authorization"] == "Basic Ym9iOnMzY3JAdA=="
    refused = asked.ask(Question("why?"))
    shown = f"{asked.check()} {refused} {found} {asked.command()} {asked.url()}"
    assert "refuses the key" in shown and "s3cr" not in shown.replace("no user", "")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("localhost:8000/v1", "is no http or https URL"),
        ("http:/own/v1", "is no http or https URL"),
        ("bob:s3cr3t@own", "is no http or https URL"),
        ("http://bob:s3cr3t@[own/v1", "is no URL"),
        ("https://own/v1?api_key=s3cr3t", "has something after a question mark"),
        ("https://own:s3cr3t/v1", "is no URL"),
    ],
)
def test_an_endpoint_that_is_no_url_is_named(written: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        options.read(ROOT, {"OPENAI_BASE_URL": written})
    assert "s3cr3t" not in str(refused.value)
    assert options.read(ROOT, {"OPENAI_BASE_URL": written, "GEMINI_API_KEY": "k"}).model  # which nobody asks there


def test_without_a_key_there_is_no_model() -> None:
    found = options.read(ROOT, {})
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
            options.read(tmp_path, {})
