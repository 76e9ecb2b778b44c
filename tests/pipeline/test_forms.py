"""Play a person by the page's own forms: what is decided, on made-up pages, and by a browser where there is one."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.host.shell import Shell
from scripts.pipeline.person import chromium, forms, tab
from scripts.pipeline.person.forms import STEPS
from scripts.pipeline.person.tab import Sent
from tests.support.serving import serving


class Made:
    """A made-up page: forms by path, and what an answer to each request is."""

    def __init__(
        self, places: dict[str, dict[str, Any]], leads: dict[str, str] | None = None, status: int = 200
    ) -> None:
        self.places, self.leads, self.status = places, leads or {}, status
        self.path, self.done, self.todos = "/", list[str](), list[str]()
        self._sent: list[Sent] = []

    def open(self, url: str) -> None:
        self.path = url.removeprefix("http://localhost") or "/"

    def settle(self) -> None:
        pass

    def sent(self) -> list[Sent]:
        found, self._sent = self._sent, []
        return found

    def run(self, script: str) -> Any:
        match = re.search(r"\}\)\(\)\.(\w+)\((.*)\)$", script, re.DOTALL)
        if not match:
            return None
        told = json.loads(f"[{match[2]}]")
        here = self.places.get(self.path, {})
        if match[1] == "press" and (to := self.leads.get(self.path)) and re.search(told[0], to.strip("/"), re.I):
            self.path = to
            return True
        if match[1] == "submit":
            self._sent.append(Sent("POST", "https://visitors.example/count", 0))
            self._sent.append(Sent("POST", f"http://localhost{self.path}?a=b", self.status))
            self.path = "/in" if self.status < 400 else self.path
        if match[1] == "add":
            self._sent.append(Sent("POST", "http://localhost/add", self.status))
            self.todos += [self.done.pop()] if self.status < 400 else []
        if match[1] == "write" and here.get("takes"):
            self.done.append(told[0])
        answers = {
            "state": here,
            "enter": bool(here.get("asks")),
            "write": bool(here.get("takes")),
            "holds": bool(told) and told[0] in self.todos,
            "links": here.get("links", []),
        }
        return answers.get(match[1], False)


NEW, KNOWN, INSIDE = {"asks": True, "isNew": True}, {"asks": True, "says": "who are you?"}, {"takes": True}


def names_and_problems(new: Made, known: Made) -> list[tuple[str, str, bool]]:
    return [(one.name, one.problem, one.sure) for one in forms.play(new, known, "http://localhost")]


def test_a_person_finds_the_forms_and_sees_the_todo_when_the_page_is_opened_again() -> None:
    places = {"/signup": NEW, "/login": KNOWN, "/in": INSIDE}
    new = Made(places, {"/": "/login", "/login": "/signup"})  # the link on the first page leads to the wrong form
    assert names_and_problems(new, Made(places)) == [(name, "", False) for name in STEPS]


def test_a_server_that_fails_is_the_apps_fault_and_is_named_by_its_address() -> None:
    new = Made({"/register": NEW}, status=500)
    assert names_and_problems(new, Made({})) == [(STEPS[0], "POST http://localhost/register: status 500", True)]


def test_a_refusal_may_be_ours_and_is_told_in_the_pages_words() -> None:
    places = {"/register": NEW, "/login": KNOWN}
    told = names_and_problems(Made(places), Made(places, status=401))
    assert told[1:] == [(STEPS[1], "POST http://localhost/login: status 401: who are you?", False)]


def test_who_is_refused_is_not_taken_for_let_in_where_the_page_then_tells_nothing() -> None:
    class Silent(Made):
        def run(self, script: str) -> Any:
            return None if ".state(" in script and len(self.path) > 1 and self.pressed else super().run(script)

        def sent(self) -> list[Sent]:
            found = super().sent()
            self.pressed = bool(found)
            return found

        pressed = False

    (step,) = forms.play(Silent({"/register": NEW}, status=404), Made({}), "http://localhost")
    assert step.problem == "POST http://localhost/register: status 404"


def test_a_page_without_accounts_gets_its_todo_from_anybody() -> None:
    places = {"/": INSIDE}
    assert names_and_problems(Made(places), Made(places)) == [(STEPS[2], "", False)]


def test_a_field_that_need_not_be_filled_is_where_a_server_does_not_take_it_empty() -> None:
    class Picky(Made):
        def run(self, script: str) -> Any:
            if ".write(" in script or ".submit(" in script:
                self.status = 200 if ", true)" in script or ".submit(" in script else 422
            return super().run(script)

    places = {"/signup": NEW, "/login": KNOWN, "/in": INSIDE}
    assert names_and_problems(Picky(places), Picky(places)) == [(name, "", False) for name in STEPS]


def test_what_a_page_asks_on_the_way_and_does_without_refuses_nobody() -> None:
    """As whether a password is known to thieves, of a server that has no answer to it."""

    class Asking(Made):
        def run(self, script: str) -> Any:
            if ".submit(" in script:
                self._sent.append(Sent("POST", "http://localhost/known-to-thieves", 404))
            return super().run(script)

    places = {"/signup": NEW, "/login": KNOWN, "/in": INSIDE | {"asks": True}}  # it leads to the log-in
    steps = names_and_problems(Asking(places), Asking({**places, "/in": INSIDE}))
    assert steps == [(name, "", False) for name in STEPS]


def test_todos_are_added_where_a_link_of_the_page_says_that_they_are() -> None:
    places = {"/signup": NEW, "/login": KNOWN, "/in": {"links": ["/in/tasks"]}, "/in/tasks": INSIDE}
    assert names_and_problems(Made(places), Made(places)) == [(name, "", False) for name in STEPS]


def test_a_page_that_shows_no_form_proves_nothing() -> None:
    (step,) = forms.play(Made({}), Made({}), "http://localhost")
    assert step.name == STEPS[0] and "shows a form" in step.problem and not step.sure


@pytest.mark.parametrize("step", [0, 2])
def test_a_form_that_nobody_answers_is_the_apps_fault(step: int) -> None:
    """As where its address leads nowhere, or its server may not be asked from the page."""
    places = {"/register": NEW, "/login": KNOWN, "/in": INSIDE}

    class Unheard(Made):
        def run(self, script: str) -> Any:
            told = super().run(script)
            if script.endswith((".submit()", ".add()")[step > 0]):
                self._sent[-1] = Sent("POST", self._sent[-1].url, 0)
                self.todos.clear()
                self.path = self.path if step else "/register"
            return told

    *_, last = forms.play(Unheard(places), Unheard(places), "http://localhost")
    assert last.name == STEPS[step] and last.problem.endswith("no answer") and last.sure


@pytest.mark.parametrize(
    ("says", "first", "leads", "told"),
    [
        ("", KNOWN, {}, ("its server takes the log-in, and the page goes on asking who it is", True)),
        ("", {}, {"/": "/login"}, ("its server takes the log-in, and the page goes on asking who it is", True)),
        ("", {"takes": True}, {}, ("", False)),  # it is slow to go on: opened anew it knows the person
        ("confirm your mail", KNOWN, {}, ("confirm your mail", False)),  # what it waits for nobody here can do
    ],
)
def test_a_page_that_forgets_at_once_who_has_logged_in_is_at_fault(
    says: str, first: dict[str, Any], leads: dict[str, str], told: tuple[str, bool]
) -> None:
    """As one that keeps the token under one name and looks for it under another."""

    class Staying(Made):
        def run(self, script: str) -> Any:
            told = super().run(script)
            if script.endswith(".submit()"):
                self.path = "/login"
                self.places["/"], self.leads = first, leads
            return told

    places = {"/register": NEW, "/login": {"asks": True, "says": says}}
    known = Staying({**places}, {"/": "/login"})
    steps = [(one.problem, one.sure) for one in forms.play(Made({**places, "/in": {}}), known, "http://localhost")]
    assert steps[1] == told and (len(steps) == 3) is (told[0] == "")


def test_a_todo_that_the_browser_alone_keeps_is_not_proved() -> None:
    """A page may be made for a server that it never asks: whoever looks from elsewhere has no todo."""

    class Alone(Made):
        def run(self, script: str) -> Any:
            told = super().run(script)
            if script.endswith(".add()"):
                self._sent.clear()
            return told

    places = {"/register": NEW, "/login": KNOWN, "/in": INSIDE}
    *_, last = forms.play(Made(places), Alone(places), "http://localhost")
    assert last.name == STEPS[2] and "no server is sent it" in last.problem and not last.sure


def test_a_todo_that_is_gone_is_not_proved() -> None:
    class Forgetful(Made):
        def run(self, script: str) -> Any:
            return False if ".holds(" in script else super().run(script)

    places = {"/register": NEW, "/login": KNOWN, "/in": INSIDE}
    *_, last = forms.play(Made(places), Forgetful(places), "http://localhost")
    assert last.problem == "the todo is not there when the page is opened again" and not last.sure


PAGE = """<!doctype html><title>todos</title><div id="r"></div><script>
const r = document.getElementById("r");
const call = async (path, told) => {
  const answer = await fetch(path, { method: told ? "POST" : "GET", body: told && JSON.stringify(told) });
  return [answer.ok, await answer.json()];
};
const ask = (isNew) => {
  const go = isNew ? "Go" : "Get started";
  r.innerHTML = `<nav><a href="#">Get started</a></nav><form><input type="email" placeholder="Our newsletter"></form>
    <form>${isNew ? `<label>Full name <input required pattern="[A-Za-z ]+"></label>` : ""}<input type="email" required>
    <input type="password" required><svg class="red-icon" width="9" height="9"></svg><p role="alert"></p>
    <span role="checkbox" aria-checked="false">I agree</span><button type="button">Show</button><button>${go}</button>
    <button>Continue with Google</button></form><a class="other" href="#">${isNew ? "Log in" : "Sign up"}</a>`;
  r.querySelector(".other").onclick = (event) => { event.preventDefault(); ask(!isNew); };
  const agreed = () => r.querySelector("[role=checkbox]");
  agreed().onclick = () => { agreed().ariaChecked = "true"; };
  r.querySelector("form + form").onsubmit = async (event) => {
    event.preventDefault();
    if (event.submitter.innerText !== go || agreed().ariaChecked !== "true") return;
    const [email, password] = ["email", "password"].map((kind) => r.querySelector(`form + form [type=${kind}]`).value);
    const [well, answer] = await call(isNew ? "/a1" : "/b2", { email, password });
    if (well) show(); else r.querySelector("[role=alert]").textContent = answer;
  };
};
const show = async () => {
  const [well, todos] = await call("/list");
  if (!well) return ask(false);
  if (location.pathname === "/") {
    r.innerHTML = `<a href="https://elsewhere.example/tasks">Theirs</a><a href="/mine/tasks">Mine</a>`;
    return;
  }
  r.innerHTML = `<ul>${todos.map((todo) => `<li>${todo}</li>`).join("")}</ul><input placeholder="Search">
    <form><input placeholder="Describe what needs to be done"><button>Add</button></form>`;
  r.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    await call("/c3", { todo: event.target[0].value });
    show();
  };
};
show();
</script>"""


class Small(BaseHTTPRequestHandler):
    """A page whose people are known by a cookie, and which tells nobody how it is called."""

    people: dict[str, str] = {}  # noqa: RUF012 one server a test
    known: dict[str, str] = {}  # noqa: RUF012
    todos: dict[str, list[str]] = {}  # noqa: RUF012
    refuses = False

    def log_message(self, *words: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/list":
            self._answer(200, self.todos.get(self._who, [])) if self._who else self._answer(401, "who are you?")
        else:
            self._answer(200 if self.path in ("/", "/mine/tasks") else 404, PAGE, "text/html")

    def do_POST(self) -> None:
        if self.refuses:
            self._answer(404, "nobody is here")
            return
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/c3":
            self.todos.setdefault(self._who, []).append(told["todo"])
            self._answer(201, "")
            return
        if self.path == "/a1":
            self.people[told["email"]] = told["password"]
        well = self.people.get(told["email"]) == told["password"]
        key = secrets.token_hex(4)
        self.known |= {key: told["email"]} if well else {}
        self._answer(200 if well else 401, "nobody knows you", cookie=f"s={key}; Path=/; HttpOnly")

    @property
    def _who(self) -> str:
        return self.known.get(self.headers.get("Cookie", "").partition("s=")[2], "")

    def _answer(self, status: int, body: Any, kind: str = "application/json", cookie: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write((body if kind == "text/html" else json.dumps(body)).encode())


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[str]:
    made = type("Own", (Small,), {"people": {}, "known": {}, "todos": {}, "refuses": getattr(request, "param", False)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    with serving(server):
        yield f"http://localhost:{server.server_port}"


@pytest.mark.skipif(not chromium.find(), reason="no Chromium on this machine")
def test_a_browser_fills_in_what_a_page_asks_for(page: str, tmp_path: Path) -> None:
    with tab.browser(Shell(echo=lambda line: None), chromium.find(), tmp_path, forms.SECONDS) as chrome:
        new, known = chrome.tab(), chrome.tab()
        assert [(one.name, one.problem) for one in forms.play(new, known, page)] == [(name, "") for name in STEPS]


@pytest.mark.skipif(not chromium.find(), reason="no Chromium on this machine")
@pytest.mark.parametrize("page", [True], indirect=True)
def test_a_browser_tells_the_words_that_a_page_refuses_a_person_with(page: str, tmp_path: Path) -> None:
    """Beside them is an icon, which has no words."""
    with tab.browser(Shell(echo=lambda line: None), chromium.find(), tmp_path, forms.SECONDS) as chrome:
        (step,) = forms.play(chrome.tab(), chrome.tab(), page)
        assert step.problem == f"POST {page}/a1: status 404: nobody is here"


@pytest.mark.slow
def test_a_browser_that_ends_by_itself_is_lost(tmp_path: Path) -> None:
    with pytest.raises(tab.Lost), tab.browser(Shell(echo=lambda line: None), "true", tmp_path, forms.SECONDS) as chrome:
        chrome.tab()


def test_a_form_that_is_sent_to_what_no_server_takes_is_the_pages_fault_with_file_and_line(tmp_path: Path) -> None:
    refused = forms.Step(STEPS[0], "POST http://localhost:8000/api/auth/signup: status 404: Not Found")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/auth.ts").write_text("// people\nclient.post('/auth/signup', person)\n")
    said = forms.place_of(tmp_path, "/api/auth/signup")
    assert said == f"{tmp_path}/lib/auth.ts:2"
    told = forms.unserved(refused, "api", ["/", "/api/auth/register", "/api/todos/{id}"], said)
    assert told.sure and told.problem.endswith(
        f"api has no /api/auth/signup, which the page calls ({said}); it has /api/auth/register: change either of them"
    )
    assert forms.unserved(refused, "api", ["/api/{part}/signup"], said) == refused  # it knows that path
    assert forms.unserved(refused, "api", [], said) == refused  # it tells nothing


def _settled(monkeypatch: pytest.MonkeyPatch, told: dict[float, dict[str, Any]], times: int = 1) -> float:
    """Return the seconds after which a page is taken for done of which this is told, by second, at the last of so many
    times that it is waited for.
    """
    now = [0.0]
    monkeypatch.setattr(tab, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class Talk:
        def hear(self, seconds: float) -> bytes | None:
            due = next((at for at in sorted(told) if at > now[0]), None)
            if due is None or due > now[0] + seconds:
                now[0] += seconds
                return None
            now[0] = due
            return json.dumps({**told[due], "sessionId": "a"}).encode()

    chrome = tab.Chrome(Talk())  # type: ignore[arg-type]
    chrome.traffic["a"] = tab._Traffic(endless=chrome.endless)
    page = tab.Tab(chrome, "a")
    for _ in range(times - 1):
        page.settle()
    before = now[0]
    page.settle()
    return now[0] - before


def _begun(number: str, url: str) -> dict[str, Any]:
    return {"method": "Network.requestWillBeSent", "params": {"requestId": number, "request": {"url": url}}}


def test_what_goes_on_from_an_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password takes a second to be checked: the page it leads to is asked for only then."""
    told = {
        0.1: _begun("1", "http://localhost/log-in"),
        1.5: {"method": "Network.loadingFinished", "params": {"requestId": "1"}},
        2.0: _begun("2", "http://localhost/home"),
        2.1: {"method": "Network.loadingFinished", "params": {"requestId": "2"}},
    }
    assert 2.1 < _settled(monkeypatch, told) < 2.1 + 2 * tab.QUIET_SECONDS


def test_what_goes_to_no_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a worker that is started from a text of the page's own, the browser tells no end."""
    assert _settled(monkeypatch, {0.1: _begun("1", "blob:http://localhost/1")}) < 0.1 + 2 * tab.QUIET_SECONDS


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("every", [0.5, 0.0])
def test_what_never_ends_is_waited_for_once(monkeypatch: pytest.MonkeyPatch, times: int, every: float) -> None:
    """A page's news, of which some are asked for each moment, and some come in an answer that goes on."""
    told = {0.1 + at: _begun("1", f"http://localhost/news?{at}") for at in range(0, 60, 1 if every else 20)}
    if every:
        told |= {at + 0.6: _begun("2", f"http://localhost/news?{at}") for at in told}
        ends = {"method": "Network.loadingFinished", "params": {}}
        told |= {at + 0.01: {**ends, "params": {"requestId": one["params"]["requestId"]}} for at, one in told.items()}
    seconds = _settled(monkeypatch, told, times)
    assert (seconds >= tab.LOUD_SECONDS) is (times == 1) and (times == 1 or seconds < 3 * tab.QUIET_SECONDS)


def test_what_is_sent_is_waited_for_even_where_it_is_read_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = _begun("2", "http://localhost/news")
    sent["params"]["request"]["method"] = "POST"
    told = {0.1: _begun("1", "http://localhost/news"), 20.1: sent,
            25.0: {"method": "Network.loadingFinished", "params": {"requestId": "2"}}}  # fmt: skip
    now_on = _settled(monkeypatch, told, 2)
    assert now_on > 4.5
