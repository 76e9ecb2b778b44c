"""Define the node agent's interface for the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol


class ExecSession(Protocol):
    """A command running in a container."""

    async def read(self) -> tuple[int, bytes] | None:
        """Return the next output as (1 stdout | 2 stderr, bytes); None at the end."""

    async def write(self, data: bytes) -> None:
        """Give bytes to the command's standard input."""

    async def close_stdin(self) -> None:
        """End the command's standard input."""

    async def resize(self, width: int, height: int) -> None:
        """Tell the command's terminal its size in characters."""

    async def exit_code(self) -> int:
        """Return the exit code once the output has ended."""

    async def close(self) -> None:
        """Let go of the session."""


class Node(Protocol):
    """The node agent as the API sees it."""

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool,
        tail: int | None,
        since_seconds: float | None,
        previous: bool,
        timestamps: bool,
        limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:
        """Return the log of a container as lines or parts of lines."""

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: list[str],
        *,
        stdin: bool,
        stdout: bool,
        stderr: bool,
        tty: bool,
    ) -> ExecSession:
        """Start a command in a container."""

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of a pod; raises OSError."""

    def usage(self) -> dict[str, Any]:
        """Return cpu (cores) and memory (bytes) in use."""
