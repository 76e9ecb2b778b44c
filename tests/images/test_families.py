"""Which images of a registry can be made from packages, and which Dockerfiles cannot be built on those."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.images import base_images, families
from scripts.settings.model import Service


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
