"""A person's proof: what the page's scripts call, as a browser would, and the journey, against a small server."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.kube import forward
from scripts.pipeline.person import chromium, journey, served, web
from scripts.pipeline.person.web import Answer, Browser
from tests.support.serving import serving

PAGE = '<html><script src="https://[x/no.js"></script><script type="module" src="/main.js"></script></html>'
SCRIPT = """import "./more.js";
fetch("{other}/api/v1/todos"); fetch("http://backend:8000/x"); fetch("https://elsewhere.example/y"); fetch("http://localhost:99999/z");"""


class Small(BaseHTTPRequestHandler):
    """A page with two scripts, and an API that allows one origin and knows people."""

    allowed = ""
    other = ""
    people: dict[str, str] = {}  # noqa: RUF012 one server a test

    def do_OPTIONS(self) -> None:
        self._answer(200, "")

    def do_GET(self) -> None:
        texts = {"/": PAGE, "/main.js": SCRIPT.replace("{other}", self.other), "/more.js": "more()"}
        status = 405 if self.path == "/register" else 200 if self.path in texts else 404
        self._answer(status, texts.get(self.path, ""))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/register":
            self.people[body["email"]] = body["password"]
            self._answer(201, json.dumps({"id": 7}))
        elif self.path == "/login" and self.people.get(body["email"]) == body["password"]:
            self._answer(200, json.dumps({"access_token": "t0k3n"}))
        elif self.path == "/7/todos" and self.headers.get("Authorization") == "Bearer t0k3n":
            self._answer(201, json.dumps(body))
        else:
            self._answer(401, "who are you?")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        if self.allowed:
            self.send_header("Access-Control-Allow-Origin", self.allowed)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    with ExitStack() as made:

        def start(**attributes: str) -> str:
            handler = type("Own", (Small,), {**attributes, "people": {}})
            one = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            made.enter_context(serving(one))
            return f"http://127.0.0.1:{one.server_port}"

        yield start


def judged(page: str, ports: set[int]) -> dict[str, str]:
    browser = Browser(page)
    return dict(served.problems(browser, served.addresses(served.scripts(browser, page)), ports, {"backend"}))


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_what_the_pages_scripts_call_is_called_from_its_origin(server: Any) -> None:
    api = server(allowed="*")
    page = server(other=api)
    found = judged(page, {port_of(api)})
    assert found == {
        f"{api}/api/v1/todos": "",
        "http://backend:8000/x": "backend is a name within the cluster, which no browser can reach",
    }


def test_an_origin_that_is_not_allowed_is_told_as_cors(server: Any) -> None:
    api = server(allowed="http://localhost:5173")
    page = server(other=api)
    assert "allows http://localhost:5173, and not" in judged(page, {port_of(api)})[f"{api}/api/v1/todos"]
    api = server()
    page = server(other=api)
    assert "allows no other origin" in judged(page, {port_of(api)})[f"{api}/api/v1/todos"]


def test_what_a_browser_refuses_of_a_path_that_is_not_there_is_no_fault_a_person_meets(server: Any) -> None:
    """A client asks for a session that no server has, and goes on without it; what is there must be readable."""
    api = server(allowed="*")
    line = f"Access to fetch at '{api}%s' from origin 'http://localhost:3000' has been blocked by CORS policy: why"
    load = "Failed to load resource: net::ERR_FAILED"
    absent, there = line % "/api/auth/get-session", line % "/main.js"
    browser = Browser("http://localhost:3000")
    assert served.without_absent(browser, (absent, load)) == ([], [f"{api}/api/auth/get-session"])
    assert served.without_absent(browser, (absent, there, load))[0] == [there, load]
    assert served.without_absent(browser, (load,)) == ([load], [])


def test_an_address_where_nobody_listens_is_told(server: Any) -> None:
    port = free_port()
    url = f"http://localhost:{port}/api/v1/todos"
    page = server(other=f"http://localhost:{port}")
    assert "nobody answers" in judged(page, {port})[url]
    assert url not in judged(page, set()), "it is none of the app's"


def steps() -> list[dict[str, Any]]:
    who = {"email": "{email}", "password": "{password}"}
    return [
        {"name": "register", "service": "api", "path": "/register", "json": who, "keep": {"me": "id"}},
        {"name": "log in", "service": "api", "path": "/login", "json": who, "keep": {"token": "token|access_token"}},
        {
            "name": "add",
            "service": "api",
            "path": "/{me}/todos",
            "json": {"title": "x"},
            "bearer": "token",
            "expect": "x",
        },
    ]


def test_a_journey_is_played_with_a_person_of_its_own(server: Any) -> None:
    api = server(allowed="*")
    played = list(journey.play(Browser(api), steps(), lambda service: str(api), named=True))
    assert [(one.name, one.status, one.problem) for one in played] == [
        ("register", 201, ""), ("log in", 200, ""), ("add", 201, ""),
    ]  # fmt: skip


def test_a_journey_ends_at_the_first_step_that_fails_with_its_cause(server: Any) -> None:
    api = server(allowed="*")
    wrong = steps()
    wrong[1]["json"] = {"email": "nobody@example.com", "password": "x"}
    named = list(journey.play(Browser(api), wrong, lambda service: str(api), named=True))
    assert [(one.name, one.problem, one.sure) for one in named][-1] == ("log in", "status 401: who are you?", True)
    inferred = list(journey.play(Browser(api), wrong, lambda service: str(api), named=False))
    assert not inferred[-1].sure, "what was inferred may itself be wrong"


def test_a_connection_that_is_dropped_is_no_fault_of_the_app(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another person begins anew, so that nobody registers twice."""
    api, registered, asked = server(allowed="*"), [], Browser.ask
    monkeypatch.setattr(journey, "PAUSE_SECONDS", 0.0)

    def drop_the_first_log_in(self: Browser, method: str, url: str, **more: Any) -> Answer:
        if url.endswith("/register"):
            registered.append(json.loads(more["body"])["email"])
        dropped = url.endswith("/login") and len(registered) == 1
        return Answer(0, "dropped") if dropped else asked(self, method, url, **more)

    monkeypatch.setattr(Browser, "ask", drop_the_first_log_in)
    played = list(journey.play(Browser(api), steps(), lambda service: str(api), named=True))
    assert [one.problem for one in played] == ["", "", ""]
    assert len(set(registered)) == 2


def test_of_several_attempts_the_one_that_came_farthest_is_told(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that a step brings to a stand registers nobody afterwards, which is not where it began."""
    api, asked, stands = server(allowed="*"), Browser.ask, []
    monkeypatch.setattr(journey, "PAUSE_SECONDS", 0.0)

    def stand_still(self: Browser, method: str, url: str, **more: Any) -> Answer:
        if stands or url.endswith("/todos"):
            stands.append(url)
            return Answer(0, "took the request, and gave no answer within 60 s")
        return asked(self, method, url, **more)

    monkeypatch.setattr(Browser, "ask", stand_still)
    played = list(journey.play(Browser(api), steps(), lambda service: str(api), named=True))
    assert [(one.name, one.problem) for one in played] == [
        ("register", ""), ("log in", ""), ("add", "took the request, and gave no answer within 60 s"),
    ]  # fmt: skip


def test_a_service_that_never_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journey, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(Browser, "ask", lambda *words, **more: Answer(0, "nobody answers: Connection refused"))
    played = list(journey.play(Browser("http://x"), steps(), lambda service: "http://x", named=False))
    assert [(one.name, one.problem, one.sure) for one in played] == [
        ("register", "nobody answers: Connection refused", True)
    ]


def test_a_service_that_takes_its_time_is_not_told_as_one_that_nobody_answers_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert Browser(url).ask("GET", url) == Answer(0, "took the request, and gave no answer within 0.05 s")
    assert Browser(url).ask("GET", url).text.startswith("nobody answers: ")


def test_a_journey_is_inferred_from_openapi() -> None:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}}
    text = {"type": "string"}
    login = {"properties": {"username": text, "password": text}, "required": ["username", "password"]}
    form = {"content": {"application/x-www-form-urlencoded": {"schema": login}}}
    document = {
        "paths": {
            "/api/auth/register": {"post": {"requestBody": body}},
            "/api/auth/login": {"post": {"requestBody": form}},
            "/api/{user_id}/tasks": {"post": {"requestBody": {"content": {"application/json": {"schema": {
                "properties": {"title": {"type": "string"}, "done": {"type": "boolean"}}, "required": ["title"]}}}}}},
            "/api/{user_id}/tasks/{task_id}": {"get": {}},
        },
        "components": {"schemas": {"New": {"properties": {
            "email": {"type": "string"}, "password": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["email", "password"]}}},
    }  # fmt: skip
    found = journey.infer(document, "api")
    assert [(step["name"], step["path"]) for step in found] == [
        ("register", "/api/auth/register"), ("log in", "/api/auth/login"), ("add a todo", "/api/{user_id}/tasks"),
    ]  # fmt: skip
    assert found[0]["json"] == {"email": "{email}", "password": "{password}"}
    assert found[1]["form"] == {"username": "{email}", "password": "{password}"}  # it was told no other name
    assert found[2]["json"] == {"title": "{todo}"} and found[2]["bearer"] == "token"
    assert journey.infer({"paths": {"/login": {"post": {}}}}, "api") == []
    assert journey.infer(None, "api") == []


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/{username}/tasks", "/api/{name}/tasks"),
        ("/api/{userId}/tasks", "/api/{user_id}/tasks"),
        ("/users/{email}/tasks", "/users/{email}/tasks"),
    ],
)
def test_a_path_that_names_a_person_gets_the_name_that_was_registered(path: str, asked: str) -> None:
    assert [step["path"] for step in journey.infer({"paths": {path: {"post": {}}}}, "api")] == [asked]


@pytest.mark.parametrize(
    "body", [{}, {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}]
)
def test_a_body_that_no_schema_tells_has_what_everybody_has(body: dict[str, Any]) -> None:
    steps = journey.infer({"paths": {path: {"post": body} for path in ("/register", "/login")}}, "api")
    assert [set(step["json"]) for step in steps] == [{"email", "password", "name", "username"}, {"email", "password"}]


def test_whoever_registers_is_asked_for_a_name_as_by_a_page_though_a_server_can_do_without() -> None:
    properties = {
        name: {"type": "string"} for name in ("email", "password", "full_name", "lastName", "avatar", "tenant_name")
    }
    body = {
        "requestBody": {"content": {"application/json": {"schema": {"properties": properties, "required": ["email"]}}}}
    }
    register, login = journey.infer({"paths": {path: {"post": body} for path in ("/register", "/login")}}, "api")
    who = {"email": "{email}", "password": "{password}"}
    assert (register["json"], login["json"]) == (who | {"full_name": "{name}", "lastName": "{name}"}, who)


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (["/api/mcp/add_task", "/api/{user_id}/tasks"], "/api/{user_id}/tasks"),
        (["/add_task", "/api/workspaces/tasks"], "/api/workspaces/tasks"),
        (["/tools/todos", "/api/v1/todos/"], "/api/v1/todos/"),
        (["/api/mcp/add_task"], "/api/mcp/add_task"),
    ],
)
def test_a_person_adds_a_todo_as_the_page_does_and_not_as_a_model_does(paths: list[str], chosen: str) -> None:
    who = {"properties": {"title": {"type": "string"}, "user_id": {"type": "string"}}, "required": ["title", "user_id"]}
    body = {"requestBody": {"content": {"application/json": {"schema": who}}}}
    (step,) = journey.infer({"paths": {path: {"post": body} for path in paths}}, "api")
    assert (step["path"], step["json"]) == (chosen, {"title": "{todo}", "user_id": "{user_id}"})


@pytest.mark.parametrize("path", ["/openapi.json", "/api/openapi.json", "/api/v1/openapi.json", "/elsewhere.json"])
def test_a_server_tells_of_itself_at_one_of_the_usual_places(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    document = json.dumps({"paths": {"/signup": {"post": {}}, "/login": {"post": {}}}})

    def ask(self: Browser, method: str, url: str, **more: Any) -> Answer:
        return Answer(200, document) if url == f"http://x{path}" else Answer(404, "<html>")

    monkeypatch.setattr(Browser, "ask", ask)
    names = [step["name"] for step in journey.told(Browser("http://x"), "http://x", "api")]
    assert names == ([] if "elsewhere" in path else ["register", "log in"])


def test_the_console_tells_failed_requests_from_notes() -> None:
    lines = [
        "Access to fetch at 'http://localhost:8000/' blocked by CORS policy",
        "Download the React DevTools",
        "Failed to load resource: net::ERR_CONNECTION_REFUSED",
        "Failed to load resource: the server responded with a status of 401 ()",
    ]
    text = "\n".join(f'[1:1:0101/1.1:INFO:CONSOLE:{n}] "{line}", source: x ({n})' for n, line in enumerate(lines))
    red, notes = chromium.told(text)
    assert len(red) == 2 and len(notes) == 2
    assert "CORS" in red[0] and "CONNECTION_REFUSED" in red[1]


@pytest.mark.parametrize(
    ("there", "found"),
    [({"/register", "/login", "/auth/me"}, ["/register", "/login"]), ({"/"}, []), (None, [])],
)
def test_pages_where_a_person_gets_in_are_known_by_their_names(
    monkeypatch: pytest.MonkeyPatch, there: set[str] | None, found: list[str]
) -> None:
    """One that answers by any name, as pages that are files do, tells nothing."""

    def ask(self: Browser, method: str, url: str, **more: Any) -> Answer:
        return Answer(200 if there is None or url.removeprefix("http://x") in there else 404, "")

    monkeypatch.setattr(Browser, "ask", ask)
    assert list(served.forms(Browser("http://x"), "http://x")) == found


@pytest.mark.parametrize(
    ("document", "asks"),
    [
        ('<form><input class="a" type="password" name="p"></form>', True),
        ("<body>Welcome back, User! <input type='text' placeholder='password'></body>", False),
    ],
)
def test_a_page_that_takes_everybody_for_known_asks_for_no_password(document: str, asks: bool) -> None:
    assert chromium.asks_for_password(document) is asks


def test_a_persons_number_may_stand_in_the_signed_token_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = base64.urlsafe_b64encode(b'{"sub": "7"}').decode().rstrip("=")
    asked: list[str] = []

    def ask(self: Browser, method: str, url: str, **more: Any) -> Answer:
        asked.append(url)
        return Answer(200, json.dumps({"access_token": f"a.{claims}.c"}))

    monkeypatch.setattr(Browser, "ask", ask)
    names = ("/api/register", "/api/login", "/api/{user_id}/tasks")
    steps = journey.infer({"paths": {name: {"post": {}} for name in names}}, "api")
    assert not any(
        one.problem for one in journey.play(Browser("http://x"), steps, lambda name: "http://x", named=False)
    )
    assert asked[2] == "http://x/api/7/tasks"


@pytest.mark.slow
def test_ports_lead_where_they_are_wanted_until_they_lead_elsewhere(server: Any, tmp_path: Path) -> None:
    first, second = server(), server(allowed="*")
    port = free_port()
    shell = Shell(echo=lambda line: None)

    def allows() -> str | None:
        return Browser("http://x").ask("GET", f"http://localhost:{port}/").headers.get("access-control-allow-origin")

    try:
        assert forward.ensure(shell, tmp_path, {port: first.removeprefix("http://")})
        assert not forward.ensure(shell, tmp_path, {port: first.removeprefix("http://")})
        assert allows() is None
        assert forward.ensure(shell, tmp_path, {port: second.removeprefix("http://")})
        assert allows() == "*"
    finally:
        forward.ensure(shell, tmp_path, {})
    assert Browser("http://x").ask("GET", f"http://localhost:{port}/").status == 0


def test_a_port_that_is_somebody_elses_is_named(server: Any, tmp_path: Path) -> None:
    taken = port_of(server())
    with pytest.raises(UserError, match=f"port {taken} of this machine, .* is taken") as caught:
        forward.ensure(Shell(echo=lambda line: None), tmp_path, {taken: "127.0.0.1:1"})
    assert f"sport = :{taken}" in caught.value.hint


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_journey_of_a_server_behind_the_page_is_played_at_the_page(server: Any) -> None:
    """A page that hands some paths on to a server which no browser reaches: those alone are asked for there."""
    page = server()
    known = {"paths": {"/register": {"post": {}}, "/login": {"post": {}}}}
    elsewhere = {"paths": {"/inside/register": {"post": {}}}}
    found = journey.behind(Browser(page), page, [None, elsewhere, known], "web")
    assert [(step["name"], step["service"]) for step in found] == [("register", "web"), ("log in", "web")]
    assert journey.behind(Browser(page), page, [elsewhere], "web") == []
    assert journey.document("no JSON") is None and journey.document('{"paths": {}}') == {"paths": {}}


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "t", "user": {"id": 7}},
        {"success": True, "data": {"user": {"id": 7}, "tokens": {"access_token": "t", "token_type": "Bearer"}}},
        {"user": {"id": 7}, "session": {"token": "t"}},
        {"data": [{"accessToken": "t", "user": {"id": 7}}]},
    ],
)
def test_a_token_is_found_wherever_an_answer_has_it(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    said: list[tuple[str, Any]] = []

    def ask(self: Browser, method: str, url: str, **more: Any) -> Answer:
        said.append((url, more["headers"].get("Authorization")))
        return Answer(200, json.dumps(answer))

    monkeypatch.setattr(Browser, "ask", ask)
    document = {"paths": {path: {"post": {}} for path in ("/register", "/login", "/users/{user_id}/todos")}}
    list(journey.play(Browser("http://x"), journey.infer(document, "api"), lambda name: "http://x", named=False))
    assert said[-1] == ("http://x/users/7/todos", "Bearer t")


@pytest.mark.parametrize(
    ("kind", "status", "names"), [("application/json", 405, 2), ("text/html", 200, 0), ("", 404, 0)]
)
def test_a_page_that_answers_by_any_name_hands_nothing_on(
    monkeypatch: pytest.MonkeyPatch, kind: str, status: int, names: int
) -> None:
    monkeypatch.setattr(Browser, "ask", lambda *a, **more: Answer(status, "", {"content-type": kind}))
    document = {"paths": {"/register": {"post": {}}, "/login": {"post": {}}}}
    assert len(journey.behind(Browser("http://x"), "http://x", [document], "page")) == names


def test_the_form_of_oauth_takes_the_address_for_the_name() -> None:
    form = {"properties": {"grant_type": {"type": "string"}, "username": {"type": "string", "title": "Username"}}}
    body = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": form}}}}
    steps = journey.infer({"paths": {"/register": {"post": {}}, "/login": {"post": body}}}, "api")
    assert steps[1]["form"] == {"username": "{email}"}


@pytest.mark.parametrize(
    ("played", "elsewhere"),
    [
        ("/auth/signup", ["/api/auth/signup"]),
        ("/api/auth/signup", []),
        ("/v1/api/auth/signup/", []),
        ("/api/auth/sign-up/email", []),
        ("", []),
    ],
)
def test_what_a_server_takes_and_its_page_never_asks_for_proves_nothing(played: str, elsewhere: list[str]) -> None:
    texts = [
        '<a href="/register">',
        'let a="/register";await e.post("/api/auth/signup",{});fetch(`${u}/api/auth/login`)',
    ]
    assert served.registers(texts, played) == elsewhere
