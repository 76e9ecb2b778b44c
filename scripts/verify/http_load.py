"""Load on the page and the API, as browsers make it: some connections kept, some new for every request."""

from __future__ import annotations

import asyncio
import collections
import secrets
import threading
import time
from dataclasses import dataclass, field

import aiohttp

from scripts.errors import UserError

PAUSE = 0.01  # seconds between a client's requests: the services limit the rate of a user
TIMEOUT = 10.0  # seconds until a request counts as failed


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
    """What a load has seen so far: requests by phase, and what failed."""

    requests: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: list[Failure] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())


class Load:
    """Clients in a thread of their own. `phase` names what is being done to the release meanwhile."""

    def __init__(self, url: str, clients: int = 20) -> None:
        self.phase = "start"
        self.result = Result()
        self._url = url
        self._clients = clients
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
                for number, token in enumerate(tokens)
            )
        )

    async def _users(self) -> list[str]:
        tokens = []
        async with aiohttp.ClientSession() as session:
            for _ in range(self._clients):
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
                self.result.requests[phase] += 1
                if problem:
                    second = round(time.monotonic() - self._started, 2)
                    self.result.failures.append(Failure(second, phase, path, kept, problem))
                await asyncio.sleep(PAUSE)
