"""Ports of this machine's localhost that lead to services, kept by one process of the product for each cluster.

Run as a program, `python -m scripts.kube.forward FILE`, it is that process: it passes on to an address, or starts a
command that forwards, anew whenever that ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from scripts.errors import UserError
from scripts.host.shell import Shell

PIECE = 1 << 16
AGAIN = 1.0  # seconds until a forwarding command that ended is started again
START_SECONDS = 15.0
_STARTED: list[object] = []


def ensure(shell: Shell, folder: Path, wanted: Mapping[int, str | list[str]]) -> bool:
    """Make the ports lead where they are wanted; whether anything had to be done.

    A text is HOST:PORT, a list a command that forwards. Raises UserError where a port is somebody else's.
    """
    spec = json.dumps({str(port): target for port, target in sorted(wanted.items())})
    file = folder / "forward.json"
    if _pid(folder) and file.is_file() and file.read_text(encoding="utf-8") == spec:
        return False
    stop(shell, folder)
    for port in wanted:
        if not _is_free(port):
            raise UserError(
                f"port {port} of this machine, where the page's browser looks for the application, is taken",
                f"end what listens there: ss -ltnp 'sport = :{port}'",
            )
    if shell.dry or not wanted:
        return bool(wanted)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_text(spec, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    process = shell.daemon(
        [sys.executable, "-m", "scripts.kube.forward", str(file)],
        log=folder / "forward.log",
        env={"PYTHONPATH": str(root)},
    )
    if process is not None:
        _STARTED.append(process)  # it outlives this program, which shall not complain of that
        (folder / "forward.pid").write_text(str(process.pid), encoding="ascii")
    deadline = time.monotonic() + START_SECONDS
    while any(_is_free(port) for port in wanted):
        if time.monotonic() > deadline:
            raise UserError("the ports of this machine were not opened", f"its log: {folder / 'forward.log'}")
        time.sleep(0.05)  # a process that is starting offers nothing to wait on
    return True


def stop(shell: Shell, folder: Path) -> None:
    """End the process that keeps the ports, if there is one."""
    pid = _pid(folder)
    if pid and not shell.dry:
        handle = os.pidfd_open(pid)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
        import select

        select.select([handle], [], [], START_SECONDS)
        os.close(handle)


def _pid(folder: Path) -> int | None:
    with suppress(OSError, ValueError):
        pid = int((folder / "forward.pid").read_text(encoding="ascii"))
        if b"scripts.kube.forward" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()


async def _serve(port: int, target: str) -> None:
    host, _, number = target.rpartition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(host, int(number))
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass(reader, back), _pass(there, writer))
        back.close()
        writer.close()

    for address in ("127.0.0.1", "::1"):
        with suppress(OSError):  # a machine without IPv6 has the first one alone
            await asyncio.start_server(connected, address, port)


async def _keep(command: list[str]) -> None:
    while True:
        await asyncio.to_thread(Shell().attach, command)
        await asyncio.sleep(AGAIN)


async def _main(file: str) -> None:
    wanted = json.loads(Path(file).read_text(encoding="utf-8"))  # noqa: ASYNC240 once, before anything is served
    for port, target in wanted.items():
        if isinstance(target, str):
            await _serve(int(port), target)
    await asyncio.gather(*(_keep(target) for target in wanted.values() if isinstance(target, list)))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
