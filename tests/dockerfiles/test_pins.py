"""What is pinned in two places is pinned to one version."""

from __future__ import annotations

import re

import pytest

from scripts.host.paths import ROOT
from scripts.images import families


def test_images_are_made_by_the_uv_of_the_lock() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    pinned = re.search(r"^uv==.*(?:\n +--hash.*)+", lock, re.M)
    assert pinned and pinned[0] in (ROOT / "services/common/uv.txt").read_text(), "services/common/uv.txt"
    assert pinned[0].startswith(f"uv=={families.UV} "), "scripts/images/families.py"
    builder = (ROOT / "scripts/dockerfiles/builders/python.Dockerfile").read_text()
    assert f"uv=={families.UV} " in builder, "scripts/dockerfiles/builders/python.Dockerfile"


@pytest.mark.parametrize("service", ["agent", "backend", "mcp"])
def test_a_service_has_the_packages_that_all_have_in_the_same_versions(service: str) -> None:
    """Its image installs these first, and what it would install otherwise would be there twice."""
    common, own = (
        set(re.findall(r"^([^\s#]+==\S+)", (ROOT / "services" / name / "requirements.txt").read_text(), re.M))
        for name in ("common", service)
    )
    assert common and not common - own


def test_the_dockerfiles_of_the_services_are_alike_so_that_images_share_their_layers() -> None:
    texts = {name: (ROOT / "services" / name / "Dockerfile").read_text() for name in ("agent", "backend", "mcp")}
    shared = {text.partition("WORKDIR")[0].replace(name, "SERVICE") for name, text in texts.items()}
    assert len(shared) == 1
