"""The guard's address: chat completions on loopback, with a key that is drawn for one question."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scripts.ai.guard.conversation import Conversation, as_message
from scripts.ai.guard.rulings import Ruling
from scripts.ai.refusals import ModelError
from scripts.ai.upstream import Completion

if TYPE_CHECKING:
    from aiohttp import web

LARGEST = 16 << 20  # bytes of one request of the tool
GRACE = 3.0  # seconds that a tool has to end by itself after its answer
ANSWERED, ENDED = "answered", "ended"
Decide = Callable[[Ruling], str]


class Guard:
    """Serves one conversation while the block runs.

    The server lives in a thread of its own; what has to be put to the person is done in the thread that called
    `while_working`, which is the one that owns the terminal.
    """

    def __init__(self, make: Callable[[Callable[[Ruling], Any]], Conversation], decide: Decide) -> None:
        self.key = secrets.token_urlsafe(24)
        self.url = ""
        self.talk = make(self._perform)
        self._decide = decide
        self._loop = asyncio.new_event_loop()
        self._ready: Future[str] = Future()
        self._events: SimpleQueue[tuple[Ruling, Future[str]] | str | BaseException] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Guard:
        self._thread.start()
        self.url = self._ready.result(20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def while_working(self, work: Callable[[], Any], stop: Callable[[], None], seconds: float) -> bool:
        """Run `work` (the tool's process) in a thread until it ends; False if it had to be stopped for lack of time.

        `stop` ends it: `seconds` after its start, not counting the time a person takes; or a little after the answer.
        What goes wrong in the conversation is raised here, for instance that nobody reads our lines any more.
        """
        thread = threading.Thread(target=self._working, args=(work,))
        deadline = time.monotonic() + seconds
        thread.start()
        try:
            while (event := self._next(deadline)) is not ENDED:
                began = time.monotonic()
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, tuple):
                    _settle(event[1], self._decide, event[0])
                    deadline += time.monotonic() - began
                elif event is ANSWERED:
                    deadline = min(deadline, began + GRACE)
                else:
                    return bool(self.talk.answer or self.talk.problem)
            return True
        finally:
            stop()
            thread.join()

    def _next(self, deadline: float) -> tuple[Ruling, Future[str]] | str | BaseException | None:
        """Return what happens next, or None where nothing happens until the deadline."""
        with suppress(Empty):
            return self._events.get(timeout=max(0.0, deadline - time.monotonic()))
        return None

    def _working(self, work: Callable[[], Any]) -> None:
        try:
            work()
        finally:
            self._events.put(ENDED)

    async def _perform(self, ruling: Ruling) -> str:
        told: Future[str] = Future()
        self._events.put((ruling, told))
        return await asyncio.wrap_future(told)

    def _serve(self) -> None:
        from aiohttp import web

        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post("/v1/chat/completions", self._complete)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True, access_log=None)

        async def start() -> str:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}/v1"

        try:
            self._ready.set_result(self._loop.run_until_complete(start()))
            self._loop.run_forever()
        except OSError as error:
            self._ready.set_exception(error)
        finally:
            self._loop.run_until_complete(runner.cleanup())
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        given = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(given, f"Bearer {self.key}".encode()):
            return web.json_response({"error": {"message": "not this question's key"}}, status=401)
        try:
            return await self._answered(request)
        except web.HTTPRequestEntityTooLarge:
            self.talk.problem = ModelError(
                f"the tool sent more than {LARGEST >> 20} MB at once", "ask about one service or pod"
            )
            self._events.put(ANSWERED)
            return web.json_response({"error": {"message": str(self.talk.problem), "code": "guard"}}, status=400)
        except Exception as problem:
            self._events.put(problem)
            return web.json_response({"error": {"message": "the guard has ended", "code": "guard"}}, status=400)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        try:
            body = await request.json()
            messages, tools = [dict(message) for message in body["messages"]], list(body.get("tools") or ())
            stream = bool(body.get("stream"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"error": {"message": "not a chat completion"}}, status=400)
        try:
            found = await self.talk.reply(messages, tools)
        except ModelError as error:
            self._events.put(ANSWERED)
            # A status that no client asks again for.
            return web.json_response({"error": {"message": str(error), "code": "guard"}}, status=400)
        if not found.calls:
            self._events.put(ANSWERED)
        if not stream:
            return web.json_response(_whole(found))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        with suppress(ConnectionError):
            async for piece in _pieces(found):
                await response.write(piece)
            await response.write_eof()
        return response


def _settle(told: Future[str], decide: Decide, ruling: Ruling) -> None:
    """Put a change to the person; whatever happens, the model gets a word."""
    try:
        said = decide(ruling)
    except (KeyboardInterrupt, BrokenPipeError):  # nobody is there any more
        told.set_result("Refused: the person ended the conversation. Nothing was changed.")
        raise
    except Exception as error:
        told.set_result(f"Failed: {error}")
        return
    told.set_result(said)


def _whole(found: Completion) -> dict[str, Any]:
    choice = {"index": 0, "message": as_message(found.text, found.calls), "finish_reason": found.finish}
    return _head() | {"object": "chat.completion", "choices": [choice], "usage": _usage(found)}


async def _pieces(found: Completion) -> AsyncIterator[bytes]:
    """Yield a completion as a stream that every client can piece together.

    kubectl-ai's library drops a piece of another id than the first, sees no call beside words, and of the calls in one
    piece the first only; it takes a call for complete when a piece follows that has none of it.
    """
    head = _head() | {"object": "chat.completion.chunk"}
    message = as_message(found.text, found.calls)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": found.text}] if found.text else []
    for number, call in enumerate(message.get("tool_calls", ())):
        deltas.append({"role": "assistant", "tool_calls": [{"index": number, **call}]})
    for delta in deltas:
        yield _piece(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _piece(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": found.finish}]})
    yield _piece(head | {"choices": [], "usage": _usage(found)})
    yield b"data: [DONE]\n\n"


def _piece(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _head() -> dict[str, Any]:
    return {"id": f"guard-{secrets.token_hex(4)}", "created": int(time.time()), "model": "guarded"}


def _usage(found: Completion) -> dict[str, int]:
    return {"prompt_tokens": found.tokens, "completion_tokens": 0, "total_tokens": found.tokens}
