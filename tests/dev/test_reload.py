"""The reloader: a program starts anew at SIGHUP, outlives its own mistakes, and ends when it is told to."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.dev.service import RELOADER

pytestmark = pytest.mark.slow  # all start programs

LONG = 300


@contextlib.contextmanager
def running(folder: Path, *argv: str, grace: float = 10.0) -> Iterator[subprocess.Popen[str]]:
    """The reloader with a program, as a container starts it."""
    text = RELOADER.read_text()
    assert text.count("GRACE = 10.0") == 1
    process = subprocess.Popen(
        [sys.executable, "-c", text.replace("GRACE = 10.0", f"GRACE = {grace}"), *argv],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LONG)
        if process.stdout:
            process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    """The next line that it writes."""
    assert process.stdout
    return process.stdout.readline().strip()


def program(words: str) -> str:
    return f"import time\nprint({words!r}, flush=True)\ntime.sleep(1000)\n"


@pytest.mark.parametrize("argv", [("-m", "app"), ("app.py",)])
def test_it_starts_anew_and_outlives_a_mistake(tmp_path: Path, argv: tuple[str, ...]) -> None:
    file = tmp_path / "app.py"
    file.write_text(program("one"))
    with running(tmp_path, *argv) as process:
        assert line(process) == "one"
        file.write_text(program("two"))
        process.send_signal(signal.SIGHUP)
        assert line(process) == "two"
        file.write_text("print('half)")
        process.send_signal(signal.SIGHUP)
        told = [line(process)]
        while not told[-1].startswith("the program has ended with status 1"):
            told.append(line(process))
        assert any("SyntaxError" in one for one in told)
        file.write_text(program("three"))
        process.send_signal(signal.SIGHUP)
        assert line(process) == "three"
    assert process.returncode == 128 + signal.SIGTERM


def test_a_program_that_ends_well_ends_the_container_when_told(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('done', flush=True)")
    with running(tmp_path, "-m", "app") as process:
        assert line(process) == "done"
        assert line(process).startswith("the program has ended with status 0")
    assert process.returncode == 0


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    child = (
        "import subprocess, time\np = subprocess.Popen(['sleep', '1000'])\nprint(p.pid, flush=True)\ntime.sleep(1000)"
    )
    (tmp_path / "app.py").write_text(child)
    with running(tmp_path, "-m", "app") as process:
        first = int(line(process))
        process.send_signal(signal.SIGHUP)
        assert int(line(process)) != first
        deadline = time.monotonic() + LONG
        while Path(f"/proc/{first}").exists() and "Z" not in Path(f"/proc/{first}/stat").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)


SERVER = """
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"%s")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", %d), Handler)
print("up", flush=True)
server.serve_forever()
"""


def test_a_port_is_never_closed_while_the_program_is_replaced(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def answer() -> str:
        try:
            return str(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=LONG).read().decode())
        except (ConnectionResetError, http.client.RemoteDisconnected):
            return "cut off"  # in the middle of an answer; a port that is closed is refused, and fails this test

    file = tmp_path / "app.py"
    file.write_text(SERVER % ("one", port))
    with running(tmp_path, "app.py") as process:
        assert line(process) == "up"
        assert answer() == "one"
        for word in ("two", "three"):
            file.write_text(SERVER % (word, port))
            process.send_signal(signal.SIGHUP)
            while answer() != word:
                pass
        file.write_text("no program(")
        process.send_signal(signal.SIGHUP)
        while "the one before goes on" not in (told := line(process)):
            assert "starts again" not in told
        assert answer() == "three"
        file.write_text(SERVER % ("four", port))
        process.send_signal(signal.SIGHUP)
        while answer() != "four":
            pass


PATIENT = """
import http.server, os, signal, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            print("slow", flush=True)
            while not os.path.exists("go on"): time.sleep(0.01)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"%s")
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
server = Server(("127.0.0.1", %d), Handler)
signal.signal(signal.SIGTERM, %s)
print("up", flush=True)
server.serve_forever()
server.server_close()
print("ended", flush=True)
"""
ENDS, STAYS = "lambda *_: threading.Thread(target=server.shutdown).start()", "signal.SIG_IGN"


def test_a_request_in_flight_is_answered_by_the_program_that_took_it(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file, said = tmp_path / "app.py", list[str]()

    def ask() -> None:
        said.append(urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=LONG).read().decode())

    file.write_text(PATIENT % ("one", port, ENDS))
    with running(tmp_path, "app.py", grace=LONG) as process:
        assert line(process) == "up"
        asking = threading.Thread(target=ask)
        asking.start()
        assert line(process) == "slow"
        for word in ("two", "three"):  # a second change does not cut it either
            file.write_text(PATIENT % (word, port, ENDS))
            process.send_signal(signal.SIGHUP)
            while (told := line(process)) != "up":
                assert told in ("", "ended")
        (tmp_path / "go on").touch()
        asking.join(LONG)
    assert said == ["one"]


def test_a_program_that_does_not_end_when_asked_is_ended(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = tmp_path / "app.py"
    file.write_text("import os\nprint(os.getpid(), flush=True)\n" + PATIENT % ("one", port, STAYS))
    with running(tmp_path, "app.py", grace=0.01) as process:
        first = int(line(process))
        assert line(process) == "up"
        file.write_text(PATIENT % ("two", port, ENDS))
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + LONG
        while Path(f"/proc/{first}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_change_that_overtakes_the_word_that_somebody_listens_closes_no_port(tmp_path: Path) -> None:
    """As on a busy machine: the parent gets no time between the program's start and the next change."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file, begin = tmp_path / "app.py", tmp_path / "begin"
    waiting = "import os, time\nprint('here', flush=True)\nwhile not os.path.exists('begin'): time.sleep(0.01)\n"
    file.write_text(waiting + SERVER % ("one", port))
    with running(tmp_path, "app.py") as process:
        assert line(process) == "here"
        process.send_signal(signal.SIGSTOP)
        begin.touch()
        assert line(process) == "up"
        file.write_text(SERVER % ("two", port))
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGCONT)
        assert line(process) == "up"


def test_told_to_end_while_a_program_is_replaced_it_ends_with_both(tmp_path: Path) -> None:
    """As when a pod is deleted right after a change: the new program does not listen yet, the old one still does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = tmp_path / "app.py"
    file.write_text(SERVER % ("one", port))
    with running(tmp_path, "app.py") as process:
        assert line(process) == "up"
        file.write_text(program("two"))
        process.send_signal(signal.SIGHUP)
        assert line(process) == "two"
    assert process.returncode == 128 + signal.SIGTERM
