"""Assembles the MCP server."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.types import ASGIApp

from todo_common import metrics
from todo_common.health import Health
from todo_common.middleware import Envelope
from todo_common.repeat import IDEMPOTENCY_KEY, new_key
from todo_mcp.settings import Settings
from todo_mcp.todos import Refused, Todos
from todo_mcp.tools import TOOLS

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> tuple[ASGIApp, Health]:
    """The application, and the readiness the server drains.

    Stateless, so that any replica can answer any request of a session.
    """
    todos = Todos(settings)
    health = Health({"backend": todos.check})
    # The host is whatever the Service is called: rebinding protection is for servers on a developer's own machine.
    app = _server(todos).streamable_http_app(stateless_http=True, json_response=True, host="*")
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[Any]:
        async with inner(application) as state:
            yield state
        await todos.close()

    app.router.lifespan_context = lifespan
    app.router.routes.extend([*health.routes(), metrics.ROUTE])
    return Envelope(app, health), health


def _server(todos: Todos) -> Server[Any]:
    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[tool.described() for tool in TOOLS.values()])

    async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(code=INVALID_PARAMS, message=f"there is no tool {params.name[:64]!r}")
        log.info("tool called", extra={"tool": tool.name})
        try:
            call = tool.call(tool.arguments.model_validate(params.arguments or {}))
            headers = context.request.headers
            data = await todos.send(call, bearer(headers), headers.get(IDEMPOTENCY_KEY) or new_key())
        except ValidationError as error:
            return _failed(_problems(error))
        except Refused as error:
            return _failed(str(error))
        text = TextContent(type="text", text=json.dumps(data, ensure_ascii=False))
        return CallToolResult(content=[text], structured_content=data)

    return Server(
        "todo",
        version="1.0",
        instructions="The todo list of the signed-in user.",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def bearer(headers: Mapping[str, str]) -> str:
    """The token a request bears, or nothing."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _failed(words: str) -> CallToolResult:
    """A failure the model can read, as the protocol wants it: a result, not an error of the protocol."""
    return CallToolResult(content=[TextContent(type="text", text=words)], is_error=True)


def _problems(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}" for item in found)
