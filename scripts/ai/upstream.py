"""The person's provider: one completion at a time, bounded in bytes, its errors told with what to do about them.

Everything is asked in the form of OpenAI's chat completions, which Anthropic, Gemini and most servers of one's own
speak too. Ollama is asked in its own form, because only there the length of the context can be set.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.ai import refusals
from scripts.ai.mappings import mapped
from scripts.ai.options import Model
from scripts.ai.refusals import ModelError
from scripts.host import parsing

if TYPE_CHECKING:
    import aiohttp

ATTEMPTS = 3
PAUSE = 0.5  # seconds, doubled before every attempt, where a provider names no time
LONGEST_WAIT = 20.0  # seconds that a provider may ask to wait before the next attempt
LARGEST = 4 << 20  # bytes of one answer
CONNECT_SECONDS = 20
CONTEXT = 16_384  # tokens that Ollama is told to keep in mind: its own default is too short for a cluster's facts


@dataclass(frozen=True)
class Call:
    """A tool call that a model wants: `arguments` is JSON as the model wrote it.

    `extra` is what the provider put beside it and wants back with it, for instance Gemini's signature of its thoughts.
    """

    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Completion:
    """A completion of the model: text, or calls, and why it stopped. `tokens` counts what was sent and what came."""

    text: str
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    tokens: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Upstream:
    """One model at its endpoint. `say` is told of every attempt after the first."""

    model: Model
    say: Callable[[str], None] = lambda line: None

    @property
    def url(self) -> str:
        """Return the URL that questions go to."""
        if self.model.provider == "ollama":
            return self.model.endpoint.removesuffix("/v1") + "/api/chat"
        return f"{self.model.endpoint}/chat/completions"

    async def complete(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] = ()) -> Completion:
        """Ask once, again where the server is only busy. Raises ModelError."""
        import aiohttp  # a tenth of a second to import

        body = request(self.model, messages, tools)
        headers = {"Authorization": self.model.authorization} if self.model.authorization else {}
        limit = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
        async with aiohttp.ClientSession(timeout=limit, trust_env=True, headers=headers) as client:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    # A redirect would take the key to another host.
                    async with client.post(self.url, json=body, allow_redirects=False) as answer:
                        text = await _bounded(answer)
                        if answer.status == 200:
                            return read(text, answer.content_type, self.url)
                        problem = refusals.explain(answer.status, text, answer.headers, self.model, self.url)
                except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
                    problem = _broken_off(self.url)
                except aiohttp.ClientResponseError as error:
                    said = refusals.quoted(error.message)
                    raise ModelError(
                        f"{self.url} answers nothing that can be read: {said}", refusals.IS_IT_A_MODEL
                    ) from None
                except aiohttp.ClientError as error:
                    problem = refusals.unreachable(self.url, str(error) or type(error).__name__, self.model)
                except ValueError:
                    raise ModelError(
                        f"{self.model.key_name or 'the key'} holds characters that no request can carry",
                        "write it into .env once more, on one line",
                    ) from None
                wait = PAUSE * 2**attempt if problem.wait is None else problem.wait
                if not problem.passing or wait > LONGEST_WAIT or attempt == ATTEMPTS:
                    raise problem
                self.say(f"{problem}; asking again in {wait:.0f} s")
                await asyncio.sleep(wait)
        raise AssertionError  # the last attempt returns or raises


def request(model: Model, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any]) -> dict[str, Any]:
    """Return the body of a question in the provider's form."""
    body: dict[str, Any] = {"model": model.name, "messages": list(messages), "stream": False}
    if tools:
        body["tools"] = list(tools)
    if model.provider == "ollama":
        body["messages"] = [_for_ollama(message) for message in messages]
        body["options"] = {"num_ctx": CONTEXT}
    return body


def _for_ollama(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message whose tool calls carry their arguments as an object, as Ollama wants them."""
    found = {key: value for key, value in message.items() if key in ("role", "content")}
    if message.get("tool_calls"):
        found["tool_calls"] = [
            {
                "function": {
                    "name": call["function"]["name"],
                    "arguments": parsing.from_json(call["function"]["arguments"]),
                }
            }
            for call in message["tool_calls"]
        ]
    return found


async def _bounded(answer: aiohttp.ClientResponse) -> str:
    """Return the body of an answer. Raises ModelError for one without an end."""
    held = bytearray()
    async for piece in answer.content.iter_chunked(65_536):
        held += piece
        if len(held) > LARGEST:
            raise ModelError(
                f"{answer.url} sends more than {LARGEST >> 20} MB for one answer", "is model.endpoint a model's?"
            )
    try:
        return held.decode(answer.charset or "utf-8", errors="replace")
    except LookupError:  # a name that is no character set
        return held.decode(errors="replace")


def read(text: str, content_type: str, url: str) -> Completion:
    """Return what a provider answered with status 200. Raises ModelError for anything that is no completion."""
    text = text.removeprefix("\ufeff")
    if content_type == "text/event-stream" or _STREAM.match(text):
        return _streamed(text, url)
    try:
        data = _document(text)
        _no_error(data, url)
        if "choices" not in data and "message" in data:  # Ollama's own form
            message, finish = data["message"], data.get("done_reason") or "stop"
            tokens = _number(data.get("prompt_eval_count")) + _number(data.get("eval_count"))
            if data.get("done") is False:
                raise _broken_off(url)
        else:
            choice = data["choices"][0]
            message, finish = choice["message"], choice.get("finish_reason") or "stop"
            tokens = _number(mapped(data.get("usage")).get("total_tokens"))
        calls = tuple(_call(number, call) for number, call in enumerate(message.get("tool_calls") or ()))
        return Completion(_spoken(_content(message)), calls, str(finish), tokens, message)
    except _UNREADABLE:
        raise ModelError(f"{url} answers no completion: {refusals.quoted(text)}", refusals.IS_IT_A_MODEL) from None


def _number(value: object) -> int:
    """Return how many tokens a server says to have counted; none where that is no number: its answer is one all the
    same.
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _document(text: str) -> Mapping[str, Any]:
    """Return one document, made of the pieces in which Ollama sends it, one a line, where a server streams anyway."""
    try:
        found: Mapping[str, Any] = parsing.from_json(text)
        return found
    except ValueError:
        pieces = [parsing.from_json(line) for line in _LINES.split(text) if line.strip()]
    messages = [piece["message"] for piece in pieces]
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    content = "".join(message.get("content") or "" for message in messages)
    return {**pieces[-1], "message": {"role": "assistant", "content": content, "tool_calls": calls}}


def _spoken(text: str) -> str:
    """Return an answer without the thoughts that some models put before it; nothing where it has only those."""
    return _THOUGHTS.sub("", text, count=1)


def _broken_off(url: str) -> ModelError:
    return ModelError(f"{url} broke off in the middle of its answer", "ask again", passing=True)


_STREAM = re.compile(r"\s*(?:data|event|id|retry)?:")
_LINES = re.compile(r"\r\n|\n|\r")  # of a stream; a text in it may hold other characters that end a line
_DONE = "[DONE]"
# Where the server's template opens them, the answer only has their end; where the model's limit cuts them, none.
_THOUGHTS = re.compile(r"\A(?:\s*<think>.*?(?:</think>\s*|\Z)|(?:(?!</?think>).)*</think>\s*)", re.DOTALL)
_UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)


def _no_error(data: Mapping[str, Any], url: str) -> None:
    """Raise ModelError where an answer with status 200, or a piece of one, is an error all the same.

    Some servers put it beside what they had said until then.
    """
    choices = data.get("choices")
    inner = [mapped(one).get("error") for one in choices] if isinstance(choices, list) else []
    if error := data.get("error") or next(filter(None, inner), None):
        raise ModelError(
            f"{url} answered with an error: {refusals.said(json.dumps(error))}",
            "see its own words; invoke ai.doctor tries it with one small question",
        )


def _call(number: int, call: Mapping[str, Any]) -> Call:
    arguments = call["function"].get("arguments") or "{}"
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Call(str(call.get("id") or f"call_{number}"), str(call["function"]["name"]), text, _extra(call))


def _extra(call: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in call.items() if key not in ("id", "type", "index", "function")}


def _streamed(text: str, url: str) -> Completion:
    """Return a completion in pieces, which some servers send whatever they are asked for."""
    content, finish, tokens = "", "", 0
    parts: list[dict[str, Any]] = []
    seen = ended = False
    for event in _events(text, url):
        if event == _DONE:
            ended = True
            continue
        try:
            data = parsing.from_json(event)
            _no_error(data, url)
            tokens = _number(mapped(data.get("usage")).get("total_tokens")) or tokens
            for choice in data.get("choices") or ():
                seen = True
                delta = choice.get("delta") or choice.get("message") or {}
                content += _content(delta)
                finish = choice.get("finish_reason") or finish
                for call in delta.get("tool_calls") or ():
                    _add(parts, call)
        except _UNREADABLE:
            raise ModelError(
                f"{url} answers a stream that cannot be read: {refusals.quoted(event)}", refusals.IS_IT_A_MODEL
            ) from None
    if not seen:
        raise ModelError(f"{url} answers an empty stream", refusals.IS_IT_A_MODEL)
    if not ended and not finish:
        raise _broken_off(url)
    calls = tuple(
        Call(held["id"] or f"call_{number}", held["name"], held["arguments"], held["extra"])
        for number, held in enumerate(parts)
    )
    content = _spoken(content)
    return Completion(content, calls, finish or "stop", tokens, {"role": "assistant", "content": content})


def _events(text: str, url: str) -> Iterator[str]:
    """Yield what a stream's events hold: an event may be of several lines, and many a server ends none by an empty one.

    Raises ModelError where the stream ends in the middle of one.
    """
    held: list[str] = []
    name = ""
    for line in _LINES.split(text):
        if line.startswith("event:"):
            name = line[6:].strip()
        if line.startswith("data:"):
            held.append(line[5:].strip())
        if held and (not line or _is_whole("\n".join(held))):
            whole = "\n".join(held)
            yield json.dumps({"error": refusals.said(whole)}) if name == "error" else whole
            held.clear()
            name = ""
    if held:
        raise _broken_off(url)


def _is_whole(event: str) -> bool:
    try:
        parsing.from_json(event)
    except ValueError:
        return event == _DONE
    return True


def _content(message: Mapping[str, Any]) -> str:
    """Return the words of a message, or of a piece of one: a text, or parts of which those that are text count."""
    content = message.get("content") or message.get("refusal") or ""
    if isinstance(content, list):
        parts = (part if isinstance(part, Mapping) else {"text": part} for part in content)
        content = "".join(str(part.get("text", "")) for part in parts if part.get("type", "text") == "text")
    return str(content)


def _add(parts: list[dict[str, Any]], call: Mapping[str, Any]) -> None:
    """Add a piece of a tool call to the call it belongs to.

    That is the one of its index. Some servers give none, or the same to all: there a new id begins a new call.
    """
    index, new = call.get("index"), str(call.get("id") or "")
    mine = [held for held in parts if held["index"] == index]
    if not mine or (new and mine[-1]["id"] and new != mine[-1]["id"]):
        parts.append({"index": index, "id": new, "name": "", "arguments": "", "extra": {}})
        mine = parts[-1:]
    mine[-1]["extra"].update(_extra(call))
    function = call.get("function") or {}
    arguments = function.get("arguments") or ""
    name = function.get("name") or ""
    mine[-1]["name"] += "" if name == mine[-1]["name"] else name  # some give it with every piece
    mine[-1]["arguments"] += arguments if isinstance(arguments, str) else json.dumps(arguments)
