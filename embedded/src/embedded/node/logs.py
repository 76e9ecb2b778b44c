"""Container logs as the API streams them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from embedded.node.docker import Docker


async def lines(
    docker: Docker, container: str, params: dict[str, str], limit_bytes: int | None
) -> AsyncIterator[bytes]:
    """Yield the Engine's log of a container, at most `limit_bytes` of it; `params` are the Engine's."""
    left = limit_bytes
    async for _, piece in docker.logs(container, **params):
        if left is not None:
            piece = piece[:left]
            left -= len(piece)
        yield piece
        if left == 0:
            return
