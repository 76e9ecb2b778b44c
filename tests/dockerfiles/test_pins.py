"""What is pinned in two places is pinned to one version."""

from __future__ import annotations

import re

from scripts.host.paths import ROOT
from scripts.images import families


def test_images_are_made_by_the_uv_of_the_lock() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    pinned = re.search(r"^uv==.*(?:\n +--hash.*)+", lock, re.M)
    assert pinned and pinned[0] in (ROOT / "services/common/uv.txt").read_text(), "services/common/uv.txt"
    assert pinned[0].startswith(f"uv=={families.UV} "), "scripts/images/families.py"
    builder = (ROOT / "scripts/dockerfiles/builders/python.Dockerfile").read_text()
    assert f"uv=={families.UV} " in builder, "scripts/dockerfiles/builders/python.Dockerfile"
