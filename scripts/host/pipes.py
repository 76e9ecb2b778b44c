"""Feed and read a process that runs: lines and bytes, never waiting for one while another fills up."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import IO

CHUNK_BYTES = 1 << 20  # bytes that are read of an output at once
KEPT_LINES = 20_000  # of a long output, the last ones
SHORT_GRACE = 1.0  # seconds in which a program that only talks may tidy up, after SIGINT and after SIGTERM


class Stream:
    """Lines as they come, for one reader; any thread may stop it."""

    def __init__(self, timeout: float) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._deadline = time.monotonic() + timeout

    def put(self, line: str) -> None:
        """Add a line."""
        self._lines.put(line)

    def stop(self) -> None:
        """End the stream after the lines it has."""
        self._lines.put(None)

    def __iter__(self) -> Iterator[str]:
        with suppress(queue.Empty):
            while (line := self._lines.get(timeout=max(0.0, self._deadline - time.monotonic()))) is not None:
                yield line


class Held:
    """A process that is fed and drained until it ends or somebody stops it; nothing of its group outlives it.

    Of what it prints `limit` bytes are kept, and more than that stops it.
    """

    def __init__(self, process: subprocess.Popen[bytes], stop: threading.Event, limit: int) -> None:
        self._process = process
        self._stop = stop
        self.limit = limit
        self._ended = threading.Event()
        self._late = threading.Event()
        self._kept = {"out": bytearray(), "err": bytearray()}

    def text(self, name: str) -> str:
        """Return what was kept of the output `out` or `err`."""
        return bytes(self._kept[name][: self.limit]).decode(errors="replace")

    @property
    def printed_too_much(self) -> bool:
        """Return whether it printed more than is kept."""
        return any(len(piece) > self.limit for piece in self._kept.values())

    @property
    def is_late(self) -> bool:
        """Return whether its time was over before it ended, or anybody stopped it."""
        return self._late.is_set()

    def run(self, stdin: str, seconds: float | None = None) -> None:
        """Give it its input; wait for its end, the event, or so many seconds; then end what is left of its group."""
        streams = {"out": self._process.stdout, "err": self._process.stderr}
        workers = [threading.Thread(target=self._drain, args=pair) for pair in streams.items() if pair[1]]
        workers += [threading.Thread(target=self._feed, args=(stdin,)), threading.Thread(target=self._wait)]
        for worker in workers:
            worker.start()
        try:
            with after(seconds, self._give_up):
                self._stop.wait()
        finally:
            self._end()
            for worker in workers:
                worker.join()

    def _drain(self, name: str, pipe: IO[bytes]) -> None:
        kept = self._kept[name]
        while piece := pipe.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
            kept.extend(piece)
            if len(kept) > self.limit:
                del kept[self.limit + 1 :]  # one more tells that there was more
                self._stop.set()

    def _feed(self, stdin: str) -> None:
        with suppress(BrokenPipeError):
            input_of(self._process).write(stdin.encode())
            input_of(self._process).close()

    def _wait(self) -> None:
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError, PermissionError):  # the group, before its number may be another's
            os.killpg(self._process.pid, signal.SIGKILL)
        self._ended.set()
        self._stop.set()

    def _give_up(self) -> None:
        if not self._stop.is_set():
            self._late.set()
        self._stop.set()

    def _end(self) -> None:
        steps = ((signal.SIGINT, SHORT_GRACE), (signal.SIGTERM, SHORT_GRACE), (signal.SIGKILL, None))
        for number, patience in steps:
            if not self._ended.is_set():
                os.killpg(self._process.pid, number)
                self._ended.wait(patience)


class Dialogue:
    """Messages to and from a program that runs, each ended by the same bytes."""

    def __init__(self, process: subprocess.Popen[bytes], end: bytes) -> None:
        self._process = process
        self._end = end
        self._heard: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def say(self, message: bytes) -> None:
        """Send a message; to a program that has ended, nothing is said."""
        with suppress(BrokenPipeError, ValueError):
            input_of(self._process).write(message + self._end)
            input_of(self._process).flush()

    def hear(self, seconds: float) -> bytes | None:
        """Return the next message; None where none came within so many seconds. Raises EOFError after the last."""
        try:
            message = self._heard.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if message is None:
            self._heard.put(None)
            raise EOFError
        return message

    def listen(self) -> None:
        """Read what it says until it ends."""
        rest = b""
        while piece := read_some(self._process):
            *whole, rest = (rest + piece).split(self._end)
            for message in whole:
                self._heard.put(message)
        self._heard.put(None)


@contextmanager
def after(seconds: float | None, work: Callable[[], object]) -> Iterator[None]:
    """Run `work` once if the block has not ended after so many seconds; without a number, never."""
    timer = threading.Timer(seconds, work) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        if timer:
            timer.cancel()


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Work in a thread of its own while the block runs; both have ended when it is left."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def input_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Return the standard input of a process that was started with one."""
    assert process.stdin is not None  # noqa: S101 a process is given an input by the caller, or this is a mistake here
    return process.stdin


def read_some(process: subprocess.Popen[bytes]) -> bytes:
    """Read what a process has printed, waiting for the first of it; nothing at its end."""
    return process.stdout.read1(CHUNK_BYTES) if isinstance(process.stdout, BufferedReader) else b""


def collect(
    process: subprocess.Popen[bytes], stdin: str | None = None, on_line: Callable[[str], None] | None = None
) -> tuple[int, str, str]:
    """Feed and drain a process without ever blocking it; return its exit status, and the last lines of both outputs.

    No `stdin`, which is not the same as an empty one, leaves the feeding to somebody else.
    """
    kept: dict[str, deque[str]] = {"out": deque(maxlen=KEPT_LINES), "err": deque(maxlen=KEPT_LINES)}

    def drain(name: str) -> None:
        stream = process.stdout if name == "out" else process.stderr
        for raw in stream or ():
            line = raw.decode(errors="replace").rstrip("\r\n")
            kept[name].append(line)
            if on_line and line.strip():
                on_line(line)

    readers = [threading.Thread(target=drain, args=(name,), daemon=True) for name in kept]
    for reader in readers:
        reader.start()
    if process.stdin and stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(stdin.encode())
            process.stdin.close()
    for reader in readers:
        reader.join()
    return process.wait(), "\n".join(kept["out"]), "\n".join(kept["err"])
