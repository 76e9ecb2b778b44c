"""The tools. Every one acts as the caller, and none takes a user: there is no other user's data to be talked into."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from todo_mcp.todos import Todos

Title = Annotated[str, Field(min_length=1, max_length=200, description="What is to be done, in the user's words.")]
Id = Annotated[int, Field(ge=1, description="The todo's id, from list_todos.")]

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
DELETES = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)


def register(server: MCPServer[Any], todos: Todos) -> None:
    """Add the five tools to a server."""

    @server.tool(annotations=CHANGES)
    async def add_todo(title: Title, context: Context[Any, Any]) -> dict[str, Any]:
        """Add one todo to the user's list."""
        return await todos.call(bearer(context), "POST", "/todos", {"title": title})

    @server.tool(annotations=READS)
    async def list_todos(context: Context[Any, Any]) -> dict[str, Any]:
        """List all todos of the user, done and not done, with their ids."""
        return await todos.call(bearer(context), "GET", "/todos")

    @server.tool(annotations=CHANGES)
    async def complete_todo(id: Id, context: Context[Any, Any]) -> dict[str, Any]:
        """Mark one todo as done."""
        return await todos.call(bearer(context), "PATCH", f"/todos/{id}", {"done": True})

    @server.tool(annotations=CHANGES)
    async def update_todo(
        id: Id, context: Context[Any, Any], title: Title | None = None, done: bool | None = None
    ) -> dict[str, Any]:
        """Rename one todo, or mark it as done or not done."""
        change = {key: value for key, value in (("title", title), ("done", done)) if value is not None}
        return await todos.call(bearer(context), "PATCH", f"/todos/{id}", change)

    @server.tool(annotations=DELETES)
    async def delete_todo(id: Id, context: Context[Any, Any]) -> dict[str, Any]:
        """Delete one todo for good."""
        await todos.call(bearer(context), "DELETE", f"/todos/{id}")
        return {"id": id, "deleted": True}


def bearer(context: Context[Any, Any]) -> str:
    """The token the tool call bears, or nothing."""
    kind, _, token = (context.headers or {}).get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
