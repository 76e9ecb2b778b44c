"""The backend's REST API: accounts, sessions, todos, limits."""

import json
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import psycopg
import pytest
from conftest import PASSWORD, App, Person, Run
from processes import DIRECT, SECRETS, Postgres

from todo_backend.tokens import Kind, TokenSigner


def name() -> str:
    """A user name nobody has."""
    return f"user-{uuid.uuid4().hex[:12]}"


def post(app: App, path: str, body: Any, **given: Any) -> httpx2.Response:
    """One request of somebody who is not logged in."""
    return httpx2.post(f"{app.backend.url}{path}", json=body, **DIRECT, **given)


def test_register_login_logout(app: App) -> None:
    username = name()
    registered = post(app, "/api/auth/register", {"username": username, "password": PASSWORD})
    assert registered.status_code == 201
    assert registered.json()["user"]["username"] == username
    cookie = registered.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("session=", "httponly", "samesite=strict", "path=/"))
    login = post(app, "/api/auth/login", {"username": username.upper(), "password": PASSWORD})
    assert login.status_code == 200
    bearer = {"authorization": f"Bearer {login.json()['token']}"}
    with httpx2.Client(base_url=app.backend.url, headers=bearer, **DIRECT) as http:
        assert http.get("/api/auth/me").json() == login.json()["user"]
        assert http.post("/api/auth/logout").status_code == 204
        ended = http.get("/api/auth/me")
    assert ended.status_code == 401
    assert ended.headers["www-authenticate"] == "Bearer"
    first = {"authorization": f"Bearer {registered.json()['token']}"}
    assert httpx2.get(f"{app.backend.url}/api/auth/me", headers=first, **DIRECT).status_code == 200, "another login"


def test_a_session_by_cookie(app: App) -> None:
    with httpx2.Client(base_url=app.backend.url, **DIRECT) as http:
        http.post("/api/auth/register", json={"username": name(), "password": PASSWORD}).raise_for_status()
        assert http.post("/api/todos", json={"title": "milk"}).status_code == 201
        foreign = {"sec-fetch-site": "cross-site"}
        assert http.post("/api/todos", json={"title": "x"}, headers=foreign).status_code == 403
        assert len(http.get("/api/todos").json()["items"]) == 1
        assert http.post("/api/auth/logout").status_code == 204
        assert http.get("/api/todos").status_code == 401


@pytest.mark.parametrize("password", ["wrong password", "short", ""])
def test_a_wrong_password(app: App, person: Callable[[], Person], password: str) -> None:
    answer = post(app, "/api/auth/login", {"username": person().username, "password": password})
    assert answer.status_code in (401, 422)
    assert "token" not in answer.json()


def test_a_missing_user_and_a_wrong_password_look_the_same(app: App, person: Callable[[], Person]) -> None:
    known = post(app, "/api/auth/login", {"username": person().username, "password": "wrong password"})
    unknown = post(app, "/api/auth/login", {"username": name(), "password": "wrong password"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


def test_a_name_is_taken_once_whatever_its_case(app: App, person: Callable[[], Person]) -> None:
    taken = post(app, "/api/auth/register", {"username": person().username.upper(), "password": PASSWORD})
    assert taken.status_code == 409


def test_passwords_are_kept_as_argon2(app: App, person: Callable[[], Person], database: str) -> None:
    user = person()
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT password_hash FROM users WHERE username = %s", [user.username]).fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_todos(person: Callable[[], Person]) -> None:
    user = person()
    todo = user.add("  buy milk  ")
    assert todo.keys() == {"id", "title", "done", "created_at", "updated_at"}
    assert (todo["title"], todo["done"]) == ("buy milk", False)
    path = f"/api/todos/{todo['id']}"
    changed = user.http.patch(path, json={"done": True}).json()
    assert (changed["title"], changed["done"]) == ("buy milk", True)
    assert changed["updated_at"] > todo["updated_at"]
    assert user.http.patch(path, json={}).json() == changed
    assert user.http.delete(path).status_code == 204
    assert user.http.delete(path).status_code == 404
    assert user.todos() == []


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, None, 7, ["a"], "a\x00b"])
def test_titles_that_are_none(person: Callable[[], Person], title: Any) -> None:
    answer = person().http.post("/api/todos", json={"title": title})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("title: ")


def test_another_users_todo_does_not_exist(person: Callable[[], Person]) -> None:
    owner, other = person(), person()
    todo = owner.add("mine")
    path = f"/api/todos/{todo['id']}"
    assert other.http.patch(path, json={"title": "yours"}).status_code == 404
    assert other.http.delete(path).status_code == 404
    assert other.todos() == []
    assert owner.todos() == [todo]


def test_security_headers_and_no_cors(app: App, person: Callable[[], Person]) -> None:
    answer = person().http.get("/api/todos", headers={"origin": "https://evil.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert not [header for header in answer.headers if header.startswith("access-control")]


def test_a_large_body_is_refused(app: App) -> None:
    assert post(app, "/api/auth/login", {"username": "x" * 100_000, "password": "y"}).status_code == 413


def test_forged_and_foreign_tokens(app: App, person: Callable[[], Person]) -> None:
    user = person()
    claims = jwt.decode(user.token, options={"verify_signature": False})
    key_id = jwt.get_unverified_header(user.token)["kid"]
    forged = [
        jwt.encode(claims, "a guess of thirty-two characters.", algorithm="HS256", headers={"kid": key_id}),
        jwt.encode(claims, "", algorithm="none", headers={"kid": key_id}),
        user.token[:-4],
        "x",
    ]
    for token in forged:
        headers = {"authorization": f"Bearer {token}"}
        assert httpx2.get(f"{app.backend.url}/api/auth/me", headers=headers, **DIRECT).status_code == 401


def test_the_tools_token_opens_todos_only(app: App, person: Callable[[], Person]) -> None:
    """What the agent gets for a message must not log anybody out or talk for them."""
    claims = jwt.decode(person().token, options={"verify_signature": False})
    signer = TokenSigner([SECRETS["AUTH_SECRET"]], [SECRETS["JWT_SECRET"]])
    session = uuid.UUID(claims["sid"])
    headers = {"authorization": f"Bearer {signer.issue(Kind.TOOLS, int(claims['sub']), session, timedelta(minutes=1))}"}
    with httpx2.Client(base_url=app.backend.url, headers=headers, **DIRECT) as http:
        assert http.get("/api/todos").status_code == 200
        for method, path in (("GET", "/api/auth/me"), ("POST", "/api/auth/logout"), ("POST", "/api/auth/refresh")):
            assert http.request(method, path).status_code == 403
        assert http.post("/api/chat", json={"message": "list"}).status_code == 403


@pytest.mark.long
def test_the_signing_secret_is_rotated_without_logging_anybody_out(
    postgres: Postgres, run: Run, person: Callable[..., Person]
) -> None:
    database = postgres.new_database()
    old = run("backend", DATABASE_URL=database, **SECRETS).wait()
    user = person(old.url)
    new, gone = "another secret of the tests", {"AUTH_SECRET": "x" * 20, "JWT_SECRET": "y" * 20}
    both = {"AUTH_SECRET": SECRETS["AUTH_SECRET"], "JWT_SECRET": f"{new},{SECRETS['JWT_SECRET']}"}
    rotated, later = run("backend", DATABASE_URL=database, **both), run("backend", DATABASE_URL=database, **gone)
    headers = {"authorization": f"Bearer {user.token}"}
    refreshed = httpx2.post(f"{rotated.wait().url}/api/auth/refresh", headers=headers, **DIRECT)
    assert refreshed.status_code == 200
    fresh = refreshed.json()["token"]
    assert jwt.get_unverified_header(fresh)["kid"] != jwt.get_unverified_header(user.token)["kid"]
    answer = httpx2.get(f"{later.wait().url}/api/auth/me", headers=headers, **DIRECT)
    assert answer.status_code == 401


def test_tokens_are_short_lived(app: App, person: Callable[[], Person]) -> None:
    claims = jwt.decode(person().token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 30 * 60
    signer = TokenSigner([SECRETS["AUTH_SECRET"]], [SECRETS["JWT_SECRET"]])
    for minutes, status in ((1, 200), (-1, 401)):
        lifetime = timedelta(minutes=minutes)
        token = signer.issue(Kind.API, int(claims["sub"]), uuid.UUID(claims["sid"]), lifetime)
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx2.get(f"{app.backend.url}/api/auth/me", headers=headers, **DIRECT)
        assert answer.status_code == status


@pytest.mark.long
def test_rates_are_limited(postgres: Postgres, run: Run, person: Callable[..., Person]) -> None:
    limits = {"RATE_LIMIT_LOGIN": "3/hour", "RATE_LIMIT_API": "5/hour", "RATE_LIMIT_CHAT": "1/hour"}
    backend = run("backend", DATABASE_URL=postgres.new_database(), AGENT_URL="http://127.0.0.1:9", **limits, **SECRETS)
    user = person(backend.wait().url)
    body = {"username": user.username, "password": "wrong password"}
    tries = [user.http.post("/api/auth/login", json=body) for _ in range(4)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 429]
    assert int(tries[-1].headers["retry-after"]) > 0
    right = user.http.post("/api/auth/login", json={**body, "password": PASSWORD})
    assert right.status_code == 429, "guessing on with the right password must not help"
    assert user.http.post("/api/chat", json={"message": "list"}).status_code == 503, "no agent there"
    assert user.http.post("/api/chat", json={"message": "list"}).status_code == 429
    assert [user.http.get("/api/todos").status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.long
def test_without_an_agent_only_chat_is_missing(postgres: Postgres, run: Run, person: Callable[..., Person]) -> None:
    env = {"DATABASE_URL": postgres.new_database(), "AGENT_URL": "http://127.0.0.1:9", **SECRETS}
    backend = run("backend", **env).wait("/readyz")
    user = person(backend.url)
    answer = user.http.post("/api/chat", json={"message": "add milk"})
    assert (answer.status_code, "cannot be reached" in answer.json()["detail"]) == (503, True)
    with user.http.stream("POST", "/api/chat/stream", json={"message": "add milk"}) as stream:
        assert "event: error" in list(stream.iter_lines())
    assert user.add("milk")["title"] == "milk"


@pytest.mark.long
@pytest.mark.parametrize("last", ["", "The model failed. What I had changed by then stays changed."])
def test_an_answer_that_breaks_off_is_told_as_begun_and_remembered(
    postgres: Postgres, run: Run, person: Callable[..., Person], last: str
) -> None:
    """As where the agent's process is killed, or says why it ends: part of what was asked may be done, so it is not to
    be asked blindly.
    """
    why = last or "The assistant broke off"
    with socket.create_server(("127.0.0.1", 0)) as agent:
        env = {"DATABASE_URL": postgres.new_database(), "AGENT_URL": f"http://127.0.0.1:{agent.getsockname()[1]}"}
        backend = run("backend", **env, **SECRETS).wait("/readyz")
        killed = threading.Thread(target=begin_and_end, args=(agent, last))
        killed.start()
        user = person(backend.url)
        with user.http.stream("POST", "/api/chat/stream", json={"message": "add milk"}) as stream:
            events = [
                json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data")
            ]
        killed.join()
    assert events[0] == {"text": "Adding"} and why in events[1]["message"] and len(events) == 2
    (asked, told) = user.http.get("/api/chat/history").json()["items"]
    assert asked["content"] == "add milk" and told["content"].startswith(f"Adding\n\n{why}")


def begin_and_end(agent: socket.socket, last: str) -> None:
    """Take one message, begin to answer it, and end it with words, or as a killed process does."""
    with agent.accept()[0] as connection:
        taken = b""
        while b"add milk" not in taken:
            taken += connection.recv(65536)
        piece = b'event: delta\ndata: {"text": "Adding"}\n\n'
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        piece += f"event: error\ndata: {json.dumps({'message': last})}\n\n".encode() if last else b""
        end = b"0\r\n\r\n" if last else b""
        connection.sendall(head + f"{len(piece):x}".encode() + b"\r\n" + piece + b"\r\n" + end)
