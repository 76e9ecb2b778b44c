"""Container logs and commands run in containers: the subresources log and exec of pods."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import WSMsgType, web

from embedded.api.node import ExecSession, Node
from embedded.api.request_info import RequestInfo
from embedded.api.rest import find
from embedded.errors import ApiError
from embedded.objects.values import parse_timestamp
from embedded.store import Store

log = logging.getLogger(__name__)

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
TRUE = ("true", "1")


def _container(pod: dict[str, Any], name: str) -> str:
    """Return the container meant; raises 400 when the pod has several and none is named, or none of that name."""
    spec = pod["spec"]
    names: list[str] = [c["name"] for c in spec.get("containers", [])]
    inits = [c["name"] for c in spec.get("initContainers") or ()]
    title = pod["metadata"]["name"]
    if not name:
        if len(names) > 1:
            text = f"a container name must be specified for pod {title}, choose one of: [{' '.join(names)}]"
            if inits:
                text += f" or one of the init containers: [{' '.join(inits)}]"
            raise ApiError(400, text)
        return names[0]
    if name not in names + inits:
        raise ApiError(400, f"container {name} is not valid for pod {title}")
    return name


def _state(pod: dict[str, Any], container: str) -> dict[str, Any] | None:
    status = pod.get("status", {})
    states = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return next((state for state in states if state["name"] == container), None)


def check_readable(pod: dict[str, Any], container: str, previous: bool) -> None:
    """Raise 400 when the container has no log to show, in the words of the kubelet."""
    title = pod["metadata"]["name"]
    state = _state(pod, container)
    if previous:
        if not (state and state.get("lastState", {}).get("terminated")):
            raise ApiError(400, f'previous terminated container "{container}" in pod "{title}" not found')
        return
    if state is None:
        if not pod["spec"].get("nodeName"):
            return
        raise ApiError(400, f'container "{container}" in pod "{title}" is waiting to start: ContainerCreating')
    current = state.get("state", {})
    if "running" in current or "terminated" in current or state.get("lastState", {}).get("terminated"):
        return
    reason = (current.get("waiting") or {}).get("reason") or "ContainerCreating"
    why = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
        "ContainerCreating": "ContainerCreating",
    }.get(reason, reason)
    raise ApiError(400, f'container "{container}" in pod "{title}" is waiting to start: {why}')


def _count(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    return int(text) if text else None


async def stream(store: Store, node: Node | None, target: RequestInfo, request: web.Request) -> web.StreamResponse:
    """Answer GET pods/NAME/log."""
    pod, query = find(store, target), request.query
    container = _container(pod, query.get("container", ""))
    previous = query.get("previous") in TRUE
    check_readable(pod, container, previous)
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    if node is None or not pod["spec"].get("nodeName"):
        await response.prepare(request)
        return response
    seconds: float | None = _count(request, "sinceSeconds")
    if query.get("sinceTime"):
        seconds = store.clock() - parse_timestamp(query["sinceTime"])
    follow = query.get("follow") in TRUE
    lines = node.logs(
        target.namespace,
        target.name,
        container,
        follow=follow,
        tail=_count(request, "tailLines"),
        since_seconds=seconds,
        previous=previous,
        timestamps=query.get("timestamps") in TRUE,
        limit_bytes=_count(request, "limitBytes"),
    )
    first = b"" if follow else await _first(store, target, lines)
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError, asyncio.CancelledError):  # the client has seen enough
        await response.write(first)
        try:
            async for chunk in lines:
                await response.write(chunk)
        except ConnectionResetError:
            raise
        except Exception as error:  # the answer has begun: the log ends with what came
            log.info("the log of %s ends: %s", target.name, error)
    return response


async def _first(store: Store, target: RequestInfo, lines: AsyncIterator[bytes]) -> bytes:
    """Return the first piece of a log, before the answer begins: what is wrong from the start has a status of its own.

    The log of a pod on its way out, whose container is gone already, is empty. Raises what the node raises.
    """
    try:
        return await anext(lines, b"")
    except Exception:
        if "deletionTimestamp" not in find(store, target)["metadata"]:
            raise
        return b""


async def execute(store: Store, node: Node | None, target: RequestInfo, request: web.Request) -> web.StreamResponse:
    """Answer GET or POST pods/NAME/exec: a command over a WebSocket with one channel for each stream."""
    pod, query = find(store, target), request.query
    container = _container(pod, query.get("container", ""))
    if not pod["spec"].get("nodeName") or node is None:
        raise ApiError(400, f"pod {target.name} does not have a host assigned")
    state = _state(pod, container)
    if state is None or "running" not in state.get("state", {}):
        return web.Response(status=404, text=f'container not found ("{container}")')
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise ApiError(400, "Upgrade request required")
    socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0)
    session = await node.exec(
        target.namespace,
        target.name,
        container,
        query.getall("command", []),
        stdin=query.get("stdin") in TRUE,
        stdout=query.get("stdout") in TRUE,
        stderr=query.get("stderr") in TRUE,
        tty=query.get("tty") in TRUE,
    )
    await socket.prepare(request)
    feeding = asyncio.create_task(_feed(socket, session))
    try:
        while (output := await session.read()) is not None:
            channel, data = output
            await socket.send_bytes(bytes([channel]) + data)
        status = exec_status(await session.exit_code())
        await socket.send_bytes(bytes([ERROR]) + json.dumps(status).encode())
    except ConnectionResetError:
        pass  # the client left
    finally:
        feeding.cancel()
        await session.close()
        await socket.close()
    return socket


async def _feed(socket: web.WebSocketResponse, session: ExecSession) -> None:
    """Pass what the client sends to the command."""
    async for message in socket:
        if message.type != WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == STDIN:
            await session.write(data)
        elif channel == RESIZE:
            size = json.loads(data)
            await session.resize(size.get("Width", 80), size.get("Height", 24))
        elif channel == CLOSE and data[:1] == bytes([STDIN]):
            await session.close_stdin()


def exec_status(code: int) -> dict[str, Any]:
    """Return how a command ended, as the Status of the error channel."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    cause = {"reason": "ExitCode", "message": str(code)}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
        "details": {"causes": [cause]},
    }
