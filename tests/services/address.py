"""The address of a Service: what stands before its replicas, and loses what a replica that goes away takes with it."""

import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

from processes import START_SECONDS, Service

Lost = Literal["nothing", "the call", "the answer"]
HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass
class Gate:
    """Stops one request: before it reaches a replica or, once it was answered there, before the answer gets out."""

    number: int
    lost: Lost
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Hold the request up until the gate is opened."""
        self.reached.set()
        assert self.opened.wait(START_SECONDS)


class Address:
    """Leads every request to the first of its replicas; those whose body has `marked` in it are counted."""

    def __init__(self, marked: bytes, *replicas: Service) -> None:
        self.replicas = list(replicas)
        self.gate: Gate | None = None
        self.copies = 0
        self._marked = marked
        self._lock = threading.Lock()
        address = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                address._lead(self)

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def hold(self, number: int, lost: Lost) -> Gate:
        """Hold the counted request of that number, and then lose that much of it."""
        self.gate = Gate(number, lost)
        return self.gate

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _lead(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        gate = self._stopped_at(body)
        if gate is not None and gate.lost != "the answer":
            gate.stop()
        if gate is not None and gate.lost == "the call":
            handler.close_connection = True
            return
        try:
            answer, content = self._ask(handler, body)
        except (OSError, http.client.HTTPException):
            handler.close_connection = True  # what a client sees of a replica that breaks off
            return
        if gate is not None and gate.lost == "the answer":
            gate.stop()
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                handler.send_header(name, value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _stopped_at(self, body: bytes) -> Gate | None:
        if self._marked not in body:
            return None
        with self._lock:
            self.copies += 1
            return self.gate if self.gate is not None and self.copies == self.gate.number else None

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        parts = urlsplit(self.replicas[0].url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=START_SECONDS)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP}
        try:
            connection.request(handler.command, handler.path, body or None, headers)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()
