"""Build contexts: one list of what goes into an image. The tag is a digest of it, and the engine gets just that list.

entries = listing(context, dockerfile)
tag = build_digest(entries, dockerfile, arguments, bases, platform)
lay_out(entries, context, folder)          what `docker build` is given, and nothing else
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from scripts.dockerfiles.ignore import IgnoreRules, ignore_rules
from scripts.errors import UserError

TAG_LENGTH = 16  # hexadecimal digits: 64 bits, far beyond an accidental clash, still readable
CHUNK_BYTES = 1 << 20  # bytes of a file that are held at once


@dataclass(frozen=True)
class Entry:
    """One thing in a build context: `content` is a file's SHA-256, a link's target, and empty for a folder.

    `mode` is what it has in the image: of a file's own only whether its owner may execute it is kept, as git does it.
    The rest differs from clone to clone.
    """

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int
    content: str = ""


def listing(context: Path, dockerfile: Path, ignore: Sequence[str] = ()) -> tuple[Entry, ...]:
    """Return what the build gets of `context`, sorted by path: files, links as links, and folders, empty ones included.

    What `.dockerignore` or `ignore` names, `.git`, sockets, pipes and devices are left out. Raises OSError naming what
    cannot be read, UserError for an ignore file that Docker refuses.
    """
    found = {entry.path: entry for entry in _kept(context, ignore_rules(context, dockerfile, ignore))}
    # A folder that is ignored itself comes along where an exception takes something below it back.
    for path in list(found):
        while (path := path.rpartition("/")[0]) and path not in found:
            found[path] = Entry(path, "folder", 0o755)
    return tuple(found[path] for path in sorted(found))


def _kept(context: Path, rules: IgnoreRules) -> Iterator[Entry]:
    for relative, path, status in walk(context, rules):
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            if not rules.ignores(relative):
                yield Entry(relative, "folder", 0o755)
        elif stat.S_ISLNK(mode):
            yield Entry(relative, "link", 0o777, str(Path(path).readlink()))
        elif stat.S_ISREG(mode):
            yield Entry(relative, "file", 0o755 if mode & stat.S_IXUSR else 0o644, _digest(path, status))


def walk(context: Path, rules: IgnoreRules) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield everything below a folder that the rules keep, as (relative path, path, status), folders before what is in
    them.

    Folders come even where they are ignored themselves, if something below may be kept. Paths are words, and each is
    asked for once: contexts of ten thousand files are looked at after every saved one.
    """
    folders = [("", str(context))]
    while folders:
        prefix, folder = folders.pop()
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            relative = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if not rules.prunes(relative):
                    yield relative, entry.path, entry.stat(follow_symlinks=False)
                    folders.append((relative + "/", entry.path))
            elif not rules.ignores(relative):
                yield relative, entry.path, entry.stat(follow_symlinks=False)


def build_digest(
    entries: Iterable[Entry],
    dockerfile: Path,
    build_args: Mapping[str, str],
    bases: Mapping[str, str],
    platform: str = "",
    stage: str = "",
) -> str:
    """Return the tag of an image: a digest of its list, Dockerfile, build arguments, base images' ids, platform and
    stage.

    `platform` is the one asked for, empty for the engine's own; `stage` the one built, empty for the last.
    Raises OSError if the Dockerfile cannot be read.
    """
    total = hashlib.sha256()

    def add(*words: str | bytes) -> None:
        for word in words:
            data = word if isinstance(word, bytes) else os.fsencode(word)
            total.update(f"{len(data)}\0".encode() + data)

    add("dockerfile", dockerfile.read_bytes(), "platform", platform, "stage", stage)
    for kind, pairs in (("argument", build_args), ("base", bases)):
        for name, value in sorted(pairs.items()):
            add(kind, name, value.encode("utf-8", "surrogatepass"))
    for entry in entries:
        add(entry.kind, entry.path, oct(entry.mode), entry.content)
    return total.hexdigest()[:TAG_LENGTH]


def lay_out(entries: Iterable[Entry], context: Path, folder: Path) -> None:
    """Make `folder` hold exactly the list, with its modes whatever the umask, and the files' own times.

    Raises UserError where a file is not any more what the list says, OSError where it cannot be read or written.
    """
    folder.mkdir(parents=True)
    for entry in entries:
        target = folder / entry.path
        if entry.kind == "link":
            target.symlink_to(entry.content)
        elif entry.kind == "folder":
            target.mkdir()
            target.chmod(entry.mode)
        else:
            _copy(context / entry.path, target, entry)
    folder.chmod(0o755)


def _copy(source: Path, target: Path, entry: Entry) -> None:
    total = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while piece := reader.read(CHUNK_BYTES):
            total.update(piece)
            writer.write(piece)
        status = os.fstat(reader.fileno())
    if total.hexdigest() != entry.content:
        raise UserError(f"{source} has changed since the run began", "run it again when nothing writes there any more")
    target.chmod(entry.mode)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _digest(path: str, status: os.stat_result) -> str:
    return _digest_of(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=65536)
def _digest_of(path: str, *_version: int) -> str:
    """Return the SHA-256 of a file, read once a run: several services may share a context."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
