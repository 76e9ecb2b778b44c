"""The inner loop as a person uses it: files are saved, and the running app changes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.project import Project, is_free

pytestmark = pytest.mark.long

LONG = 600
PROGRAMS = 0.5  # seconds between two looks that start programs, whose work the session is not to wait for
BACKEND = "services/backend/todo_backend"


class Session:
    """A running `invoke dev`, and the lines it has written."""

    def __init__(self, project: Project, *words: str) -> None:
        env = os.environ | {"XDG_STATE_HOME": str(project.state)}
        env.pop("DATABASE_URL", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scripts.tasks", "dev", *words],
            cwd=project.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._seen = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for the next line in which the pattern is found."""
        deadline = time.monotonic() + LONG
        while True:
            while self._seen < len(self.lines):
                self._seen += 1
                if match := re.search(pattern, self.lines[self._seen - 1]):
                    return match
            assert self.process.poll() is None and time.monotonic() < deadline, "\n".join([pattern, *self.lines[-40:]])
            time.sleep(0.02)

    def told(self, pattern: str) -> re.Match[str]:
        """Wait for the pattern in any line, also of those that were there before."""
        self._seen = 0
        return self.expect(pattern)

    def end(self, number: int = signal.SIGINT) -> int:
        """Press Ctrl-C, or worse. The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(LONG)
        self._reader.join(LONG)
        if self.process.stdout:
            self.process.stdout.close()
        return status


@contextlib.contextmanager
def working(project: Project, *words: str) -> Iterator[Session]:
    """A session that has come up, and is ended in any case."""
    session = Session(project, *words)
    try:
        session.expect("^watching: ")
        yield session
    finally:
        session.end()


@pytest.fixture
def backend(project: Project) -> Iterator[Path]:
    """The backend's sources, as they were afterwards."""
    folder = project.folder / BACKEND
    before = {path: path.read_bytes() for path in folder.rglob("*.py")}
    requirements = project.folder / "services/backend/requirements.txt"
    lock = requirements.read_bytes()
    yield folder
    for path in folder.rglob("*.py"):
        if path not in before:
            path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    requirements.write_bytes(lock)


def answer(url: str) -> str:
    """The body of a page; the error in words while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as page:  # noqa: S310 built here
            return str(page.read().decode())
    except (http.client.HTTPException, OSError) as error:  # the pod that answers may end meanwhile
        return repr(error)


def until(seen: Callable[[], bool], what: str, *, every: float = 0.05) -> None:
    """Wait until something is seen; look for it every so many seconds."""
    deadline = time.monotonic() + LONG
    while not seen():
        assert time.monotonic() < deadline, what
        time.sleep(every)


def write_title(backend: Path, title: str) -> None:
    """Change what the backend's OpenAPI document is called."""
    file = backend / "app.py"
    file.write_text(re.sub(r'title="[^"]*"', f'title="{title}"', file.read_text()))


def container_files(project: Project) -> dict[str, set[str]]:
    """Every file below the source folder, of each of the backend's pods."""
    pods = json.loads(project.kubectl("get", "pods", "-l", "app.kubernetes.io/name=backend", "-o", "json"))["items"]
    names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    find = (
        "find",
        "/app/todo_backend",
        "-type",
        "f",
        "-not",
        "-path",
        "*__pycache__*",
        "-exec",
        "sha256sum",
        "{}",
        "+",
    )
    return {name: set(project.kubectl("exec", name, "--", *find).splitlines()) for name in names}


def local_files(backend: Path) -> set[str]:
    """The same of the sources here."""
    files = [path for path in backend.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    lines = subprocess.run(["sha256sum", *files], capture_output=True, text=True, check=True).stdout
    return set(lines.replace(str(backend), "/app/todo_backend").splitlines())


def in_sync(project: Project, backend: Path) -> bool:
    try:
        found = container_files(project)
    except subprocess.CalledProcessError:
        return False  # one of the pods is only coming up
    return len(found) >= 1 and all(files == local_files(backend) for files in found.values())


def status_of(project: Project, service: str) -> str:
    lines = project.invoke("status").stdout.splitlines()
    return next(line for line in lines if line.startswith(f"{service} "))


def test_saved_files_go_live(project: Project, backend: Path) -> None:
    """Edit, fifty files at once, delete, a mistake and its repair, another look at the ports, and Ctrl-C."""
    project.pipeline()
    with working(project, "--service", "backend") as session:
        url = session.told(r"backend answers at (\S+)")[1]
        write_title(backend, "Changed once")
        session.expect(r"^backend: .*app\.py: synced to 2 pods in \d+ ms")
        until(lambda: "Changed once" in answer(f"{url}/api/openapi.json"), "the change is live")

        for number in range(50):
            (backend / f"extra_{number}.py").write_text(f"VALUE = {number}\n")
        until(lambda: in_sync(project, backend), "fifty files are there", every=PROGRAMS)
        for number in range(50):
            (backend / f"extra_{number}.py").unlink()
        until(lambda: in_sync(project, backend), "fifty files are gone", every=PROGRAMS)

        app = (backend / "app.py").read_text()
        (backend / "app.py").write_text(app + "\ndef broken(:\n")
        session.expect("SyntaxError")
        session.expect("the program has ended with status 1")
        (backend / "app.py").write_text(app.replace("Changed once", "Mended"))
        until(lambda: "Mended" in answer(f"{url}/api/openapi.json"), "the repair is live")

        assert status_of(project, "backend").endswith("(dev)")
        assert not status_of(project, "agent").endswith("(dev)")
        assert "(dev)" in project.invoke("history").stdout.splitlines()[-1]
        pod = json.loads(project.kubectl("get", "pods", "-l", "todo-chatbot/dev", "-o", "json"))["items"][0]
        container = pod["spec"]["containers"][0]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"readinessProbe", "livenessProbe", "startupProbe"} <= container.keys()

        project.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
        until(lambda: in_sync(project, backend), "a new pod gets what was synced", every=PROGRAMS)
        until(lambda: "Mended" in answer(f"{url}/api/openapi.json"), "the port leads to a pod again")
        assert session.end() == 0
    assert "go back: invoke pipeline" in session.lines[-1]
    assert is_free(int(url.rpartition(":")[2])), "nothing is left listening"
    assert project.pipeline()["ok"]
    assert not status_of(project, "backend").endswith("(dev)")
    assert "Mended" in project.kubectl("exec", "deployment/backend", "--", "cat", "/app/todo_backend/app.py")


def test_what_needs_a_build_is_built_and_config_upgrades(project: Project, backend: Path) -> None:
    with working(project, "--service", "backend") as session:
        requirements = project.folder / "services/backend/requirements.txt"
        before = status_of(project, "backend").split()[4]
        requirements.write_text(requirements.read_text() + "# one more line\n")
        session.expect("backend: backend/requirements.txt has changed: it is built")
        session.expect(r"^backend: build: built and deployed in")
        until(lambda: status_of(project, "backend").split()[4] != before, "another image is live", every=PROGRAMS)

        dockerfile = project.folder / "services/backend/Dockerfile"
        recipe = dockerfile.read_text()
        dockerfile.write_text(recipe + "RUN exit 7\n")
        session.expect(r"^error: ")
        dockerfile.write_text(recipe)

        values = project.folder / "charts/todo-chatbot-umbrella/values.yaml"
        text = values.read_text()
        first, backends, rest = text.partition("\nbackend:\n")
        values.write_text(first + backends + rest.replace("LOG_LEVEL: info", "LOG_LEVEL: debug", 1))
        session.expect("the configuration has changed: the release is upgraded")
        assert "debug" in project.kubectl("get", "configmap", "backend-config", "-o", "json")
        config = project.folder / "config/pipeline.yaml"
        good = config.read_text()
        config.write_text(good + "nonsense: 1\n")
        session.expect("nonsense: unknown key")
        config.write_text(good)
        session.expect("the configuration has changed: the release is upgraded")
        values.write_text(text)
        session.expect("the configuration has changed: the release is upgraded")
        write_title(backend, "Still here")
        session.expect(r"^backend: .*app\.py: synced to")
    assert project.pipeline()["ok"]


def test_a_killed_session_is_mended_by_the_next_one(project: Project, backend: Path) -> None:
    with working(project, "--service", "backend") as session:
        write_title(backend, "Never committed")
        session.expect(r"^backend: .*app\.py: synced to")
        port = int(session.told(r"backend answers at http://127.0.0.1:(\d+)")[1])
        assert session.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: is_free(port), "a killed session leaves no port behind")
    assert status_of(project, "backend").endswith("(dev)")
    write_title(backend, "Todo Chatbot")  # back to what the image holds, while nobody watches
    with working(project, "--service", "backend", "--cleanup") as session:
        assert any("an earlier session has left pods of backend" in line for line in session.lines)
        until(lambda: in_sync(project, backend), "nothing of the killed session is left", every=PROGRAMS)
        refused = project.invoke("dev", "--service", "backend", check=False)
        assert refused.returncode == 1
        assert session.end() == 0
    assert not status_of(project, "backend").endswith("(dev)")


def test_the_pipeline_ends_a_session_that_goes_on(project: Project, backend: Path) -> None:
    with working(project, "--service", "mcp") as session:
        assert project.pipeline()["ok"]
        session.expect("mcp is not worked on any more")
        assert session.process.wait(LONG) == 0
