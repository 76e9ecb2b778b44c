"""The archives that there are: find one, list them, check one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.backup import archive, database, key
from scripts.backup.create import FOLDER
from scripts.backup.database import Database
from scripts.backup.manifest import DUMP, ArchiveError, Manifest
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.shell import CommandError


@dataclass(frozen=True)
class Row:
    """An archive in the list. `state` is `ok`, or why it cannot be used; sizes are in bytes, `created` is UTC."""

    file: str
    created: str
    cluster: str
    release: str
    revision: int
    size: int
    state: str


def find(root: Path, name: str) -> Path:
    """Return an archive by its path, or by its name in `backups/`. Raises UserError if there is none, and for a file
    that is none.
    """
    for file in (Path(name).expanduser(), root / FOLDER / name):
        if file.is_file():
            archive.require(file)
            return file
    raise UserError(f"{name}: no such archive", "see: invoke backup.list")


def rows(root: Path) -> list[Row]:
    """Return every archive in `backups/`, oldest first, each read to its end."""
    return [_row(file) for file in sorted((root / FOLDER).glob(f"*{archive.SUFFIX}"))]


def _row(file: Path) -> Row:
    size = file.stat().st_size
    try:
        found = archive.check(file, key.find())
    except ArchiveError as error:
        return Row(file.name, "-", "-", "-", 0, size, error.state)
    return Row(file.name, found.created, found.cluster, found.release, found.revision, size, "ok")


def table(found: list[Row]) -> list[tuple[str, ...]]:
    """Return the list for a person."""
    lines: list[tuple[str, ...]] = [("FILE", "CREATED", "RELEASE", "REVISION", "SIZE", "STATE")]
    for row in found:
        lines.append((row.file, row.created, row.release, str(row.revision or "-"), f"{row.size:,}", row.state))
    return lines


def as_json(found: list[Row]) -> list[dict[str, Any]]:
    """Return the list for a program."""
    return [asdict(row) for row in found]


def check_archive(session: Session, file: Path) -> list[tuple[str, str]]:
    """Read an archive to its end and let pg_restore read its dump, where there is one. Rows for a person.

    Raises ArchiveError if the archive cannot be used, and CommandError if the dump cannot be read.
    """
    found = archive.check(file, key.find())
    lines = [
        ("archive", f"{file}, {file.stat().st_size:,} bytes"),
        ("made", f"{found.created} from commit {found.commit or 'unknown'}"),
        ("release", f"{found.release} revision {found.revision} in {found.namespace} on {found.cluster}"),
        ("digests", f"{len(found.members)} parts, all as they were written"),
    ]
    if found.database == "none":
        return [*lines, ("database", "none: the app reads no PostgreSQL")]
    reader = _reader(session)
    if reader is None:
        return [*lines, ("database", "not read: neither a database pod nor pg_restore is here")]
    try:
        entries = database.count_entries(session.shell, reader, dump_of(file, found))
    except CommandError as error:
        if reader.where == "external" and "unsupported version" in error.result.err:
            return [*lines, ("database", "not read: this machine's pg_restore is older than the dump")]
        raise
    return [*lines, ("database", f"{entries} entries in the dump's table of contents")]


def dump_of(file: Path, manifest: Manifest) -> Iterator[bytes]:
    """Yield the dump in an archive, piece by piece. Raises ArchiveError if the file is no longer what was checked."""
    seen = set()
    for name, content in archive.read(file, key.find()):
        if name.startswith(DUMP):
            if manifest.members.get(name) != archive.member(content):
                raise archive.damaged(file)
            seen.add(name)
            yield content
    if seen != {name for name in manifest.members if name.startswith(DUMP)}:
        raise archive.damaged(file)


def _reader(session: Session) -> Database | None:
    """Return where pg_restore can be run: in the database's pod, or on this machine."""
    namespace = session.settings.release.namespace
    found = None
    with suppress(UserError):  # an archive can be read where no cluster runs
        found = session.kubectl.find("deployment", "database", namespace)
    if found and found.get("status", {}).get("readyReplicas"):
        return database.in_cluster(session.kubectl, namespace)
    return Database("external", "this machine", ()) if session.shell.probe(["pg_restore", "--version"]) else None
