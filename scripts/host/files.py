"""Files that are whole or as they were: written beside, then put in place in one step. And a person's, read to the end
whatever kind they are of.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scripts.errors import UserError

PARTIAL = ".partial"
WRITER_SECONDS = 10.0  # that whoever writes into a pipe has, for each piece
PIECE_BYTES = 1 << 20
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)  # how it fails where somebody else's are the rights
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # how a write fails that finds no room


def write_whole(file: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file, which is then whole, or as it was where anything fails; `mode` is its permission bits.

    Folders that are missing are made, closed to others where the file is. Raises OSError.
    """
    with in_place_of(file, mode=mode) as sink:
        sink.write(content.encode() if isinstance(content, str) else content)


def refuse_foreign(file: Path, sign: str, option: str) -> None:
    """Raise UserError where a file is there in whose first lines `sign` does not stand: a person's, and not ours to
    write over. `option` is what names it.
    """
    if file.is_file() and sign.encode() not in file.read_bytes()[:4096]:
        raise UserError(f"{option} {file}: is there already, and was not written by this", "name another place for it")


def write_changed(file: Path, text: str) -> Path:
    """Write a file as `write_whole` does, unless it says the same already; return it."""
    if not file.is_file() or file.read_text(encoding="utf-8", errors="replace") != text:
        write_whole(file, text)
    return file


def read_bytes(file: Path) -> bytes:
    """Return what a person's file holds. A pipe is read to its end: programs that keep secrets hand them out that way.

    Raises OSError, also for a pipe into which nobody writes, and for a device, which may have no end.
    """
    handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if stat.S_ISFIFO(status.st_mode):
            return b"".join(_from_pipe(handle, file))
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        if not stat.S_ISREG(status.st_mode) and status.st_rdev != Path(os.devnull).stat().st_rdev:
            raise OSError(errno.EINVAL, "it is a device", str(file))
        with os.fdopen(handle, "rb", closefd=False) as source:
            return source.read()
    finally:
        os.close(handle)


def read_text(file: Path) -> str:
    """Return what a person's file in UTF-8 holds. Raises OSError as `read_bytes` does, and UnicodeDecodeError."""
    return read_bytes(file).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _from_pipe(handle: int, file: Path) -> Iterator[bytes]:
    """Yield what is written into a pipe until its last writer has gone."""
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    while True:
        if not waiting.poll(WRITER_SECONDS * 1000):
            why = f"it is a pipe, and nobody wrote to it for {WRITER_SECONDS:g} s"
            raise TimeoutError(errno.ETIMEDOUT, why, str(file))
        piece = os.read(handle, PIECE_BYTES)
        if not piece:
            return
        yield piece


@contextmanager
def in_place_of(file: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Open a new file for a block that writes it, and reads it if it likes; then it takes the place of `file`.

    Where the block fails, `file` stays as it was, and nothing is left beside it. Folders that are missing are made,
    closed to others where the file is. Raises OSError.
    """
    if file.exists() and not (file.is_file() or file.is_dir()):
        with file.open("wb") as sink:  # a device or a pipe takes what is written: nothing takes the place of /dev/null
            yield sink
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if mode & 0o077 == 0 else 0o777)
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=PARTIAL)
    except OSError as error:
        error.filename = str(file)  # and not the one beside it, which nobody has heard of
        raise
    partial = Path(name)
    try:
        with os.fdopen(handle, "w+b") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
            partial.chmod(mode)
            partial.replace(file)  # while it is open, so that a lock on it is held until it is in place
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno in FULL:
            error.filename = str(file)  # a write that finds no room does not say where
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
