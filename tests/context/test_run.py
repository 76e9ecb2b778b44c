"""Work side by side."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.run import threads


class LateStarter:
    """A shell whose thread starts its process after the first attempt to stop everything."""

    def __init__(self) -> None:
        self.attempts = 0
        self.first = threading.Event()
        self.ended = threading.Event()

    def interrupt(self) -> None:
        self.attempts += 1
        if self.attempts > 1:
            self.ended.set()
        self.first.set()

    def work(self) -> None:
        self.first.wait()
        self.ended.wait()


def test_ctrl_c_also_ends_what_starts_a_moment_later() -> None:
    shell = LateStarter()
    run: Any = SimpleNamespace(session=SimpleNamespace(shell=shell))
    with pytest.raises(KeyboardInterrupt), threads(run) as pool:
        job = pool.submit(shell.work)
        raise KeyboardInterrupt
    assert job.done() and shell.attempts > 1
