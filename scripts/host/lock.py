"""One change at a time. The kernel gives the lock back when its holder ends, however it ends.

Why not by the library filelock stands in docs/architecture.md.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scripts.errors import UserError
from scripts.host import parsing

A_DAY = 86400.0  # seconds
_held: set[Path] = set()  # by this process: what it calls while it holds a lock need not wait for itself
_left: dict[Path, bytes] = {}  # what holders that were killed, or interrupted, had written there
_guard = threading.Lock()


@contextmanager
def hold(file: Path) -> Iterator[None]:
    """Hold the lock `file` while the block runs; within it, the same lock may be taken again.

    Raises UserError saying who holds it, since when, and by which command.
    """
    with _guard:
        nested = file in _held
        _held.add(file)
    if nested:
        yield
        return
    try:
        with _exclusive(file):
            yield
    finally:
        with _guard:
            _held.discard(file)


@contextmanager
def wait_for(file: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock `file` while the block runs; if another run has it, say so and wait until it gives it back."""

    def wait(handle: int) -> None:
        say(f"waiting for another run: {_holder(handle)}")
        fcntl.flock(handle, fcntl.LOCK_EX)

    with _exclusive(file, wait):
        yield


@contextmanager
def wait_in_silence(file: Path) -> Iterator[None]:
    """Hold the lock `file` while the block runs, after whoever holds it: another process, or a thread."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def claim(handle: IO[bytes]) -> bool:
    """Take the lock of an open file until it is closed; False where another process has it. Waits for nobody."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def was_left(file: Path) -> bool:
    """Return whether a holder before this one ended in the middle of its work, and nobody has settled that since."""
    return file in _left


def leave(file: Path) -> None:
    """Tell the next holder that this one ends in the middle of its work."""
    _left.setdefault(file, b"{}")


def settle(file: Path) -> None:
    """Forget what a killed holder had left to do, since it is done."""
    _left.pop(file, None)


def _refuse(handle: int) -> None:
    raise UserError(f"another run is at work: {_holder(handle)}", "wait for it, or stop it")


@contextmanager
def _exclusive(file: Path, taken: Callable[[int], None] = _refuse) -> Iterator[None]:
    with _told(file):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with _told(file):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                taken(handle)
            if left := os.pread(handle, 4096, 0):
                _left[file] = left
            words = {"pid": os.getpid(), "command": _command(sys.argv), "since": int(time.time())}
            _write(handle, json.dumps(words).encode())
        yield
        _write(handle, _left.pop(file, b""))  # what is not settled is the next holder's to know
    finally:
        os.close(handle)


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Name the lock where it cannot be taken, and what mostly mends that."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"the lock {file} cannot be taken: {error.strerror}",
            "let this user write there (a run as root may have made it), or set XDG_STATE_HOME to a folder of your own "
            "on a local disk",
        ) from None


def _write(handle: int, words: bytes) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, words, 0)


def _command(argv: list[str]) -> str:
    """Return the command as a person typed it: `invoke pipeline`, not the path of a program."""
    name = Path(argv[0]).name
    return shlex.join(["invoke" if name == "__main__.py" else name, *argv[1:]])


def _holder(handle: int) -> str:
    try:
        words = parsing.from_json(os.pread(handle, 4096, 0))
        passed = time.time() - words["since"]
        form = "%H:%M:%S" if abs(passed) < A_DAY else "%Y-%m-%d %H:%M:%S"
        since = time.strftime(form, time.localtime(words["since"]))
        # A clock that was set back in the meantime tells no seconds.
        told = f", {passed:.0f} s" if passed >= 0 else ""
        return f"{words['command']} (process {words['pid']}, since {since}{told})"
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return "it has only just started"
