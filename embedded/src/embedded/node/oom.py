"""Containers that the kernel ended because they used up their memory, by the kernel's own count.

The Engine tells it too, but not every version does in every setup (docker.io 20.10 on control groups of version 1).
A control group is gone by the time its container's end is told, so its count is opened before the container starts.

Version 1: `memory.oom_control` counts, and an event descriptor of it fires at every kill and once more when the group
goes. A second descriptor, of a threshold nobody reaches, fires at that end alone: it tells when the first is complete.
Version 2: `memory.events` counts, and is read again whenever it changes.

Source: Linux, Documentation/admin-guide/cgroup-v1/memory.rst sections 9 and 10, cgroup-v2.rst.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from pathlib import Path

from embedded.node.control_groups import ControlGroups

GONE_SECONDS = 2.0  # how long the kernel may take to tell that a group has gone
UNREACHED = 1 << 62  # bytes


class _EventCount:
    """The kills in a control group of version 1."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)  # the container's own, made early: its runtime takes what is there
        self._folder = folder
        self._kills = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._gone = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._count = os.open(folder / "memory.oom_control", os.O_RDONLY)
        usage = os.open(folder / "memory.usage_in_bytes", os.O_RDONLY)
        try:
            control = folder / "cgroup.event_control"
            control.write_text(f"{self._gone} {usage} {UNREACHED}")
            control.write_text(f"{self._kills} {self._count}")
        finally:
            os.close(usage)

    async def any_kill(self) -> bool:
        with contextlib.suppress(OSError):  # the group has gone
            return _kills(os.pread(self._count, 4096, 0)) > 0
        await _readable(self._gone, GONE_SECONDS)
        with contextlib.suppress(BlockingIOError):
            return os.eventfd_read(self._kills) > 1
        return False

    def close(self) -> None:
        for descriptor in (self._kills, self._gone, self._count):
            os.close(descriptor)
        with contextlib.suppress(OSError):  # of a container that never started; else gone, or in use
            self._folder.rmdir()


class _FileCount:
    """The kills in a control group of version 2."""

    def __init__(self, folder: Path) -> None:
        self._kills = 0
        self._file = os.open(folder / "memory.events", os.O_RDONLY)
        self._changes = select.epoll()
        self._changes.register(self._file, select.EPOLLPRI | select.EPOLLET)
        asyncio.get_running_loop().add_reader(self._changes.fileno(), self._read)
        self._read()

    def _read(self) -> None:
        self._changes.poll(0)
        with contextlib.suppress(OSError):  # the group has gone
            self._kills = max(self._kills, _kills(os.pread(self._file, 4096, 0)))

    async def any_kill(self) -> bool:
        self._read()
        return self._kills > 0

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._changes.fileno())
        self._changes.close()
        os.close(self._file)


class Kills:
    """The containers whose memory is watched."""

    def __init__(self, groups: ControlGroups | None = None) -> None:
        self._groups = groups or ControlGroups()
        self._counts: dict[str, _EventCount | _FileCount] = {}

    def prepare(self, container: str) -> None:
        """Watch a container that is about to start; where that cannot be, the Engine's word has to do."""
        folder = self._groups.top("memory") / "docker"
        if not self._groups.unified and folder.is_dir():
            with contextlib.suppress(OSError):
                self._counts[container] = _EventCount(folder / container)

    def started(self, container: str) -> None:
        """Watch a container that has just started, unless it is watched already."""
        folder = None if container in self._counts else self._groups.of("memory", container)
        if folder is not None:
            with contextlib.suppress(OSError):
                self._counts[container] = _FileCount(folder) if self._groups.unified else _EventCount(folder)

    def forget(self, container: str) -> None:
        """Watch a container no more."""
        count = self._counts.pop(container, None)
        if count is not None:
            count.close()

    async def ended(self, container: str) -> bool:
        """Return whether the kernel killed something in a container that has ended, and watch it no more."""
        count = self._counts.pop(container, None)
        if count is None:
            return False
        try:
            return await count.any_kill()
        finally:
            count.close()

    def close(self) -> None:
        """Watch nothing more."""
        for container in list(self._counts):
            self.forget(container)


def _kills(text: bytes) -> int:
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(b"oom_kill ")), 0)


async def _readable(descriptor: int, seconds: float) -> None:
    """Wait until something can be read, `seconds` at most."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), seconds)
    finally:
        loop.remove_reader(descriptor)
