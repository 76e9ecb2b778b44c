"""The scanners that are Python packages, in an environment of their own: their pins do not suit anybody else's."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from pathlib import Path

from scripts.model import UserError
from scripts.shell import Shell
from scripts.supplychain.model import NotRun

LOCK = "config/scanners/requirements.txt"


def folder(root: Path) -> Path:
    """Where the environment of this lock is kept. Every checkout with the same lock and Python uses the same one."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    inputs = (root / LOCK).read_bytes() + sys.version.encode()
    return home / "todo-chatbot/scanners" / hashlib.sha256(inputs).hexdigest()[:16]


def ensure(shell: Shell, root: Path) -> Path:
    """The folder of the scanners' programs, made where it is missing. Raises NotRun if it cannot be made."""
    home = folder(root)
    done = home / "complete"  # written last: a half-made environment never counts
    if done.is_file():
        return home / "bin"
    if shell.dry:
        raise NotRun("a dry run installs no scanners")
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_file():
            shell.say(f"making the scanners' environment from {LOCK} (once, about half a minute)")
            pip = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "--retries", "2"]
            try:
                shell.effect([sys.executable, "-m", "venv", "--clear", home], timeout=120)
                shell.effect(
                    [home / "bin/python", *pip, "--require-hashes", "--only-binary", ":all:", "-r", root / LOCK],
                    timeout=600,
                )
            except UserError as problem:
                line = str(problem).strip().splitlines()[-1]
                raise NotRun(f"the scanners could not be installed: {line}") from None
            done.touch()
    return home / "bin"
