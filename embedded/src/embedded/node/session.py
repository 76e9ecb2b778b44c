"""Commands run in containers with their streams attached: what `kubectl exec` needs."""

from __future__ import annotations

import asyncio
import contextlib
import json

from embedded.node.docker import API, Docker, EngineError, frames


class ExecSession:
    """A command running in a container, its streams taken over from the Engine's HTTP connection."""

    def __init__(
        self, docker: Docker, exec_id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, tty: bool
    ) -> None:
        self._docker = docker
        self._id = exec_id
        self._reader = reader
        self._writer = writer
        self._pieces = None if tty else frames(reader)

    async def read(self) -> tuple[int, bytes] | None:
        """Return the next output as (1 stdout | 2 stderr, bytes); None at the end."""
        if self._pieces is None:
            data = await self._reader.read(65536)
            return (1, data) if data else None
        return await anext(self._pieces, None)

    async def write(self, data: bytes) -> None:
        """Give bytes to the command's standard input; one that no longer reads loses them."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def close_stdin(self) -> None:
        """End the command's standard input."""
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    async def resize(self, width: int, height: int) -> None:
        """Tell the command's terminal its size in characters."""
        with contextlib.suppress(EngineError):  # the command may have ended
            params = {"w": str(width), "h": str(height)}
            await self._docker.call("POST", f"/exec/{self._id}/resize", params=params)

    async def exit_code(self) -> int:
        """Return the exit code once the output has ended."""
        return (await self._docker.call("GET", f"/exec/{self._id}/json"))["ExitCode"] or 0

    async def close(self) -> None:
        """Let go of the streams."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def open_session(
    docker: Docker, container: str, command: list[str], *, stdin: bool, stdout: bool, stderr: bool, tty: bool
) -> ExecSession:
    """Start a command; raises EngineError when the container cannot run it.

    Starting an exec turns the HTTP connection into the command's streams, so it is spoken by hand here.
    """
    body = {"Cmd": command, "AttachStdin": stdin, "AttachStdout": stdout, "AttachStderr": stderr, "Tty": tty}
    exec_id = (await docker.call("POST", f"/containers/{container}/exec", body=body))["Id"]
    reader, writer = await asyncio.open_unix_connection(docker.socket)
    start = json.dumps({"Detach": False, "Tty": tty}).encode()
    head = (
        f"POST {API}/exec/{exec_id}/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(start)}\r\n\r\n"
    )
    writer.write(head.encode() + start)
    status = int((await reader.readline()).split()[1])
    while (await reader.readline()).strip():
        pass
    if status not in (101, 200):
        message = (await reader.read(4096)).decode(errors="replace")
        writer.close()
        raise EngineError(status, message)
    return ExecSession(docker, exec_id, reader, writer, tty=tty)
