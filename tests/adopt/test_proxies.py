"""A page that is files hands on what its author's server does: by the real Node.js, before a server of files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.adopt.inference import proxies
from scripts.adopt.packages import javascript
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit

VITE = """export default defineConfig({ server: { port: 5173, proxy: {
  "/auth": "http://localhost:8000",
  '/api': { target: env.VITE_API_URL || 'http://localhost:8000', ws: true,
    rewrite: (path) => path.replace(/^\\/api/, '') },
  "^/files/.*": { target: "http://api:8000" },
} } });
"""
NGINX = """server { location /api/ { proxy_pass http://api:8000/v1/; }
  location /ws { proxy_pass http://api:8000; }
  location / { try_files $uri /index.html; } location ~ \\.php$ { proxy_pass http://x; } }
"""
PACKAGE = '{"proxy": "http://localhost:5000", "dependencies": {"react-scripts": "5"}}'


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("vite.config.ts", VITE, {"/auth": ("", ""), "/api": ("/api", ""), "/files/": ("", "")}),
        ("vite.config.js", 'export default { build: { outDir: "dist" } };\n', {}),
        ("nginx.conf", NGINX, {"/api/": ("/api/", "/v1/"), "/ws": ("", "")}),
        ("package.json", PACKAGE, {"/": ("", "")}),
        ("package.json", '{"proxy": "http://localhost:5000"}', {}),
        ("package.json", "[]", {}),
    ],
)
def test_what_an_authors_server_hands_on_is_read(
    tmp_path: Path, file: str, text: str, found: dict[str, tuple[str, str]]
) -> None:
    (tmp_path / file).write_text(text)
    tree = Tree(tmp_path, (file,))
    unit = Unit("web", ".", "static", Place("package.json"), javascript=javascript(tree, "."), sources=".")
    assert {one.path: (one.own, one.other) for one in proxies.handed_on(unit, tree)} == found


# One server, in a thread of its own, says what it is asked; the other has the module before what stands for files.
API = r"""
import http from "node:http";
import { parentPort } from "node:worker_threads";
const api = http.createServer((q, a) => q.on("data", () => {}).on("end", () => a.end(q.method + " " + q.url)));
api.listen(0, "127.0.0.1", () => parentPort.postMessage(api.address().port));
"""
ASK = """
import http from "node:http";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
const { CODE, API, ROUTES, ASKED } = process.env;
const [port] = await once(new Worker(API, { eval: true }), "message");
const routes = JSON.parse(ROUTES).map(([path, own, other, files]) => [path, "127.0.0.1", port, own, other, files]);
await import("data:text/javascript," + encodeURIComponent(CODE.replace("%s", JSON.stringify(routes))));
const web = http.createServer((q, a) => a.end("page")).listen(0, "127.0.0.1");
await once(web, "listening");
const at = { host: "127.0.0.1", port: web.address().port };
const said = [];
for (const [method, path, accept] of JSON.parse(ASKED)) {
  const [answer] = await once(http.request({ ...at, method, path, headers: { accept } }).end(), "response");
  said.push(Buffer.concat(await answer.toArray()).toString());
}
console.log(JSON.stringify(said));
process.exit();
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("routes", "asked", "told"),
    [
        (
            [["/api", "/api", "", False]],
            [["GET", "/api/todos?a=1", "*/*"], ["POST", "/api", "*/*"], ["GET", "/", "text/html"]],
            ["GET /todos?a=1", "POST /", "page"],
        ),
        (
            [["/", "", "", True]],
            [["GET", "/login", "text/html"], ["GET", "/a.js", "*/*"], ["GET", "/todos", "*/*"], ["PUT", "/x.y", "*/*"]],
            ["page", "page", "GET /todos", "PUT /x.y"],
        ),
    ],
)
def test_requests_go_on_to_the_server(routes: list[object], asked: list[list[str]], told: list[str]) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not on this machine: invoke install")
    variables = {"ROUTES": json.dumps(routes), "ASKED": json.dumps(asked), "CODE": proxies.HANDS_ON, "API": API}
    words = [node, "--input-type=module", "--eval", ASK]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | variables, timeout=30)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == told
