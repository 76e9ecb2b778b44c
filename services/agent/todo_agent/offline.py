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

from todo_agent.language import Wish, is_many, meant, wishes

BY_TITLE = ("complete", "reopen", "rename", "delete")
MOST_CHANGES = 25
"""Changes made for one message."""

CAN = (
    "I work without a language model and understand simple sentences: "
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
    turn = items[start:]
    results = {item["call_id"]: _result(item["output"]) for item in turn if item.get("type") == "function_call_output"}
    calls = [item for item in turn if item.get("type") == "function_call"]
    looks = [results.get(call["call_id"]) for call in calls if call["name"] == "list_todos"]
    changes = [(call, results.get(call["call_id"])) for call in calls if call["name"] != "list_todos"]
    shows = any(wish.verb in ("list", "open") for wish in wanted)

    if not looks and not changes and (shows or any(wish.verb in BY_TITLE for wish in wanted)):
        return [_call("list_todos", {})]
    if looks and not _is_list(looks[0]):
        return [_message(f"That did not work: {_words(looks[0])}")]
    before = looks[0]["items"] if looks else []
    if not changes:
        planned = _changes(wanted, before)
        if planned:
            return [_call(name, arguments) for name, arguments in planned]
    elif shows and len(looks) < 2:
        return [_call("list_todos", {})]  # what is shown is the list after the changes
    after = looks[-1]["items"] if looks and _is_list(looks[-1]) else before
    return [_message(_closing(wanted, before, after, changes))]


def _changes(wanted: list[Wish], todos: list[Item]) -> list[tuple[str, Item]]:
    changes: list[tuple[str, Item]] = []
    for wish in wanted:
        if wish.verb == "add":
            changes.append(("add_todo", {"title": wish.title}))
        for todo in _targets(wish, todos):
            number = todo["id"]
            changes.append(
                {
                    "complete": ("complete_todo", {"id": number}),
                    "reopen": ("update_todo", {"id": number, "done": False}),
                    "rename": ("update_todo", {"id": number, "title": wish.to}),
                    "delete": ("delete_todo", {"id": number}),
                }[wish.verb]
            )
    return changes[:MOST_CHANGES]


def _targets(wish: Wish, todos: list[Item]) -> list[Item]:
    """The todos to change; none while it is not clear which one is meant."""
    if wish.verb not in BY_TITLE or (wish.verb == "rename" and not wish.to):
        return []
    found = meant(wish, todos)
    return found if len(found) == 1 or is_many(wish) else []


def _closing(wanted: list[Wish], before: list[Item], after: list[Item], changes: list[tuple[Item, Any]]) -> str:
    titles = {todo["id"]: todo["title"] for todo in before}
    lines = [_report(call["name"], json.loads(call["arguments"] or "{}"), result, titles) for call, result in changes]
    if len(changes) == MOST_CHANGES:
        lines.append(f"I change {MOST_CHANGES} todos at once and no more; ask again for the rest.")
    for wish in wanted:
        lines += _remarks(wish, before, after)
    return "\n".join(lines) or CAN


def _report(tool: str, arguments: Item, result: Any, titles: dict[int, str]) -> str:
    """One change, in words."""
    title = titles.get(arguments.get("id", 0), "")
    if not isinstance(result, dict):
        return f"That did not work ({arguments.get('title') or title}): {_words(result)}"
    if tool == "add_todo":
        return f"Added: {result.get('title', arguments['title'])}."
    if tool == "complete_todo":
        return f"Done: {title}."
    if tool == "delete_todo":
        return f"Deleted: {title}."
    return f"Renamed {title} to {arguments['title']}." if "title" in arguments else f"Open again: {title}."


def _remarks(wish: Wish, before: list[Item], after: list[Item]) -> list[str]:
    """What there is to say about a wish besides what was changed for it."""
    if wish.verb == "greet":
        return [f"Hello! {CAN}"]
    if wish.verb == "unknown":
        return [f'I cannot do that: "{wish.title[:80]}". {CAN}']
    if wish.verb == "list":
        return [_line(todo) for todo in after] or ["Your list is empty."]
    if wish.verb == "open":
        left = [todo for todo in after if not todo["done"]]
        if left:
            return [f"{len(left)} of {len(after)} left:", *map(_line, left)]
        return ["Nothing is left: all done." if after else "Your list is empty."]
    if wish.verb == "rename" and not wish.to:
        return [f'What should "{wish.title}" be called?']
    if wish.verb in BY_TITLE:
        found = meant(wish, before)
        if not found:
            return ["There is nothing to change." if is_many(wish) else f'I found no todo called "{wish.title}".']
        if len(found) > 1 and not is_many(wish):
            names = ", ".join(f'"{todo["title"]}"' for todo in found[:5])
            return [f'"{wish.title}" may mean {names}. Which one? Say it by its whole title.']
    return []


def _line(todo: Item) -> str:
    return f"[{'x' if todo['done'] else ' '}] {todo['title']}"


def _is_list(result: Any) -> bool:
    return isinstance(result, dict) and isinstance(result.get("items"), list)


def _words(result: Any) -> str:
    return result if isinstance(result, str) else "there was no answer that I understand"


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
