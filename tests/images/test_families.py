"""Which images of a registry can be made from packages, and which Dockerfiles cannot be built on those."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from plumbum import local

from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.host.shell import CommandError, Shell
from scripts.images import base_images, docker, families
from scripts.images.docker import Docker
from scripts.settings.model import Base, Service


@pytest.mark.parametrize(
    ("reference", "family", "version", "told"),
    [
        ("python:3.11-slim", "python", "3.11", ""),
        ("python:3.12-slim-bookworm", "python", "3.13", "Python 3.13 in place of 3.12"),
        ("docker.io/library/python:3.13", "python", "3.13", ""),
        ("python:latest", "python", "3.13", ""),
        ("python:3.10", "python", "3.11", "Python 3.11 in place of 3.10"),
        ("python:3.14-slim", "python", "3.13", "Python 3.13 in place of 3.14"),
        ("node:18-alpine", "node", "18", "node 18, on Debian, not Alpine"),
        ("node:22.3.0-bookworm-slim", "node", "22", ""),
        ("node:lts", "node", "24", ""),
        ("node:16", "node", "18", "node 18 in place of 16"),
        ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", "uv", "3.13", "Python 3.13 in place of 3.12"),
        ("debian:bookworm-slim", "debian", "", ""),
        ("nginx:alpine", "nginx", "", "Debian's nginx, on Debian, not Alpine"),
    ],
)  # fmt: skip
def test_an_equal_image_is_the_nearest_that_can_be_had(reference: str, family: str, version: str, told: str) -> None:
    found = families.equal(reference)
    assert found and (found.family, found.version, found.remark) == (family, version, told)


@pytest.mark.parametrize(
    "reference", ["alpine:3.20", "golang:1.23", "gcr.io/distroless/nodejs20", "mcr.microsoft.com/x"]
)
def test_what_cannot_be_made_is_known(reference: str) -> None:
    assert families.equal(reference) is None


def test_alpines_package_manager_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    """Where its image is Debian, since no registry answers; elsewhere, and without it, nothing is refused."""
    file = tmp_path / "Dockerfile"
    file.write_text("FROM node:20-alpine\nRUN apk add --no-cache libc6-compat && npm ci\n")
    service = Service("web", tmp_path, file, {"PRODUCT_BASE_0": "node:20-alpine"})
    with pytest.raises(
        UserError, match=r"web: .*Dockerfile: apk add --no-cache libc6-compat: runs on Alpine only"
    ) as caught:
        base_images._refuse_alpine([service], {"node:20-alpine"})
    assert "builder" in caught.value.hint
    base_images._refuse_alpine([service], set())
    file.write_text("FROM node:20-alpine\nRUN npm ci\n")
    base_images._refuse_alpine([service], {"node:20-alpine"})


def test_what_another_run_has_made_meanwhile_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs on one engine: the second waits for the first, and finds what that one made."""
    asked: list[Sequence[str]] = []

    def image_ids(shell: Shell, client: Docker, refs: Sequence[str]) -> dict[str, str]:
        asked.append(refs)
        return dict.fromkeys(refs, "sha256:1") if len(asked) > 1 else {}

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(docker, "image_ids", image_ids)
    monkeypatch.setattr(base_images, "registry_answers", lambda: False)
    monkeypatch.setattr(base_images, "bootstrap", lambda *_, **__: pytest.fail("made twice"))
    said: list[str] = []
    found = base_images.ensure(
        Shell(echo=lambda line: None), Docker(Path("docker")), ROOT,
        {"python": Base("python", "python:3.13-slim")}, may_install=False, say=said.append,
    )  # fmt: skip
    assert found["python"].id == "sha256:1"
    assert (tmp_path / "todo-chatbot/base-images/lock").read_text() == "", "given back"


@pytest.mark.slow
def test_a_base_image_is_made_of_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker import` makes an image of nothing where what it reads has failed."""
    asked = tmp_path / "asked"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = tmp_path / "todo-chatbot/base-images/debian-trixie.tar"
    does = {"docker": f'echo "$*" >>{asked}', "mmdebstrap": f"echo some >{archive}; [ ! -e broken ]"}
    for name, body in does.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "broken").touch()
    archive.parent.mkdir(parents=True)
    monkeypatch.setitem(local.env, "PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    shell, client = Shell(echo=lambda line: None), Docker(tmp_path / "docker")

    def make() -> None:
        base_images._import_debian(shell, client, "base:1", base_images._archive_debian(shell, "trixie"))

    with pytest.raises(CommandError, match="mmdebstrap"):
        make()
    assert not asked.exists()
    (tmp_path / "broken").unlink()
    make()
    assert asked.read_text(encoding="utf-8").splitlines()[-1].endswith(f"{archive} base:1")
    assert not archive.exists()


def test_who_is_not_root_needs_newuidmap_for_base_images_of_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mmdebstrap itself says no more than that it cannot pick a mode."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    def install(program: str) -> None:
        (tmp_path / program).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / program).chmod(0o755)

    install("mmdebstrap")
    with pytest.raises(UserError, match="needs newuidmap for a user who is not root") as problem:
        base_images._need_mmdebstrap(Shell(), may_install=True)
    assert "apt-get install uidmap" in str(problem.value.hint)
    install("newuidmap")
    base_images._need_mmdebstrap(Shell(), may_install=True)


def test_packages_are_unpacked_in_memory_where_it_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(base_images, "UNPACKED", 1)
    monkeypatch.setattr(base_images.resources, "free_memory", lambda: 4)
    assert base_images._in_memory(tmp_path) == {"TMPDIR": str(tmp_path)}
    assert base_images._in_memory(tmp_path / "none") == {}
    monkeypatch.setattr(base_images, "UNPACKED", 3)  # half of what is free stays free
    assert base_images._in_memory(tmp_path) == {}
    monkeypatch.setattr(base_images, "UNPACKED", 1)
    monkeypatch.setenv("TMPDIR", "/mine")
    assert base_images._in_memory(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "reference", "remark"),
    [
        ("debian", "debian:trixie-slim", ""),
        ("python", "python:3.13-slim-trixie", ""),
        ("python", "docker.io/library/python:3.13-slim", ""),
        ("node", "node:24-trixie-slim", ""),
        ("debian", "debian:bookworm-slim", "Debian trixie, slim, in its place"),
        ("debian", "debian:12", "Debian trixie, slim, in its place"),
        ("debian", "ubuntu:24.04", "Debian trixie, slim, in its place"),
        ("python", "python:3.12-slim", "Python 3.13 on Debian trixie, slim, in its place"),
        ("python", "python:3.13", "Python 3.13 on Debian trixie, slim, in its place"),
        ("python", "python:3.13-slim-bookworm", "Python 3.13 on Debian trixie, slim, in its place"),
        ("python", "python:3.13-alpine", "Python 3.13 on Debian trixie, slim, in its place"),
        ("python", "registry.example.org/ubi/python-313:1", "Python 3.13 on Debian trixie, slim, in its place"),
        ("node", "node:22-trixie-slim", "node 24 on Debian trixie, slim, in its place"),
        ("node", "node:24", "node 24 on Debian trixie, slim, in its place"),
    ],
)
def test_a_base_of_the_configuration_that_is_not_what_is_made_is_told(name: str, reference: str, remark: str) -> None:
    assert families.own_remark(name, reference) == remark
    told = base_images.remarks({name: Base(name, reference)}, [name])
    assert told == ([f"{reference}: {remark}"] if remark else [])
