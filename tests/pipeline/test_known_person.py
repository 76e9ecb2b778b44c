"""A person whom the page's own server knows adds a todo at another server, and sees it: against two small ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.pipeline import prove
from scripts.pipeline.live import Live
from scripts.pipeline.person import causes, forms, journey, tab
from scripts.pipeline.person.web import Answer, Browser
from tests.support.serving import serving

TITLE = {"properties": {"title": {"type": "string"}}, "required": ["title"]}
BODY = {"requestBody": {"content": {"application/json": {"schema": TITLE}}}}
TOLD = {"paths": {"/api/{user_id}/tasks": {"post": BODY, "get": {}}}}
WHO = {"email": "{email}", "password": "{password}"}
ENTRY = [
    {"name": "register", "service": "page", "path": "/api/auth/sign-up/email", "json": WHO, "keep": {"user_id": "id"}},
    {"name": "log in", "service": "page", "path": "/api/auth/sign-in/email", "json": WHO},
]
TOKEN = {"name": "get a token", "service": "page", "method": "GET", "path": "/api/auth/token"}


class Page(BaseHTTPRequestHandler):
    """A page that knows who has its cookie, and hands on what is below `/api/proxy` to its server."""

    todos: dict[str, list[str]] = {}  # noqa: RUF012 one server a test
    forgets = False

    def do_GET(self) -> None:
        known = "session=s3cret" in self.headers.get("Cookie", "")
        if self.path.startswith("/api/proxy/"):
            self._todos(known, self.path.removeprefix("/api/proxy"))
        elif self.path == "/api/auth/token" and known:
            self._answer(200, {"token": "signed"}, {"set-auth-jwt": "signed"})
        else:
            self._answer(401 if self.path.startswith("/api/auth") else 404, {})

    def do_POST(self) -> None:
        if self.path.startswith("/api/auth/"):
            self._answer(200, {"id": "u7"}, {"Set-Cookie": "session=s3cret; Path=/; HttpOnly; Secure; SameSite=Lax"})
        else:
            self.do_GET()

    def _todos(self, known: bool, path: str) -> None:
        if not known:
            self._answer(401, {"detail": "Could not validate credentials"})
        elif path != "/api/u7/tasks":
            self._answer(404, {})
        elif self.command == "GET":
            self._answer(200, {"items": [] if self.forgets else self.todos.get(path, [])})
        else:
            title = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["title"]
            self.todos.setdefault(path, []).append(title)
            self._answer(201, {"title": title})

    def _answer(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Api(Page):
    """A server that knows who brings the page's token."""

    def do_GET(self) -> None:
        self._todos(self.headers.get("Authorization") == "Bearer signed", self.path)

    do_POST = do_GET


@pytest.fixture
def serve() -> Iterator[Any]:
    with ExitStack() as made:

        def start(kind: type[Page], **attributes: Any) -> str:
            one = ThreadingHTTPServer(("localhost", 0), type("Own", (kind,), {"todos": {}, **attributes}))
            made.enter_context(serving(one))
            return f"http://localhost:{one.server_port}"

        yield start


def play(steps: list[dict[str, Any]], where: dict[str, str]) -> list[tuple[str, int, str, bool]]:
    """Play with what a step `from: openapi` stands for in its place; an answer that did not hold the todo says so."""
    browser = Browser(where["page"])
    whole = [
        it
        for one in steps
        for it in (journey.todo(browser, one, where[one["service"]], [None, TOLD]) if "from" in one else [one])
    ]
    played = journey.play(browser, whole, where.__getitem__, named=True)
    return [(one.name, one.status, one.problem.partition(" 'something")[0], one.sure) for one in played]


def adding(service: str, **more: str) -> dict[str, Any]:
    return {"name": "add a todo", "service": service, "from": "openapi", **more}


@pytest.mark.parametrize("kept", ["jwt|token", "header:set-auth-jwt"])
def test_a_person_whom_the_page_knows_adds_a_todo_at_its_server_and_sees_it(serve: Any, kept: str) -> None:
    """By the token that the page gives for its cookie, a secure one, which browsers send to localhost all the same."""
    steps = [*ENTRY, {**TOKEN, "keep": {"token": kept}}, adding("api", bearer="token")]
    played = play(steps, {"page": serve(Page), "api": serve(Api)})
    assert [(name, status, problem) for name, status, problem, _ in played] == [
        ("register", 200, ""), ("log in", 200, ""), ("get a token", 200, ""), ("add a todo", 201, ""),
        ("see the todo", 200, ""),
    ]  # fmt: skip


def test_a_server_that_does_not_know_the_person_is_a_red_proof(serve: Any) -> None:
    played = play([*ENTRY, adding("api")], {"page": serve(Page), "api": serve(Api)})
    assert played[-1] == ("add a todo", 401, 'status 401: {"detail": "Could not validate credentials"}', True)


def test_a_todo_that_nobody_sees_afterwards_is_a_red_proof(serve: Any) -> None:
    steps = [*ENTRY, {**TOKEN, "keep": {"token": "token"}}, adding("api", bearer="token")]
    played = play(steps, {"page": serve(Page), "api": serve(Api, forgets=True)})
    assert played[-1] == ("see the todo", 200, "the answer does not hold", True)


def test_a_page_that_hands_calls_on_is_asked_below_its_own_path(serve: Any) -> None:
    played = play([*ENTRY, adding("page", under="/api/proxy")], {"page": serve(Page)})
    assert [name for name, _, problem, _ in played if not problem] == [
        "register",
        "log in",
        "add a todo",
        "see the todo",
    ]


def test_a_page_that_answers_nowhere_is_not_judged(serve: Any) -> None:
    page = serve(Page)
    assert journey.todo(Browser(page), adding("page", under="/"), page, [TOLD]) == []
    assert journey.todo(Browser(page), adding("page"), page, [None, {"paths": {}}]) == []


def test_a_body_that_was_inferred_wrongly_is_no_fault_of_the_app(serve: Any) -> None:
    steps = [*ENTRY, {**TOKEN, "keep": {"token": "token"}}, adding("api", bearer="token", path="/api/u8/tasks")]
    played = play(steps, {"page": serve(Page), "api": serve(Api)})
    assert played[-1][:2] == ("add a todo", 404) and not played[-1][3]


class Asking(Page):
    """A server whose document says nothing of bodies, and which names what it misses, one field after another."""

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        missing = {"loc": ["body", "due_date"], "type": "missing", "msg": "Field required"}
        if "due_date" not in sent:
            self._answer(422, {"detail": [missing]})
        elif "note" not in sent:
            self._answer(400, {"error": "Note is required"})
        else:
            self._answer(200, sent)


def test_what_a_server_says_to_miss_is_added_to_what_was_inferred(serve: Any) -> None:
    steps = journey.infer({"paths": {"/todos": {"post": {}}}}, "api")
    assert steps[0]["json"] == {"title": "{todo}"}
    server = serve(Asking)
    (added,) = journey.play(Browser(server), steps, lambda _: server, named=False)
    assert (added.name, added.status, added.problem) == ("add a todo", 200, "")
    (added,) = journey.play(Browser(server), steps, lambda _: server, named=True)
    assert added.status == 422 and added.sure, "what somebody wrote is sent as it is"


@pytest.mark.parametrize(
    ("status", "said", "names"),
    [
        (400, {"detail": "Failed to create task: 'title'"}, {"title"}),
        (400, {"message": "Missing required field: user_id"}, {"user_id"}),
        (400, {"issues": [{"path": ["title"], "message": "Required"}, {"path": ["at"], "message": "Bad"}]}, {"title"}),
        (422, {"detail": [{"loc": ["body", "title"], "type": "string_too_short", "msg": "too short"}]}, set()),
        (400, {"detail": "Email already registered"}, set()),
        (401, {"detail": "Token is required"}, set()),
        (400, "no JSON", set()),
    ],
)
def test_the_fields_that_a_server_misses_are_read_from_its_answer(status: int, said: Any, names: set[str]) -> None:
    assert journey.lacked(Answer(status, json.dumps(said))) == names


def test_a_routes_own_path_is_asked_where_no_document_tells_of_todos() -> None:
    steps = journey.todo(Browser("http://x"), adding("page", path="/api/tasks"), "http://x", [])
    assert [(one["method"], one["path"], one.get("json")) for one in steps] == [
        ("POST", "/api/tasks", {"title": "{todo}"}), ("GET", "/api/tasks", None),
    ]  # fmt: skip


@pytest.mark.parametrize(("place", "path"), [("path", "/api/{userId}/todos"), ("query", "/todos")])
def test_whose_todo_it_is_stands_in_the_path_or_behind_it(place: str, path: str) -> None:
    asked = {"parameters": [{"name": "userId", "in": place, "required": True}, {"name": "page", "in": "query"}]}
    steps = journey.infer({"paths": {path: {"post": {**BODY, **asked}, "get": asked}}}, "api")
    wanted = "/api/{user_id}/todos" if place == "path" else "/todos?userId={user_id}"
    assert [(one["name"], one["path"]) for one in steps] == [("add a todo", wanted), ("see the todo", wanted)]


def token(algorithm: str) -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")
    return f"{head}.e30.c2ln"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ('sqlalchemy.exc.ProgrammingError: relation "tasks" does not exist', "the table tasks is not there"),
        ("jose.exceptions.JWTError: Signature verification failed.", "by another secret than the page signs them with"),
        ("WARNING jwt.exceptions.InvalidAlgorithmError: The specified alg value is not allowed", "signed by EdDSA"),
        ("Failed to fetch JWKS: [Errno 111] Connection refused", "it cannot fetch the keys that the page signs with"),
        ("jwt.exceptions.DecodeError: Not enough segments", "and the page sends none"),
        ('insert violates foreign key constraint "task_user_id_fkey"', "people of another table than the page's"),
        ("Traceback:\n  File x, line 1\nRuntimeError: the cache is cold", "RuntimeError: the cache is cold"),
        ('INFO: 10.0.0.1 - "POST /api/tasks" 401', ""),
    ],
)
def test_the_cause_is_told_by_the_servers_own_words(log: str, said: str) -> None:
    found = causes.cause("status 401: Could not validate credentials", log.splitlines(), token("EdDSA"))
    assert said in found and bool(said) is bool(found)


@pytest.mark.parametrize(("text", "algorithm"), [(token("HS256"), "HS256"), ("0paque", ""), ("", ""), ("a.b.c", "")])
def test_what_signs_a_token_is_read_from_its_head(text: str, algorithm: str) -> None:
    assert causes.algorithm(text) == algorithm


class Kubectl:
    """A cluster whose one server has this document and this log."""

    def __init__(self, document: Any, log: str) -> None:
        self.document, self.log = document, log

    def ask(self, *words: str) -> Result:
        assert words[0] == "logs"
        return Result(0, self.log if "app.kubernetes.io/name=api" in words else "")

    def proxy_get(self, namespace: str, service: str, port: int, path: str) -> Result:
        return Result(0, json.dumps(self.document)) if (service, path) == ("api", "/openapi.json") else Result(1, "")


def prove_journey(serve: Any, document: Any, log: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    ports = {"page": serve(Page).rpartition(":")[2], "api": serve(Api).rpartition(":")[2]}
    services = [SimpleNamespace(name=name, port=80, address=name, label="") for name in ports]
    addresses = [SimpleNamespace(service=name, port=port) for name, port in ports.items()]
    app = SimpleNamespace(addresses=addresses, journey=(*ENTRY, adding("api")), plays=True)
    settings = SimpleNamespace(app=app, page=services[0], services=services)
    session = SimpleNamespace(settings=settings, kubectl=Kubectl(document, log))
    problems: list[str] = []
    run: Any = SimpleNamespace(session=session, namespace="x")
    told = list(prove._played(run, Browser(f"http://localhost:{ports['page']}"), problems))
    return [(one.target, one.status, one.detail) for one in told], problems


def test_a_red_proof_names_the_cause_that_the_servers_log_holds(serve: Any) -> None:
    told, problems = prove_journey(serve, TOLD, "INFO: started\njose.JWTError: Signature verification failed.\n")
    assert [(name, status) for name, status, _ in told] == [
        ("register", "done"), ("log in", "done"), ("add a todo", "failed"),
    ]  # fmt: skip
    assert problems == [
        'add a todo: status 401: {"detail": "Could not validate credentials"}; it checks tokens by another secret than'
        " the page signs them with: both have to have the same"
    ]


class Broken(Page):
    def do_POST(self) -> None:
        self._answer(500, {})


def test_a_page_that_cannot_take_a_new_person_is_told_with_the_cause_of_its_log(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Page, "do_POST", Broken.do_POST)
    log = 'ERROR [Better Auth]: relation "account" does not exist\n'
    told, problems = prove_journey(serve, TOLD, log)
    assert told[-1][:2] == ("register", "failed")
    assert "the table account is not there: no job makes it" in problems[0]


@pytest.mark.parametrize(
    ("api", "said"),
    [("", "the column due is not there"), ('relation "task" does not exist', "the table task is not there")],
)
def test_a_page_that_keeps_the_todos_itself_tells_their_cause_where_nobody_behind_it_does(api: str, said: str) -> None:
    logs = {"api": api, "page": 'error: column "due" of relation "task" does not exist'}
    services = [SimpleNamespace(name=name, port=80, label="") for name in logs]

    def ask(*words: str) -> Result:
        return Result(0, logs[words[words.index("--selector") + 1].rpartition("=")[2]])

    session = SimpleNamespace(
        settings=SimpleNamespace(page=services[1], services=services), kubectl=SimpleNamespace(ask=ask)
    )
    run: Any = SimpleNamespace(session=session, namespace="x")
    told = prove._explained(run, journey.Played("add a todo", 500, "status 500: failed", service="page"), 2.5)
    assert said in told


def test_what_is_written_of_the_request_comes_before_what_a_server_said_when_it_started() -> None:
    """Another server's log holds an error of its start, which it went on with."""
    started = "psycopg2.errors.InFailedSqlTransaction: current transaction is aborted\n(Background on this error at: x)"
    logs = {"api": (started, ""), "page": ("ready", 'error: null value in column "done" violates not-null constraint')}
    services = [SimpleNamespace(name=name, port=80, label="") for name in logs]

    def ask(*words: str) -> Result:
        before, since = logs[words[words.index("--selector") + 1].rpartition("=")[2]]
        return Result(0, since if "--since=4s" in words else f"{before}\n{since}")

    session = SimpleNamespace(
        settings=SimpleNamespace(page=services[1], services=services), kubectl=SimpleNamespace(ask=ask)
    )
    run: Any = SimpleNamespace(session=session, namespace="x")
    told = prove._explained(run, journey.Played("add a todo", 500, "status 500", service="page"), 2.5)
    assert told == 'status 500; error: null value in column "done" violates not-null constraint'


def test_a_server_that_tells_nothing_of_itself_is_not_judged_and_that_is_said(serve: Any) -> None:
    told, problems = prove_journey(serve, {}, "")
    assert told[-1][:2] == ("add a todo", "skipped") and told[-1][2].startswith("cannot tell: ")
    assert not problems


@pytest.mark.parametrize(
    ("absent", "entered", "well"),
    [([], [], True), (["http://localhost:8000/get-session"], list(forms.STEPS[:2]), True),
     (["http://localhost:8000/get-session"], [forms.STEPS[0]], False)],
)  # fmt: skip
def test_who_calls_what_is_not_there_has_to_let_a_person_in_by_its_forms(
    monkeypatch: pytest.MonkeyPatch, absent: list[str], entered: list[str], well: bool
) -> None:
    """What its server takes is not enough then: the page may end a log-in with just that call."""

    def ends(value: Any) -> Any:
        def stage(*told: Any) -> Any:
            yield from ()
            return value

        return stage

    played = {"register": "", journey.SEEING: ""}
    stages = {"_called": [], "_opened": absent, "_asked": None, "_played": played, "_by_forms_once": entered}
    for name, value in stages.items():
        monkeypatch.setattr(prove, name, ends(value))
    monkeypatch.setattr(prove, "addresses", Mock(serve=ends(None), of_page=lambda session: "http://localhost:3000"))
    made = prove.prove(Mock(dry=False), Live())
    if well:
        assert list(made) == []
        return
    with pytest.raises(UserError, match="get-session, which its server does not have"):
        list(made)


@pytest.mark.parametrize(("browser", "told"), [("", []), ("chromium", ["skipped"])])
def test_the_forms_are_played_where_a_server_took_a_person_in_as_well(
    monkeypatch: pytest.MonkeyPatch, browser: str, told: list[str]
) -> None:
    """What a server takes the page may never ask: so a page of mock-ups was green."""
    monkeypatch.setattr(prove.chromium, "find", lambda: browser)
    monkeypatch.setattr(prove.tab, "browser", Mock(side_effect=tab.Lost))
    run = Mock(dry=False)
    run.session.settings.app.plays = True

    def well(*told: Any) -> Any:
        yield from ()
        return {"register": "/register", journey.SEEING: "/todos"}

    def nothing(*told: Any) -> Any:
        yield from ()
        return []

    for name in ("_called", "_opened", "_asked"):
        monkeypatch.setattr(prove, name, nothing)
    monkeypatch.setattr(prove, "_played", well)
    monkeypatch.setattr(prove, "addresses", Mock(serve=nothing, of_page=lambda session: "http://localhost:3000"))
    found = list(prove.prove(run, Live()))
    assert [one.status for one in found] == told and all(one.detail.startswith("not proved") for one in found)


def test_forms_that_went_well_are_played_again_when_anything_is_another_revision(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An unchanged run does not start a browser for what is proved; what failed is not proved."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(prove, "installation", lambda session, record: record["first"])
    outcomes: list[str] = []
    goes_well = list(forms.STEPS)

    def play(*told: Any) -> Any:
        outcomes.append("played")
        yield from ()
        return goes_well

    monkeypatch.setattr(prove, "_by_forms", play)
    run = Mock()
    run.session.settings.release.name = "todo"

    def once(revision: int, url: str = "http://localhost:3000", first: str = "monday") -> Any:
        outcomes.clear()
        live = Live({"todo": revision, "database": 1}, records={"todo": {"first": first}} if first else {})
        outcomes.extend(one.status for one in prove._by_forms_once(run, live, Mock(), url, [], False))
        return outcomes[0]

    goes_well.pop()
    assert [once(1), once(1)] == ["played", "played"]
    goes_well.append(forms.STEPS[-1])
    assert [once(1), once(1), once(2), once(2)] == ["played", "unchanged", "played", "unchanged"]
    assert [once(2, "http://localhost:3001"), once(2, first="sunday"), once(2, first="")] == ["played"] * 3
    assert once(2, first="sunday") == "unchanged"
    run.builders = None  # who asks for the proof alone, by `invoke prove`, gets it
    assert once(2, first="sunday") == "played"
    run.builders = Mock()
    prove.proved._file().write_text("[")
    assert once(2, first="sunday") == "played"


@pytest.mark.parametrize(
    ("problem", "remedy"),
    [("add a todo: status 500: failed; File \"/app/tasks.py\", line 7, in create", "sources"),
     (f"log in by its form: {forms.FORGETS}", "the page's own sources"),
     ("the page calls http://localhost:8000: nobody answers", "addresses")],
)  # fmt: skip
def test_a_server_that_was_reached_and_failed_is_mended_in_its_sources(problem: str, remedy: str) -> None:
    assert remedy in prove._remedy(Mock(), [problem])
