"""Take the first steps of a person by the page's own forms, in a browser: whatever the page does with what is typed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from scripts.host import parsing
from scripts.pipeline.person import journey
from scripts.pipeline.person.tab import Sent

STEPS = ("register by its form", "log in by its form", "add a todo by its form")
UP = r"^\W*(sign\s*-?up|register|create (an? |your |my )?(new )?account|get started|join|don.t have)"
IN = r"^\W*(log\s*-?in|sign\s*-?in)"
FORGETS = "its server takes the log-in, and the page goes on asking who it is"
NEW = r"^\W*(add|new|create)\b|^\+$"
USUAL = ("/signup", "/register", "/login")  # where a page that answers by any name may have its forms
INSIDE = ("", "/dashboard", "/tasks", "/todos")  # where todos are, beside where the log-in leads; the page's own first
TODOS = r"/(to-?dos?|tasks?)/?$"  # where a link leads that is about them
SECONDS = 150.0  # for all of it
PRESSES = 3  # that may lead from a page to the form


class Page(Protocol):
    """A page in a browser, as far as it is needed here."""

    def open(self, url: str) -> None:
        """Open an address, and wait for it."""

    def run(self, script: str) -> Any:
        """Return what a script in the page comes to."""

    def settle(self) -> None:
        """Wait until the page does nothing more."""

    def sent(self) -> list[Sent]:
        """Return the requests that changed something since the last time."""


@dataclass(frozen=True)
class Step:
    """A step and how it ended: `problem` is empty where it went well; `sure` says that it is the app's fault."""

    name: str
    problem: str = ""
    sure: bool = False


@cache
def _script() -> str:
    return Path(__file__).with_name("forms.js").read_text(encoding="utf-8").rstrip().rstrip(";")


def _do(page: Page, call: str, *told: Any) -> Any:
    """Call one of the functions of forms.js in the page."""
    return page.run(f"{_script()}.{call}({', '.join(json.dumps(one) for one in told)})")


def play(new: Page, known: Page, base: str, places: Sequence[str] = ()) -> Iterator[Step]:
    """Register on one page, then log in and add a todo on another that does not know the person; until a step fails.

    `places` are paths where forms may be, beside what links and buttons of the first page lead to.
    """
    who = journey.person()
    register, log_in, add = STEPS
    found = _form(new, base, places or USUAL, up=True)
    if found is not True:
        new.open(f"{base}/")
        if found is None and not _added(new, base, who["todo"])[0]:  # everybody may
            yield Step(add)
        else:
            yield Step(register, "no page that was looked at shows a form for somebody who is new")
        return
    problem, sure = _entered(new, who)
    if problem:
        yield Step(register, problem, sure)
        return
    yield Step(register)
    if not _form(known, base, places or USUAL, up=False):
        yield Step(log_in, "no page that was looked at shows a form to log in by")
        return
    problem, sure = _entered(known, who)
    if not problem and (state := _state(known)).get("asks"):
        said = str(state.get("says", ""))
        if said or _asks_again(known, base):
            problem, sure = said or FORGETS, not said
    if problem:
        yield Step(log_in, problem, sure)
        return
    yield Step(log_in)
    yield Step(add, *_added(known, base, who["todo"]))


_REFUSED = re.compile(r"\w+ (http\S+): status (?:404|405)\b")
_LIKE = dict(zip(STEPS, (journey.REGISTER, journey.LOGIN, journey.ADD), strict=True))


def asked(step: Step) -> str:
    """Return the address that a form was sent to and that is not there; empty where that is not the problem."""
    found = _REFUSED.match(step.problem)
    return found[1] if found else ""


def unserved(step: Step, service: str, paths: Sequence[str], said: str) -> Step:
    """Return a step whose form is sent to where a service, by all that it tells of its `paths`, takes nothing: that is
    sure, and the page's fault. `said` is the file and line where the page says so.
    """
    path = parsing.from_url(asked(step)).path
    if not paths or any(re.fullmatch(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(one)), path) for one in paths):
        return step
    near = next((one for one in paths if _LIKE[step.name].search(one)), "")
    has = f"; it has {near}: change either of them" if near else ""
    where = f" ({said})" if said else ""
    return Step(step.name, f"{step.problem}; {service} has no {path}, which the page calls{where}{has}", sure=True)


def place_of(folder: Path, path: str) -> str:
    """Return the file and line below a folder that first name a path, or the end of it; empty where none does."""
    ends = [path[at.start() :] for at in re.finditer("/", path)]
    texts: list[tuple[Path, str]] = []
    for inner, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _MADE)
        files = [Path(inner, name) for name in sorted(names) if Path(name).suffix in _SOURCES]
        texts += [(file, file.read_text(encoding="utf-8", errors="replace")) for file in files if file.is_file()]
    for end in ends:
        for file, text in texts:
            if found := re.search(rf"{re.escape(end)}[\"'`]", text):
                return f"{file}:{text.count(chr(10), 0, found.start()) + 1}"
    return ""


_SOURCES = {".ts", ".tsx", ".js", ".jsx", ".mjs", ".vue", ".svelte"}
_MADE = {"node_modules", ".next", "dist", "build"}


def _state(page: Page) -> dict[str, Any]:
    for _ in range(2):  # a page that is left just then tells nothing
        if isinstance(found := _do(page, "state"), dict):
            return found
        page.settle()
    return {}


def _form(page: Page, base: str, places: Sequence[str], *, up: bool) -> bool | None:
    """Open the page at a form that asks for a password, of somebody new or known. False where there are only others,
    None where nothing asks for one.
    """
    other: bool | None = None
    named = sorted(places, key=lambda one: bool(re.search(r"sign-?up|register", one)) is not up)
    for place in ("/", *named):
        page.open(base + place)
        for press in range(PRESSES + 1):
            state = _state(page)
            if state.get("asks"):
                other = False
                if bool(state.get("isNew")) is up:
                    return True
            if press == PRESSES or not _do(page, "press", UP if up else IN):
                break
            page.settle()
    return other


def _entered(page: Page, who: dict[str, str]) -> tuple[str, bool]:
    """Fill a form in and send it, once more where a page was not ready for it; return what is wrong, and whether that
    is the app's fault.
    """
    page.sent()
    answers: list[Sent] = []
    for _ in range(2):
        if not _do(page, "enter", who):
            break
        _do(page, "submit")
        page.settle()
        if answers := _own(page):
            break
    state = _state(page)
    if not answers:
        return str(state.get("says") or "nothing is sent when its button is pressed"), False
    bad = None if 0 < answers[-1].status < 400 else answers[-1]  # what went before kept nobody from sending the last
    if not bad or state.get("asks") is False:  # who is let in was not refused
        return "", False
    said = str(state.get("says", ""))
    what = f"status {bad.status}" if bad.status else "no answer"
    text = f"{bad.method} {bad.url.split('?')[0]}: {what}"
    return f"{text}: {said}" if said else text, _failed(bad)


def _asks_again(page: Page, base: str) -> bool:
    """Return whether the first page, opened anew by who has just logged in, leads to the form to log in by again."""
    page.open(f"{base}/")
    if not _state(page).get("asks") and _do(page, "press", IN):
        page.settle()
    return bool(_state(page).get("asks"))


def _failed(bad: Sent) -> bool:
    """Return whether that is the app's fault, whatever was sent: nobody answers where it goes, nobody may be asked from
    the page, or the server fails.
    """
    return not bad.status or bad.status >= 500


def _own(page: Page) -> list[Sent]:
    """Return what was sent to the app, which is on this machine, and not to others that count visitors."""
    return [one for one in page.sent() if parsing.from_url(one.url).hostname in ("localhost", "127.0.0.1")]


_UNFILLED = (400, 422)  # of a server to whom an empty field is no value


def _sent_with(page: Page) -> tuple[Sent | None, bool]:
    """Send the form for a todo; return what of it was refused, and whether anything was sent."""
    page.sent()
    _do(page, "add")
    page.settle()
    sent = _own(page)
    return next((one for one in sent if not 0 < one.status < 400), None), bool(sent)


def _added(page: Page, base: str, todo: str) -> tuple[str, bool]:
    """Add a todo where the page has a field for one, and see it there when the page is opened again."""
    problem = "no page that was looked at has a field for a todo"
    linked = _do(page, "links", TODOS) or ()
    for place in dict.fromkeys(("", *linked, *INSIDE)):
        if place:
            page.open(base + place)
        for attempt in range(2):
            if _do(page, "write", todo):
                bad, sent = _sent_with(page)
                if bad and bad.status in _UNFILLED and _do(page, "write", todo, True):
                    bad, sent = _sent_with(page)
                page.run("location.reload()")
                page.settle()
                if _do(page, "holds", todo):
                    return ("", False) if sent else ("the browser alone keeps the todo: no server is sent it", False)
                if bad:
                    what = f"status {bad.status}" if bad.status else "no answer"
                    return f"{bad.method} {bad.url.split('?')[0]}: {what}", _failed(bad)
                problem = "the todo is not there when the page is opened again"
                break
            if attempt or not _do(page, "press", NEW):
                break
            page.settle()
    return problem, False
