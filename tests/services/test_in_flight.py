"""An answer in flight survives the end of any service: no todo is lost, none is doubled."""

import concurrent.futures
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from address import Address, Lost
from conftest import Person, Run
from processes import DIRECT, SECRETS, START_SECONDS, Postgres, Service, free_port, until
from scripted import ScriptedModel, Tools, Words

from todo_backend import conversation
from todo_common.repeat import RepeatingTransport

MANY = 20
MESSAGE = "; ".join(f"add number {number}" for number in range(MANY))
TITLES = [f"number {number}" for number in range(MANY)]
# Whatever else the machine has to do, an answer is not given up for its time.
PATIENT = {
    "REPEAT_SECONDS": "60",
    "ANSWER_SECONDS": "600",
    "CHAT_TIMEOUT_SECONDS": "600",
    "BACKEND_TIMEOUT_SECONDS": "60",
}


class Two:
    """The app with two replicas of what the tools go through, each behind an address."""

    def __init__(self, run: Run, database: str) -> None:
        self.run = run
        port = free_port()
        self.env = {
            "backend": {"DATABASE_URL": database, "AGENT_URL": f"http://127.0.0.1:{port}", **SECRETS, **PATIENT},
            "mcp": PATIENT,
        }
        chats, goes, stays = (run("backend", **self.env["backend"]) for _ in range(3))
        self.chats = chats
        self.backend = Address(b'"title"', goes, stays)
        self.env["mcp"] = {"BACKEND_URL": self.backend.url, **PATIENT}
        self.mcp = Address(b"tools/call", *(run("mcp", **self.env["mcp"]) for _ in range(2)))
        self.agent = self.start_agent(port)
        for service in (self.chats, self.agent, *self.backend.replicas, *self.mcp.replicas):
            service.wait()

    def start_agent(self, port: int, **env: str) -> Service:
        """An agent that listens there, without waiting for it."""
        tools = {"PORT": str(port), "MCP_SERVER_URL": f"{self.mcp.url}/mcp"}
        return self.run("agent", **tools, **PATIENT, **env).at(port)

    def refill(self) -> None:
        """Start what was ended: two replicas again behind each address."""
        for name, address in (("backend", self.backend), ("mcp", self.mcp)):
            address.gate, address.copies = None, 0
            if len(address.replicas) < 2:
                address.replicas.append(self.run(name, **self.env[name]).wait())


@pytest.fixture(scope="module")
def app(postgres: Postgres, run_long: Run) -> Iterator[Two]:
    """Started once: each test ends one replica or two."""
    made = Two(run_long, postgres.new_database())
    yield made
    made.backend.close()
    made.mcp.close()


@pytest.fixture
def two(app: Two) -> Two:
    """The app with all its replicas."""
    app.refill()
    return app


def replace(address: Address, end: Callable[[Service], object]) -> None:
    """End the replica that an address leads to; from now on it leads to the other one."""
    end(address.replicas.pop(0))


@pytest.mark.long
@pytest.mark.parametrize("end", [Service.stop, Service.kill])
@pytest.mark.parametrize("lost", ["the call", "the answer"])
@pytest.mark.parametrize("name", ["mcp", "backend"])
def test_a_tool_call_outlives_the_replica_it_went_to(
    two: Two, person: Callable[..., Person], name: str, lost: Lost, end: Callable[[Service], object]
) -> None:
    user = person(two.chats.url)
    address: Address = getattr(two, name)
    gate = address.hold(7, lost)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reply = pool.submit(user.say, MESSAGE)
        assert gate.reached.wait(START_SECONDS)
        replace(address, end)
        gate.opened.set()
        assert reply.result() == "\n".join(f"Added: {title}." for title in TITLES)
    assert user.titles() == TITLES
    assert address.copies > MANY, "one call was sent again"


@pytest.mark.long
@pytest.mark.parametrize("lost", ["the call", "the answer"])
def test_the_same_with_a_real_models_loop(two: Two, person: Callable[..., Person], lost: Lost) -> None:
    model = ScriptedModel()
    model.script(Tools(tuple(("add_todo", {"title": title}) for title in TITLES)), Words(("All added.",)))
    agent = two.start_agent(free_port(), MODEL_BASE_URL=model.url, MODEL_NAME="scripted").wait()
    user = person(two.chats.url)
    gate = two.mcp.hold(7, lost)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        headers = {"authorization": f"Bearer {user.token}"}
        body = {"message": "all of them", "history": []}
        reply = pool.submit(httpx2.post, f"{agent.url}/chat", json=body, headers=headers, **DIRECT)
        assert gate.reached.wait(START_SECONDS)
        replace(two.mcp, Service.kill)
        gate.opened.set()
        assert reply.result().json()["reply"] == "All added."
    assert sorted(user.titles()) == sorted(TITLES)
    model.close()


@pytest.mark.long
def test_a_message_waits_for_an_agent_that_is_being_replaced(two: Two, person: Callable[..., Person]) -> None:
    user = person(two.chats.url)
    two.agent.stop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reply = pool.submit(user.say, "add milk")
        until(lambda: "a call is sent again" in two.chats.log(), "the backend tries again")
        two.agent = two.start_agent(two.agent.port)
        assert reply.result() == "Added: milk."


@pytest.mark.parametrize(("headers", "tries"), [({"connection": "close"}, 2), ({}, 1)])
async def test_who_is_unknown_to_a_replica_that_goes_away_asks_another_one(headers: dict[str, str], tries: int) -> None:
    """While signing secrets are rotated, an old replica that still has a connection knows only those before."""
    answers = [httpx2.Response(401, headers=headers), httpx2.Response(201)]
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return answers[len(asked) - 1]

    transport = RepeatingTransport(httpx2.MockTransport(answer), START_SECONDS)
    async with httpx2.AsyncClient(transport=transport, **DIRECT) as client:
        given = await client.post("http://backend/api/todos", json={"title": "milk"})
    assert (len(asked), given.status_code) == (tries, answers[tries - 1].status_code)


def test_a_key_is_for_one_change_of_one_user(two: Two, person: Callable[..., Person]) -> None:
    user, other = person(two.chats.url), person(two.chats.url)
    key = {"idempotency-key": "key-1"}
    first = user.http.post("/api/todos", json={"title": "milk"}, headers=key)
    again = user.http.post("/api/todos", json={"title": "milk"}, headers=key)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    path = f"/api/todos/{first.json()['id']}"
    assert user.http.post("/api/todos", json={"title": "bread"}, headers=key).status_code == 409
    assert user.http.patch(path, json={"done": True}, headers=key).status_code == 409
    assert other.http.post("/api/todos", json={"title": "milk"}, headers=key).status_code == 201
    gone = {"idempotency-key": "key-2"}
    assert [user.http.delete(path, headers=gone).status_code for _ in range(2)] == [204, 204]
    assert user.http.delete(path, headers={"idempotency-key": "key-3"}).status_code == 404
    assert (user.titles(), other.titles()) == ([], ["milk"])


def test_copies_that_arrive_together_are_one_change(two: Two, person: Callable[..., Person]) -> None:
    user = person(two.chats.url)

    def add(number: int) -> int:
        answer = user.http.post("/api/todos", json={"title": "milk"}, headers={"idempotency-key": f"key-{number % 4}"})
        todo: int = answer.raise_for_status().json()["id"]
        return todo

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(add, range(40)))
    assert len(set(numbers)) == len(user.todos()) == 4


@pytest.mark.parametrize("streamed", [True, False])
async def test_an_answer_is_told_though_its_database_went_away_meanwhile(streamed: bool) -> None:
    """Who is told of a failure after everything was done has it done again."""
    answer = {"reply": "Added: milk.", "actions": [{"tool": "add_todo", "arguments": {"title": "milk"}}]}
    opened: list[str] = []

    @contextlib.asynccontextmanager
    async def sessions() -> AsyncIterator[Any]:
        opened.append("session")
        if len(opened) > 1:
            raise ConnectionRefusedError

        async def execute(_: object) -> Any:
            return SimpleNamespace(all=list)

        yield SimpleNamespace(execute=execute)

    def agent(_: object) -> Any:
        content = f"event: done\ndata: {json.dumps(answer)}\n\n" if streamed else json.dumps(answer)
        return httpx2.Response(200, text=content)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(agent), base_url="http://agent") as client:
        state: Any = SimpleNamespace(agent=client, database=SimpleNamespace(sessions=sessions))
        if streamed:
            events = [event async for event in conversation.stream(state, 1, "add milk", "token")]
            assert events == [conversation.event("done", answer)]
        else:
            assert (await conversation.ask(state, 1, "add milk", "token")).reply == "Added: milk."
    assert len(opened) == 2


def test_an_answer_in_flight_is_finished(two: Two, person: Callable[..., Person]) -> None:
    """SIGTERM for one replica of each service, all at once, in the middle of a message with many tool calls."""
    user = person(two.chats.url)
    gate = two.mcp.hold(7, "the call")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reply = pool.submit(user.say, MESSAGE)
        assert gate.reached.wait(START_SECONDS)
        ended = [two.chats, two.agent, two.mcp.replicas.pop(0), two.backend.replicas.pop(0)]
        for service in ended:
            service.terminate()
        for service in ended:
            service.wait_closed()
        gate.opened.set()
        assert reply.result().count("Added:") == MANY
    assert [service.wait_exit() for service in ended] == [0] * 4
    with httpx2.Client(base_url=two.backend.replicas[0].url, **DIRECT, headers=user.http.headers) as http:
        assert [todo["title"] for todo in http.get("/api/todos").json()["items"]] == TITLES
