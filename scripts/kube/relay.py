"""The process that keeps ports of localhost: it passes on to addresses, and starts commands that forward.

A module of its own, since asyncio takes as long to load as a good part of a command that does without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from scripts.host import parsing
from scripts.host.shell import Shell

CHUNK_BYTES = 1 << 16
RETRY_SECONDS = 1.0  # seconds until a forwarding command that ended is started again


def run(file: Path) -> None:
    """Keep the ports that a file maps to HOST:PORT, or to a command that forwards, until this process is ended."""
    asyncio.run(_serve_all(parsing.from_json(file.read_text(encoding="utf-8"))))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(CHUNK_BYTES):
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


async def _keep(argv: list[str]) -> None:
    while True:
        await asyncio.to_thread(Shell().attach, argv)
        await asyncio.sleep(RETRY_SECONDS)


async def _serve_all(wanted: Mapping[str, str | list[str]]) -> None:
    for port, target in wanted.items():
        if isinstance(target, str):
            await _serve(int(port), target)
    await asyncio.gather(*(_keep(target) for target in wanted.values() if isinstance(target, list)))
    await asyncio.Event().wait()
