"""Lifecycle hooks: what runs after a container's start and before its end."""

from __future__ import annotations

import asyncio
from typing import Any

from embedded.node import probes
from embedded.node.docker import Docker

HTTP_SECONDS = 30.0


async def run(
    docker: Docker, container_id: str, container: dict[str, Any], handler: dict[str, Any], ip: str, seconds: float
) -> bool:
    """Run a handler for `seconds` at most; whether it succeeded."""
    if "sleep" in handler:
        await asyncio.sleep(min(handler["sleep"].get("seconds", 0), seconds))
        return True
    if "exec" in handler:
        return (await probes.execute(docker, container_id, handler["exec"].get("command") or [], seconds)).ok
    if "httpGet" in handler:
        probe = {"httpGet": handler["httpGet"], "timeoutSeconds": min(seconds, HTTP_SECONDS)}
        try:
            return (await probes.action(probe, container, ip, docker, container_id)()).ok
        except ValueError:
            return False
    return True
