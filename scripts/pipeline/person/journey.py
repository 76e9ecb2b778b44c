"""Take the first steps of a person: register, log in, add a todo. Named in the app's file, or inferred from OpenAPI."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from scripts.host import parsing
from scripts.pipeline.person.web import Answer, Browser, token_part

ADDING, SEEING = "add a todo", "see the todo"
REGISTER = re.compile(r"(register|sign-?up)/?$")
LOGIN = re.compile(r"(login|sign-?in|token)/?$")
ADD = re.compile(r"(todos?|tasks?|chores?|items?|errands?|notes?)/?$")
_TOOL = re.compile(r"/(mcp|tools?|internal|webhooks?|events?)/|[_-](?:todo|task|chore|item|errand|note)s?/?$")
_OWNER = re.compile(r"(?:user|owner)_?(?:id|Id)")  # names of who a todo belongs to
_TEXT = re.compile(r"title|task|todo|content|text|description")  # names of what is to be done
_KNOWN = {"email": "{email}", "password": "{password}"}
WHO = {"register": _KNOWN | {"name": "{name}", "username": "{name}"}, "log in": _KNOWN}
EVERYBODYS: dict[str, dict[str, Any]] = {**WHO, ADDING: {"title": "{todo}"}}
ANYWHERE = "*."  # before the path of one that lies in any object of an answer
TOKENS = (
    "access_token",
    "token",
    "accessToken",
    *(ANYWHERE + name for name in ("access_token", "accessToken", "token")),
)
PASSING = (0, 502, 503, 504)  # what a person gets while no pod is ready: no answer, or that of what stands before
DOCUMENTS = ("/openapi.json", "/api/openapi.json", "/api/v1/openapi.json")  # where servers tell what they can do
ATTEMPTS, PAUSE_SECONDS = 3, 2.0
HEADER = "header:"  # before the name of one that an answer is to have, where its body's values have dotted paths
MISTAKEN = (400, 404, 405, 409, 415, 422)  # what a server says to one who has inferred wrongly how it is asked
LACKING = 3  # times that what a server says to lack is added: some name one field after another
CLAIMS = ("user_id", "userId", "id", "sub")  # of a signed token, where no answer says who a person is
IDS = ("id", "user_id", "user.id", "userId", "data.id", ANYWHERE + "user.id")


@dataclass(frozen=True)
class Played:
    """One step and how it ended: `problem` is empty where it went well; `sure` says that it is the app's fault.

    `token` is the one that a service was sent, to judge by; it is never told.
    """

    name: str
    status: int
    problem: str = ""
    sure: bool = True
    service: str = ""
    token: str = field(default="", repr=False)


def person() -> dict[str, str]:
    """Return a throw-away person, whom nobody else is."""
    number = secrets.token_hex(6)
    return {
        "email": f"person-{number}@example.com",
        "password": f"Pa55-{number}!",
        "name": f"person{number}",
        "todo": f"something to do {number}",
    }


def play(
    browser: Browser, steps: Sequence[Mapping[str, Any]], where: Callable[[str], str], *, named: bool
) -> Iterator[Played]:
    """Play the steps in order until one fails; `where` gives a service's address. What is inferred may be wrong.

    Where a pod is just not ready, the whole is played again, with another person: no step is done twice. The attempt
    that came farthest is the one that counts.
    """
    played: list[Played] = []
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)  # nothing tells when somebody else's app answers again
        played = max(list(_once(browser, steps, where, named=named)), played, key=len)
        if not played or not played[-1].problem or played[-1].status not in PASSING:
            break
    yield from played


def _once(
    browser: Browser, steps: Sequence[Mapping[str, Any]], where: Callable[[str], str], *, named: bool
) -> Iterator[Played]:
    kept = person()
    for step in steps:
        answer = _send(browser, step, where(step["service"]), kept)
        for _ in range(LACKING if step.get("inferred") or not named else 0):
            lacking = sorted(lacked(answer) - step.get("json", {}).keys())
            if not lacking or step.get("method") == "GET" or "form" in step:
                break
            step = {**step, "json": {**step.get("json", {}), **{name: _value(name, {}, False) for name in lacking}}}
            answer = _send(browser, step, where(step["service"]), kept)
        problem = _problem(step, answer, kept) or (_lacking(step, answer) if named else "")
        mistaken = step.get("inferred") and answer.status in MISTAKEN
        sure = (named and not mistaken) or answer.status == 0 or answer.status >= 500
        yield Played(step["name"], answer.status, problem, sure, step["service"], kept.get(step.get("bearer", ""), ""))
        if problem:
            return
        for name, path in step.get("keep", {}).items():
            value = _found(answer, path)
            if value is not None:
                kept[name] = str(value)
        claims = token_part(kept.get("token", ""), 1)
        number = next((claims[name] for name in CLAIMS if name in claims), None)
        if "user_id" in step.get("keep", {}) and number is not None:
            kept.setdefault("user_id", str(number))


def _send(browser: Browser, step: Mapping[str, Any], base: str, kept: Mapping[str, str]) -> Answer:
    headers = {}
    body = None
    if "json" in step:
        body, headers["Content-Type"] = json.dumps(_filled(step["json"], kept)).encode(), "application/json"
    elif "form" in step:
        body = urlencode(_filled(step["form"], kept)).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if step.get("bearer") in kept:
        headers["Authorization"] = f"Bearer {kept[step['bearer']]}"
    return browser.ask(step.get("method", "POST"), base + _filled(step["path"], kept), body=body, headers=headers)


def _filled(value: Any, kept: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda match: kept.get(match[1], match[0]), value)
    if isinstance(value, Mapping):
        return {key: _filled(item, kept) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, kept) for item in value]
    return value


def _problem(step: Mapping[str, Any], answer: Answer, kept: Mapping[str, str]) -> str:
    if answer.status == 0:
        return answer.text
    if answer.status >= 400:
        return f"status {answer.status}: {' '.join(answer.text.split())[:200]}"
    wanted = _filled(step.get("expect", ""), kept)
    if wanted not in answer.text:
        return f"the answer does not hold {wanted!r}"
    return ""


_SAID = re.compile(
    r"\b(\w+)\W? (?:field )?(?:is|are) (?:a )?required"
    r"|missing (?:required )?(?:field|parameter|property|value)s?\W+(\w+)"
    r"|(?:KeyError|Failed to [^'\"]*)\W+'(\w+)'\W*$",
    re.IGNORECASE,
)


def lacked(answer: Answer) -> set[str]:
    """Return the fields that a server says it was not sent; nothing where it does not name them."""
    if answer.status not in (400, 422):
        return set()
    found = set()
    waiting = [answer.data]
    while waiting:
        one = waiting.pop()
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        if isinstance(one, dict) and isinstance(path := one.get("loc", one.get("path")), list) and path:
            said = " ".join(str(one.get(key, "")) for key in ("type", "msg", "message", "received"))
            found |= {str(path[-1])} if re.search(r"missing|required|undefined", said, re.IGNORECASE) else set()
        elif isinstance(one, str) and (match := _SAID.search(one)):
            name = next(it for it in match.groups() if it)
            found.add(name[0].lower() + name[1:])
    return {name for name in found - {"body", "field", "request"} if name.isidentifier()}


def _lacking(step: Mapping[str, Any], answer: Answer) -> str:
    """Return which of the values that a step is to keep its answer does not hold; empty where it holds all."""
    paths = [path for path in step.get("keep", {}).values() if _found(answer, path) is None]
    return f"the answer has no {', '.join(paths)}, which the app's file says to keep" if paths else ""


def _found(answer: Answer, path: str) -> Any:
    """Return what an answer has at one of several dotted paths, as `token|*.access_token|header:set-auth-token`; None
    for none.
    """
    found = (
        answer.headers.get(one[len(HEADER) :]) if one.startswith(HEADER) else _dig(answer.data, one)
        for one in path.split("|")
    )
    return next((value for value in found if value is not None), None)


def _dig(value: Any, path: str) -> Any:
    if path.startswith(ANYWHERE):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        below = (_dig(one, path) for one in inner)
        own = _dig(value, path.removeprefix(ANYWHERE))
        return own if own is not None else next((one for one in below if one is not None), None)
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def infer(document: Any, service: str) -> list[dict[str, Any]]:
    """Return the journey that an OpenAPI document tells of; nothing where it does not know how to register
    and log in.
    """
    paths = document.get("paths") if isinstance(document, dict) else None
    posts = {path: item["post"] for path, item in (paths or {}).items() if isinstance(item, dict) and "post" in item}
    found = []
    for name, pattern in (("register", REGISTER), ("log in", LOGIN), (ADDING, ADD)):
        fitting = [one for one in posts if pattern.search(one)]
        # What a page calls comes before what a model or another program does.
        path = min(fitting, key=lambda one: (bool(_TOOL.search(one)), len(one)), default="")
        if path:
            found.append(_step(name, path, posts[path], document, service))
            found += _seeing(found[-1], path, (paths or {})[path].get("get"))
    new: dict[str, Any] = next((it.get("json", it.get("form", {})) for it in found if it["name"] == "register"), {})
    if "email" in new and "username" not in new:  # nobody has another name to log in by
        for step in found:
            for body in (step[key] for key in ("json", "form") if step["name"] == "log in" and key in step):
                body |= {"username": "{email}"} if "username" in body else {}
    return found if any(step["name"] in ("register", ADDING) for step in found) else []


def told(browser: Browser, base: str, service: str) -> list[dict[str, Any]]:
    """Return the journey that a server at `base` tells of, at the first of the usual places; nothing where it does
    not.
    """
    answers = (infer(browser.ask("GET", base + path).data, service) for path in DOCUMENTS)
    return next((steps for steps in answers if steps), [])


def document(text: str) -> Any:
    """Return an OpenAPI document; None where the text is none."""
    try:
        return parsing.from_json(text)
    except ValueError:
        return None


def todo(browser: Browser, step: Mapping[str, Any], base: str, documents: Iterable[Any]) -> list[dict[str, Any]]:
    """Return what a step `from: openapi` stands for: add a todo as a server's document tells, and see it; nothing where
    none tells how, or `base` does not know its path.

    A page that hands its calls on has the path in it `under` one of its own, or answers one `path` by itself.
    """
    known = (infer(one, step["service"]) for one in documents)
    steps = next((found for one in known if (found := [it for it in one if it["name"] in (ADDING, SEEING)])), [])
    if "path" in step:
        steps = [it | {"path": step["path"]} for it in steps or _PLAIN]
    elif "under" in step and steps:
        steps = _handed_on(browser, base, step["under"].rstrip("/"), steps)
    own = {key: step[key] for key in ("service", "bearer") if key in step}
    return [{key: value for key, value in it.items() if key != "bearer"} | own | {"inferred": True} for it in steps]


def _handed_on(browser: Browser, base: str, under: str, steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps at the paths where a page answers for a server: below one of its own, whole or without `/api`,
    which many have in that one.
    """
    for cut in ("", "/api"):
        own = [{**one, "path": under + one["path"].removeprefix(cut)} for one in steps]
        if browser.ask("GET", base + own[0]["path"]).status not in (0, 404):
            return own
    return []


_PLAIN: list[dict[str, Any]] = [
    {"name": ADDING, "method": "POST", "json": {"title": "{todo}"}},
    {"name": SEEING, "method": "GET", "expect": "{todo}"},
]


def behind(browser: Browser, base: str, documents: Iterable[Any], page: str) -> list[dict[str, Any]]:
    """Return the journey of one that only the page's server reaches, where the page at `base` hands its paths on."""
    for one in documents:
        steps = infer(one, page)
        answer = browser.ask("GET", base + steps[0]["path"]) if steps else None
        # A page that is files answers by any name with itself.
        if answer and answer.status not in (0, 404) and "text/html" not in answer.headers.get("content-type", ""):
            return steps
    return []


def _seeing(added: Mapping[str, Any], path: str, operation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the step of one who looks for the todo that the step before adds; nothing where its path shows none."""
    if added["name"] != ADDING or operation is None or "{todo}" not in json.dumps(added):
        return []
    step = {"name": SEEING, "service": added["service"], "method": "GET", "path": _path(path, operation)}
    return [step | {"bearer": "token", "expect": "{todo}"}]


def _path(path: str, operation: Mapping[str, Any]) -> str:
    """Return a documented path with what it wants to be told of the person, in it and behind it."""
    asked = [one for one in operation.get("parameters", []) if isinstance(one, dict) and one.get("in") == "query"]
    names = [one["name"] for one in asked if one.get("required") and _OWNER.fullmatch(one.get("name", ""))]
    query = "&".join(f"{name}={{user_id}}" for name in names)
    path = re.sub(r"\{user_?[nN]ame\}", "{name}", path)
    return re.sub(rf"\{{{_OWNER.pattern}\}}", "{user_id}", path) + (f"?{query}" if query else "")


def _step(name: str, path: str, operation: Mapping[str, Any], document: Any, service: str) -> dict[str, Any]:
    step: dict[str, Any] = {"name": name, "service": service, "method": "POST", "path": _path(path, operation)}
    content = (operation.get("requestBody") or {}).get("content") or {}
    for kind, key in (("application/json", "json"), ("application/x-www-form-urlencoded", "form")):
        if kind in content:
            step[key] = _body(content[kind].get("schema") or {}, document, name)
            break
    if not step.get("form"):
        step["json"] = step.get("json") or EVERYBODYS[name]  # a body of any keys: those that everybody has
    step["keep"] = {"token": "|".join(TOKENS), "user_id": "|".join(IDS)}
    if name == ADDING:
        step["bearer"] = "token"
        step["keep"] = {}
    return step


_NAMES = re.compile(r"((full|first|last|user|display)_?)?name", re.IGNORECASE)  # that pages ask people for


def _body(schema: Mapping[str, Any], document: Any, step: str) -> dict[str, Any]:
    """Return what a page's form sends: what is wanted, and what people are asked for though a server can do without."""
    if "$ref" in schema:
        schema = _dig(document, str(schema["$ref"]).removeprefix("#/").replace("/", ".")) or {}
    wanted = set(schema.get("required", []))
    properties = schema.get("properties") or {}
    oauth = "grant_type" in properties or "OAuth" in str(document)  # by its form, or as the server says
    return {
        name: _value(name, kind, oauth)
        for name, kind in properties.items()
        if name in wanted
        or re.search(r"email|password|username|title", name)
        or (step == "register" and _NAMES.fullmatch(name))
    }


def _value(name: str, kind: Mapping[str, Any], oauth: bool) -> Any:
    if "enum" in kind:
        return kind["enum"][0]
    if "default" in kind and kind["default"] is not None:
        return kind["default"]
    if _OWNER.fullmatch(name):
        return "{user_id}"
    if _TEXT.fullmatch(name) and kind.get("type", "string") == "string":
        return "{todo}"
    if "password" in name:
        return "{password}"
    if "email" in name or (oauth and name == "username" and kind.get("title", "").lower() == "username"):
        return "{email}"
    if "name" in name.lower():
        return "{name}"
    if re.search(r"(^|_)(date|due)|(Date|At)$|_at$", name) and kind.get("type", "string") == "string":
        return "2030-01-01" if kind.get("format") == "date" else "2030-01-01T00:00:00Z"
    types = {"integer": 1, "number": 1, "boolean": False, "array": [], "object": {}}
    return types.get(str(kind.get("type")), "something to do")
