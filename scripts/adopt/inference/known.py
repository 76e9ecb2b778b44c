"""Infer how a page's calls say who the person is, where its own server knows the people: so the journey goes on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.adopt import folder_kinds, javascript_source
from scripts.adopt.inference.decision import Context, Whole
from scripts.adopt.inference.journey import better_auth
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit

TOKEN = "token|data.token|access_token|accessToken|jwt"  # noqa: S105 where an answer has it, not one itself
_SESSION_TOKEN = "session.token"  # noqa: S105 as above
_ROUTE = re.compile(r"(?:^|/)app/(api/(?:.*/)?)route\.[tj]sx?$")
_TODOS = re.compile(r"/(?:todos?|tasks?)$")
_REST = re.compile(r"/\[{1,2}\.\.\.\w+\]{1,2}$")  # of a folder that answers every path below it
_ACTION = re.compile(r"^\s*[\"']use server[\"']", re.M)
_ADDS = re.compile(r"/(?:todos?|tasks?)\b[^#]*\bPOST\b|\.post\([^)]*/(?:todos?|tasks?)\b", re.S)


@dataclass(frozen=True)
class _Source:
    """A file of a page, and what stands in it."""

    file: str
    text: str

    def place(self, match: re.Match[str]) -> Place:
        return Place.at(self.file, self.text, match.start())


def find_todos(context: Context) -> None:
    """Let a journey that ends with a person who is logged in at a page go on: to a todo, as that page's calls do."""
    whole, data = context.whole, context.found.data
    steps: list[dict[str, Any]] = data.get("journey") or []
    page = whole.page
    if page is None or not page.javascript or not steps or steps[-1]["name"] != "log in":
        return
    server = whole.backend()
    server = server if server is not page and server and server.name != steps[-1]["service"] else None
    sources = list(_sources(page, whole.tree))
    auth = steps[-1]["path"].removesuffix("/sign-in/email")
    if action := next((one for one in sources if _ACTION.search(one.text) and _ADDS.search(one.text)), None):
        unplayed = "adds todos by an action of the page's server, which only its own page can call"
        context.found.remarks.append(f"{action.file}: the journey ends with the log-in: {unplayed}")
        return
    where = _adding(page, server, sources, context)
    if where is None:
        return
    adding, place = where
    # A route of its own knows the cookies.
    token = None if "path" in adding else _token(sources, auth, steps[-1], _plugins(whole))
    if token:
        steps[-1:], place = token
        adding["bearer"] = "token"
    elif adding["service"] != page.name and not (place := _by_cookies(sources)):
        unseen = "the journey ends with the log-in: how the page's calls say who the person is, is not seen"
        context.found.remarks.append(f"{page.place}: {unseen}")
        return
    steps.append(adding)
    context.found.because("journey", "add a todo and see it, as OpenAPI tells", place or page.place)


def _sources(page: Unit, tree: Tree) -> Iterator[_Source]:
    for file in tree.below(page.sources):
        if file.endswith(javascript_source.SUFFIXES) and not folder_kinds.TESTS.search(file):
            yield _Source(file, javascript_source.without_comments(tree.text(file)))


def _plugins(whole: Whole) -> set[str]:
    """Return which plugins of Better Auth's that give tokens the app has; both where none can tell."""
    files = (better_auth(unit, whole.tree) for unit in whole.units if unit.wants("better-auth"))
    texts = [javascript_source.without_comments(whole.tree.text(file)) for file in files if file]
    return {one for one in ("jwt", "bearer") if not texts or any(re.search(rf"\b{one}\(", text) for text in texts)}


def _token(
    sources: list[_Source], auth: str, entry: Mapping[str, Any], plugins: Collection[str]
) -> tuple[list[dict[str, Any]], Place] | None:
    """Return the log-in and what follows, by which the page gets the token that its calls carry, and where it does;
    None where it gets none.
    """
    step = {"name": "get a token", "service": entry["service"], "method": "GET"}
    routes = {
        path: source for source in sources if (path := route_path(source.file)) and re.search(_SIGNS, source.text)
    }
    for own, source in routes.items():
        if used := _called(own, sources, source.file):
            method = "GET" if re.search(r"export\s.*\bGET\b", source.text) else "POST"
            return [dict(entry), step | {"method": method, "path": own, "keep": {"token": TOKEN}}], used
    ways = (
        ("jwt", r"\b\w*[cC]lient\.token\(|\$fetch\(\s*[\"'`]/token\b", f"{auth}/token", TOKEN),
        ("jwt", rf"[\"'`}}]{re.escape(auth)}/token\b", f"{auth}/token", TOKEN),
        ("jwt", r"[\"']set-auth-jwt[\"']", f"{auth}/get-session", "header:set-auth-jwt"),
        ("bearer", r"[\"']set-auth-token[\"']", "", "header:set-auth-token"),
        ("", r"\bsession\??\.(?:data\??\.)?session\??\.token\b|\bdata\??\.session\??\.token\b",
         f"{auth}/get-session", _SESSION_TOKEN),
    )  # fmt: skip
    for plugin, sign, path, kept in ways:
        if plugin and plugin not in plugins:
            continue  # the page asks for what is never given
        found = next(((one, match) for one in sources if (match := re.search(sign, one.text))), None)
        if found and path:
            return [dict(entry), step | {"path": path, "keep": {"token": kept}}], found[0].place(found[1])
        if found:
            return [{**entry, "keep": {"token": kept}}], found[0].place(found[1])
    return None


_SIGNS = r"\bSignJWT\b|\bjwt\.sign\(|\bsign\(\s*\{"


def _adding(
    page: Unit, server: Unit | None, sources: list[_Source], context: Context
) -> tuple[dict[str, Any], Place | None] | None:
    """Return the step that adds a todo: at a route of the page's own, below one that hands on, at the server, or at
    the page for a server that no browser reaches. None where nobody takes one.
    """
    step: dict[str, Any] = {"name": "add a todo", "service": page.name, "from": "openapi"}
    routes = {path: one for one in sources if (path := route_path(one.file))}
    for path, source in routes.items():
        plain = _TODOS.search(path) and "[" not in path and re.search(r"export\s.*\bPOST\b", source.text)
        if plain and (used := _called(path, sources, source.file) or _in_parts(path, sources, source.file)):
            return step | {"path": path}, used
    for path, source in routes.items():
        above = _REST.sub("", path)
        hands = above != path and "[" not in above and re.search(r"\bfetch\(|\baxios\b", source.text)
        if server and hands and (used := _called(above, sources, source.file)):
            return step | {"under": above}, used
    if server and server.name in context.browser:
        return step | {"service": server.name}, None
    return (step | {"under": "/"}, None) if server else None


def route_path(file: str) -> str:
    """Return the path that a route file of a page answers; empty for another file."""
    found = _ROUTE.search(file)
    return "/" + re.sub(r"\([^)]*\)/", "", found[1]).rstrip("/") if found else ""


def _called(path: str, sources: list[_Source], own: str) -> Place | None:
    """Return where other code of the page calls one of its own paths: from its own address, not from a server's."""
    sign = re.compile(rf"(?:[\"'`]|(?:auth|app|site|origin|window)\w*\}})({re.escape(path)})(?![\w-])", re.I)
    found = next(((one, it) for one in sources if one.file != own and (it := sign.search(one.text))), None)
    return found[0].place(found[1]) if found else None


def _in_parts(path: str, sources: list[_Source], own: str) -> Place | None:
    """Return where other code of the page calls one of its own paths in two parts: `/tasks` after `/api`."""
    first, slash, rest = path.rpartition("/")
    begins = re.compile(rf"[\"'`]{re.escape(first)}/?(?:[\"'`]|\$\{{)")
    others = [one for one in sources if one.file != own]
    return _called(slash + rest, others, own) if any(begins.search(one.text) for one in others) else None


def _by_cookies(sources: list[_Source]) -> Place | None:
    """Return where the page's calls carry its cookies to a server; None where they do not."""
    sign = re.compile(r"\bcredentials\s*:\s*[\"']include[\"']|\bwithCredentials\s*[:=]\s*true")
    calls = (one for one in sources if not _ACTION.search(one.text) and not re.search(r"createAuthClient\(", one.text))
    found = next(((one, match) for one in calls if (match := sign.search(one.text))), None)
    return found[0].place(found[1]) if found else None
