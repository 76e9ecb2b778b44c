"""The addresses of localhost that are built into a page, and how they are served."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import urlsplit

from scripts.adopt import variables
from scripts.adopt.inference.decision import Context, told
from scripts.adopt.units import Unit


def serve_addresses(context: Context) -> None:
    """Every address that a browser has to reach, by its port of this machine."""
    page = context.whole.page
    if page and context.ports[page.name]:
        context.outside(page)
        # What stands beside a variable that only a server reads is the server's own.
        inner = {read.place for read in page.code.reads if variables.purpose(read) != "public"}
        for url, place in page.code.urls:
            port = None if "next.config" in place.file or place in inner else _local_port(url)
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
    for name, port in context.browser.items():
        if port and port not in taken:
            taken.add(port)
            context.found.data["addresses"].append({"port": port, "service": name})


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
    if unit.kind != "nextjs" or not others or not own or ("builder" not in spec and _old_node(unit)):
        return
    hosts = context.whole.hosts
    routes = [[port, hosts.get(name, name), context.ports[name]] for port, name in others]
    code = base64.b64encode((_FORWARDER % json.dumps(routes)).encode()).decode()
    spec["environment"]["NODE_OPTIONS"] = f"--import=data:text/javascript;base64,{code}"
    ports = ", ".join(f"localhost:{port}" for port, _ in others)
    told(unit, context, "NODE_OPTIONS", f"its own server finds {ports}, too", own)


def _asks_by_itself(file: str, text: str) -> bool:
    """Return whether a file of a page's is code of its server, which may ask others: a route, an action, a rewrite."""
    rewrites = "/next.config." in f"/{file}" and "rewrites" in text
    return rewrites or bool(_ON_A_SERVER.search(file)) or bool(re.search(r"[\"']use server[\"']", text))


def _old_node(unit: Unit) -> bool:
    """Return whether an image's Node.js is older than what can load a module before the program."""
    images = unit.dockerfile.images if unit.dockerfile else []
    return any((found := re.search(r"\bnode:(\d+)", image)) and int(found[1]) < 18 for image in images)


def _local_port(url: str) -> int | None:
    try:
        parts = urlsplit(url)
        return parts.port if parts.hostname in ("localhost", "127.0.0.1") else None
    except ValueError:
        return None
