"""Probes: thresholds, pace and words."""

import asyncio
import contextlib
import ssl

import pytest

from embedded.node import probes
from embedded.node.prober import Prober
from embedded.node.probes import Counter, Result


@pytest.mark.parametrize(
    ("probe", "outcomes", "verdicts"),
    [
        ({"failureThreshold": 2}, "xxox", [None, False, True, True]),
        ({"failureThreshold": 1, "successThreshold": 2}, "xoxoo", [False, False, False, False, True]),
        ({}, "xxoxxx", [None, None, True, True, True, False]),
    ],
)
def test_thresholds(probe, outcomes, verdicts):
    counter = Counter(probe, initial=None)
    seen = []
    for outcome in outcomes:
        counter.add(outcome == "o")
        seen.append(counter.verdict)
    assert seen == verdicts


def test_failing_verdict_is_told_again():
    counter = Counter({"failureThreshold": 2}, initial=True)
    assert [counter.add(False) for _ in range(3)] == [False, True, True]


def test_named_port():
    container = {"ports": [{"name": "http", "containerPort": 8080}]}
    assert [probes.port_of(port, container) for port in ("http", 9, "10")] == [8080, 9, 10]
    with pytest.raises(ValueError, match="couldn't find port: nope"):
        probes.port_of("nope", container)


@contextlib.asynccontextmanager
async def serving(answer, seconds=0.0):
    handling = set()

    async def handle(reader, writer):
        handling.add(asyncio.current_task())
        try:
            with contextlib.suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(seconds)
                writer.write(answer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nfine", None),
        (b"HTTP/1.1 399 Odd\r\n\r\n", None),
        (b"HTTP/1.0 404 No\r\n\r\n", "HTTP probe failed with statuscode: 404"),
        (b"HTTP/1.1 503 No\r\n\r\n", "HTTP probe failed with statuscode: 503"),
        (b"", 'Get "http://127.0.0.1:PORT/x": EOF'),
        (b"SSH-2.0\r\n", 'net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0"'),
        (b"HTTP/1.1 302 Go\r\nLocation: http://elsewhere.invalid/\r\n\r\n", None),
    ],
)
async def test_http(answer, message):
    async with serving(answer) as port:
        result = await probes.http(f"http://127.0.0.1:{port}/x", {}, 2)
    assert result.ok == (message is None)
    assert (message or "").replace("PORT", str(port)) in result.message


async def test_http_refused_and_late():
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n", seconds=5) as port:
        url = f"http://127.0.0.1:{port}/"
        late = await probes.http(url, {}, 0.1)
    refused = await probes.http(url, {}, 1)
    assert late.message == f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    assert refused.message == f'Get "{url}": dial tcp 127.0.0.1:{port}: connect: connection refused'
    assert (await probes.tcp("127.0.0.1", port, 1)).message == f"dial tcp 127.0.0.1:{port}: connect: connection refused"


async def test_tcp():
    async with serving(b"") as port:
        assert (await probes.tcp("127.0.0.1", port, 1)).ok


def test_certificates_are_not_verified():
    assert probes._unverified().verify_mode == ssl.CERT_NONE


class Life:
    """What a prober told, and outcomes it is given."""

    def __init__(self, **outcomes):
        self.told = []
        self.outcomes = {name: iter(found) for name, found in outcomes.items()}

    async def run(self, container, already_started=False):
        def make(probe):
            async def act():
                try:
                    return next(self.outcomes[probe["name"]])
                except StopIteration:
                    await asyncio.Event().wait()

            return act

        prober = Prober(
            container,
            make,
            lambda *said: self.told.append(said[2]),
            on_started=lambda: self.told.append("started"),
            on_ready=lambda ready: self.told.append(f"ready {ready}"),
            on_failed=lambda called: self.told.append(f"failed {called}"),
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await prober.run(already_started)
        return self.told


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Probes do not wait for a process to listen."""
    monkeypatch.setattr("embedded.node.prober.FIRST", dict.fromkeys(("Startup", "Readiness", "Liveness"), 0.0))


def probe(name, **more):
    return {f"{name}Probe": {"name": name, "periodSeconds": 0.01} | more}


BAD, GOOD = Result(False, "no"), Result(True)


async def test_without_probes_a_container_is_ready():
    assert await Life().run({}) == ["started", "ready True"]


async def test_others_wait_for_the_startup_probe():
    life = Life(startup=[BAD, GOOD], readiness=[GOOD])
    told = await life.run(probe("startup") | probe("readiness"))
    assert told == ["Startup probe failed: no", "started", "ready True"]


async def test_startup_that_fails_restarts():
    life = Life(startup=[BAD, BAD], readiness=[GOOD])
    told = await life.run(probe("startup", failureThreshold=2) | probe("readiness"))
    assert told[-1] == "failed startup"
    assert "started" not in told


async def test_liveness_that_fails_restarts_once():
    told = await Life(liveness=[GOOD, BAD, BAD, BAD]).run(probe("liveness", failureThreshold=2))
    assert told == [
        "started",
        "ready True",
        "Liveness probe failed: no",
        "Liveness probe failed: no",
        "failed liveness",
    ]


async def test_probe_that_cannot_be_made_changes_nothing():
    odd = Result(False, "engine", error=True)
    told = await Life(readiness=[GOOD, odd, odd, odd, odd]).run(probe("readiness", failureThreshold=1))
    assert told[:2] == ["started", "ready True"]
    assert set(told[2:]) == {"Readiness probe errored: engine"}


async def test_container_taken_over_skips_startup():
    assert await Life(readiness=[GOOD]).run(probe("startup") | probe("readiness"), True) == ["started", "ready True"]
