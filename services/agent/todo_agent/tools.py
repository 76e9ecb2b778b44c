"""The user's tools, called over MCP's stateless HTTP without the SDK: a call is one request, and so is its answer."""

import json
import logging
from typing import Any

import httpx2

from todo_agent.failed import Failed
from todo_agent.settings import Settings
from todo_common.client import make_client
from todo_common.context import REQUEST_ID_HEADER, request_id
from todo_common.repeat import IDEMPOTENCY_KEY, new_key

NO_TOOLS = "I cannot reach the todo list right now. Try again in a moment."
CALL_SECONDS = 25.0
"""Time for one try of a call; longer than the MCP server itself goes on trying."""
ACCEPT = "application/json, text/event-stream"
PROTOCOL = "2025-06-18"

log = logging.getLogger(__name__)


class Tools:
    """Calls tools as one user. A call is done once, however often it has to be sent."""

    def __init__(self, http: httpx2.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._headers = {"accept": ACCEPT, "mcp-protocol-version": PROTOCOL, "authorization": f"Bearer {token}"}

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """The data of a tool, or its words if it refused. Raises Failed if no replica answers."""
        call = {"name": name, "arguments": arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        headers = {**self._headers, REQUEST_ID_HEADER: request_id.get(), IDEMPOTENCY_KEY: new_key()}
        try:
            response = await self._http.post(self._url, json=body, headers=headers)
            return _result(response.raise_for_status().json())
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("the tools cannot be reached", extra={"error": f"{type(error).__name__}: {error}"[:300]})
            raise Failed(503, NO_TOOLS) from error


def make_tools_client(settings: Settings) -> httpx2.AsyncClient:
    """The pooled client of all calls of tools."""
    timeout = httpx2.Timeout(CALL_SECONDS, connect=3.0)
    return make_client(settings.tls_ca_file, timeout=timeout, repeat_seconds=settings.repeat_seconds)


def _result(message: dict[str, Any]) -> Any:
    """What a JSON-RPC message brings. Raises ValueError if it is none."""
    if "error" in message:
        return str(message["error"].get("message", ""))
    result = message.get("result")
    if not isinstance(result, dict):
        raise ValueError("the answer has no result")
    if result.get("isError") or not isinstance(result.get("structuredContent"), dict):
        return " ".join(part.get("text", "") for part in result.get("content", [])) or json.dumps(result)
    return result["structuredContent"]
