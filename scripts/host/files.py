"""Files that are whole or as they were: written beside, then put in place in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(file: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file, which is then whole, or as it was where anything fails; `mode` is its permission bits.

    Folders that are missing are made, closed to others where the file is. Raises OSError.
    """
    data = content.encode() if isinstance(content, str) else content
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if mode & 0o077 == 0 else 0o777)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".partial")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as sink:
            sink.write(data)
            sink.flush()
            os.fsync(sink.fileno())
        partial.chmod(mode)
        partial.replace(file)
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
