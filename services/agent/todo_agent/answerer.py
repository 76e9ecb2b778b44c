"""One message, one answer: by the configured model or the offline one, within its time, with failures in words."""

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from todo_agent import metrics, offline
from todo_agent.answer import Answer, Event
from todo_agent.failed import Failed, ModelFailed
from todo_agent.settings import Settings
from todo_agent.tools import Tools, make_tools_client

if TYPE_CHECKING:
    from todo_agent.runner import ModelLoop

TOO_SLOW = "That took too long, so I stopped; what was done by then stays done. Try again, or ask for less at once."
WRONG = "Something went wrong on my side. What I had done by then stays done: look at your list, then ask again."
LEFT_SECONDS = 5.0
"""Time at the end of the process for answers whose readers have gone."""

log = logging.getLogger(__name__)


class Answerer:
    """Answers messages. It keeps nothing between two of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http = make_tools_client(settings)
        self._running: set[asyncio.Task[None]] = set()
        self._loading: asyncio.Task[ModelLoop] | None = None

    def load(self) -> None:
        """Begin to load the model loop, if a model is configured: its SDK takes longer than everything else."""
        if self._settings.provider != "offline":
            self._loading = asyncio.create_task(self._load())

    async def check(self) -> None:
        """Raise if the model loop could not be loaded. While it loads, messages wait for it."""
        if self._loading is not None and self._loading.done():
            self._loading.result()

    async def answer(self, message: str, history: list[dict[str, str]], token: str) -> Answer:
        """The whole answer. Raises Failed."""
        answer = Answer()
        async for name, data in self.stream(message, history, token):
            if name == "done":
                answer = Answer(data["reply"], data["actions"])
        return answer

    async def stream(self, message: str, history: list[dict[str, str]], token: str) -> AsyncIterator[Event]:
        """`delta` events with text as it comes, then one `done`. Raises Failed.

        The work is a task of its own: what was begun is finished even if the reader goes away.
        """
        queue: asyncio.Queue[Event | Failed | None] = asyncio.Queue()
        task = asyncio.create_task(self._work(message, history, token, queue))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        while (event := await queue.get()) is not None:
            if isinstance(event, Failed):
                raise event
            yield event

    async def close(self) -> None:
        """Finish what is still running, or end it when that takes too long, and close the connections."""
        if self._running:
            await asyncio.wait(self._running, timeout=LEFT_SECONDS)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._http.aclose()
        if self._loading is not None:
            self._loading.cancel()
            (loop,) = await asyncio.gather(self._loading, return_exceptions=True)
            if not isinstance(loop, BaseException):
                await loop.close()

    async def _load(self) -> "ModelLoop":
        # The loop itself is made here, in the event loop it belongs to.
        module = await asyncio.to_thread(importlib.import_module, "todo_agent.runner")
        log.info("the model loop is loaded", extra={"provider": self._settings.provider})
        loop: ModelLoop = module.ModelLoop(self._settings)
        return loop

    async def _work(
        self,
        message: str,
        history: list[dict[str, str]],
        token: str,
        queue: asyncio.Queue[Event | Failed | None],
    ) -> None:
        outcome = "failed"
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                async for event in self._events(message, history, token):
                    queue.put_nowait(event)
            outcome = "answered"
        except Failed as failure:
            queue.put_nowait(failure)
        except TimeoutError:
            queue.put_nowait(Failed(503, TOO_SLOW))
        except Exception:  # the reader must learn that nothing more will come
            log.exception("the answer broke off")
            queue.put_nowait(Failed(502, WRONG))
        finally:
            metrics.ANSWERS.labels(self._settings.provider, outcome).inc()
            queue.put_nowait(None)

    async def _events(self, message: str, history: list[dict[str, str]], token: str) -> AsyncIterator[Event]:
        """The events of the configured model or, where that is wanted, of the offline one after it has failed."""
        if self._loading is None:
            async for event in self._offline(message, history, token):
                yield event
            return
        answer = Answer()
        loop = await asyncio.shield(self._loading)
        try:
            async for event in loop.run(message, history, token, answer):
                yield event
            return
        except ModelFailed as failed:
            # Once a tool has run, starting over could do the same thing twice.
            if self._settings.model_fallback != "offline" or answer.actions:
                raise
            log.info("answering offline")
            notice = f"({failed} I answer without it, in simple words only.)\n\n"
        yield "delta", {"text": notice}
        async for name, data in self._offline(message, history, token):
            yield name, {**data, "reply": notice + data["reply"]} if name == "done" else data

    async def _offline(self, message: str, history: list[dict[str, str]], token: str) -> AsyncIterator[Event]:
        tools = Tools(self._http, self._settings.mcp_server_url, token)
        answer = Answer()
        try:
            async for event in offline.run(tools, message, history, answer):
                yield event
        except Failed as failure:
            raise failure.after(answer.actions) from failure
