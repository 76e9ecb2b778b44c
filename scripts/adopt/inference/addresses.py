"""The addresses of localhost that are built into a page, and how they are served."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.adopt import variables
from scripts.adopt.inference.decision import Context, told
from scripts.adopt.units import Unit
from scripts.host import parsing

_OF_ITS_SERVER = re.compile(r"next\.config|vite\.config|setupProxy")  # what a page's server asks, and no browser


def serve_addresses(context: Context) -> None:
    """Infer every address that a browser has to reach, by its port of this machine."""
    page = context.whole.page
    if page and context.ports[page.name]:
        context.outside(page)
        # What stands beside a variable that only a server reads is the server's own.
        inner = {read.place for read in page.code.reads if variables.purpose(read) != "public"}
        for url, place in page.code.urls:
            port = None if _OF_ITS_SERVER.search(place.file) or place in inner else _local_port(url)
            owner = next(
                (
                    unit
                    for unit in context.whole.units
                    if unit is not page and port and context.published[unit.name] == port
                ),
                None,
            )
            if owner and owner.name not in context.browser:
                context.outside(owner)
                context.found.because("addresses", f"localhost:{port}", place)
    taken: set[int] = set()
    for name, port in [*context.browser.items(), *_misses(context)]:
        if port and port not in taken:
            taken.add(port)
            context.found.data["addresses"].append({"port": port, "service": name})


_USUAL_PORTS = (8000, 8080, 5000, 4000, 7860)  # of servers, where an app's own is not told otherwise


def _misses(context: Context) -> Iterator[tuple[str, int]]:
    """Yield the server with a port that its page has in its code and that no service has: it answers there, too.

    What stands beside a variable that the page is built with is not in the page.
    """
    page, server = context.whole.page, context.whole.backend()
    if page is None or server is None or server is page or not context.ports[server.name]:
        return
    known = {*context.ports.values(), *context.published.values(), *context.browser.values()}
    given = context.found.data["services"][page.name].get("buildEnvironment", {})
    told = {read.place for read in page.code.reads if read.name in given or variables.purpose(read) != "public"}
    for url, place in page.code.urls:
        port = _local_port(url)
        meant = port in _USUAL_PORTS and port not in known and place not in told
        meant = meant and not _OF_ITS_SERVER.search(place.file)
        asked = _is_asked(context.whole.tree.line(place))
        if port and meant and asked and not re.search(r"(^|/)debug", place.file):
            known.add(port)
            context.found.because("addresses", f"localhost:{port}, which {server.name} answers", place)
            yield server.name, port


_ASKS = re.compile(
    r"fetch\(|axios|\bdestination\b|base_?url|\b\w*(api|back_?end|server|endpoint|chat)\w*\s*[:=]|/api(/|\b)", re.I
)
_ITS_OWN = re.compile(
    r"trusted|allow|origins?\b|metadata|canonical|sitemap|hostname|patterns|href=|content=|connect-src|curl|/docs\b"
)
_OF_SERVERS = re.compile(r"\.(hf\.space|onrender\.com|railway\.app|fly\.dev|koyeb\.app|run\.app)$")


def _is_asked(line: str, host: str = "") -> bool:
    """Return whether a line has an address, at `host`, that the page asks, not one that it shows or allows."""
    return bool(_ASKS.search(line) or _OF_SERVERS.search(host)) and not _ITS_OWN.search(line)


def replace_deployed(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Lead a page to the server beside it where its code has, by no variable, the address at which its author runs that
    server: whoever registers would do so there.
    """
    server, tree = context.whole.backend(), context.whole.tree
    if unit is not context.whole.page or not server or server is unit or not context.ports[server.name]:
        return
    for url, place in unit.code.urls:
        host = parsing.from_url(url).netloc
        line = tree.line(place)
        given = bool(re.search(r"process\.env|import\.meta\.env", line))
        if given or not variables.is_deployed(host) or not _is_asked(line, host):
            continue
        texts = {f"https://{host}": context.outside(server)}
        if f"wss://{host}" in tree.text(place.file):
            texts[f"wss://{host}"] = context.outside(server).replace("http", "ws", 1)
        spec["replaceInSources"] = spec.get("replaceInSources", {}) | texts
        context.found.because(f"services.{unit.name}.replaceInSources", f"{host}: {server.name} in its place", place)


_ON_A_SERVER = re.compile(
    r"(^|/)((middleware|proxy|instrumentation)\.[tj]s|app/(.*/)?route\.[tj]sx?|pages/api/.*\.[tj]sx?)$"
)
_FORWARDER = """import net from "node:net";
for (const [port, host, to] of %s) for (const own of ["127.0.0.1", "::1"])
  net.createServer((inner) => {
    const outer = net.connect(to, host), end = () => { inner.destroy(); outer.destroy(); };
    inner.on("error", end).pipe(outer.on("error", end)).pipe(inner);
  }).on("error", () => {}).listen(port, own).unref();
"""


def forward_addresses(unit: Unit, context: Context) -> None:
    """Serve the addresses of `localhost` that are built into a page for its own server too, which asks them as browsers
    do: Node.js opens them before the program, and leads them to the services. A second process finds them taken.
    """
    tree, spec = context.whole.tree, context.found.data["services"][unit.name]
    others = [(it["port"], it["service"]) for it in context.found.data["addresses"] if it["service"] != unit.name]
    files = (file for file in tree.below(unit.sources) if file.endswith((".ts", ".tsx", ".js", ".mjs")))
    own = next((it for it in files if _asks_by_itself(it, tree.text(it))), "")
    if unit.kind != "nextjs" or not others or not own or ("builder" not in spec and old_node(unit)):
        return
    hosts = context.whole.hosts
    routes = [[port, hosts.get(name, name), context.ports[name]] for port, name in others]
    code = base64.b64encode((_FORWARDER % json.dumps(routes)).encode()).decode()
    preload(spec["environment"], f"data:text/javascript;base64,{code}")
    ports = ", ".join(f"localhost:{port}" for port, _ in others)
    told(unit, context, "NODE_OPTIONS", f"its own server finds {ports}, too", own)


_LEADER = """import asyncio, os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
async def hand(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()
async def lead(reader, writer):
    try:
        there = await asyncio.open_connection({host!r}, {to})
    except OSError:
        return writer.close()
    await asyncio.gather(hand(reader, there[1]), hand(there[0], writer))
async def main():
    await (await asyncio.start_server(lead, "127.0.0.1", {port})).serve_forever()
asyncio.run(main())
"""


def lead_to_page(unit: Unit, environment: Mapping[str, str], context: Context) -> list[dict[str, Any]]:
    """Return the container beside a program in Python by which it finds the page where browsers do: at an address of
    `localhost` that it is told or that its code has, and that is its pod's own. None where there is no such one.
    """
    page = context.whole.page
    if page is None or page is unit or not unit.python:
        return []
    known = context.browser.get(page.name, context.published[page.name])
    written = any(_local_port(url) == known and variables.path_of(url) for url, _ in unit.code.urls)
    if not written and page.name not in context.browser:
        return []
    outside, port = context.outside(page), context.browser[page.name]
    told_of = any(name.endswith("AUTH_URL") and value.startswith(outside) for name, value in environment.items())
    if not (told_of or written) or port == context.ports[unit.name]:
        return []
    host = context.whole.hosts.get(page.name, page.name)
    code = _LEADER.format(host=host, to=context.ports[page.name], port=port)
    own = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
    key = f"services.{unit.name}.values.extraContainers"
    context.found.because(key, f"{outside} leads to {page.name} in its pod, too", page.place)
    return [{"name": "lead-to-page", "command": ["python", "-c", code], "resources": own}]


def _asks_by_itself(file: str, text: str) -> bool:
    """Return whether a file of a page's is code of its server, which may ask others: a route, an action, a rewrite."""
    rewrites = "/next.config." in f"/{file}" and "rewrites" in text
    return rewrites or bool(_ON_A_SERVER.search(file)) or bool(re.search(r"[\"']use server[\"']", text))


def preload(environment: dict[str, str], module: str) -> None:
    """Let Node.js load a module before the program, beside those that it loads already."""
    options = [environment["NODE_OPTIONS"]] if "NODE_OPTIONS" in environment else []
    environment["NODE_OPTIONS"] = " ".join([*options, f"--import={module}"])


def old_node(unit: Unit) -> bool:
    """Return whether an image's Node.js is older than what can load a module before the program."""
    images = unit.dockerfile.images if unit.dockerfile else []
    return any((found := re.search(r"\bnode:(\d+)", image)) and int(found[1]) < 18 for image in images)


def _local_port(url: str) -> int | None:
    parts = parsing.from_url(url)
    return parts.port if parts.hostname in ("localhost", "127.0.0.1") else None
