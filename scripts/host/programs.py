"""Programs that a person may ask for, `invoke install --target kind`: the pinned official release, with its checksum.

A checksum that stands here is the measure; where none does, the one that the release publishes beside the file is.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.response import addinfourl

from scripts.errors import UserError
from scripts.host.fetching import NO_ARCHIVE, UNANSWERED
from scripts.host.files import in_place_of, write_whole
from scripts.host.paths import tools_folder

ANSWER_SECONDS = 30.0  # that a server may keep silent
CHUNK_BYTES = 1 << 20
MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Program:
    """One release: `base` is the address that a setting may replace, the others are formats below it.

    Formats know `version`, `system`, `machine`, and `System` and `kernel_machine` as some releases spell them. `sha256`
    has the digest of the file by `system-machine`; `member` is the program in an archive.
    """

    name: str
    version: str
    base: str
    file: str
    checksums: str
    member: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            name="minikube",
            version="v1.38.1",
            base="https://storage.googleapis.com/minikube/releases",
            file="{version}/minikube-{system}-{machine}",
            checksums="{version}/minikube-{system}-{machine}.sha256",
            sha256={"linux-amd64": "099477eaf248bcb5bcea8ce78a2898e93ac01461c35189da1848c3de82ecd22e"},
        ),
        Program(
            name="kind",
            version="v0.31.0",
            base="https://github.com/kubernetes-sigs/kind/releases/download",
            file="{version}/kind-{system}-{machine}",
            checksums="{version}/kind-{system}-{machine}.sha256sum",
            sha256={"linux-amd64": "eb244cbafcc157dff60cf68693c14c9a75c4e6e6fedaf9cd71c58117cb93e3fa"},
        ),
        Program(
            name="k3d",
            version="v5.8.3",
            base="https://github.com/k3d-io/k3d/releases/download",
            file="{version}/k3d-{system}-{machine}",
            checksums="{version}/checksums.txt",
            sha256={
                "linux-amd64": "dbaa79a76ace7f4ca230a1ff41dc7d8a5036a8ad0309e9c54f9bf3836dbe853e",
                "darwin-arm64": "8da468daa7dc7cf7cdd4735f90a9bb05179fa27858250f62e3d8cdf5b5ca0698",
            },
        ),
        Program(
            name="kubectl-ai",
            version="v0.0.28",
            base="https://github.com/GoogleCloudPlatform/kubectl-ai/releases/download",
            file="{version}/kubectl-ai_{System}_{kernel_machine}.tar.gz",
            checksums="{version}/kubectl-ai_{number}_checksums.txt",
            member="kubectl-ai",
        ),
        Program(
            name="kagent",
            version="v0.9.12",
            base="https://github.com/kagent-dev/kagent/releases/download",
            file="{version}/kagent-{system}-{machine}",
            checksums="{version}/kagent-{system}-{machine}.sha256",
        ),
    )
}


def install(name: str, root: Path, bases: Mapping[str, str], say: Callable[[str], None], *, dry: bool = False) -> Path:
    """Fetch a program into the tool folder, unless it is there, and return where it is.

    `bases` are addresses that take the place of the official ones, by program. Raises UserError naming the address and
    the file where it cannot be had, or is not what the checksum says.
    """
    program = PROGRAMS[name]
    target = tools_folder(root) / name
    mark = target.with_name(f"{name}.version")
    if (
        target.is_file()
        and mark.is_file()
        and mark.read_text(encoding="ascii", errors="replace").strip() == program.version
    ):
        return target
    words = _words(program)
    pinned = program.sha256.get(f"{words['system']}-{words['machine']}")
    if target.is_file() and not mark.is_file():  # put there by hand
        return _taken(target, mark, program, "" if program.member else pinned or "")
    base = bases.get(name, program.base).rstrip("/")
    address = f"{base}/{program.file.format(**words)}"
    say(f"fetching {name} {program.version} from {_shown(address)} into {target.parent}")
    if dry:
        return target
    with in_place_of(target, mode=0o755) as sink:
        found = _download(address, sink, name, target)
        wanted = pinned or _published(f"{base}/{program.checksums.format(**words)}", Path(address).name, name, target)
        if found != wanted:
            raise UserError(
                f"{name}: {_shown(address)} has the SHA-256 {found}, not {wanted}",
                "another file stands there than the release: nothing was installed",
            )
        if program.member:
            _unpack(sink, program.member, name)
    write_whole(mark, program.version + "\n")
    return target


def _taken(target: Path, mark: Path, program: Program, pinned: str) -> Path:
    """Return a program that a person put into the tool folder, held to the checksum where there is one."""
    if pinned:
        with target.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
        if found != pinned:
            raise UserError(f"{target}: has the SHA-256 {found}, not {pinned}", f"remove it, or put {program.version}")
    target.chmod(0o755)
    write_whole(mark, program.version + "\n")
    return target


def first_on_path(root: Path) -> None:
    """Let every program find what is in the tool folder, before anything else of the same name."""
    folder = str(tools_folder(root))
    have = os.environ.get("PATH", "").split(os.pathsep)
    if have[:1] != [folder]:
        os.environ["PATH"] = os.pathsep.join([folder, *(item for item in have if item and item != folder)])


def checksum_in(text: str, file: str) -> str:
    """Return the digest of `file` in a list of checksums, or the only one in a text that names no file;
    empty if none.
    """
    lines = [line.split() for line in text.splitlines() if re.match(r"\s*[0-9a-fA-F]{64}\b", line)]
    for words in lines:
        if len(words) > 1 and Path(words[-1].lstrip("*")).name == file:
            return words[0].lower()
    return lines[0][0].lower() if len(lines) == 1 and len(lines[0]) == 1 else ""


def _words(program: Program) -> dict[str, str]:
    system = {"darwin": "darwin", "linux": "linux"}.get(sys.platform)
    machine = MACHINES.get(platform.machine())
    if not system or not machine:
        here = f"{sys.platform}/{platform.machine()}"
        raise UserError(f"{program.name}: there is no pinned release for {here}", f"install {program.name} on PATH")
    return {
        "version": program.version,
        "number": program.version.removeprefix("v"),
        "system": system,
        "System": system.capitalize(),
        "machine": machine,
        "kernel_machine": {"amd64": "x86_64"}.get(machine, machine),
    }


def _download(address: str, sink: BinaryIO, name: str, target: Path) -> str:
    """Fetch an address into a file and return its SHA-256."""
    digest = hashlib.sha256()
    try:
        with _opened(address) as answer:
            while piece := answer.read(CHUNK_BYTES):
                digest.update(piece)
                sink.write(piece)
            if getattr(answer, "length", 0):
                raise OSError("the answer broke off")
    except UNANSWERED as error:
        raise _unreachable(name, address, target, error) from None
    return digest.hexdigest()


def _published(address: str, file: str, name: str, target: Path) -> str:
    try:
        with _opened(address) as answer:
            text = answer.read(CHUNK_BYTES).decode("ascii", errors="replace")
    except UNANSWERED as error:
        raise _unreachable(name, address, target, error) from None
    if found := checksum_in(text, file):
        return found
    raise UserError(f"{name}: {_shown(address)} holds no checksum of {file}", "nothing was installed")


def _opened(address: str) -> addinfourl:
    if not address.startswith(("https://", "http://", "file://")):
        raise ValueError("not an address that begins with https://, http:// or file://")
    found: addinfourl = urllib.request.urlopen(address, timeout=ANSWER_SECONDS)  # noqa: S310 see above
    return found


def _shown(address: str) -> str:
    """Return an address without a password that stands in it."""
    return re.sub(r"//[^/@]*@", "//***@", address)


def _unreachable(name: str, address: str, target: Path, error: Exception) -> UserError:
    status = ""
    if isinstance(error, urllib.error.HTTPError):  # is the answer too
        status = f"HTTP {error.code} "
        error.close()
    reason = " ".join(f"{status}{getattr(error, 'reason', None) or error}".split()) or type(error).__name__
    return UserError(
        f"{name}: {_shown(address)} cannot be fetched: {reason}; fetch it elsewhere and put it at {target}",
        "a mirror is named under downloads in config/pipeline.yaml",
    )


def _unpack(archive: BinaryIO, member: str, name: str) -> None:
    """Put a program in the place of the archive that it came in."""
    try:
        archive.seek(0)
        with tarfile.open(fileobj=archive) as opened:
            source = opened.extractfile(member)
            content = source.read() if source else b""
    except NO_ARCHIVE as error:
        raise UserError(f"{name}: its archive cannot be read: {error}", "nothing was installed") from None
    archive.seek(0)
    archive.truncate()
    archive.write(content)
