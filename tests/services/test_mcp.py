"""The MCP server against the official client, and against requests no client of good manners would send."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from conftest import App, Person, Run
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from processes import DIRECT

TOOLS = {"add_todo", "list_todos", "complete_todo", "update_todo", "delete_todo"}


async def call(url: str, token: str, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """The results of tool calls in one session."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, **DIRECT) as http,
        streamable_http_client(f"{url}/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        return [await session.call_tool(name, arguments) for name, arguments in calls]


async def test_initialize_and_list(app: App) -> None:
    async with (
        httpx2.AsyncClient(**DIRECT) as http,
        streamable_http_client(f"{app.mcp.url}/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        opened = await session.initialize()
        assert opened.server_info.name == "todo"
        assert opened.capabilities.tools is not None
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        await session.send_ping()
    assert set(tools) == TOOLS
    for tool in tools.values():
        assert tool.description
        assert tool.input_schema["additionalProperties"] is False
        assert not {"user", "user_id", "token"} & set(tool.input_schema["properties"])
        assert tool.annotations is not None
        assert tool.annotations.destructive_hint in (None, tool.name == "delete_todo")
    assert tools["list_todos"].annotations.read_only_hint


async def test_the_life_of_a_todo(app: App, person: Callable[[], Person]) -> None:
    user = person()
    (added,) = await call(app.mcp.url, user.token, ("add_todo", {"title": "  buy milk "}))
    todo = added.structured_content
    assert (todo["title"], todo["done"]) == ("buy milk", False)
    number = todo["id"]
    results = await call(
        app.mcp.url,
        user.token,
        ("complete_todo", {"id": number}),
        ("update_todo", {"id": number, "title": "oat milk", "done": False}),
        ("list_todos", {}),
        ("delete_todo", {"id": number}),
        ("list_todos", {}),
    )
    assert not any(result.is_error for result in results)
    assert results[0].structured_content["done"] is True
    assert results[1].structured_content["title"] == "oat milk"
    assert [item["id"] for item in results[2].structured_content["items"]] == [number]
    assert results[4].structured_content == {"items": []}
    assert user.todos() == []


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("add_todo", {}),
        ("add_todo", {"title": ""}),
        ("add_todo", {"title": "   "}),
        ("add_todo", {"title": "x" * 201}),
        ("add_todo", {"title": 5}),
        ("add_todo", {"title": "x", "user_id": 1}),
        ("list_todos", {"user_id": 1}),
        ("complete_todo", {"id": "1"}),
        ("complete_todo", {"id": 0}),
        ("complete_todo", {"id": 1.5}),
        ("complete_todo", {"id": 2**63}),
        ("complete_todo", {"id": True}),
        ("complete_todo", {"id": "1/../../auth/me"}),
        ("update_todo", {"id": 1}),
        ("update_todo", {"id": 1, "title": None}),
        ("update_todo", {"id": 1, "done": "yes"}),
    ],
)
async def test_input_outside_the_schema_is_refused(
    app: App, person: Callable[[], Person], tool: str, arguments: dict[str, Any]
) -> None:
    user = person()
    (result,) = await call(app.mcp.url, user.token, (tool, arguments))
    assert result.is_error
    assert result.content[0].text
    assert user.todos() == []


async def test_an_unknown_tool_is_an_error_of_the_protocol(app: App) -> None:
    unknown = pytest.RaisesExc(MCPError, match="there is no tool")
    with pytest.RaisesGroup(unknown, flatten_subgroups=True):
        await call(app.mcp.url, "", ("drop_table", {}))


@pytest.mark.parametrize(
    ("token", "words"),
    [("", "not signed in"), ("nonsense", "session has expired"), ("e30.e30.x", "session has expired")],
)
async def test_without_a_valid_token_nothing_works(app: App, token: str, words: str) -> None:
    for result in await call(app.mcp.url, token, ("list_todos", {}), ("add_todo", {"title": "x"})):
        assert result.is_error
        assert words in result.content[0].text


async def test_every_call_is_its_users(app: App, person: Callable[[], Person]) -> None:
    owner, other = person(), person()
    todo = owner.add("mine")
    number = todo["id"]
    results = await call(
        app.mcp.url,
        other.token,
        ("complete_todo", {"id": number}),
        ("update_todo", {"id": number, "title": "yours"}),
        ("delete_todo", {"id": number}),
        ("list_todos", {}),
    )
    assert [result.is_error for result in results] == [True, True, True, False]
    assert {result.content[0].text for result in results[:3]} == {"there is no such todo"}
    assert results[3].structured_content == {"items": []}
    assert owner.todos() == [todo]


async def test_a_session_lives_on_any_replica(app: App, run: Run, person: Callable[[], Person]) -> None:
    """Each message of one session goes to another replica than the one before."""
    user = person()
    second = run("mcp", BACKEND_URL=app.backend.url).wait()
    hosts = [httpx2.URL(app.mcp.url), httpx2.URL(second.url)]
    seen: list[int] = []

    async def alternate(request: httpx2.Request) -> None:
        host = hosts[len(seen) % 2]
        seen.append(host.port or 0)
        request.url = request.url.copy_with(port=host.port)

    headers = {"authorization": f"Bearer {user.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, **DIRECT, event_hooks={"request": [alternate]}) as http,
        streamable_http_client(f"{app.mcp.url}/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        for number in range(4):
            result = await session.call_tool("add_todo", {"title": f"number {number}"})
            assert not result.is_error
    assert set(seen) == {app.mcp.port, second.port}
    assert user.titles() == [f"number {number}" for number in range(4)]


async def test_a_backend_that_is_gone_is_told_in_words(run: Run) -> None:
    alone = run("mcp", BACKEND_URL="http://127.0.0.1:9").wait("/healthz")
    (result,) = await call(alone.url, "token", ("list_todos", {}))
    assert result.is_error
    assert result.content[0].text == "the todo list cannot be reached right now, try again in a moment"
    ready = httpx2.get(f"{alone.url}/readyz", **DIRECT)
    assert (ready.status_code, list(ready.json()["missing"])) == (503, ["backend"])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"jsonrpc":"1.0"}', "application/json"),
        (b"", "text/xml"),
    ],
)
def test_what_is_no_message_gets_a_client_error(app: App, body: bytes, content_type: str) -> None:
    headers = {"content-type": content_type, "accept": "application/json, text/event-stream"}
    answer = httpx2.post(f"{app.mcp.url}/mcp", content=body, headers=headers, **DIRECT)
    assert 400 <= answer.status_code < 500


def test_a_body_past_the_limit_is_refused(app: App) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    answer = httpx2.post(f"{app.mcp.url}/mcp", content=b" " * 200_000, headers=headers, **DIRECT)
    assert answer.status_code == 413
