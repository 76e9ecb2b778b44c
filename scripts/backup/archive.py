"""The archive file: a tar inside an age file. In the clear it is only ever in memory; a file is whole or not there."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.backup.manifest import NAME, ArchiveError, Manifest, Member, from_json, to_json
from scripts.errors import UserError
from scripts.host.files import FULL, PARTIAL, in_place_of
from scripts.host.lock import claim

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

SUFFIX = ".tar.age"
MAGIC = b"age-encryption.org/v1\n"
BLOCK = 512  # bytes, the unit of a tar

Part = tuple[str, bytes]  # a member's name and content


def write(
    file: Path, key: Identity, parts: Iterable[Part], describe: Callable[[Mapping[str, Member]], Manifest]
) -> Manifest:
    """Write an archive of `parts` and, last, the manifest that `describe` makes from their digests.

    The file appears whole or not at all: a run that is killed leaves a partial one, which the next one removes.
    """
    import pyrage

    remove_leftovers(file.parent)
    if held := next((one for one in _partials(file.parent) if one.name.startswith(f".{file.name}.")), None):
        raise UserError(f"{held}: another backup is writing it", "wait for it")
    tar = _Tar(parts, describe)
    source = _Source(tar.blocks())
    try:
        with in_place_of(file, mode=0o600) as sink:
            claim(sink)  # so that nobody takes it for a leftover
            pyrage.encrypt_io(source, sink, [key.to_public()])
    except (pyrage.EncryptError, OSError) as error:
        full = isinstance(error, OSError) and error.errno in FULL
        hint = f"{'make room there, or choose' if full else 'choose'} another place by --output"
        raise source.error or UserError(f"{file}: cannot be written: {error}", hint) from None
    finally:
        source.close()
    _sync_folder(file.parent)
    return tar.manifest


def _partials(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix == PARTIAL] if folder.is_dir() else []


def remove_leftovers(folder: Path) -> list[Path]:
    """Delete what killed backups left, sparing what another one is writing now. Returns what was deleted."""
    removed = []
    for partial in _partials(folder):
        with suppress(OSError), partial.open("rb") as held:
            if claim(held):
                partial.unlink()
                removed.append(partial)
    return removed


def read(file: Path, key: Identity) -> Iterator[Part]:
    """Yield the members of an archive, in order. What comes out is authentic; that it is complete is known at the end.

    Raises ArchiveError if it is damaged, incomplete, of another key or no archive.
    """
    require(file)
    with file.open("rb") as source:
        decryption = _Decryption(file, source, key)
        try:
            yield from _members(decryption)
        finally:
            decryption.close()


def require(file: Path) -> None:
    """Raise ArchiveError for a file that is no archive, or the first bytes of one, which no key has to tell."""
    with file.open("rb") as source:
        head = source.read(len(MAGIC))
    if head != MAGIC:
        raise (
            damaged(file)
            if MAGIC.startswith(head)
            else ArchiveError("not an archive", f"{file.name}: not a backup archive", "see: invoke backup.list")
        )


def check(file: Path, key: Identity, seen: Callable[[str, bytes], None] | None = None) -> Manifest:
    """Read an archive to its end and compare every digest. `seen` gets each member. Raises ArchiveError."""
    found: dict[str, Member] = {}
    manifest = None
    for name, content in read(file, key):
        if manifest or name in found:
            raise damaged(file)
        if name == NAME:
            manifest = from_json(content, file.name)
        else:
            found[name] = member(content)
            if seen:
                seen(name, content)
    if manifest is None or found != manifest.members:
        raise damaged(file)
    return manifest


def damaged(file: Path) -> ArchiveError:
    """Return the error for an archive that was altered or cut."""
    return ArchiveError(
        "damaged", f"{file.name}: damaged: it was altered, or its end is missing", "use another archive, or a copy"
    )


def member(content: bytes) -> Member:
    """Return size in bytes and SHA-256 of a file's content, as the manifest lists it."""
    return Member(len(content), hashlib.sha256(content).hexdigest())


class _Tar:
    """A tar made as it is read: no member has to be on a disk, none but the current one in memory."""

    manifest: Manifest

    def __init__(self, parts: Iterable[Part], describe: Callable[[Mapping[str, Member]], Manifest]) -> None:
        self._parts = parts
        self._describe = describe

    def blocks(self) -> Generator[bytes]:
        """Yield its bytes."""
        members: dict[str, Member] = {}
        for name, content in self._parts:
            members[name] = member(content)
            yield from self._entry(name, content)
        self.manifest = self._describe(members)
        yield from self._entry(NAME, to_json(self.manifest))
        yield bytes(2 * BLOCK)

    @staticmethod
    def _entry(name: str, content: bytes) -> Iterator[bytes]:
        head = tarfile.TarInfo(name)
        head.size, head.mode = len(content), 0o600
        yield head.tobuf(tarfile.PAX_FORMAT)
        yield content
        yield bytes(-len(content) % BLOCK)


class _Source(io.RawIOBase):
    """Bytes from an iterator, as a file. `error` is what the iterator raised."""

    def __init__(self, chunks: Generator[bytes]) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")
        self.error: BaseException | None = None

    def close(self) -> None:
        """End the iterator, and with it whatever program it reads from."""
        self._chunks.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, none at the end."""
        try:
            while not self._held:
                self._held = memoryview(next(self._chunks))
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error
            raise
        size = len(self._held) if size < 0 else size
        taken, self._held = self._held[:size], self._held[size:]
        return bytes(taken)


class _Decryption:
    """Decrypts in a thread of its own into a pipe, so that the reader decides how fast."""

    def __init__(self, file: Path, source: io.BufferedReader, key: Identity) -> None:
        self.file = file
        self.problem: ArchiveError | None = None
        read_end, write_end = os.pipe()
        self.output = os.fdopen(read_end, "rb")
        self._thread = threading.Thread(target=self._run, args=(source, write_end, key), daemon=True)
        self._thread.start()

    def _run(self, source: io.BufferedReader, write_end: int, key: Identity) -> None:
        import pyrage

        with suppress(BrokenPipeError), os.fdopen(write_end, "wb") as sink:
            try:
                pyrage.decrypt_io(source, sink, [key])
            except BrokenPipeError:
                pass  # the reader has seen enough
            except pyrage.DecryptError as error:
                self.problem = _wrong_key(self.file) if "No matching keys" in str(error) else damaged(self.file)
            except OSError:
                self.problem = damaged(self.file)

    def verdict(self) -> ArchiveError | None:
        """Return what was wrong with the file, now that the rest of it has been read too."""
        while self.output.read(1 << 16):
            pass
        self._thread.join()
        return self.problem

    def close(self) -> None:
        """Let go of it, whether or not all was read."""
        self.output.close()
        self._thread.join()


def _wrong_key(file: Path) -> ArchiveError:
    from scripts.backup.key import VARIABLE, key_file

    return ArchiveError(
        "wrong key",
        f"{file.name}: this key does not open it",
        f"set {VARIABLE}, or put the key it was written with in {key_file()}",
    )


def _members(decryption: _Decryption) -> Iterator[Part]:
    try:
        with tarfile.open(fileobj=decryption.output, mode="r|") as tar:
            for info in tar:
                content = tar.extractfile(info)
                yield info.name, content.read() if content else b""
    except (tarfile.TarError, EOFError):
        raise decryption.verdict() or damaged(decryption.file) from None
    if problem := decryption.verdict():
        raise problem


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
