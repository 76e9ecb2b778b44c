"""A warehouse in one file: `python warehouse.py shelf|orders|packer|reader|migrate`."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILES = Path("/var/lib/packer")


def serve(routes: dict) -> None:
    """Answer GET by path, each route giving a text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                status, text = 200, routes[self.path]()
            except KeyError:
                status, text = 404, "no such page"
            except Exception as error:
                status, text = 503, type(error).__name__
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()


def shelf() -> None:
    """The page, which asks the API."""

    def page() -> str:
        with urllib.request.urlopen(os.environ["ORDERS_URL"] + "/orders", timeout=5) as answer:  # noqa: S310 from its values
            return f"greeting {os.environ['GREETING']}, orders {answer.read().decode()}"

    serve({"/": page, "/alive": lambda: "alive"})


def connect():
    """The database, by its URL."""
    import psycopg

    return psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2)


def orders() -> None:
    """The API: it reads a table that it does not make."""

    def listed() -> str:
        with connect() as connection:
            return json.dumps([row[0] for row in connection.execute("SELECT name FROM orders ORDER BY name")])

    Path(os.environ["HOME"], "started").write_text("yes")
    serve({"/orders": listed})


def migrate() -> None:
    """Make the table, and say in it that this ran."""
    with connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (name text PRIMARY KEY)")
        connection.execute("INSERT INTO orders VALUES ('first') ON CONFLICT DO NOTHING")


def packer() -> None:
    """A worker: it counts its starts in its volume."""
    starts = FILES / "starts"
    starts.write_text(str(int(starts.read_text()) + 1 if starts.exists() else 1))
    while True:
        time.sleep(60)


def reader() -> None:
    """Beside the worker: it repeats what it finds in the volume."""
    while not (FILES / "starts").exists():
        time.sleep(0.2)
    (FILES / "seen").write_text((FILES / "starts").read_text())
    while True:
        time.sleep(60)


{"shelf": shelf, "orders": orders, "packer": packer, "reader": reader, "migrate": migrate}[sys.argv[1]]()
