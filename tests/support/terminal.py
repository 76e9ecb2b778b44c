"""A task on a terminal of its own, as a person sits before it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import termios
import time
from types import TracebackType

from tests.support.project import Project

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
HOME, OTHER_SCREEN, OWN_SCREEN = "\x1b[H", "\x1b[?1049h", "\x1b[?1049l"
# The first terminal that a session leader opens becomes the one whose Ctrl-C it gets.
ON_TERMINAL = 'exec "$@" <>"$0" >&0 2>&0'


class Terminal:
    """A running task and what it has written so far."""

    def __init__(self, project: Project, *words: str, width: int = 80, height: int = 24) -> None:
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (height, width))
        env = os.environ | {"XDG_STATE_HOME": str(project.state), "TERM": "xterm-256color"}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            env.pop(name, None)
        argv = ["sh", "-c", ON_TERMINAL, os.ttyname(slave), sys.executable, "-m", "scripts.tasks", *words]
        self._process = subprocess.Popen(argv, cwd=project.folder, env=env, start_new_session=True)
        self._slave = slave  # open here too, so that reading never fails while the task starts
        self._seen = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._slave)
        os.close(self._master)

    @property
    def text(self) -> str:
        """Everything so far, control sequences included."""
        return self._seen.decode(errors="replace")

    def frame(self) -> list[str]:
        """The lines of the last screen that another has followed, as they look: the last one may have been cut off."""
        return ESCAPES.sub("", self.text.split(HOME)[-2]).splitlines()

    def wait_for(self, pattern: str, seconds: float = 300.0) -> None:
        """Read until what has been written since the last call holds a pattern; control sequences are left out."""
        start, end = len(self._seen), time.monotonic() + seconds
        while not re.search(pattern, ESCAPES.sub("", self._seen[start:].decode(errors="replace"))):
            left = end - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.text[-2000:]!r}"
            if select.select([self._master], [], [], left)[0]:
                self._seen += os.read(self._master, 65536)

    def press_ctrl_c(self, seconds: float = 300.0) -> int:
        """End it as a person does. Returns the exit status."""
        os.write(self._master, b"\x03")
        end = time.monotonic() + seconds
        while self._process.poll() is None or select.select([self._master], [], [], 0)[0]:
            assert time.monotonic() < end, "it goes on after Ctrl-C"
            if select.select([self._master], [], [], 0.1)[0]:
                self._seen += os.read(self._master, 65536)
        return int(self._process.returncode)
