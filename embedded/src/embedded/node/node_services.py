"""Hold what all workers of a node share: the store, the Engine, the network, and the recording of events."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import aiohttp

from embedded import events
from embedded.node.containers import CLUSTER
from embedded.node.docker import Docker, EngineError
from embedded.node.environment import Place
from embedded.node.network import Network
from embedded.node.oom import Kills
from embedded.node.volumes import Volumes
from embedded.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")
RECONNECT = 1.0  # seconds before the Engine is asked for its events again


class Exits:
    """Tells when containers end, from the Engine's stream of events."""

    def __init__(self, docker: Docker, cluster: str) -> None:
        self._docker = docker
        self._cluster = cluster
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._heard = False
        self._lost: set[str] = set()
        self.on_return: Callable[[], None] = lambda: None  # called when the Engine is back

    def expect(self, container: str) -> asyncio.Future[None]:
        """Return what is done once the container has ended, also one that did before. Ask before it is started."""
        if container not in self._awaited:
            self._awaited[container] = asyncio.get_running_loop().create_future()
        return self._awaited[container]

    def forget(self, container: str) -> None:
        """Forget who asks for the container: nobody does any more."""
        self._awaited.pop(container, None)

    def is_lost(self, container: str) -> bool:
        """Return whether a container ended because the Engine did, and forget it."""
        found = container in self._lost
        self._lost.discard(container)
        return found

    def _ended(self, container: str) -> None:
        future = self._awaited.get(container)
        if future is not None and not future.done():
            future.set_result(None)  # and kept: of this end no other event comes

    async def follow(self) -> None:
        """Listen without end; what ended while the Engine was not heard is found by asking."""
        while True:
            try:
                async for event in self._docker.events(f"{CLUSTER}={self._cluster}"):
                    if event.get("Action") == "die":
                        self._ended(event["Actor"]["ID"])
                    elif not event:
                        await self._check(returned=self._heard)
                        self._heard = True
            except (aiohttp.ClientError, EngineError, OSError) as error:
                log.warning("the engine's events ended: %s", error)
            await asyncio.sleep(RECONNECT)

    async def _check(self, *, returned: bool) -> None:
        """Find what ended unheard; when the Engine has `returned`, it took with it what it ran."""
        if returned:
            log.info("the engine is back")
            self.on_return()
        for container in [one for one, future in self._awaited.items() if not future.done()]:
            try:
                state = (await self._docker.inspect(container))["State"]
            except EngineError:
                state = {"Status": "gone"}
            if state["Status"] not in ("created", "running", "paused", "restarting"):
                self._lost |= {container} if returned else set()
                self._ended(container)


@dataclasses.dataclass
class NodeServices:
    """The surroundings of a worker. `memory` is what the node has, in bytes."""

    store: Store
    docker: Docker
    network: Network
    volumes: Volumes
    exits: Exits
    kills: Kills
    cluster: str
    node: str
    address: str
    cpus: int
    memory: int
    clock: Callable[[], float]
    protect: Callable[[dict[str, Any]], Awaitable[None]]
    """Called before the first container of a pod starts: returns once the rules know the pod's address."""
    resolve: Callable[[dict[str, Any], str], None]
    """Called with pod and sandbox: writes the pod's resolv.conf."""

    def place(self, pod_ip: str) -> Place:
        """Return the downward view of a pod with that address."""
        return Place(self.node, self.address, pod_ip, self.cpus, self.memory)

    def record(self, pod: dict[str, Any], kind: str, reason: str, message: str, field_path: str = "") -> None:
        """Say something about a pod, as the kubelet."""
        pod = {"apiVersion": "v1", "kind": "Pod"} | pod
        said = (kind, reason, message, "kubelet", self.clock())
        events.record(self.store, pod, *said, field_path=field_path, host=self.node)


async def first(*awaitables: asyncio.Future[Any], timeout: float | None = None) -> None:  # noqa: ASYNC109 - as asyncio.wait
    """Wait until one of the futures is done or the time is over; none is cancelled."""
    await asyncio.wait(awaitables, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


@contextlib.asynccontextmanager
async def task(coroutine: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Yield a task that lasts no longer than the block."""
    made = asyncio.ensure_future(coroutine)
    try:
        yield made
    finally:
        made.cancel()
        await asyncio.gather(made, return_exceptions=True)
