"""The image bb:1 of the recordings: busybox from scratch, no command, root."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

IMAGE = "bb:1"
APPLETS = (
    "sh", "httpd", "tail", "cat", "sleep", "nslookup", "nc", "id", "echo", "mkdir", "touch", "env", "true", "ls",
)  # fmt: skip


def require_engine() -> str:
    """Return the docker client, or skip the test that asks where no engine answers it."""
    docker = shutil.which("docker")
    if docker is None or not _succeeds(docker, "version"):
        pytest.skip("no Docker engine answers: run `./run invoke install` first")
    return docker


def ensure_image(folder: Path) -> str:
    """Make the image unless the engine has it. `folder` is for the download."""
    docker = require_engine()
    if not _succeeds(docker, "image", "inspect", IMAGE):
        subprocess.run([docker, "import", "-", IMAGE], input=_layer(folder), check=True, capture_output=True)
    return IMAGE


def _succeeds(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _program(folder: Path) -> bytes:
    """A busybox that needs no libraries: the machine's own, or the package's."""
    found = shutil.which("busybox")
    if found:
        return Path(found).read_bytes()
    subprocess.run(["apt-get", "download", "busybox-static"], cwd=folder, check=True, capture_output=True)
    package = next(folder.glob("busybox-static*.deb"))
    subprocess.run(["dpkg", "-x", package, folder], check=True)
    return next(folder.rglob("bin/busybox")).read_bytes()  # the package has other files of this name


def _layer(folder: Path) -> bytes:
    program = _program(folder)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("bin/busybox")
        info.size, info.mode = len(program), 0o755
        archive.addfile(info, io.BytesIO(program))
        for name in APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        place = tarfile.TarInfo("tmp")
        place.type, place.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(place)
    return buffer.getvalue()
