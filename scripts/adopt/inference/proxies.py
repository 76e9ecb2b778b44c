"""Paths of a page that are files, which its author's server hands on: by Vite's file, package.json or nginx'."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.adopt.inference.addresses import preload
from scripts.adopt.inference.decision import Context
from scripts.adopt.inference.entries import vite_files
from scripts.adopt.packages import join
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit
from scripts.host import parsing

_KEY = re.compile(r"[\"'`]\^?(/[\w/-]*)[^\"'`]*[\"'`]\s*:\s*(?:\{|[\"'`])")
_URL = re.compile(r"(?:https?|wss?)://[\w.-]+(?::\d+)?")
_REWRITE = re.compile(
    r"\.replace\(\s*(?:/\^?((?:\\.|[^/\\])+)/\w*|[\"'`]([^\"'`]+)[\"'`])\s*,\s*[\"'`]([^\"'`]*)[\"'`]"
)
_LOCATION = re.compile(r"\blocation\s+(?:\^~\s*|=\s*)?(/[^\s{~]*)\s*\{([^{}]*)\}")
_PASS = re.compile(r"\bproxy_pass\s+(https?://[^\s;/]+)(/[^\s;]*)?\s*;")
# Before the files, since a page's server answers whatever has no file with the page itself. `files` says that of GET
# only what is no page and no file goes on, as Create React App has it.
HANDS_ON = """import http from "node:http";
const routes = %s, emit = http.Server.prototype.emit;
const page = (q) => /^(GET|HEAD)$/.test(q.method)
  && (/text\\/html/.test(q.headers.accept) || /\\.\\w+$/.test(q.url.split("?")[0]));
const of = (q) => routes.find(([path, , , , , files]) => q.url.startsWith(path) && !(files && page(q)));
const to = (q, [, host, port, own, other]) => ({ host, port, method: q.method, headers: q.headers,
  path: q.url.startsWith(own) ? other + q.url.slice(own.length) || "/" : q.url });
http.Server.prototype.emit = function (event, q, a, ...rest) {
  const route = event === "request" && of(q);
  if (!route) return emit.call(this, event, q, a, ...rest);
  const go = http.request(to(q, route), (r) => { a.writeHead(r.statusCode, r.headers); r.pipe(a); });
  go.on("error", () => { if (!a.headersSent) a.writeHead(502); a.end(); });
  a.on("close", () => go.destroy());
  return q.pipe(go), true;
};
"""


@dataclass(frozen=True)
class Handed:
    """Requests that begin with a path go to another server, with `other` in place of `own` at their begin."""

    path: str
    url: str
    place: Place
    own: str = ""
    other: str = ""
    files: bool = False


def handed_on(unit: Unit, tree: Tree) -> list[Handed]:
    """Return what the server of a page that is files hands on, where its author runs it, the longest path first."""
    nginx = [
        file for file in tree.below(unit.sources) if re.search(r"(^|/)[\w.-]*nginx[\w./-]*\.conf(\.template)?$", file)
    ]
    vite = [one for file in vite_files(tree, unit) for one in _of_vite(tree.text(file), file)]
    found = vite or [*_of_package(unit, tree)] or [one for file in nginx for one in _of_nginx(tree.text(file), file)]
    first = {one.path: one for one in reversed(found)}
    return sorted(first.values(), key=lambda one: -len(one.path))


def _of_vite(text: str, file: str) -> Iterator[Handed]:
    start = re.search(r"\bproxy\s*:\s*\{", text)
    block = _braced(text, start.end() - 1) if start else ""
    at = 1
    while found := _KEY.search(block, at):
        value = _braced(block, found.end() - 1) if found[0].endswith("{") else block[found.end() :].splitlines()[0]
        at = found.end() + (len(value) if found[0].endswith("{") else 0)
        url = _URL.search(value)
        place = Place.at(file, text, (start.end() if start else 0) + found.start())
        rewrite = _REWRITE.search(value)
        own = (rewrite[1] or rewrite[2] or "").replace("\\", "") if rewrite else ""
        yield Handed(found[1], url[0] if url else "", place, own, rewrite[3] if rewrite else "")


def _braced(text: str, start: int) -> str:
    """Return what stands between a brace and its counterpart, both included."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start : at + 1]
    return text[start:]


def _of_package(unit: Unit, tree: Tree) -> Iterator[Handed]:
    file = join(unit.sources, "package.json")
    try:
        url = parsing.from_json(tree.text(file) or "{}").get("proxy")
    except (ValueError, AttributeError):
        return
    if (
        isinstance(url, str)
        and _URL.match(url)
        and "react-scripts" in {**unit.packages.wanted, **unit.packages.development}
    ):
        yield Handed("/", url, unit.packages.place("proxy") or Place(file), files=True)


def _of_nginx(text: str, file: str) -> Iterator[Handed]:
    for found in _LOCATION.finditer(text):
        if (to := _PASS.search(found[2])) and "$" not in to[1]:
            own = found[1] if to[2] else ""
            yield Handed(found[1], to[1], Place.at(file, text, found.start()), own, to[2] or "")


def hand_on(unit: Unit, context: Context) -> None:
    """Let the product's server of a page that is files hand on what its author's does: Node.js does so before it."""
    spec = context.found.data["services"][unit.name]
    if spec.get("builder") != "static" and "FILES" not in spec.get("buildArgs", {}):
        return
    routes: list[list[Any]] = []
    for one in handed_on(unit, context.whole.tree):
        if target := _server(one.url, unit, context):
            host = context.whole.hosts.get(target.name, target.name)
            context.outside(unit)
            context.outside(target)  # as on its author's machine, who looks at its documents there
            routes.append([one.path, host, context.ports[target.name], one.own, one.other, one.files])
            key = f"services.{unit.name}.environment.NODE_OPTIONS"
            context.found.because(key, f"{one.path} goes on to {target.name}", one.place)
    if routes:
        code = base64.b64encode((HANDS_ON % json.dumps(routes)).encode()).decode()
        preload(spec.setdefault("environment", {}), f"data:text/javascript;base64,{code}")


def _server(url: str, page: Unit, context: Context) -> Unit | None:
    """Return the service that an address means: by its name or its port, else the backend; None for others' hosts."""
    parts = parsing.from_url(url)
    serving = [unit for unit in context.whole.units if unit is not page and context.ports[unit.name]]
    for unit in serving:
        if parts.hostname in unit.called:
            return unit
    for unit in serving:
        if parts.port and parts.port in (context.ports[unit.name], context.published[unit.name]):
            return unit
    backend = context.whole.backend()
    elsewhere = "." in (parts.hostname or "") and parts.hostname != "127.0.0.1"
    return None if elsewhere or backend not in serving else backend
