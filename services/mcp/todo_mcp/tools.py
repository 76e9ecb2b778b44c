"""The tools. Every one acts as the caller, and none takes a user: there is no other user's data to be talked into."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from mcp_types import Tool, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(description="What is to be done, in the user's words."),
]
Id = Annotated[int, Field(ge=1, le=2**63 - 1, description="The todo's id, from list_todos.")]


@dataclass(frozen=True)
class Call:
    """What a tool asks of the backend."""

    method: str
    path: str
    body: dict[str, Any] | None = None


class Arguments(BaseModel):
    """A tool's input: what is not in the schema is refused, and a text is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Nothing(Arguments):
    pass


class NewTodo(Arguments):
    title: Title


class OneTodo(Arguments):
    id: Id


class TodoChange(Arguments):
    """Fields that are left out stay as they are."""

    id: Id
    title: Title = Field(default_factory=str)
    done: Annotated[bool, Field(description="Whether it is done.")] = Field(default_factory=bool)

    @model_validator(mode="after")
    def _changes_something(self) -> "TodoChange":
        if self.model_fields_set == {"id"}:
            raise ValueError("give a new title, or done, or both")
        return self


@dataclass(frozen=True)
class TodoTool:
    """A tool: its name and description for the model, its input, and the request it becomes."""

    name: str
    description: str
    arguments: type[Arguments]
    annotations: ToolAnnotations
    call: Callable[[Any], Call]

    def described(self) -> Tool:
        """As `tools/list` tells it."""
        schema = self.arguments.model_json_schema()
        schema.pop("title")
        schema.pop("description", None)
        return Tool(name=self.name, description=self.description, input_schema=schema, annotations=self.annotations)


READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
DELETES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


def _change(given: TodoChange) -> Call:
    return Call("PATCH", f"/todos/{given.id}", given.model_dump(include=given.model_fields_set - {"id"}))


TOOLS = {
    tool.name: tool
    for tool in (
        TodoTool(
            "add_todo", "Add one todo to the user's list.", NewTodo, ADDS,
            lambda given: Call("POST", "/todos", {"title": given.title}),
        ),
        TodoTool(
            "list_todos", "List all todos of the user, done and not done, with their ids.", Nothing, READS,
            lambda _: Call("GET", "/todos"),
        ),
        TodoTool(
            "complete_todo", "Mark one todo as done.", OneTodo, CHANGES,
            lambda given: Call("PATCH", f"/todos/{given.id}", {"done": True}),
        ),
        TodoTool("update_todo", "Rename one todo, or mark it as done or not done.", TodoChange, CHANGES, _change),
        TodoTool(
            "delete_todo", "Delete one todo for good.", OneTodo, DELETES,
            lambda given: Call("DELETE", f"/todos/{given.id}"),
        ),
    )
}  # fmt: skip
