"""The one key of a user, in the age format: it opens the encrypted file of variables and the backups.

It is given by a variable, or made when it is first needed, and kept outside of the tree.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.errors import UserError
from scripts.host.files import make_once
from scripts.host.paths import state_folder

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

VARIABLE = "TODO_AGE_KEY"
OLD_VARIABLE = "TODO_BACKUP_KEY"  # what it was called while it opened backups alone
PREFIX = "AGE-SECRET-KEY-1"
VARIABLES_FILE = "config/secrets.enc"  # what it opens in a tree
ARCHIVES = "backups/*.tar.age"
AGE_FORMAT = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")  # how a file of it begins


def key_file() -> Path:
    """Return where the key is kept: in the user's state folder, which survives the removal of a cluster.

    A key that was made for backups, before there was one for all, is still the one.
    """
    old = state_folder("keys", "backup.key")
    return old if old.is_file() else state_folder("keys", "age.key")


def encrypted_files(root: Path) -> list[Path]:
    """Return what a key was made for before: backups in their usual folder, and the encrypted file of variables."""
    variables = root / VARIABLES_FILE
    return sorted(root.glob(ARCHIVES)) + ([variables] if is_age(variables) else [])


def is_age(file: Path) -> bool:
    """Return whether a file is there and in the age format."""
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(64).startswith(AGE_FORMAT)


def find() -> Identity:
    """Return the key. Raises UserError if there is none or it is not one."""
    for variable in (VARIABLE, OLD_VARIABLE):
        if given := os.environ.get(variable):
            return _parse(given, variable)
    file = key_file()
    if not file.is_file():
        raise UserError("there is no key", f"set {VARIABLE}, or put the key in {file}")
    return _parse(file.read_text(encoding="utf-8", errors="replace"), str(file))


def find_or_make(say: Callable[[str], None], needed_by: Iterable[Path] = ()) -> Identity:
    """Return the key, made where there is none yet. Raises UserError if what is there is not a key.

    A key is never made anew while something exists that an old one opens: `needed_by` are such files.
    """
    file = key_file()
    if not any(os.environ.get(name) for name in (VARIABLE, OLD_VARIABLE)) and not file.exists():
        if existing := next(iter(needed_by), None):
            raise UserError(
                f"there is no key, and {existing} was written with one",
                f"set {VARIABLE}, or put that key in {file}; or move the file away, if the key is lost for good",
            )
        from pyrage.x25519 import Identity

        made = Identity.generate()
        if make_once(file, f"# public key: {made.to_public()}\n{made}\n"):
            say(f"a key was made: {file}\nKeep a copy of it on another machine: without it nothing can be opened.")
    return find()


def _parse(text: str, source: str) -> Identity:
    from pyrage import IdentityError
    from pyrage.x25519 import Identity

    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        if len(lines) == 1:
            return Identity.from_str(lines[0])
    except IdentityError:
        pass
    raise UserError(f"{source}: not a key", f"a key is one line that begins with {PREFIX}")
