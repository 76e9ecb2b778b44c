"""Neon's driver beside an ordinary PostgreSQL: by the real Node.js, against a server that asks passwords by SCRAM."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.adopt.inference.environment import NEON

pytestmark = pytest.mark.slow  # all start programs

PASSWORD = "pencil"
SALT, ROUNDS = b"0123456789abcdef", 4096
FIELD = b"answer\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
# As the driver asks: SQL by HTTPS, several statements as one; the protocol itself in a WebSocket, its password at once.
OVER_HTTPS = """
const ask = async (body) => {
  const headers = { "Neon-Connection-String": process.env.DATABASE_URL, "Neon-Raw-Text-Output": "true" };
  const it = await fetch("https://api.database/sql", { method: "POST", headers, body: JSON.stringify(body) });
  return [it.status, await it.json()];
};
const one = await ask({ query: "echo", params: ["käse", null] });
const two = await ask({ queries: [{ query: "echo", params: ["a"] }, { query: "echo", params: ["b"] }] });
const wrong = await ask({ query: "fail", params: [] });
const found = { one: one[1].rows, name: one[1].fields[0].name, two: two[1].results.map((it) => it.rows), wrong };
console.log(JSON.stringify(found));
"""
OVER_WEBSOCKET = """
const text = (it) => Buffer.from(it + "\\0"), message = (kind, body) => {
  const head = Buffer.alloc(4);
  head.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), head, body]);
};
const url = new URL(process.env.DATABASE_URL);
const names = ["user", "todo", "database", "todo", ""].map(text);
const start = message("", Buffer.concat([Buffer.from([0, 3, 0, 0]), ...names]));
const own = new WebSocket(`wss://${url.hostname}/v2?address=${url.hostname}:${url.port}`);
let got = Buffer.alloc(0);
own.addEventListener("open", () => {
  own.send(Buffer.concat([start, message("p", text("pencil"))]));
  own.send(message("Q", text("simple")));
});
own.addEventListener("message", ({ data }) => {
  got = Buffer.concat([got, Buffer.from(data)]);
  if (got.includes("simple!")) own.close();
});
own.addEventListener("close", () => {
  console.log(JSON.stringify({ asked: got.readInt32BE(5), known: got.includes("simple!") }));
});
"""


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


class Postgres(threading.Thread):
    """A server of PostgreSQL's protocol that says back what it is told, to who proves to know the password."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                connection = self.listening.accept()[0]
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                self._serve(connection, stream)

    def _serve(self, connection: socket.socket, stream: Any) -> None:
        stream.read(struct.unpack("!i", stream.read(4))[0] - 4)
        connection.sendall(message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
        if not self._knows(connection, stream):
            connection.sendall(message(b"E", b"SFATAL\0C28P01\0Mpassword authentication failed\0\0"))
            return
        connection.sendall(message(b"R", struct.pack("!i", 0)) + message(b"Z", b"I"))
        said: list[bytes] = []
        for kind, body in self._messages(stream):
            if kind == b"P":
                said = [body]
            elif kind == b"B":
                connection.sendall(self._echo(said[0], body))
            elif kind == b"Q":
                connection.sendall(message(b"D", b"\0\1" + struct.pack("!i", 7) + body[:-1] + b"!"))
            elif kind == b"S":
                connection.sendall(message(b"Z", b"I"))

    def _knows(self, connection: socket.socket, stream: Any) -> bool:
        messages = self._messages(stream)
        first = next(messages)[1].split(b"n,,", 1)[1]
        challenge = b"r=" + first.split(b"r=")[1] + b"more,s=" + base64.b64encode(SALT) + b",i=%d" % ROUNDS
        connection.sendall(message(b"R", struct.pack("!i", 11) + challenge))
        last, _, proof = next(messages)[1].rpartition(b",p=")
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, ROUNDS)
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), b",".join([first, challenge, last]), "sha256")
        return bytes(a ^ b for a, b in zip(key, signature, strict=True)) == base64.b64decode(proof)

    def _messages(self, stream: Any) -> Iterator[tuple[bytes, bytes]]:
        while kind := stream.read(1):
            yield kind, stream.read(struct.unpack("!i", stream.read(4))[0] - 4)

    def _echo(self, parsed: bytes, bound: bytes) -> bytes:
        if b"fail" in parsed:
            return message(b"E", b'SERROR\0C42P01\0Mrelation "t" does not exist\0\0')
        row = bound[6:-2]  # as many values as parameters, in the same form; the first field tells of all
        count = bound[4:6]
        fields = count + FIELD * struct.unpack("!h", count)[0]
        return message(b"T", fields) + message(b"D", count + row) + message(b"C", b"SELECT 1\0")


def play(program: str, password: str = PASSWORD) -> dict[str, Any]:
    """Return what a program prints that runs as an adopted page does, beside a PostgreSQL."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not on this machine: invoke install")
    server = Postgres()
    server.start()
    variables = {
        "NODE_OPTIONS": "--import=data:text/javascript;base64," + base64.b64encode(NEON.read_bytes()).decode(),
        "DATABASE_URL": f"postgresql://todo:{password}@127.0.0.1:{server.port}/todo?sslmode=require",
    }
    with server.listening:
        words = [node, "--input-type=module", "--eval", program]
        done = subprocess.run(words, capture_output=True, text=True, env=os.environ | variables, timeout=300)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_sql_over_https_is_answered_by_the_database_that_the_url_names() -> None:
    found = play(OVER_HTTPS)
    assert found == {
        "one": [["käse", None]],
        "name": "answer",
        "two": [[["a"]], [["b"]]],
        "wrong": [400, {"severity": "ERROR", "code": "42P01", "message": 'relation "t" does not exist'}],
    }


def test_a_wrong_password_is_told_as_the_database_tells_it() -> None:
    program = OVER_HTTPS.replace("one[1].rows", "one[1].code").replace("one[1].fields[0]", "one[1]")
    found = play(program.replace("two[1].results.map((it) => it.rows)", "two[0]"), password="wrong")
    assert (found["one"], found["two"]) == ("28P01", 400)


def test_a_websocket_to_the_database_is_a_connection_of_its_own() -> None:
    """The driver tells its password at once, and what it asks after it: the server asks by SCRAM."""
    assert play(OVER_WEBSOCKET) == {"asked": 3, "known": True}
