"""kubectl port-forward: connections to ports of a pod, as SPDY streams through one WebSocket.

Every connection is a pair of streams with the same requestID: one for its data, one that says what went wrong.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSMsgType, web

from embedded.api import spdy
from embedded.api.node import Node
from embedded.api.request_info import RequestInfo
from embedded.api.rest import find
from embedded.errors import ApiError
from embedded.store import Store

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
CHUNK_BYTES = 32 * 1024


async def forward(store: Store, node: Node | None, target: RequestInfo, request: web.Request) -> web.StreamResponse:
    """Answer GET or POST pods/NAME/portforward."""
    pod = find(store, target)
    if node is None or not pod["spec"].get("nodeName"):
        raise ApiError(400, f"pod {target.name} does not have a host assigned")
    if pod.get("status", {}).get("phase") != "Running":
        phase = pod.get("status", {}).get("phase", "Pending")
        raise ApiError(400, f"unable to forward port because pod is not running. Current status={phase}")
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise ApiError(400, "Upgrade request required")
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), max_msg_size=0)
    await socket.prepare(request)
    if socket.ws_protocol != PROTOCOL:
        await socket.close()
        return socket
    await _Forwarding(socket, node, target).run()
    return socket


class _Forwarding:
    """The connections through one WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, node: Node, target: RequestInfo) -> None:
        self._socket = socket
        self._node = node
        self._target = target
        self._codec = spdy.Codec()
        self._errors: dict[str, int] = {}  # requestID → its error stream
        self._incoming: dict[int, asyncio.Queue[bytes]] = {}  # data stream → what the client sent, b"" at its end
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until the client leaves."""
        try:
            async for message in self._socket:
                if message.type == WSMsgType.BINARY:
                    for frame in self._codec.feed(message.data):
                        await self._received(frame)
        except (ValueError, ConnectionError):
            pass  # not what the protocol says, or gone
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._socket.close()

    async def _received(self, frame: spdy.Frame) -> None:
        if frame.type == spdy.SYN_STREAM:
            await self._socket.send_bytes(self._codec.reply(frame.stream))
            request = frame.headers.get("requestid", "")
            if frame.headers.get("streamtype") == "error":
                self._errors[request] = frame.stream
                return
            self._incoming[frame.stream] = asyncio.Queue()
            connection = self._connect(frame.stream, request, int(frame.headers.get("port", "0")))
            self._tasks[frame.stream] = asyncio.create_task(connection)
        elif frame.type == spdy.DATA and frame.stream in self._incoming:
            if frame.data:
                self._incoming[frame.stream].put_nowait(frame.data)
            if frame.final:
                self._incoming[frame.stream].put_nowait(b"")
        elif frame.type == spdy.RST_STREAM and frame.stream in self._tasks:
            self._tasks[frame.stream].cancel()
        elif frame.type == spdy.PING:
            await self._socket.send_bytes(self._codec.ping(frame.data))

    async def _connect(self, stream: int, request: str, port: int) -> None:
        """Carry one connection to its end."""
        said, writer = "", None
        try:
            reader, writer = await self._node.dial(self._target.namespace, self._target.name, port)
            sending = asyncio.create_task(self._send(stream, writer))
            try:
                while piece := await reader.read(CHUNK_BYTES):
                    await self._socket.send_bytes(self._codec.data(stream, piece))
            finally:
                sending.cancel()
        except OSError as error:
            said = f"error forwarding port {port} to pod {self._target.name}: {error}"
        finally:
            if writer is not None:
                writer.close()
            self._incoming.pop(stream, None)
            self._tasks.pop(stream, None)
        with contextlib.suppress(ConnectionError):
            failed = self._errors.pop(request, None)
            if failed is not None:
                await self._socket.send_bytes(self._codec.data(failed, said.encode(), final=True))
            await self._socket.send_bytes(self._codec.data(stream, b"", final=True))

    async def _send(self, stream: int, writer: asyncio.StreamWriter) -> None:
        """Pass what the client sends to the pod."""
        with contextlib.suppress(ConnectionError):
            while data := await self._incoming[stream].get():
                writer.write(data)
                await writer.drain()
            writer.write_eof()
