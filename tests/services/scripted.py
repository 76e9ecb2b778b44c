"""An OpenAI-compatible server that answers what the test has written down, and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Words:
    """A final answer, in pieces."""

    pieces: tuple[str, ...]
    tokens: int = 10


@dataclass(frozen=True)
class Tools:
    """Tool calls."""

    calls: tuple[tuple[str, dict[str, Any]], ...]
    tokens: int = 10


@dataclass(frozen=True)
class Refusal:
    """An HTTP error."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Silence:
    """No answer, until the script goes on."""


@dataclass(frozen=True)
class Break:
    """The connection ends in the middle of an answer."""


Step = Words | Tools | Refusal | Silence | Break


class ScriptedModel:
    """Answers each request with the next step; the last one is repeated."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._goes_on = threading.Event()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                model.requests.append({"path": self.path, **body})
                model.keys.append(self.headers["authorization"])
                step = model.steps.pop(0) if len(model.steps) > 1 else model.steps[0]
                _play(self, step, model._goes_on)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def script(self, *steps: Step) -> None:
        """What to answer from now on."""
        self._goes_on.set()
        self._goes_on = threading.Event()
        self.steps = list(steps)
        self.requests.clear()
        self.keys.clear()

    def close(self) -> None:
        """Stop listening."""
        self._goes_on.set()
        self._server.shutdown()
        self._server.server_close()


def _play(handler: BaseHTTPRequestHandler, step: Step, goes_on: threading.Event) -> None:
    if isinstance(step, Silence):
        goes_on.wait()
        handler.close_connection = True
        return
    if isinstance(step, Refusal):
        body = json.dumps({"error": {"message": "no", "type": "error", "code": None}}).encode()
        handler.send_response(step.status)
        for name, value in {
            **step.headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        return
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    for chunk in _chunks(step):
        _write(handler, f"data: {json.dumps(chunk)}\n\n")
    if isinstance(step, Break):
        handler.close_connection = True
    else:
        _write(handler, "data: [DONE]\n\n")
        handler.wfile.write(b"0\r\n\r\n")


def _write(handler: BaseHTTPRequestHandler, text: str) -> None:
    handler.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
    handler.wfile.flush()


def _chunks(step: Words | Tools | Break) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": [choice]}

    if isinstance(step, Break):
        yield chunk({"role": "assistant", "content": "I was about to"})
        return
    if isinstance(step, Words):
        for piece in step.pieces:
            yield chunk({"role": "assistant", "content": piece})
        yield chunk({}, "stop")
    else:
        for index, (name, arguments) in enumerate(step.calls):
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {
                "index": index,
                "id": f"call_{time.monotonic_ns()}_{index}",
                "type": "function",
                "function": function,
            }
            yield chunk({"role": "assistant", "tool_calls": [call]})
        yield chunk({}, "tool_calls")
    usage = {"prompt_tokens": step.tokens, "completion_tokens": 1, "total_tokens": step.tokens + 1}
    yield {**chunk({}), "choices": [], "usage": usage}
