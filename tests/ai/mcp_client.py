"""Run in the SDK's own environment: talk to a server by the SDK's client, print what came as JSON.

`python mcp_client.py COMMAND ARGUMENT…` over standard input and output.
"""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    """List the tools, ask for the status, and for a tool that is not there."""
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = await session.list_tools()
        status = await session.call_tool("status", {})
        wrong = await session.call_tool("delete", {})
    found = {
        "tools": [tool.name for tool in tools.tools],
        "read_only": all(tool.annotations and tool.annotations.read_only_hint for tool in tools.tools),
        "status": status.content[0].text,
        "wrong": [wrong.is_error, wrong.content[0].text],
    }
    print(json.dumps(found))


asyncio.run(main())
