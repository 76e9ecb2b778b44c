"""A PostgreSQL server for all tests; services for those who ask."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from processes import DIRECT, SECRETS, Postgres, Service, free_port

PASSWORD = "correct horse battery"
Run = Callable[..., Service]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server."""
    server = Postgres()
    server.start()
    yield server
    server.remove()


def _runner(folder: Path) -> Iterator[Run]:
    running: list[Service] = []

    def run(name: str, scheme: str = "http", **env: str) -> Service:
        service = Service(name, folder, env, scheme)
        running.append(service)
        return service

    yield run
    for service in running:  # all at once, for each takes its time
        service.terminate()
    for service in running:
        service.stop()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts services for one test: `run("mcp", BACKEND_URL=...)`."""
    yield from _runner(tmp_path)


@pytest.fixture(scope="session")
def run_long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Starts services for the whole session."""
    yield from _runner(tmp_path_factory.mktemp("services"))


@dataclass(frozen=True)
class App:
    """The three services, connected; the agent answers offline."""

    backend: Service
    mcp: Service
    agent: Service


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    """The address of the app's database."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def app(database: str, run_long: Run) -> App:
    """The whole app, shared: tests register users of their own."""
    return start_app(run_long, database)


def start_app(
    run: Run,
    database: str,
    backend: dict[str, str] | None = None,
    mcp: dict[str, str] | None = None,
    **agent: str,
) -> App:
    """All three, in the order that makes each known to the next, which is not the order they need."""
    agent_port = free_port()
    env = {"DATABASE_URL": database, "AGENT_URL": f"http://127.0.0.1:{agent_port}", "RATE_LIMIT_AUTH": "10000/minute"}
    first = run("backend", **{**env, **SECRETS, **(backend or {})})
    second = run("mcp", BACKEND_URL=first.url, **(mcp or {}))
    third = run("agent", **{"PORT": str(agent_port), "MCP_SERVER_URL": f"{second.url}/mcp", **agent}).at(agent_port)
    return App(first.wait(), second.wait(), third.wait())


class Person:
    """A registered user with a client."""

    def __init__(self, url: str, username: str, verify: Any = True) -> None:
        self.http = httpx2.Client(base_url=url, **DIRECT, verify=verify)
        body = {"username": username, "password": PASSWORD}
        answer = self.http.post("/api/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        self.username = username
        self.token: str = answer.json()["token"]
        self.http.cookies.clear()
        self.http.headers["authorization"] = f"Bearer {self.token}"

    def add(self, title: str) -> dict[str, Any]:
        """One todo, by the REST API."""
        answer = self.http.post("/api/todos", json={"title": title})
        assert answer.status_code == 201, answer.text
        todo: dict[str, Any] = answer.json()
        return todo

    def todos(self) -> list[dict[str, Any]]:
        """All todos, by the REST API."""
        items: list[dict[str, Any]] = self.http.get("/api/todos").json()["items"]
        return items

    def titles(self) -> list[str]:
        """What the todos are called."""
        return [todo["title"] for todo in self.todos()]

    def say(self, message: str) -> str:
        """One chat message; the reply."""
        answer = self.http.post("/api/chat", json={"message": message})
        assert answer.status_code == 200, answer.text
        reply: str = answer.json()["reply"]
        return reply


@pytest.fixture
def person(request: pytest.FixtureRequest) -> Iterator[Callable[..., Person]]:
    """Registers users: `person()` in the shared app, `person(url)` at another backend."""
    made: list[Person] = []

    def register(url: str = "", verify: Any = True) -> Person:
        url = url or request.getfixturevalue("app").backend.url
        made.append(Person(url, f"user-{uuid.uuid4().hex[:12]}", verify))
        return made[-1]

    yield register
    for one in made:
        one.http.close()
