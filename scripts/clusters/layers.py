"""Strip from what `docker save` writes the layers that a node has: an OCI layout, whichever format the engine writes.

Engines from version 25 on name every blob by its digest, so that one that is there is dropped as it comes. Older ones
name layers by numbers of their own, which tell one from every other: a new one is laid aside and hashed, and the index
is written from what is known then.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.host.paths import cache_folder

CHUNK_BYTES = 1 << 20
Known = MutableMapping[str, tuple[str, int]]  # an older engine's name of a layer → its digest and size
IN_MEMORY = 8 << 20  # of a layer, before it goes to a file
BLOBS = "blobs/sha256/"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NAME = "io.containerd.image.name"


MOST_KNOWN = 1000


def known_layers() -> Known:
    """Return what earlier streams told of an older engine's layers; nothing where that cannot be read."""
    try:
        found = parsing.from_json(_record().read_text(encoding="utf-8"))
        return {str(name): (str(digest), int(size)) for name, (digest, size) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def keep_layers(known: Known) -> None:
    """Remember layers for the next stream, the newest ones of too many."""
    with suppress(OSError):  # what cannot be kept is hashed again
        _record().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_record(), json.dumps(dict(list(known.items())[-MOST_KNOWN:])))


def _record() -> Path:
    return cache_folder("layers") / "older-engine.json"


class _Reader(io.RawIOBase):
    """Chunks as a file that can only be read on."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes."""
        parts = [self._rest]
        length = len(self._rest)
        while size < 0 or length < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            parts.append(chunk)
            length += len(chunk)
        data = b"".join(parts)
        cut = len(data) if size < 0 else size
        self._rest = data[cut:]
        return data[:cut]


@dataclass
class _Old:
    """The content so far of a stream in the format of an older engine: digest and size of each layer, and files.

    `known` is what streams before this one told of layers.
    """

    known: Known
    layers: dict[str, tuple[str, int]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def without_blobs(
    chunks: Iterable[bytes],
    have: Collection[str],
    normalise: Any = lambda ref: ref,
    known: Known | None = None,
) -> Iterator[bytes]:
    """Yield the stream of `docker save` as an OCI layout, without the blobs whose digests (`sha256:…`) are in `have`.

    `normalise` spells references as the node's runtime does. What is learned of an older engine's layers is added to
    `known`, and believed. Raises tarfile.TarError or ValueError for another stream.
    """
    old = _Old({} if known is None else known)
    new = False
    with tarfile.open(fileobj=_Reader(chunks), mode="r|", bufsize=CHUNK_BYTES) as archive:
        for member in archive:
            if member.name == "oci-layout":
                new = True
            if member.name.startswith(BLOBS) or member.name in ("oci-layout", "index.json"):
                if member.isfile() and "sha256:" + member.name.removeprefix(BLOBS) not in have:
                    yield from _file(member.name, member.size, _content(archive, member))
            elif member.name.endswith("/layer.tar"):
                yield from _old_layer(archive, member, old, have)
            elif member.isfile() and member.name.endswith(".json"):
                old.files[member.name] = b"".join(_content(archive, member))
    if not new:
        yield from _old_index(old, normalise)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    if source := archive.extractfile(member):
        yield from _pieces(source)


def _file(name: str, size: int, content: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a file of a tar archive."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    yield entry.tobuf()
    yield from content
    yield bytes(-size % tarfile.BLOCKSIZE)


def _blob(data: bytes) -> tuple[str, list[bytes]]:
    """Return the digest of a blob, and the blob as a file of the layout."""
    digest = hashlib.sha256(data).hexdigest()
    return f"sha256:{digest}", list(_file(BLOBS + digest, len(data), [data]))


def _old_layer(archive: tarfile.TarFile, member: tarfile.TarInfo, old: _Old, have: Collection[str]) -> Iterator[bytes]:
    if not member.isfile():  # the same layer as another image's
        folder = member.name.rsplit("/", 2)[0]
        old.links[member.name] = member.linkname.removeprefix("../") if folder else member.linkname
        return
    there = {digest for digest, _ in old.layers.values()} | set(have)
    told = old.known.get(member.name)
    if told and told[1] == member.size:
        old.layers[member.name] = told
        if told[0] not in there:
            yield from _file(BLOBS + told[0].removeprefix("sha256:"), member.size, _content(archive, member))
        return
    digest = hashlib.sha256()
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as aside:
        for piece in _content(archive, member):
            digest.update(piece)
            aside.write(piece)
        name = digest.hexdigest()
        old.layers[member.name] = old.known[member.name] = (f"sha256:{name}", member.size)
        if f"sha256:{name}" not in there:
            aside.seek(0)
            yield from _file(BLOBS + name, member.size, _pieces(aside))


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(CHUNK_BYTES):
        yield piece


def _old_index(old: _Old, normalise: Any) -> Iterator[bytes]:
    """Yield manifests, configurations and the index of what an older engine wrote."""
    images = parsing.from_json(old.files["manifest.json"]) if "manifest.json" in old.files else None
    if not isinstance(images, list):
        raise ValueError("docker save wrote no manifest.json")
    manifests: list[Mapping[str, Any]] = []
    for image in images:
        config = old.files[image["Config"]]
        digest, written = _blob(config)
        yield from written
        layers = [old.layers[old.links.get(name, name)] for name in image["Layers"]]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest, "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": layer, "size": size} for layer, size in layers],
        }
        data = json.dumps(manifest).encode()
        digest, written = _blob(data)
        yield from written
        for ref in image.get("RepoTags") or ():
            note = {NAME: normalise(ref)}
            manifests.append({"mediaType": MANIFEST, "digest": digest, "size": len(data), "annotations": note})
    index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    yield from _file("index.json", len(index), [index])
    layout = b'{"imageLayoutVersion":"1.0.0"}'
    yield from _file("oci-layout", len(layout), [layout])
