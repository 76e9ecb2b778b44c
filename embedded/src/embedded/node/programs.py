"""Run the programs of the machine that change it: mounts, and the packet filter's rules."""

from __future__ import annotations

import asyncio


class ProgramFailed(Exception):
    """A program that is not there, or failed; the message holds its name and its words."""


async def run(*argv: str, data: str = "") -> str:
    """Run a program to its end, also when given up, and return what it printed; raises ProgramFailed."""
    talk = asyncio.ensure_future(_talk(argv, data))
    try:
        return await asyncio.shield(talk)
    except asyncio.CancelledError:
        await asyncio.gather(talk, return_exceptions=True)  # else things change under whoever takes them away next
        raise


async def _talk(argv: tuple[str, ...], data: str) -> str:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    except FileNotFoundError as error:
        raise ProgramFailed(f"{argv[0]} is not installed") from error
    output, told = await process.communicate(data.encode())
    if process.returncode:
        raise ProgramFailed(f"{argv[0]}: {told.decode(errors='replace').strip()}")
    return output.decode()
