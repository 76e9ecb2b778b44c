"""Two runs never work on one cluster at once, and a run that was killed leaves no lock behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.host import lock
from scripts.host.paths import ROOT

HOLDER = """
import sys
from pathlib import Path
from scripts.host import lock
from scripts.host.paths import ROOT
with lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

# Starts a child that prints its process id and waits, as a long effect does.
RUNNER = """
import signal, sys
from pathlib import Path
from scripts.host import lock, signals
from scripts.host.shell import Shell
waits = ["sh", "-c", "echo $$; exec sleep 600"]
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
try:
    with signals.raise_when_signalled(), lock.hold(Path(sys.argv[1])):
        Shell(echo=lambda line: None).effect(waits, on_line=lambda line: print(line, flush=True))
except KeyboardInterrupt as end:
    print("told:", end, flush=True)
"""


@pytest.mark.slow
def test_the_second_run_is_told_who_holds_the_lock_and_a_killed_holder_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "locks/c.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"process {holder.pid}"), lock.hold(file):
            pass
        holder.kill()
    with lock.hold(file):
        assert lock.was_left(file)
    with lock.hold(file):
        assert lock.was_left(file), "whoever came between has mended nothing"
        lock.settle(file)
    with lock.hold(file):
        assert not lock.was_left(file)


def test_what_a_holder_calls_may_take_the_same_lock_again(tmp_path: Path) -> None:
    file = tmp_path / "c.lock"
    with lock.hold(file), lock.hold(file):
        words = file.read_text()
    assert words.startswith("{") and file.read_text() == ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SIGTERM", "SIGHUP"])
def test_a_run_that_is_told_to_end_stops_what_it_started_and_gives_the_lock_back(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "c.lock"
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(file)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as run:
        assert run.stdout
        child = int(run.stdout.readline())
        run.send_signal(getattr(signal, kind))
        assert run.stdout.read() == f"told: {kind}\n" and run.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    with lock.hold(file):
        pass


THREADED = """
import signal, sys, threading, time
from scripts.host import signals
waiting = threading.Event()
main = threading.main_thread().ident
def tell():
    while sys._current_frames()[main].f_code.co_name not in ("_wait_for_tstate_lock", "join"):
        time.sleep(0)
    time.sleep(0)  # once more past the main thread, which waits for the lock now
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)  # as the kernel may
    waiting.wait()
try:
    with signals.raise_when_signalled():
        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        thread.join()
except signals.Signalled as end:
    print("told:", end, flush=True)
"""


@pytest.mark.slow
def test_a_signal_that_another_thread_gets_wakes_the_main_one() -> None:
    done = subprocess.run([sys.executable, "-c", THREADED], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.stdout == "told: SIGTERM\n" and done.stderr == ""


@pytest.mark.slow
def test_who_waits_for_a_lock_says_for_whom_and_gets_it_when_that_run_ends(tmp_path: Path) -> None:
    file, said = tmp_path / "c.lock", []
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin and holder.stdout and holder.stdout.readline() == "held\n"

        def say(line: str) -> None:
            said.append(line)
            assert holder.stdin
            holder.stdin.close()

        with lock.wait_for(file, say):
            assert f'"pid": {os.getpid()}' in file.read_text()
        assert holder.wait(300) == 0
    assert len(said) == 1 and f"process {holder.pid}" in said[0]


@pytest.mark.parametrize("what", ["a folder", "a pipe", "a link to nothing", "a file in the folder's place"])
def test_a_lock_that_cannot_be_taken_is_named_with_what_mends_that(tmp_path: Path, what: str) -> None:
    file = tmp_path / "locks/c.lock"
    if what == "a file in the folder's place":
        file.parent.touch()
    else:
        file.parent.mkdir()
        {
            "a folder": file.mkdir,
            "a pipe": lambda: os.mkfifo(file),
            "a link to nothing": lambda: file.symlink_to("/nowhere/at/all"),
        }[what]()
    with pytest.raises(UserError, match=r"the lock .*c?\.lock cannot be taken: \w") as told, lock.hold(file):
        pass
    assert "XDG_STATE_HOME" in str(told.value.hint)


def test_a_clock_that_was_set_back_tells_no_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "c.lock"
    with lock.hold(file), file.open("rb") as other:
        monkeypatch.setattr("scripts.host.lock.time.time", lambda: 1000.0)
        with pytest.raises(UserError, match=r"since \d{4}-\d\d-\d\d [\d:]{8}\)$"):
            lock._refuse(other.fileno())
