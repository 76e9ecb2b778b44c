"""Python programs in virtual environments of their own: their pins do not suit anybody else's."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.host.lock import wait_in_silence
from scripts.host.paths import cache_folder
from scripts.host.shell import Shell

PIP_SETTINGS = (sys.executable, "-m", "pip", "config", "list")
OWN_INDEX = re.compile(r"^\S*(index|proxy|trusted-host)\S*=", re.MULTILINE)


def folder(root: Path, lock: str, name: str) -> Path:
    """Return where the environment `name` of a lock is kept. Every checkout with the same lock and Python uses the
    same one.

    `lock` is the path of a requirements file with hashes, relative to `root`.
    """
    inputs = (root / lock).read_bytes() + sys.version.encode()
    return cache_folder(name) / hashlib.sha256(inputs).hexdigest()[:16]


def is_made(root: Path, lock: str, name: str) -> bool:
    """Return whether the environment is there, whole."""
    return _done(folder(root, lock, name)).is_file()


def ensure(shell: Shell, root: Path, lock: str, name: str) -> Path:
    """Return the folder of an environment's programs, made where it is missing. A dry run only shows how.

    Raises CommandError if it cannot be made, for instance where no package registry answers.
    """
    home = folder(root, lock, name)
    if _done(home).is_file():
        return home / "bin"
    if shell.dry:
        _make(shell, home, root / lock)
        return home / "bin"
    home.parent.mkdir(parents=True, exist_ok=True)
    with wait_in_silence(home.parent / f"{home.name}.lock"):
        if not _done(home).is_file():
            shell.say(f"making the virtual environment `{name}` from {lock} (once)")
            _make(shell, home, root / lock)
            _done(home).touch()
    return home / "bin"


def _done(home: Path) -> Path:
    """Return the mark that is written last: a half-made environment never counts."""
    return home / "complete"


def _make(shell: Shell, home: Path, lock: Path) -> None:
    hint = "is a package registry reachable from here?"
    shell.effect([sys.executable, "-m", "venv", "--clear", "--without-pip", home], timeout=120, hint=hint)
    settings = shell.probe(PIP_SETTINGS).out
    shell.effect(install_command(home / "bin/python", [lock], settings), timeout=600, hint=hint)


def install_command(python: Path, locks: Sequence[str | Path], pip_settings: str) -> list[str | Path]:
    """Return the command that installs requirements files with hashes into the environment of `python`.

    uv takes a tenth of pip's time, but reads none of pip's settings: where those, as `PIP_SETTINGS` prints them, name
    an index or the way to it, the command is pip's.
    """
    checked: list[str | Path] = ["--require-hashes", "--only-binary", ":all:"]
    for lock in locks:
        checked += ["-r", lock]
    if not OWN_INDEX.search(pip_settings):
        uv = Path(sys.executable).with_name("uv")
        # Where there is a home or not, and on one file system with what is made: files are linked, not copied.
        cache = ("--cache-dir", cache_folder("uv"))
        return [uv, "pip", "install", "--quiet", *cache, "--python", python, *checked]
    pip = ["pip", "--python", str(python), "install", "-qq", "--disable-pip-version-check", "--no-input"]
    return [sys.executable, "-m", *pip, "--retries", "2", *checked]
