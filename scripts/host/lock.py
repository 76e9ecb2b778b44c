"""One run at a time against a cluster. The kernel gives the lock back when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.errors import UserError


@contextmanager
def hold(file: Path) -> Iterator[None]:
    """Hold the lock `file` while the block runs. Raises UserError saying who holds it."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another run is at work: {_holder(handle)}", "wait for it, or stop it") from None
        words = {"pid": os.getpid(), "command": " ".join(sys.argv), "since": int(time.time())}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(words).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        words = json.loads(os.pread(handle, 4096, 0))
        return f"{words['command']} (process {words['pid']}, for {time.time() - words['since']:.0f} s)"
    except (ValueError, KeyError, TypeError):
        return "it has only just started"
