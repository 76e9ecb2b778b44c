"""Assembles the MCP server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.types import ASGIApp

from todo_common import metrics
from todo_common.health import Health
from todo_common.middleware import Envelope
from todo_mcp import tools
from todo_mcp.settings import Settings
from todo_mcp.todos import Todos


def create_app(settings: Settings) -> tuple[ASGIApp, Health]:
    """The application, and the readiness the server drains.

    Stateless, so that any replica can answer any request of a session.
    """
    todos = Todos(settings)
    health = Health({"backend": todos.check})
    server: MCPServer[Any] = MCPServer("todo", instructions="The todo list of the signed-in user.", log_level="WARNING")
    tools.register(server, todos)
    # The host is whatever the Service is called: rebinding protection is for servers on a developer's own machine.
    app: Starlette = server.streamable_http_app(stateless_http=True, json_response=True, host="*")
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[Any]:
        async with inner(application) as state:
            yield state
        await todos.close()

    app.router.lifespan_context = lifespan
    app.router.routes.extend([*health.routes(), metrics.ROUTE])
    return Envelope(app, health), health
