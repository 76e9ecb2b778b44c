"""The key that opens the archives: the user's one key, whose absence an archive tells in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.backup.manifest import ArchiveError
from scripts.errors import UserError
from scripts.secrets import key as user_key
from scripts.secrets.key import VARIABLE, encrypted_files, key_file

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

__all__ = ["VARIABLE", "encrypted_files", "find", "find_or_make", "key_file"]


def find() -> Identity:
    """Return the key. Raises ArchiveError if there is none or it is not one."""
    with _told():
        return user_key.find()


def find_or_make(say: Callable[[str], None], needed_by: Iterable[Path] = ()) -> Identity:
    """Return the key, made where there is none yet and no file needs an old one. Raises ArchiveError."""
    with _told():
        return user_key.find_or_make(say, needed_by)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UserError as problem:
        raise ArchiveError("no key", str(problem), problem.hint) from None
