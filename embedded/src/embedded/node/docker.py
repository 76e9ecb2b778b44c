"""A thin client of the Docker Engine API over its Unix socket.

Only what a node agent needs. Bodies and answers are the Engine's own JSON; a refusal is an EngineError with the
Engine's words. Nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

SOCKET = "/var/run/docker.sock"
API = "/v1.41"  # the oldest that reports OOMKilled, cgroup version and per-network addresses as used here
HEADER = struct.Struct(">BxxxL")  # stream number and length before each piece of output


class EngineError(Exception):
    """The Engine refused; `status` is the HTTP status, the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Docker:
    """One connection pool to the Engine. Use as `async with`."""

    def __init__(self, socket: str = SOCKET) -> None:
        self.socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Docker:
        connector = aiohttp.UnixConnector(self.socket, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, path: str, *, body: Any = None, params: dict[str, str] | None = None) -> Any:
        """Return one request; the decoded answer, or None when it is empty. Raises EngineError."""
        async with self.stream(method, path, body=body, params=params) as response:
            data = await response.read()
        if not data:
            return None
        return json.loads(data) if response.content_type == "application/json" else data

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, *, body: Any = None, params: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield one request whose answer is read piece by piece. Raises EngineError."""
        assert self._session is not None, "use as `async with`"  # noqa: S101 - a mistake of the caller
        data: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        async with self._session.request(method, f"http://docker{API}{path}", params=params, **data) as response:
            if response.status >= 400:
                text = await response.text()
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    text = json.loads(text)["message"]
                raise EngineError(response.status, text.strip())
            yield response

    # containers

    async def containers(self, label: str) -> list[dict[str, Any]]:
        """Return all containers, running or not, that carry a label ("key" or "key=value")."""
        filters = json.dumps({"label": [label]})
        found: list[dict[str, Any]]
        found = await self.call("GET", "/containers/json", params={"all": "1", "filters": filters})
        return found

    async def create(self, name: str, config: dict[str, Any]) -> str:
        """Create a container and return its id."""
        made: dict[str, str] = await self.call("POST", "/containers/create", body=config, params={"name": name})
        return made["Id"]

    async def start(self, container: str) -> None:
        """Start a created container."""
        await self.call("POST", f"/containers/{container}/start")

    async def inspect(self, container: str) -> dict[str, Any]:
        """Return the container's configuration and state."""
        state: dict[str, Any] = await self.call("GET", f"/containers/{container}/json")
        return state

    async def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """Send a signal; a container that no longer runs is no error."""
        try:
            await self.call("POST", f"/containers/{container}/kill", params={"signal": signal})
        except EngineError as error:
            if error.status not in (404, 409):
                raise

    async def remove(self, container: str) -> None:
        """Remove a container, killing it if it runs; one that is gone, or going, is no error."""
        try:
            await self.call("DELETE", f"/containers/{container}", params={"force": "1", "v": "1"})
        except EngineError as error:
            if error.status not in (404, 409):
                raise

    async def events(self, label: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the ends of containers as they happen: `die` and `oom`. Ends when the Engine goes away.

        Yields an empty dict first: from then on no event is missed.
        """
        filters = json.dumps({"label": [label], "type": ["container"], "event": ["die", "oom"]})
        async with self.stream("GET", "/events", params={"filters": filters}) as response:
            yield {}
            async for line in response.content:
                yield json.loads(line)

    async def logs(self, container: str, **params: str) -> AsyncIterator[tuple[int, bytes]]:
        """Yield the log of a container as (stream, piece); the parameters are the Engine's."""
        wanted = {"stdout": "1", "stderr": "1"} | params
        async with self.stream("GET", f"/containers/{container}/logs", params=wanted) as response:
            async for piece in frames(response.content):
                yield piece

    async def run(self, container: str, command: list[str], seconds: float) -> tuple[int, bytes]:
        """Run a command in a container to its end: (exit code, output). Raises TimeoutError after `seconds`."""
        body = {"Cmd": command, "AttachStdout": True, "AttachStderr": True}
        async with asyncio.timeout(seconds):
            made = await self.call("POST", f"/containers/{container}/exec", body=body)
            output = bytearray()
            start = {"Detach": False, "Tty": False}
            async with self.stream("POST", f"/exec/{made['Id']}/start", body=start) as response:
                async for _, piece in frames(response.content):
                    output += piece[: max(0, 10240 - len(output))]  # as much as a kubelet keeps
            state = await self.call("GET", f"/exec/{made['Id']}/json")
        return state["ExitCode"], bytes(output)

    # images, networks

    async def image(self, reference: str) -> dict[str, Any] | None:
        """Return the local image of a reference, or None."""
        try:
            found: dict[str, Any] = await self.call("GET", f"/images/{reference}/json")
            return found
        except EngineError as error:
            if error.status == 404:
                return None
            raise

    async def pull(self, repository: str, tag: str, answer_seconds: float) -> None:
        """Pull an image; raises EngineError with the registry's answer, TimeoutError when it gives none in time."""
        params = {"fromImage": repository, "tag": tag}
        async with (
            asyncio.timeout(answer_seconds) as limit,
            self.stream("POST", "/images/create", params=params) as reply,
        ):
            async for line in reply.content:
                limit.reschedule(None)
                told = json.loads(line)
                if "error" in told:
                    raise EngineError(500, told["error"])

    async def load(self, repository: str, tag: str, layer: bytes) -> None:
        """Make an image of one layer, a tar archive."""
        params = {"fromSrc": "-", "repo": repository, "tag": tag}
        await self.call("POST", "/images/create", body=layer, params=params)


async def frames(content: aiohttp.StreamReader | asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """Split the Engine's multiplexed output into (1 stdout | 2 stderr, bytes)."""
    while True:
        try:
            stream, length = HEADER.unpack(await content.readexactly(HEADER.size))
            yield stream, await content.readexactly(length)
        except asyncio.IncompleteReadError:
            return
