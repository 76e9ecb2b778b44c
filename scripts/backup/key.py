"""The key that opens the archives: given by a variable, or made at the first backup and kept outside of the tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.backup.manifest import ArchiveError
from scripts.host.paths import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyrage.x25519 import Identity

VARIABLE = "TODO_BACKUP_KEY"
PREFIX = "AGE-SECRET-KEY-1"


def key_file() -> Path:
    """Where the key is kept: in the user's state folder, which survives the removal of a cluster."""
    return state_folder("keys", "backup.key")


def find() -> Identity:
    """The key. Raises ArchiveError if there is none or it is not one."""
    given = os.environ.get(VARIABLE)
    if given:
        return _parse(given, VARIABLE)
    file = key_file()
    if not file.is_file():
        raise ArchiveError("no key", "there is no key for backups", f"set {VARIABLE}, or put the key in {file}")
    return _parse(file.read_text(encoding="utf-8"), str(file))


def find_or_make(say: Callable[[str], None]) -> Identity:
    """The key, made where there is none yet. Raises ArchiveError if what is there is not a key."""
    file = key_file()
    if not os.environ.get(VARIABLE) and not file.exists():
        _make(file)
        say(f"a key was made: {file}\nKeep a copy of it on another machine: without it no archive can be opened.")
    return find()


def _make(file: Path) -> None:
    from pyrage.x25519 import Identity

    made = Identity.generate()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as sink:
        sink.write(f"# public key: {made.to_public()}\n{made}\n")
        sink.flush()
        os.fsync(sink.fileno())
    try:
        os.link(partial, file)  # unlike a rename, never over a key that another run made in the meantime
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _parse(text: str, source: str) -> Identity:
    from pyrage import IdentityError
    from pyrage.x25519 import Identity

    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        if len(lines) == 1:
            return Identity.from_str(lines[0])
    except IdentityError:
        pass
    raise ArchiveError("no key", f"{source}: not a key", f"a key is one line that begins with {PREFIX}")
