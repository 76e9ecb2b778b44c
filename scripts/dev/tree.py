"""Compare a container's source folders with what they should hold, and archive the difference."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.dev.rules import Rule, places, roots
from scripts.images.build_context import Entry

MOST_BYTES = 64 << 20
"""Bytes of a file up to which it is synced."""

Tree = Mapping[str, Entry]
"""Path in the container → what of the build context lies there."""

APPLY = 'set -e; cd "$0"; test "$#" = 0 || rm -rf -- "$@"; tar -x -o -f -'
"""For a POSIX shell in the container: `$0` the root, the arguments what goes, standard input what comes."""


@dataclass(frozen=True)
class Changes:
    """The changes that make one tree into another: what goes away, first, then what comes in its place."""

    delete: tuple[str, ...] = ()
    put: tuple[tuple[str, Entry], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.delete or self.put)

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths in the container that changed, without the folders around them."""
        files = [place for place, entry in self.put if entry.kind != "folder"]
        return (*files, *(place for place in self.delete if place not in dict(self.put)))


def wanted(entries: Iterable[Entry], rules: Sequence[Rule]) -> dict[str, Entry]:
    """Return the tree that a build context asks for: all that rules name, but for what needs a build."""
    tops = set(roots(rules))
    found = {place: entry for entry in entries for place in places(entry.path, rules) if place not in tops}
    return {place: entry for place, entry in found.items() if not leads_out(entry)}


def leads_out(entry: Entry) -> bool:
    """Return whether this is a link to something that is not in the build context."""
    if entry.kind != "link":
        return False
    to = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), entry.content))
    return entry.content.startswith("/") or to == ".." or to.startswith("../")


def between(old: Tree, new: Tree) -> Changes:
    """Return what has to be done to get from one tree to the other."""
    gone = [place for place, entry in old.items() if place not in new or new[place].kind != entry.kind]
    outer = {place for place in gone if old[place].kind == "folder"}
    delete = tuple(sorted(place for place in gone if not _below(place, outer)))
    put = sorted((place, entry) for place, entry in new.items() if _differs(old, place, entry, outer))
    return Changes(delete, tuple(put))


def _differs(old: Tree, place: str, entry: Entry, gone: set[str]) -> bool:
    before = old.get(place)
    if before is None or (gone and _below(place, gone)):
        return True
    return before.content != entry.content or before.mode != entry.mode or before.kind != entry.kind


def _below(place: str, folders: set[str]) -> bool:
    while (place := posixpath.dirname(place)) not in ("/", ""):
        if place in folders:
            return True
    return False


@dataclass(frozen=True)
class Archive:
    """A tar archive of changes; `left_out` says in words what could not go into it, and why, by place."""

    data: bytes
    left_out: Mapping[str, str]


def archive(changes: Changes, context: Path) -> Archive:
    """Read what comes, and pack it. What vanishes or cannot be read meanwhile is left out, not half of it."""
    left_out: dict[str, str] = {}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for place, entry in changes.put:
            try:
                member, data = _member(place, entry, context)
            except FileNotFoundError:
                left_out[place] = "vanished while it was read"
            except OSError as error:
                left_out[place] = f"cannot be read: {error.strerror}"
            except ValueError as error:
                left_out[place] = str(error)
            else:
                tar.addfile(member, io.BytesIO(data))
    return Archive(buffer.getvalue(), left_out)


def _member(place: str, entry: Entry, context: Path) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(place.lstrip("/"))
    member.mode = entry.mode
    if entry.kind == "folder":
        member.type = tarfile.DIRTYPE
        return member, b""
    if entry.kind == "link":
        member.type, member.linkname = tarfile.SYMTYPE, entry.content
        return member, b""
    path = context / entry.path
    status = path.stat(follow_symlinks=False)
    if status.st_size > MOST_BYTES:
        raise ValueError(f"{status.st_size / 1e6:.0f} MB is more than is synced ({MOST_BYTES >> 20} MiB)")
    data = path.read_bytes()
    member.size, member.mtime = len(data), int(status.st_mtime)
    return member, data


def chunks(names: Sequence[str], most: int = 500) -> Iterator[Sequence[str]]:
    """Yield names in portions that fit on a command line; one empty portion if there are none."""
    for start in range(0, max(len(names), 1), most):
        yield names[start : start + most]
