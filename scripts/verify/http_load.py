"""Load on the page, the API and the chat, as browsers make it: some connections kept, some new for every request."""

from __future__ import annotations

import asyncio
import collections
import secrets
import threading
import time
from dataclasses import dataclass, field

import aiohttp

from scripts.errors import UserError

CLIENTS = 20
FEWEST = 600  # requests that meet each change by dozens
PAUSE = 0.01  # seconds at least between a client's requests: the services limit the rate of a user
SPREAD = 60.0  # seconds over which the requests that are asked for are spread: about what the changes take
TIMEOUT = 60.0  # seconds until a request counts as failed: lost is what never comes, not what comes late
CHATS = 2  # people who talk to the app
CHAT_TIMEOUT = 90.0  # seconds until a message counts as failed: it waits for a service that is being replaced
TODOS = 20  # todos that one message asks for, each by a tool call of its own
CHAT_PAUSE = 3.0  # seconds at least between a person's messages: the backend limits their rate


@dataclass(frozen=True)
class Failure:
    """A request that got no good answer. `second` counts from the start of the load."""

    second: float
    phase: str
    path: str
    kept: bool
    problem: str


@dataclass
class Result:
    """The result of a load so far: requests by phase, what failed, and what the cluster noted meanwhile."""

    requests: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: list[Failure] = field(default_factory=list)
    meanwhile: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Return the number of all requests."""
        return sum(self.requests.values())


class Load:
    """Clients in a thread of their own. `phase` names what is being done to the release meanwhile.

    Who asks for few `requests` gets them spread over the changes, on a machine that is left to these.
    """

    def __init__(self, url: str, requests: int) -> None:
        self.phase = "start"
        self.result = Result()
        self._url = url
        self._pause, self._chat_pause = pause(requests), chat_pause(requests)
        self._started = time.monotonic()
        self._over = threading.Event()
        self._ready = threading.Event()
        self._problem = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        self._ready.wait(60)
        if self._problem:
            raise UserError(f"{self._url}: {self._problem}", "see: invoke diagnose")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        try:
            tokens = await self._users()
        except (aiohttp.ClientError, KeyError, TimeoutError) as error:
            self._problem = f"no user can be registered: {error!r}"
            return
        finally:
            self._ready.set()
        paths = ("/api/todos", "/api/todos", "/")
        await asyncio.gather(
            *(
                self._client(token, paths[number % len(paths)], kept=number % 2 == 0)
                for number, token in enumerate(tokens[CHATS:])
            ),
            *(self._person(token) for token in tokens[:CHATS]),
        )

    async def _users(self) -> list[str]:
        tokens = []
        async with aiohttp.ClientSession() as session:
            for _ in range(CLIENTS + CHATS):
                person = {"username": f"load-{secrets.token_hex(6)}", "password": secrets.token_urlsafe(16)}
                async with session.post(f"{self._url}/api/auth/register", json=person) as answer:
                    tokens.append((await answer.json())["token"])
        return tokens

    async def _client(self, token: str, path: str, *, kept: bool) -> None:
        connector = aiohttp.TCPConnector(force_close=not kept)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
            while not self._over.is_set():
                phase = self.phase
                try:
                    async with session.get(self._url + path) as answer:
                        await answer.read()
                        problem = "" if answer.status == 200 else f"status {answer.status}"
                except (aiohttp.ClientError, TimeoutError) as error:
                    problem = repr(error)
                self._count(phase, path, kept, problem)
                await asyncio.sleep(self._pause)

    async def _person(self, token: str) -> None:
        """Send messages with many tool calls each, and look after every one that each todo is there once."""
        timeout = aiohttp.ClientTimeout(total=CHAT_TIMEOUT)
        headers = {"Authorization": f"Bearer {token}"}
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
            while not self._over.is_set():
                phase = self.phase
                try:
                    problem = await self._message(session)
                except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
                    problem = repr(error)
                self._count(phase, "/api/chat", False, problem)
                await asyncio.sleep(self._chat_pause)

    async def _message(self, session: aiohttp.ClientSession) -> str:
        """Return one message and its todos, which are deleted again. What is wrong with them, or nothing."""
        wanted = [f"{secrets.token_hex(4)} {number}" for number in range(TODOS)]
        message = "; ".join(f"add {title}" for title in wanted)
        async with session.post(f"{self._url}/api/chat", json={"message": message}) as answer:
            if answer.status != 200:
                return f"status {answer.status}: {(await answer.text())[:200]}"
            reply = (await answer.json())["reply"]
        async with session.get(f"{self._url}/api/todos") as answer:
            items = (await answer.json())["items"]
        for item in items:
            async with session.delete(f"{self._url}/api/todos/{item['id']}"):
                pass
        problem = lost_or_doubled(wanted, [item["title"] for item in items])
        return problem and f"{problem}; the reply: {reply[:500]}"

    def _count(self, phase: str, path: str, kept: bool, problem: str) -> None:
        self.result.requests[phase] += 1
        if problem:
            second = round(time.monotonic() - self._started, 2)
            self.result.failures.append(Failure(second, phase, path, kept, problem))


def pause(requests: int) -> float:
    """Return the seconds that each client waits between two requests, so that all make so many while it lasts.

    However few are asked for, every change is met by some: without them nothing is proved.
    """
    return max(PAUSE, CLIENTS * SPREAD / max(requests, FEWEST))


def chat_pause(requests: int) -> float:
    """Return the seconds that each person waits between two messages: the tool calls are as many as the requests."""
    return max(CHAT_PAUSE, CHATS * TODOS * SPREAD / max(requests, FEWEST))


def lost_or_doubled(wanted: list[str], found: list[str]) -> str:
    """Return what became of the todos that a message asked for, in words; nothing if each is there once."""
    lost = [title for title in wanted if title not in found]
    doubled = [title for title in dict.fromkeys(found) if found.count(title) > 1]
    kinds = {"lost": lost, "made twice": doubled}
    return "; ".join(f"{len(titles)} {kind}: {', '.join(titles[:5])}" for kind, titles in kinds.items() if titles)
