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
    versions = {given: await answered(given) for given in ("", "2025-06-18", "1999-01-01")}
    found = {
        "tools": [tool.name for tool in tools.tools],
        "read_only": all(tool.annotations and tool.annotations.read_only_hint for tool in tools.tools),
        "status": status.content[0].text,
        "wrong": [wrong.is_error, wrong.content[0].text],
        "versions": versions,
    }
    print(json.dumps(found))


async def answered(version: str) -> str:
    """The version of the protocol that is answered to a client that names this one."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(*sys.argv[1:], stdin=pipe, stdout=pipe)
    client = {"name": "by-hand", "version": "1"}
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": client}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    server.stdin.write(json.dumps(request).encode() + b"\n")
    await server.stdin.drain()
    answer = json.loads(await server.stdout.readline())
    server.stdin.close()
    await server.wait()
    return answer["result"]["protocolVersion"]


asyncio.run(main())
