"""Files that are whole or as they were: written beside, then put in place in one step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"


def write_whole(file: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file, which is then whole, or as it was where anything fails; `mode` is its permission bits.

    Folders that are missing are made, closed to others where the file is. Raises OSError.
    """
    with in_place_of(file, mode=mode) as sink:
        sink.write(content.encode() if isinstance(content, str) else content)


def write_changed(file: Path, text: str) -> Path:
    """Write a file as `write_whole` does, unless it says the same already; return it."""
    if not file.is_file() or file.read_text(encoding="utf-8", errors="replace") != text:
        write_whole(file, text)
    return file


@contextmanager
def in_place_of(file: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Open a new file for a block that writes it, and reads it if it likes; then it takes the place of `file`.

    Where the block fails, `file` stays as it was, and nothing is left beside it. Folders that are missing are made,
    closed to others where the file is. Raises OSError.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if mode & 0o077 == 0 else 0o777)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=PARTIAL)
    partial = Path(name)
    try:
        with os.fdopen(handle, "w+b") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
            partial.chmod(mode)
            partial.replace(file)  # while it is open, so that a lock on it is held until it is in place
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def make_once(file: Path, content: str, *, mode: int = 0o600) -> bool:
    """Write a file unless somebody made it in the meantime, which is never overwritten. Returns whether it was made."""
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    write_whole(beside, content, mode=mode)
    try:
        os.link(beside, file)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    return True
