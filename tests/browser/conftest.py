"""A browser and somewhere to point it: the app at BASE_URL, or the built frontend in front of a stand-in backend.

BASE_URL        the app under test, as a user reaches it; without it the frontend is started here:
FRONTEND_IMAGE  from this image, or else from services/frontend/.next/standalone (`npm run build`) with node 24
CHROMIUM        the browser (default /usr/bin/chromium-headless-shell)
SCREENSHOTS     folder for pictures of the views (default: none are taken)
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from people import NewPerson, Person
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

HERE = Path(__file__).parent
FRONTEND = HERE.parents[1] / "services" / "frontend"
DOCKER = "/usr/bin/docker"
START_SECONDS = 300.0
STARTS = 3
"""Times to start the frontend: somebody else may have taken the port that was free."""
ANSWER_MS = 120_000
"""Milliseconds the page has to show what a test expects; a real model needs its time."""

BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=ANSWER_MS)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def comes_up(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a process listens, or has ended."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


@contextmanager
def running(command: list[str], **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env={**os.environ, **settings})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


@contextmanager
def running_frontend(
    api_base_url: str, files: Path | None = None, **settings: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The built frontend in front of this backend: its address, and its process. It may read `files`."""
    settings = {"API_BASE_URL": api_base_url, "LOG_LEVEL": "WARNING", **settings}
    for _ in range(STARTS):
        port = free_port()
        settings["PORT"] = str(port)
        with running(frontend_command(settings, files), **settings) as process:
            if comes_up(port, process):
                yield f"http://127.0.0.1:{port}", process
                return
    pytest.exit("the frontend does not start: its own words stand above", returncode=3)


def frontend_command(settings: dict[str, str], files: Path | None) -> list[str]:
    if image := os.environ.get("FRONTEND_IMAGE"):
        variables = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
        confined = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        mounts = [f"--volume={files}:{files}:ro"] if files else []
        return [DOCKER, "run", "--rm", "--network=host", *confined, *mounts, *variables, image]
    server = FRONTEND / ".next" / "standalone" / "server" / "main.ts"
    if not server.exists():
        pytest.exit("give BASE_URL or FRONTEND_IMAGE, or `npm ci && npm run build` in services/frontend", returncode=3)
    return ["node", str(server)]


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    if given := os.environ.get("BASE_URL"):
        yield given.rstrip("/")
        return
    port = free_port()
    with (
        running([sys.executable, str(HERE / "stub_backend.py"), str(port)]),
        running_frontend(f"http://127.0.0.1:{port}", DRAIN_SECONDS="0") as (url, _),
    ):
        yield url


@pytest.fixture(scope="session")
def browser(base_url: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium-headless-shell")
        env = os.environ | {"BROWSER": program, "PORTS": str(urlsplit(base_url).port)}
        browser = playwright.chromium.launch(executable_path=HERE / "apart.py", args=BROWSER_ARGS, env=env)
        yield browser
        browser.close()


@pytest.fixture
def new_person(browser: Browser, base_url: str) -> Iterator[NewPerson]:
    """Makes people, each with cookies of their own. Afterwards their consoles must have been silent."""
    people: list[tuple[BrowserContext, Person]] = []

    def make(**options: object) -> Person:
        context = browser.new_context(base_url=base_url, viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(ANSWER_MS)
        person = Person(context.new_page())
        person.watch_console()
        people.append((context, person))
        return person

    yield make
    for context, person in people:
        context.close()
        assert person.complaints == []


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    """Someone who has just made an account."""
    someone = new_person()
    someone.join()
    return someone
