"""Answer `invoke --list` with what it printed the last time, while no task has changed.

The list depends on few files, and loading invoke with every task takes nearly all of its time.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing import TextIO

QUESTIONS = (["--list"], ["-l"])
OWN_SETTINGS = [f"{place}invoke.{form}" for place in ("/etc/", "~/.", "") for form in ("yaml", "yml", "json", "py")]


def use(root: str) -> None:
    """Print the kept list and end the program, where the list is all that is asked; else keep what is printed now.

    `root` is the checkout whose list is asked for: invoke looks for tasks in the current folder first.
    """
    if sys.argv[1:] not in QUESTIONS or os.getcwd() != root or not (state := _state(root)):
        return
    kept = os.path.join(root, ".venv", "list.txt")
    with suppress(OSError):  # nothing kept, or nowhere to print it: the usual way tells of that
        with open(kept, "rb") as file:
            before, _, text = file.read().partition(b"\n")
        if before == state and text:
            os.write(1, text)
            raise SystemExit
    copied = _Copied(sys.stdout)
    sys.stdout = cast("TextIO", copied)
    atexit.register(_keep, kept, state, copied)


def _state(root: str) -> bytes:
    """Return in a line all that the list depends on; nothing where a person's own settings may change it."""
    out = sys.stdout
    if out is None or out.encoding != "utf-8" or any(name.startswith("INVOKE_") for name in os.environ):
        return b""
    if any(os.path.exists(os.path.expanduser(file)) for file in OWN_SETTINGS):
        return b""
    try:
        columns = os.get_terminal_size(out.fileno()).columns
    except OSError:
        columns = 0
    folder = os.path.join(root, "scripts", "tasks")
    files = [os.path.join(root, "tasks.py"), os.path.join(root, ".venv", "requirements.txt")]
    files += sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".py"))
    times = [(file, found.st_mtime_ns, found.st_size) for file in files if (found := _stat(file))]
    return repr((sys.version, columns, times)).encode("utf-8", "surrogateescape").replace(b"\n", b" ")


def _stat(file: str) -> os.stat_result | None:
    try:
        return os.stat(file)
    except OSError:
        return None


class _Copied:
    """An output stream of which a copy is kept."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.text = ""

    def write(self, text: str) -> int:
        """Write text to the stream, and add it to the copy."""
        self.text += text
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _keep(kept: str, state: bytes, copied: _Copied) -> None:
    if hasattr(sys, "last_type"):  # it ended by an error, so that the list may not be whole
        return
    unfinished = f"{kept}.{os.getpid()}"
    with suppress(OSError, UnicodeError):
        with open(unfinished, "wb") as file:
            file.write(state + b"\n" + copied.text.encode())
        os.replace(unfinished, kept)
