"""A message through all services: backend, agent, MCP server, and back to the backend's todos."""

import json
import uuid
from collections.abc import Callable

import pytest
from conftest import App, Person
from processes import until


def test_a_message_adds_a_todo(person: Callable[[], Person]) -> None:
    user = person()
    answer = user.http.post("/api/chat", json={"message": "add buy milk"}).json()
    assert answer["reply"] == "Added: buy milk."
    assert answer["actions"] == [{"tool": "add_todo", "arguments": {"title": "buy milk"}}]
    assert user.titles() == ["buy milk"]


def test_a_conversation(person: Callable[[], Person]) -> None:
    user = person()
    assert user.say("what is left today?") == "Your list is empty."
    assert (
        user.say("add buy milk; bread and add walk the dog") == "Added: buy milk.\nAdded: bread.\nAdded: walk the dog."
    )
    assert user.say("complete buy milk and rename bread to rye bread, then list") == (
        "Done: buy milk.\nRenamed bread to rye bread.\n[x] buy milk\n[ ] rye bread\n[ ] walk the dog"
    )
    assert user.say("What is left today?") == "2 of 3 left:\n[ ] rye bread\n[ ] walk the dog"
    assert user.say("complete everything") == "Done: rye bread.\nDone: walk the dog."
    assert user.say("reopen the second one") == "Open again: rye bread."
    assert user.say("delete all completed todos") == "Deleted: buy milk.\nDeleted: walk the dog."
    assert user.say("delete the last one") == "Deleted: rye bread."
    assert user.titles() == []
    assert user.say("delete milk") == 'I found no todo called "milk".'
    assert user.say("book me a flight to Rome").startswith(
        'I cannot do that: "book me a flight to Rome". I work without'
    )


def test_an_unclear_title_is_asked_about(person: Callable[[], Person]) -> None:
    user = person()
    user.add("call mum")
    user.add("call the bank")
    assert (
        user.say("delete call") == '"call" may mean "call mum", "call the bank". Which one? Say it by its whole title.'
    )
    assert len(user.todos()) == 2


def test_what_the_list_refuses_is_told(person: Callable[[], Person]) -> None:
    user = person()
    assert "at most 200 characters" in user.say(f"add {'x' * 300}")
    assert user.todos() == []


def test_users_never_see_each_other(person: Callable[[], Person]) -> None:
    one, two = person(), person()
    one.say("add my secret")
    assert two.say("list") == "Your list is empty."
    assert two.say("delete my secret") == 'I found no todo called "my secret".'
    assert two.http.get("/api/chat/history").json()["items"][0]["content"] == "list"
    assert len(one.todos()) == 1


def test_the_conversation_is_remembered(person: Callable[[], Person]) -> None:
    user = person()
    user.say("add milk")
    items = user.http.get("/api/chat/history").json()["items"]
    assert [(item["role"], item["content"]) for item in items] == [("user", "add milk"), ("assistant", "Added: milk.")]


def test_a_streamed_answer(person: Callable[[], Person]) -> None:
    user = person()
    with user.http.stream("POST", "/api/chat/stream", json={"message": "add two words"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    names, data = lines[::2], [json.loads(line.removeprefix("data: ")) for line in lines[1::2]]
    assert names == ["event: delta"] * 3 + ["event: done"]
    assert "".join(item["text"] for item in data[:-1]) == data[-1]["reply"] == "Added: two words."


def test_an_abandoned_stream_is_finished_and_remembered(person: Callable[[], Person]) -> None:
    user = person()
    with user.http.stream("POST", "/api/chat/stream", json={"message": "add milk"}):
        pass
    until(lambda: len(user.http.get("/api/chat/history").json()["items"]) == 2, "it is remembered")
    assert user.titles() == ["milk"]


def test_one_request_id_in_all_logs(app: App, person: Callable[[], Person]) -> None:
    user = person()
    request_id = f"trace-{uuid.uuid4().hex}"
    answer = user.http.post("/api/chat", json={"message": "add milk"}, headers={"x-request-id": request_id})
    assert answer.headers["x-request-id"] == request_id
    for service in (app.backend, app.mcp, app.agent):
        paths = {line.get("path") for line in service.lines() if line.get("request_id") == request_id}
        assert paths - {None}, f"{service.name} did not log the request"
    assert "/api/todos" in {line.get("path") for line in app.backend.lines() if line.get("request_id") == request_id}


@pytest.mark.parametrize("message", ["", "   ", "x" * 2001, None, 5])
def test_what_is_no_message(person: Callable[[], Person], message: object) -> None:
    assert person().http.post("/api/chat", json={"message": message}).status_code == 422
