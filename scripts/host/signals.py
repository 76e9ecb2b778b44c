"""End in good order: what asks this program to stop is treated as Ctrl-C is, so that it stops what it started."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Signalled(KeyboardInterrupt):
    """A signal that asked for an end. `code` is the exit status a shell expects of it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


@contextmanager
def raise_when_signalled() -> Iterator[None]:
    """Raise Signalled in the block when a signal asks for an end. One that is ignored, as by nohup, stays ignored."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heeded = [number for number, handler in before.items() if handler is signal.SIG_DFL]

    def end(number: int, frame: FrameType | None) -> None:
        for one in heeded:  # once is enough: what was started is being stopped
            signal.signal(one, signal.SIG_IGN)
        raise Signalled(number)

    for number in heeded:
        signal.signal(number, end)
    try:
        with _relayed(heeded):
            yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _relayed(numbers: Collection[int]) -> Iterator[None]:
    """Hand each of these signals to the main thread once more.

    The kernel may give one to any thread, and a main thread that waits for a lock would not wake up to handle it.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    main = threading.main_thread().ident or 0

    def relay() -> None:
        while number := os.read(reader, 1):
            if number[0] in numbers:
                signal.pthread_kill(main, number[0])

    thread = threading.Thread(target=relay, daemon=True)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        thread.join()
        os.close(reader)
