"""A model that needs no key and no network: it understands a few sentences, and calls the same tools as any other.

It is an implementation of the SDK's own Model interface, so the loop, the tools and the limits are the real ones.
"""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from agents import ModelResponse, Usage
from agents.models.interface import Model
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
)

from todo_agent.language import Wish, best_match, wishes

BY_TITLE = ("complete", "reopen", "rename", "delete")
CAN = (
    "I can add, list, complete, rename and delete todos, also several in one message. For example: "
    '"add buy milk", "what is left today", "complete buy milk", "rename buy milk to buy oat milk".'
)
Item = dict[str, Any]


class OfflineModel(Model):
    """Decides from the conversation alone, so the same conversation always gets the same answer."""

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        """The next tool calls, or the final words."""
        return ModelResponse(output=decide(input), usage=Usage(), response_id=None)

    async def stream_response(
        self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """The same, word by word."""
        output = decide(input)
        number = 0
        for item in output:
            if isinstance(item, ResponseOutputMessage):
                for piece in _pieces(item.content[0].text):
                    yield ResponseTextDeltaEvent(
                        type="response.output_text.delta", item_id=item.id, output_index=0, content_index=0,
                        delta=piece, logprobs=[], sequence_number=number,
                    )  # fmt: skip
                    number += 1
        response = Response(
            id=_id("resp"), created_at=0, model="offline", object="response", output=output,
            parallel_tool_calls=True, tool_choice="auto", tools=[],
        )  # fmt: skip
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=number)


def decide(input: str | list[Item]) -> list[Any]:
    """What comes next in a conversation: tool calls while there is something to look up or to do, then words."""
    items = [{"role": "user", "content": input}] if isinstance(input, str) else [_plain(item) for item in input]
    start = max(index for index, item in enumerate(items) if item.get("role") == "user")
    wanted = wishes(_text(items[start]["content"]))
    calls = [item for item in items[start:] if item.get("type") == "function_call"]
    results = {
        item["call_id"]: _result(item["output"]) for item in items[start:] if item.get("type") == "function_call_output"
    }
    first_list = next((results.get(call["call_id"]) for call in calls if call["name"] == "list_todos"), None)
    if not calls:
        if any(wish.verb in (*BY_TITLE, "list", "open") for wish in wanted):
            return [_call("list_todos", {})]
        additions = [_call("add_todo", {"title": wish.title[:200]}) for wish in wanted if wish.verb == "add"]
        if additions:
            return additions
        return [_message(_closing(wanted, [], []))]
    done = [call for call in calls if call["name"] != "list_todos"]
    if not done and isinstance(first_list, dict) and "items" in first_list:
        changes = _changes(wanted, first_list["items"])
        if changes:
            return [_call(name, arguments) for name, arguments in changes]
    todos = first_list["items"] if isinstance(first_list, dict) and "items" in first_list else []
    outcome = [(call, results.get(call["call_id"])) for call in (done or calls)]
    return [_message(_closing(wanted, todos, outcome))]


def _changes(wanted: list[Wish], todos: list[Item]) -> list[tuple[str, Item]]:
    changes: list[tuple[str, Item]] = []
    for wish in wanted:
        if wish.verb == "add":
            changes.append(("add_todo", {"title": wish.title[:200]}))
        if wish.verb not in BY_TITLE:
            continue
        matches = best_match(wish.title, todos)
        if len(matches) != 1:
            continue
        number = matches[0]["id"]
        changes.append(
            {
                "complete": ("complete_todo", {"id": number}),
                "reopen": ("update_todo", {"id": number, "done": False}),
                "rename": ("update_todo", {"id": number, "title": wish.to[:200]}),
                "delete": ("delete_todo", {"id": number}),
            }[wish.verb]
        )
    return changes


def _closing(wanted: list[Wish], todos: list[Item], outcome: list[tuple[Item, Any]]) -> str:
    by_id = {todo["id"]: todo["title"] for todo in todos}
    lines: list[str] = []
    for call, result in outcome:
        arguments = json.loads(call["arguments"] or "{}")
        if isinstance(result, str):
            lines.append(f"That did not work: {result}")
        elif call["name"] == "add_todo":
            lines.append(f"Added: {arguments['title']}.")
        elif call["name"] == "complete_todo":
            lines.append(f"Done: {by_id.get(arguments['id'])}.")
        elif call["name"] == "delete_todo":
            lines.append(f"Deleted: {by_id.get(arguments['id'])}.")
        elif call["name"] == "update_todo" and "title" in arguments:
            lines.append(f"Renamed {by_id.get(arguments['id'])} to {arguments['title']}.")
        elif call["name"] == "update_todo":
            lines.append(f"Open again: {by_id.get(arguments['id'])}.")
    for wish in wanted:
        lines += _remarks(wish, todos, bool(outcome))
    return "\n".join(lines) or CAN


def _remarks(wish: Wish, todos: list[Item], looked: bool) -> list[str]:
    if wish.verb == "greet":
        return [f"Hello! {CAN}"]
    if wish.verb == "unknown":
        return [f'I did not understand "{wish.title[:80]}". {CAN}']
    if wish.verb in ("list", "open") and looked:
        shown = [todo for todo in todos if wish.verb == "list" or not todo["done"]]
        if not shown:
            return ["Nothing is left: all done." if todos else "Your list is empty."]
        return [f"{'[x]' if todo['done'] else '[ ]'} {todo['title']}" for todo in shown]
    if wish.verb in BY_TITLE and looked:
        matches = best_match(wish.title, todos)
        if not matches:
            return [f'I found no todo called "{wish.title}".']
        if len(matches) > 1:
            names = ", ".join(f'"{todo["title"]}"' for todo in matches[:5])
            return [f'"{wish.title}" may mean {names}. Which one?']
    return []


def _plain(item: Any) -> Item:
    return item if isinstance(item, dict) else item.model_dump()


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def _result(output: Any) -> Any:
    """A tool's answer as data, or as a text if it is words: then something went wrong."""
    text = output if isinstance(output, str) else _text(output)
    try:
        data = json.loads(text)
    except ValueError:
        return text
    if isinstance(data, dict) and data.get("type") == "text":
        return _result(data["text"])
    return data


def _call(name: str, arguments: Item) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        type="function_call", call_id=_id("call"), name=name, arguments=json.dumps(arguments), id=_id("fc")
    )


def _message(text: str) -> ResponseOutputMessage:
    part = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(id=_id("msg"), type="message", role="assistant", status="completed", content=[part])


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:]


def _id(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex}"
