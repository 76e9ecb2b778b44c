"""The MCP server: `python server.py ROOT SITE ENVIRONMENT TARGET [PORT TOKEN_FILE]`, in the SDK's own environment.

SITE is the folder of the product's own packages, which are looked for after the SDK's. Without PORT it speaks over
standard input and output, else as streamable HTTP on loopback, to whoever brings the token.
"""

from __future__ import annotations

import hmac
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from mcp_types.version import OLDEST_SUPPORTED_VERSION

ABOUT = "What runs of this release, what is wrong with it and what to do. Read-only: a person applies what is proposed."


def build(connection: Any) -> Server[Any]:
    """Make the server for one release."""
    from scripts.ai.mcp import knowledge
    from scripts.errors import UserError

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        reads = ToolAnnotations(read_only_hint=True)
        return ListToolsResult(
            tools=[
                Tool(name=name, description=item.about, input_schema=item.schema, annotations=reads)
                for name, item in knowledge.ALL.items()
            ]
        )

    async def call_tool(_: Any, params: CallToolRequestParams) -> CallToolResult:
        try:
            text = await anyio.to_thread.run_sync(knowledge.ask, connection, params.name, params.arguments or {})
        except UserError as error:
            text = f"{error}\n{error.hint}".strip()
            return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
        return CallToolResult(content=[TextContent(type="text", text=text)])

    return Server("todo-chatbot", instructions=ABOUT, on_list_tools=list_tools, on_call_tool=call_tool)


async def over_stdio(server: Server[Any]) -> None:
    """Serve one client over standard input and output."""
    into, given = anyio.create_memory_object_stream[Any](0)

    async def hand_on(read: Any) -> None:
        async with into:
            async for message in read:
                await into.send(with_version(message))

    async with stdio_server() as (read, write), anyio.create_task_group() as group:
        group.start_soon(hand_on, read)
        await server.run(given, write, server.create_initialization_options())


def with_version(message: Any) -> Any:
    """Return a message as the SDK takes it: one that begins a session and names no version of the protocol means the
    oldest.

    kubectl-ai 0.0.28 names none, and refuses the newest, which the SDK would answer.
    """
    request = getattr(message, "message", None)
    params = getattr(request, "params", None)
    if (
        getattr(request, "method", "") == "initialize"
        and isinstance(params, dict)
        and not params.get("protocolVersion")
    ):
        params["protocolVersion"] = OLDEST_SUPPORTED_VERSION
    return message


class Guarded:
    """An application that only answers who brings the token."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or refuse it with status 401."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._wanted):
                await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body", "body": b""})
                return
        await self._app(scope, receive, send)


def over_http(server: Server[Any], port: int, token: str) -> None:
    """Serve any number of clients on loopback."""
    import uvicorn

    app = Guarded(server.streamable_http_app(stateless_http=True, json_response=True), token)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def main(root: str, site: str, environment: str, target: str, port: str = "", token_file: str = "") -> None:
    """Serve until the client is gone."""
    sys.path += [root, site]
    from scripts.ai import setup
    from scripts.context.session import Session
    from scripts.host.shell import Shell
    from scripts.settings.configuration import read_settings

    session = Session(read_settings(environment=environment), Shell(), target=target)
    server = build(setup.connection(session))
    if port:
        over_http(server, int(port), Path(token_file).read_text(encoding="utf-8").strip())
    else:
        anyio.run(over_stdio, server)


if __name__ == "__main__":
    # This folder is first on the path, and its own name is that of the SDK.
    main(*sys.argv[1:])
