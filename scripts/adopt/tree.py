"""The files of a folder that is only read: bounded in number and size, and never left by a link."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scripts.errors import UserError

MADE = {
    ".git", "node_modules", ".venv", "venv", "env", "__pycache__", ".next", ".nuxt", "dist", "build", "out", "target",
    ".terraform", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".idea", ".vscode", "coverage", "site-packages",
    ".turbo", ".cache", ".history", "specs", "history", "prompts",
}  # fmt: skip
MOST_FILES = 20_000
LARGEST = 512 * 1024  # bytes; no source file that a person writes is larger
LONGEST_LOCK = 16 * 1024 * 1024


@dataclass(frozen=True)
class Place:
    """The place of a fact: a path relative to the tree, and a line counted from 1, or 0 for the whole file."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @classmethod
    def at(cls, file: str, text: str, index: int) -> Place:
        """Return the place of a character of a file's text."""
        return cls(file, text.count("\n", 0, index) + 1)


@dataclass
class Tree:
    """The files below `root` by their paths relative to it, and what was left out of the reading."""

    root: Path
    files: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    _texts: dict[str, str] = field(default_factory=dict)

    def text(self, file: str) -> str:
        """Return the text of a file; empty where it cannot be read as text, or is none of these files."""
        if file not in self._texts:
            self._texts[file] = _read(self.root / file) if self.has(file) else ""
        return self._texts[file]

    def line(self, place: Place) -> str:
        """Return the line at a place; empty where that is a whole file."""
        return self.text(place.file).splitlines()[place.line - 1] if place.line else ""

    def unread(self, file: str) -> str:
        """Return why a file's text is empty although it is not; empty for one that was read."""
        if self.text(file) or not self.size(file):
            return ""
        if self.size(file) > LARGEST:
            return f"larger than {LARGEST // 1024} KB"
        return "no text" if os.access(self.root / file, os.R_OK) else "no permission"

    def whole(self, file: str) -> str:
        """Return the text of a lock, which programs write and which may be long; it is not kept."""
        return _read(self.root / file, LONGEST_LOCK) if self.has(file) else ""

    def size(self, file: str) -> int:
        """Return the size of a file in bytes; 0 where it cannot be told."""
        try:
            return (self.root / file).stat().st_size
        except OSError:
            return 0

    def last_saved(self) -> str:
        """Return the day, in UTC, on which a file was last changed; empty for today, and where it cannot be told.

        An archive of a repository gives its files the time of the commit; one that keeps no times, 1970 or 1980.
        """
        newest = max((_saved(self.root / file) for file in self.files), default=0.0)
        last, today = (datetime.fromtimestamp(seconds, UTC).date() for seconds in (newest, time.time()))
        return last.isoformat() if last.year > 2000 and last < today else ""

    def has(self, file: str) -> bool:
        """Return whether there is such a file."""
        return os.path.normpath(file) in self._known

    def spelled(self, file: str) -> str:
        """Return a file's name as it is spelled here, whichever case of letters it is asked for by; itself for none."""
        if not hasattr(self, "_spelled"):
            self._spelled = {one.lower(): one for one in self.files}
        return file if self.has(file) else self._spelled.get(file.lower(), file)

    @property
    def _known(self) -> frozenset[str]:
        if not hasattr(self, "_set"):
            self._set = frozenset(self.files)
        return self._set

    def below(self, folder: str) -> Iterator[str]:
        """Return the files below a folder; `.` is the whole tree."""
        prefix = "" if folder in (".", "") else folder.rstrip("/") + "/"
        return (file for file in self.files if file.startswith(prefix))

    def named(self, *names: str) -> list[str]:
        """Return the files with one of these names, the least deep first."""
        found = [file for file in self.files if Path(file).name in names]
        return sorted(found, key=lambda file: (file.count("/"), file))


def _saved(path: Path) -> float:
    """Return when a file was last changed, in seconds since 1970; 0 where it cannot be told."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path, largest: int = LARGEST) -> str:
    try:
        if path.stat().st_size > largest:
            return ""
        data = path.read_bytes()
        # As Windows writes what a command is redirected into; pip reads it, too.
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        # One letter of an older encoding, in a comment, makes no file unreadable; a zero byte does.
        return "" if b"\0" in data else data.decode("utf-8-sig", errors="replace")
    except (OSError, UnicodeDecodeError):
        return ""


def scan(root: Path) -> Tree:
    """Return the tree below a folder, without what programs make.

    Raises UserError where it is no folder, or has no end.
    """
    if not root.exists():
        raise UserError(f"{root}: there is no such folder", "name the folder of the application")
    if not root.is_dir():
        raise UserError(f"{root}: not a folder", "name the folder of the application, not a file in it")
    files: list[str] = []
    outside: list[str] = []
    strange: list[str] = []
    for folder, folders, names in os.walk(root, followlinks=False):
        here = Path(folder)
        prefix = "" if here == root else f"{here.relative_to(root).as_posix()}/"
        strange += [prefix + name for name in [*folders, *names] if not _is_utf8(name)]
        folders[:], names[:] = filter(_is_utf8, folders), filter(_is_utf8, names)
        outside += [prefix + name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not _is_made(here / name))
        for name in sorted(names):
            path = here / name
            if path.is_symlink() and not _inside(path, root):
                outside.append(prefix + name)
            elif path.is_file():
                files.append(prefix + name)
        if len(files) > MOST_FILES:
            raise UserError(
                f"{root}: more than {MOST_FILES} files beside what programs make",
                "name the folder of one application in it",
            )
    remarks = [f"{name}: a link, not followed" for name in outside[:5]]
    remarks += [f"{name!a}: left out: its name is not UTF-8" for name in strange[:5]]
    return Tree(root, tuple(files), tuple(remarks))


def _is_utf8(name: str) -> bool:
    """Return whether a file's name can be written into another file: older systems' letters cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _is_made(folder: Path) -> bool:
    """Return whether a program makes a folder, as it does an environment by any name, or a build kept aside."""
    aside = folder.name.startswith((".next", ".venv", ".nuxt"))
    return folder.name in MADE or aside or folder.is_symlink() or os.access(folder / "pyvenv.cfg", os.R_OK)


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False
