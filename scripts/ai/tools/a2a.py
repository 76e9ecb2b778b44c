"""Read and write the messages of A2A 0.3 between this product and an agent of kagent: plain data, no network."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.ai.budget import clean
from scripts.ai.mappings import mapped
from scripts.host import parsing

OPEN = ("submitted", "working")
ASK_USER = "ask_user"  # the tool by which an agent puts questions in words
_WAITS = "adk_request_confirmation"
# What a model's library writes in place of an answer.
_ERROR = re.compile(r"\A(?:Error code: \d{3}|litellm\.\w+|Max number of llm calls|Traceback |\{'error':|Error:)")


@dataclass(frozen=True)
class Asked:
    """A question of an agent, or a call that it wants allowed. `tool` is `ask_user` for words; `id` is its call's."""

    tool: str
    text: str
    questions: tuple[str, ...] = ()
    id: str = ""


@dataclass(frozen=True)
class Task:
    """A task as far as it has come. `calls` are the tools used so far, `tokens` the sum that was counted."""

    id: str
    context: str
    state: str
    text: str = ""
    said: str = ""  # what the status says, for instance why it failed
    calls: tuple[str, ...] = ()
    tokens: int = 0
    asked: tuple[Asked, ...] = ()
    steps: int = 0  # entries of the history
    spoken: str = ""  # by the agent on its way

    @property
    def open(self) -> bool:
        """Return whether the agent is still at it."""
        return self.state in OPEN


def send(text: str, context: str) -> dict[str, Any]:
    """Return a request that starts a task and returns at once."""
    return _request("message/send", _message([{"kind": "text", "text": text}], context))


def answer(task: Task, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request that gives a waiting task the person's decision."""
    return _request("message/send", _message([{"kind": "data", "data": dict(data)}], task.context, task.id))


def look(task: str) -> dict[str, Any]:
    """Return a request for the state of a task."""
    return _request("tasks/get", {"id": task})


def approved(answers: Sequence[str] = ()) -> dict[str, Any]:
    """Return the decision that lets a task go on, with answers where questions were asked."""
    given = [{"answer": [item]} for item in answers]
    return {"decision_type": "approve"} | ({"ask_user_answers": given} if given else {})


def rejected(reason: str) -> dict[str, Any]:
    """Return the decision that a tool is not to be used."""
    return {"decision_type": "reject", "rejection_reason": reason}


def decided(decisions: Mapping[str, str], reasons: Mapping[str, str]) -> dict[str, Any]:
    """Return the decisions on several calls at once, by their ids: kagent allows a call that none is given for."""
    return {"decision_type": "batch", "decisions": dict(decisions), "rejection_reasons": dict(reasons)}


def _message(parts: list[dict[str, Any]], context: str, task: str = "") -> dict[str, Any]:
    message = {"kind": "message", "role": "user", "messageId": uuid.uuid4().hex, "contextId": context, "parts": parts}
    return {"message": message | ({"taskId": task} if task else {}), "configuration": {"blocking": False}}


def _request(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": uuid.uuid4().hex, "method": method, "params": params}


def read(text: str) -> Task | str:
    """Return the task of a JSON-RPC answer, or what is wrong with it."""
    try:
        data = parsing.from_json(text)
    except ValueError:
        return (
            f"kagent answered nothing that can be read: {_short(text)}" if text.strip() else "kagent answered nothing"
        )
    if not isinstance(data, Mapping):
        return "kagent answered nothing that can be read"
    if isinstance(data.get("error"), Mapping):
        return f"kagent: {_short(str(data['error'].get('message', 'an error without a word')))}"
    result = data.get("result", data)
    if not isinstance(result, Mapping):
        return "kagent answered nothing that can be read"
    if result.get("kind") == "message" or ("parts" in result and "status" not in result):
        return Task("", str(result.get("contextId", "")), "completed", _words([result]))
    status = mapped(result.get("status"))
    spoken = _maps([status.get("message")])
    history = _maps(result.get("history"))
    text = _words(_maps(result.get("artifacts")))
    usage = mapped(mapped(result.get("metadata")).get("kagent_usage_metadata"))
    return Task(
        str(result.get("id", "")), str(result.get("contextId", "")),
        str(status.get("state", "")).removeprefix("TASK_STATE_").lower().replace("_", "-"),
        text or ("" if history else _words(spoken)), _words(spoken), tuple(_calls(history, spoken)),
        _number(usage.get("totalTokenCount")), tuple(_asked(spoken)), len(history),
        _words([message for message in history if message.get("role") == "agent"]),
    )  # fmt: skip


def is_error(text: str) -> bool:
    """Return whether an answer is kagent's word that a request was not taken."""
    try:
        return isinstance(mapped(parsing.from_json(text)).get("error"), Mapping)
    except ValueError:
        return False


def verdict(task: Task, calls: Sequence[str]) -> str:
    """Return why a task that has ended is no answer, by its cause; empty if it is one."""
    if task.state == "completed":
        if not task.text:
            return "kagent's model answered nothing"
        if _ERROR.match(task.text):
            return f"kagent's answer is an error: {_short(task.text)}"
        return ""
    if task.state == "failed":
        return f"the agent failed: {_short(task.said or task.text or 'without a word')}"
    if task.state == "input-required" and task.asked:
        texts = " / ".join(asked.text for asked in task.asked)
        return f"the agent waits for a person: {texts}; ask at a terminal, where it can be answered"
    if task.open:
        return "the agent stands still: its model answered nothing, or was cut off by a content filter" + (
            f" (after {len(calls)} tool calls)" if calls else ""
        )
    return f"the agent ended as {task.state or 'nothing that is known'}: {_short(task.said)}".rstrip(": ")


# What stands in the place of a result, where a person has not allowed a call, or not yet.
_NOT_RUN = re.compile(r"rejected by user|requires (?:confirmation|approval)", re.IGNORECASE)


def _parts(holders: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for holder in holders:
        yield from _maps(holder.get("parts"))


def _words(holders: Sequence[Mapping[str, Any]]) -> str:
    return clean("\n".join(str(part["text"]) for part in _parts(holders) if part.get("text"))).strip()


def _calls(history: Sequence[Mapping[str, Any]], spoken: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the calls by which an agent looked at something: no question, and none that nobody has allowed."""
    parts = [(mapped(part.get("data")), mapped(part.get("metadata"))) for part in _parts([*history, *spoken])]
    asked = (mapped(data.get("args")).get("originalFunctionCall") for data, _ in parts if data.get("name") == _WAITS)
    held = {str(mapped(call).get("id") or "") for call in asked} - {""}
    done = {
        str(data.get("id")) for data, _ in parts if "response" in data and not _NOT_RUN.search(str(data["response"]))
    }
    for data, about in parts:
        kind = about.get("kagent_type") or about.get("adk_type")  # the second as later versions write it
        if kind != "function_call" or data.get("name") in (_WAITS, ASK_USER) or str(data.get("id")) in held - done:
            continue
        given = ", ".join(f"{key}={_short(str(value), 40)}" for key, value in mapped(data.get("args")).items())
        yield f"{data.get('name')}({given})"


def _asked(spoken: Sequence[Mapping[str, Any]]) -> Iterator[Asked]:
    """Yield the questions in the data parts of a status that waits for a person."""
    for part in _parts(spoken):
        data = mapped(part.get("data"))
        if data.get("name") != _WAITS:
            continue
        args = mapped(data.get("args"))
        original = mapped(args.get("originalFunctionCall"))
        given, id_ = mapped(original.get("args")), str(original.get("id") or "")
        hint = clean(str(mapped(args.get("toolConfirmation")).get("hint") or ""))
        if original.get("name") == ASK_USER:
            texts = tuple(_question(item) for item in _maps(given.get("questions"))) or (hint,)
            yield Asked(ASK_USER, " / ".join(texts), texts, id_)
            continue
        tool = str(original.get("name", "a tool"))
        yield Asked(tool, f"{hint or 'approval'} {tool}({_short(json.dumps(given))})".strip(), (), id_)


def _question(item: Mapping[str, Any]) -> str:
    choices = item.get("choices")
    shown = ", ".join(clean(str(choice)) for choice in choices) if isinstance(choices, list) else ""
    return clean(str(item.get("question", ""))) + (f" ({shown})" if shown else "")


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e12 else 0


def _short(text: str, limit: int = 300) -> str:
    plain = " ".join(clean(text).split())
    return plain[:limit] + ("…" if len(plain) > limit else "")
