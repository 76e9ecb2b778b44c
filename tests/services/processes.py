"""Starts what the tests talk to: a PostgreSQL server, and the services as processes of their own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import psycopg

SERVICES = Path(__file__).parents[2] / "services"
START_SECONDS = 300
"""Far more than anything takes: who waits longer waits for ever."""
DIRECT: dict[str, Any] = {"trust_env": False, "timeout": START_SECONDS}
"""How the tests talk to their servers: past any proxy, and with the patience that a busy machine asks for."""
NOBODY = 65534
"""PostgreSQL refuses to run as root."""

SECRETS = {"AUTH_SECRET": "a secret of the tests for cookies", "JWT_SECRET": "a secret of the tests for bearers"}


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(happened: Callable[[], Any], what: str = "") -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + START_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.01)


class Postgres:
    """A server of its own, thrown away afterwards."""

    def __init__(self) -> None:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not binaries:
            raise RuntimeError("no PostgreSQL server: install the package postgresql")
        self._bin = binaries[-1]
        # Not in pytest's own folder, which is closed to the user that the server runs as.
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._folder.chmod(0o711)
        self._data = self._folder / "data"
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self._data, NOBODY, NOBODY)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([self._bin / "initdb", "-D", self._data, *options], **self._user(), check=True, cwd="/")

    def _user(self) -> dict[str, Any]:
        given: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return given | ({"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {})

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        argv = [self._bin / "postgres", "-D", self._data, "-p", str(self.port), *options]
        self._process = subprocess.Popen(argv, **self._user(), cwd="/")
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """A fast shutdown: clients are cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """The address of one database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The address of a new, empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


class Service:
    """One replica of a service, run as the image runs it."""

    def __init__(self, name: str, folder: Path, env: Mapping[str, str], scheme: str = "http") -> None:
        self.name = name
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._scheme = scheme
        self._log = folder / f"{name}-{self.port}.log"
        path = f"{SERVICES / 'common'}:{SERVICES / name}"
        # Nothing of the tester's environment: no proxy, no key, no telemetry.
        environ = {
            "PATH": os.environ["PATH"], "PYTHONPATH": path, "PORT": str(self.port), "DRAIN_SECONDS": "0.5",
            "REPEAT_SECONDS": "0.5", "LOG_LEVEL": "info", **env,
        }  # fmt: skip
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"todo_{name}"], env=environ, cwd="/", stdout=log, stderr=subprocess.STDOUT
            )

    def wait(self, path: str = "/readyz", verify: Any = True) -> "Service":
        """Wait until it answers 200."""
        deadline = time.monotonic() + START_SECONDS
        last = "no answer"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                answer = httpx2.get(self.url + path, **DIRECT, verify=verify)
                if answer.status_code == 200:
                    return self
                last = answer.text
            except httpx2.HTTPError as error:
                last = repr(error)
            time.sleep(0.02)
        raise AssertionError(f"{self.name} is not ready: {last}\n{self.log()}")

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL: nothing can be put in order."""
        self._process.kill()
        self._process.wait(START_SECONDS)

    def stop(self) -> int:
        """SIGTERM, then the exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(START_SECONDS)

    def wait_exit(self) -> int:
        """The exit code of a process that ends by itself."""
        return self._process.wait(START_SECONDS)

    def wait_closed(self) -> "Service":
        """Wait until it takes no more connections."""

        def closed() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) != 0

        until(closed, f"{self.name} closes its port")
        return self

    def at(self, port: int) -> "Service":
        """The same, on the port that its environment named."""
        self.port, self.url = port, f"{self._scheme}://127.0.0.1:{port}"
        return self

    def log(self) -> str:
        """All it has written."""
        return self._log.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Its log, line by line; every line is an object."""
        return [json.loads(line) for line in self.log().splitlines()]
