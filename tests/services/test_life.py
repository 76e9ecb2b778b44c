"""The life of a process: start without its database, health, drain, kill, certificates."""

import concurrent.futures
import datetime
import ipaddress
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from conftest import App, Person, Run, start_app
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from processes import DIRECT, SECRETS, Postgres, Service, until

pytestmark = pytest.mark.long


def ask(service: Service, path: str) -> httpx2.Response:
    """One request without an account."""
    return httpx2.get(service.url + path, **DIRECT)


@pytest.fixture
def late() -> Iterator[Postgres]:
    """A PostgreSQL server that has not been started yet."""
    server = Postgres()
    yield server
    server.remove()


def test_the_backend_waits_for_its_database(late: Postgres, run: Run, person: Callable[..., Person]) -> None:
    backend = run("backend", DATABASE_URL=late.url("postgres"), **SECRETS).wait("/healthz")
    answer = ask(backend, "/readyz")
    assert (answer.status_code, list(answer.json()["missing"])) == (503, ["database"])
    refused = httpx2.post(
        f"{backend.url}/api/auth/login", json={"username": "someone", "password": "something"}, **DIRECT
    )
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    late.start()
    user = person(backend.wait().url)
    user.add("after a late start")
    # It goes and comes again: the process stays, readiness follows.
    late.stop()
    assert ask(backend, "/healthz").status_code == 200
    assert ask(backend, "/readyz").status_code == 503
    late.start()
    backend.wait()
    assert user.titles() == ["after a late start"]


def test_a_database_that_never_answers_does_not_block_health(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        url = f"postgresql://user:secret-word@127.0.0.1:{silent.getsockname()[1]}/todo"
        backend = run("backend", DATABASE_URL=url, **SECRETS).wait("/healthz")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ready = list(pool.map(lambda _: ask(backend, "/readyz"), range(4)))
            alive = list(pool.map(lambda _: ask(backend, "/healthz"), range(4)))
    assert {answer.json()["missing"]["database"] for answer in ready} == {"no answer within 4 s"}
    assert {answer.status_code for answer in ready} == {503}
    assert {answer.status_code for answer in alive} == {200}
    assert "secret-word" not in backend.log()


def test_many_replicas_migrate_once(postgres: Postgres, run: Run) -> None:
    database = postgres.new_database()
    replicas = [run("backend", DATABASE_URL=database, **SECRETS) for _ in range(3)]
    for replica in replicas:
        replica.wait()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0002",)]


def test_a_database_newer_than_the_release_still_serves(
    postgres: Postgres, run: Run, person: Callable[..., Person]
) -> None:
    """After a rollback the tables are ahead of the code."""
    database = postgres.new_database()
    run("backend", DATABASE_URL=database, **SECRETS).wait()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    older = run("backend", DATABASE_URL=database, **SECRETS).wait()
    assert person(older.url).add("milk")["title"] == "milk"
    assert "newer than this release" in older.log()


def test_all_start_together_in_any_order(postgres: Postgres, run: Run) -> None:
    """No service waits for another one's readiness, only for its life."""
    app = start_app(run, postgres.new_database())
    app.backend.stop()
    assert ask(app.mcp, "/readyz").json()["missing"].keys() == {"backend"}
    assert ask(app.agent, "/readyz").status_code == 200, "mcp is alive"
    app.mcp.stop()
    assert ask(app.agent, "/readyz").json()["missing"].keys() == {"mcp"}
    assert ask(app.agent, "/healthz").status_code == 200


@pytest.mark.parametrize("service", ["backend", "mcp", "agent"])
def test_metrics_and_logs(app: App, service: str, person: Callable[[], Person]) -> None:
    person().say("add milk")
    one: Service = getattr(app, service)
    ask(one, "/no/such/path/1")
    metrics = ask(one, "/metrics").text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"}' in metrics
    assert "http_request_duration_seconds_bucket" in metrics
    assert "/no/such/path" not in metrics
    lines = one.lines()
    assert lines
    assert all({"timestamp", "level", "service", "message"} <= line.keys() for line in lines)
    assert {line["service"] for line in lines} == {service}
    assert not any("token" in line for line in lines)


@pytest.mark.parametrize(
    ("service", "env", "words"),
    [
        ("backend", {}, ["DATABASE_URL: Field required", "AUTH_SECRET: Field required", "JWT_SECRET: Field required"]),
        ("backend", {**SECRETS, "DATABASE_URL": "mysql://secret"}, ["DATABASE_URL: Value error, must start with"]),
        ("backend", {**SECRETS, "DATABASE_URL": "postgresql://x", "JWT_SECRET": "short"}, ["JWT_SECRET: Value error"]),
        ("agent", {"MODEL_PROVIDER": "psychic", "MODEL_TEMPERATURE": "9"}, ["MODEL_PROVIDER: ", "MODEL_TEMPERATURE: "]),
        ("mcp", {"LOG_LEVEL": "loud"}, ["LOG_LEVEL: "]),
    ],
)
def test_wrong_settings_end_the_start_with_their_names(
    run: Run, service: str, env: dict[str, str], words: list[str]
) -> None:
    broken = run(service, **env)
    assert broken.wait_exit() == 2
    lines = broken.log().splitlines()
    assert len(lines) == len(words)
    for line, word in zip(lines, words, strict=True):
        assert line.startswith(word)
    assert not [value for value in ("mysql", "psychic", "short", "loud") if f"{value!r}" in broken.log()]


class Load:
    """Clients that add todos one after the other, at whichever replica takes them, and remember what was confirmed."""

    def __init__(self, user: Person, urls: list[str], clients: int = 8) -> None:
        self.confirmed: list[str] = []
        self.failed: list[str] = []
        self._urls = urls
        self._headers = {"authorization": f"Bearer {user.token}"}
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._send) for _ in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> None:
        """Wait until so many more were confirmed."""
        wanted = len(self.confirmed) + count
        until(lambda: len(self.confirmed) >= wanted, f"{count} more writes; failed so far: {self.failed[:3]}")

    def _send(self) -> None:
        with httpx2.Client(**DIRECT, headers=self._headers) as http:
            while not self._stop.is_set():
                self._one(http, next(self._numbers))

    def _one(self, http: httpx2.Client, number: int) -> None:
        urls = tuple(self._urls)
        title, url = f"todo {number}", urls[number % len(urls)]
        try:
            answer = http.post(f"{url}/api/todos", json={"title": title})
        except httpx2.HTTPError as error:
            self.failed.append(repr(error))
            return
        if answer.status_code == 201:
            self.confirmed.append(title)
        else:
            self.failed.append(str(answer.status_code))


def test_no_confirmed_write_is_lost_when_a_replica_is_killed(
    postgres: Postgres, run: Run, person: Callable[..., Person]
) -> None:
    database = postgres.new_database()
    env = {"DATABASE_URL": database, "RATE_LIMIT_API": "1000000/minute", **SECRETS}
    stays, dies = run("backend", **env), run("backend", **env)
    user = person(stays.wait().url)
    urls = [stays.url, dies.wait().url]
    with Load(user, urls) as load:
        load.more(100)
        dies.kill()
        urls.remove(dies.url)
        load.more(50)
    titles = user.titles()
    assert not set(load.confirmed) - set(titles)
    assert len(titles) == len(set(titles))


def test_drain_loses_no_request(postgres: Postgres, run: Run, person: Callable[..., Person]) -> None:
    env = {"DATABASE_URL": postgres.new_database(), "RATE_LIMIT_API": "1000000/minute", **SECRETS}
    stays, leaves = run("backend", **env), run("backend", **env, DRAIN_SECONDS="8")
    user = person(stays.wait().url)
    urls = [stays.url, leaves.wait().url]
    with Load(user, urls) as load:
        load.more(30)
        leaves.terminate()
        until(lambda: ask(leaves, "/readyz").status_code == 503, "it drains")
        draining = ask(leaves, "/readyz")
        assert (draining.status_code, draining.json()) == (503, {"status": "draining"})
        assert draining.headers["connection"] == "close"
        assert ask(leaves, "/healthz").status_code == 200
        load.more(10)
        urls.remove(leaves.url)  # the cluster has noticed
        load.more(10)
    assert leaves.wait_exit() == 0
    assert load.failed == []
    assert set(load.confirmed) == set(user.titles())


@pytest.mark.parametrize("service", ["mcp", "agent"])
def test_sigterm_ends_idle_services_cleanly(app: App, run: Run, service: str) -> None:
    env = {"mcp": {"BACKEND_URL": app.backend.url}, "agent": {"MCP_SERVER_URL": f"{app.mcp.url}/mcp"}}[service]
    one = run(service, **env).wait()
    assert one.stop() == 0
    assert [line["message"] for line in one.lines()][-1] == "stopped"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "tls.crt", folder / "tls.key"
    cert_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


def test_tls_between_all_services(tmp_path: Path, postgres: Postgres, run: Run, person: Callable[..., Person]) -> None:
    cert_file, key_file = certificate(tmp_path, "todo")
    trust = ssl.create_default_context(cafile=str(cert_file))
    tls = {"scheme": "https", "TLS_CERT_FILE": str(cert_file), "TLS_KEY_FILE": str(key_file)}
    tls["TLS_CA_FILE"] = str(cert_file)
    agent = run("agent", MCP_SERVER_URL="https://127.0.0.1:1/mcp", **tls)
    agent.kill()  # only its port is wanted: the backend has to know it
    backend = run("backend", DATABASE_URL=postgres.new_database(), AGENT_URL=agent.url, **SECRETS, **tls)
    mcp = run("mcp", BACKEND_URL=backend.url, **tls)
    run("agent", PORT=str(agent.port), MCP_SERVER_URL=f"{mcp.url}/mcp", **tls).at(agent.port).wait(verify=trust)
    backend.wait(verify=trust)
    user = person(backend.url, trust)
    assert user.say("add milk over tls") == "Added: milk over tls."
    with pytest.raises(httpx2.HTTPError):
        httpx2.get(backend.url.replace("https", "http") + "/healthz", **DIRECT)
