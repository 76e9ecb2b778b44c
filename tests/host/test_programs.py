"""A program that is asked for is the pinned release, or nothing is installed and one line says where it can be had."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import sys
import tarfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import UserError
from scripts.host import programs
from scripts.host.programs import PROGRAMS, checksum_in

CONTENT = b"#!/bin/sh\necho a program\n"
SHA = hashlib.sha256(CONTENT).hexdigest()
here = pytest.mark.skipif(sys.platform != "linux", reason="addresses are those of Linux")


class Mirror:
    """Addresses of one's own, as files; and the lines that were said."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        self.folder, self.root, self.said = folder / "mirror", folder / "root", list[str]()
        self.root.mkdir()

    def put(self, path: str, content: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def install(self, name: str, *, dry: bool = False) -> Path:
        return programs.install(name, self.root, {name: self.folder.as_uri()}, self.said.append, dry=dry)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    return Mirror(tmp_path, monkeypatch)


def pin(monkeypatch: pytest.MonkeyPatch, name: str, sha: str) -> None:
    monkeypatch.setitem(PROGRAMS, name, replace(PROGRAMS[name], sha256={"linux-amd64": sha}))


@here
def test_a_release_with_the_pinned_checksum_is_installed_once(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, "kind", SHA)
    mirror.put("v0.31.0/kind-linux-amd64", CONTENT)
    file = mirror.install("kind")
    assert file == mirror.root / ".tools/kind" and file.read_bytes() == CONTENT and os.access(file, os.X_OK)
    mirror.put("v0.31.0/kind-linux-amd64", b"another")
    assert mirror.install("kind") == file and len(mirror.said) == 1


@here
def test_another_file_than_the_release_is_not_installed(mirror: Mirror) -> None:
    mirror.put("v0.31.0/kind-linux-amd64", CONTENT)
    with pytest.raises(UserError, match=f"has the SHA-256 {SHA}, not eb244cbafcc1"):
        mirror.install("kind")
    assert list((mirror.root / ".tools").iterdir()) == []


@here
def test_without_a_pinned_checksum_the_published_one_counts(mirror: Mirror) -> None:
    mirror.put("v0.9.12/kagent-linux-amd64", CONTENT)
    mirror.put("v0.9.12/kagent-linux-amd64.sha256", f"{SHA}\n".encode())
    assert mirror.install("kagent").read_bytes() == CONTENT
    (mirror.root / ".tools/kagent.version").write_text("v0.0.1\n")
    mirror.put("v0.9.12/kagent-linux-amd64.sha256", b"<html>not found</html>")
    with pytest.raises(UserError, match="holds no checksum of kagent-linux-amd64"):
        mirror.install("kagent")


@here
def test_a_program_in_an_archive_is_taken_out(mirror: Mirror) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("kubectl-ai")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    name = "kubectl-ai_Linux_x86_64.tar.gz"
    mirror.put(f"v0.0.28/{name}", packed.getvalue())
    sums = f"{'0' * 64}  other.tar.gz\n{hashlib.sha256(packed.getvalue()).hexdigest()}  {name}\n"
    mirror.put("v0.0.28/kubectl-ai_0.0.28_checksums.txt", sums.encode())
    assert mirror.install("kubectl-ai").read_bytes() == CONTENT


@here
@pytest.mark.parametrize("name", PROGRAMS)
def test_without_a_network_one_line_has_the_address_and_the_file(name: str, mirror: Mirror) -> None:
    with pytest.raises(UserError) as caught:
        mirror.install(name)
    (line,) = str(caught.value).splitlines()
    assert mirror.folder.as_uri() in line and str(mirror.root / ".tools" / name) in line
    assert "downloads in config/pipeline.yaml" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "SSH-2.0-OpenSSH"),
        (b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "HTTP 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf", "the answer broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", "IncompleteRead"),
        (b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", "is not allowed"),
    ],
)
@here
def test_a_mirror_that_misbehaves_is_one_line_and_nothing_is_installed(
    mirror: Mirror, said: bytes, reason: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0] as taken, suppress(OSError):
                taken.recv(65_536)
                taken.sendall(said)

        speaking = threading.Thread(target=answer, daemon=True)
        speaking.start()
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(UserError, match=f"cannot be fetched: .*{reason}") as caught:
            programs.install("kagent", mirror.root, {"kagent": base}, mirror.said.append)
        speaking.join(300)
    assert "\n" not in str(caught.value) and not [file for file in mirror.root.rglob("*") if file.is_file()]


@here
def test_a_password_in_an_address_is_not_shown(mirror: Mirror) -> None:
    with pytest.raises(UserError) as caught:
        programs.install("kagent", mirror.root, {"kagent": "http://u:hunter2@127.0.0.1:1"}, mirror.said.append)
    assert "hunter2" not in f"{caught.value} {mirror.said}" and "//***@127.0.0.1:1/" in str(caught.value)


@here
def test_what_a_person_put_there_is_held_to_the_checksum(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    file = mirror.root / ".tools/kind"
    file.parent.mkdir()
    file.write_bytes(CONTENT)
    with pytest.raises(UserError, match="has the SHA-256"):
        mirror.install("kind")
    pin(monkeypatch, "kind", SHA)
    assert mirror.install("kind") == file and os.access(file, os.X_OK) and mirror.said == []


@here
def test_a_dry_run_fetches_nothing(mirror: Mirror) -> None:
    mirror.install("minikube", dry=True)
    assert not (mirror.root / ".tools").exists() and "v1.38.1" in mirror.said[0]


def test_a_machine_without_a_release_is_told_so(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(UserError, match="no pinned release for"):
        mirror.install("kind")


def test_the_tool_folder_comes_first_on_path_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    programs.first_on_path(tmp_path)
    programs.first_on_path(tmp_path)
    assert os.environ["PATH"] == f"{tmp_path / '.tools'}{os.pathsep}/usr/bin"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SHA}\n", SHA),
        (f"{SHA}  kind-linux-amd64\n", SHA),
        (f"{SHA} *_dist/kind-linux-amd64\n", SHA),
        (f"{'0' * 64}  other\n", ""),
        ("", ""),
        (f"{SHA[:-1]}\n", ""),
    ],
)
def test_a_list_of_checksums(text: str, expected: str) -> None:
    assert checksum_in(text, "kind-linux-amd64") == expected


@given(st.text())
def test_any_text_is_a_list_of_checksums_or_none(text: str) -> None:
    assert checksum_in(text, "kind") == "" or len(checksum_in(text, "kind")) == 64
