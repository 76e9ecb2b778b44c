"""Traces go where they are told to, and nowhere else."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import agents
import pytest
from conftest import Person, Run, start_app
from processes import Postgres

from todo_agent.runner import ModelLoop
from todo_agent.settings import Settings


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP collector: its address, and the bodies it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                bodies.append(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    server.server_close()


def test_one_trace_through_all_services(
    postgres: Postgres, run: Run, person: Callable[..., Person], collector: tuple[str, list[bytes]]
) -> None:
    endpoint, bodies = collector
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    app = start_app(run, postgres.new_database(), telemetry, telemetry, **telemetry)
    user = person(app.backend.url)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    user.http.post("/api/chat", json={"message": "add milk"}, headers=headers).raise_for_status()
    services = (app.backend, app.mcp, app.agent)
    for service in services:
        assert trace in {line.get("trace_id") for line in service.lines()}, service.name
        service.terminate()
    for service in services:
        assert service.wait_exit() == 0
    sent = b"".join(bodies)
    assert bytes.fromhex(trace) in sent
    for service in services:
        assert f"\n{chr(len(service.name))}{service.name}".encode() in sent, (
            "the name of the service as protobuf has it"
        )


def test_the_sdk_traces_nothing_to_its_maker() -> None:
    ModelLoop(Settings.from_env({"OPENAI_API_KEY": "sk-test", "MODEL_PROVIDER": "openai"}))
    assert type(agents.trace("anything")).__name__ == "NoOpTrace"
