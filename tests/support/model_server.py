"""A model that says what its script says, served as OpenAI's chat completions and as Ollama's own chat."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

Entry = dict[str, Any]


def says(text: str, **more: Any) -> Entry:
    """An answer in words."""
    return {"body": {"choices": [{"message": {"role": "assistant", "content": text}} | more]}}


def calls(*lines: str, tool: str = "kubectl", text: str = "") -> Entry:
    """An answer that wants commands run."""
    wanted = [
        {"id": f"c{number}", "type": "function", "function": {"name": tool, "arguments": json.dumps({"command": line})}}
        for number, line in enumerate(lines)
    ]
    message = {"role": "assistant", "content": text, "tool_calls": wanted}
    return {"body": {"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": {"total_tokens": 10}}}


class ModelServer:
    """Answers one entry of its script a request, the last one for ever; or what `answer` makes of the request."""

    def __init__(self) -> None:
        self.script: list[Entry] = [says("## Cause\nfound")]
        self.answer: Callable[[Mapping[str, Any]], Entry] | None = None
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(300)

    def reset(self) -> None:
        """Forget the script and what was asked."""
        self.script, self.answer = [says("## Cause\nfound")], None
        self.requests.clear()

    @property
    def sent(self) -> str:
        """Everything that reached the model, as one text."""
        return "\n".join(json.dumps(request["body"], ensure_ascii=False) for request in self.requests)

    def stop(self) -> None:
        """End the server."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(300)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.requests.append({"path": request.path, "headers": dict(request.headers), "body": body})
        entry = self.answer(body) if self.answer else self.script.pop(0) if len(self.script) > 1 else self.script[0]
        await asyncio.sleep(entry.get("sleep", 0))
        if "endless" in entry:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(entry["endless"].encode() * 1000)
        if "cut off" in entry:
            response = web.StreamResponse(headers={"Content-Length": "100000"})
            await response.prepare(request)
            await response.write(entry["cut off"].encode())
            request.transport.close()  # type: ignore[union-attr]
            return response
        text = entry["text"] if "text" in entry else json.dumps(self._shaped(request.path, entry.get("body", {})))
        kind = entry.get("type", "application/json")
        return web.Response(
            text=text, status=entry.get("status", 200), headers=entry.get("headers", {}), content_type=kind
        )

    @staticmethod
    def _shaped(path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A completion in the form of the path: Ollama's chat has one message, whose arguments are objects."""
        if path != "/api/chat" or "choices" not in body:
            return body
        message = dict(body["choices"][0]["message"])
        if message.get("tool_calls"):
            functions = [call["function"] for call in message["tool_calls"]]
            message["tool_calls"] = [
                {"function": {"name": item["name"], "arguments": json.loads(item["arguments"])}} for item in functions
            ]
        return {
            "model": "m",
            "message": message,
            "done": True,
            "done_reason": "stop",
            "eval_count": 3,
            "prompt_eval_count": 7,
        }
