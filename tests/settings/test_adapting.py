"""The worked example of docs/adapting.md is a configuration of this version, and what the guide shows of it is true."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import yaml

from scripts.host.paths import ROOT
from scripts.settings.assemble import BUILDERS
from scripts.settings.configuration import read_settings
from scripts.settings.model import Service
from scripts.supplychain import scanners

EXAMPLE = ROOT / "examples/own-app"


def read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return data


def test_the_guide_shows_what_is_in_the_files() -> None:
    guide = (ROOT / "docs/adapting.md").read_text()
    shown = re.findall(r"^<!-- from: (\S+) -->\n```yaml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert shown
    for name, block in shown:
        assert block in (ROOT / name).read_text(), name


def test_what_is_scanned_is_its_own() -> None:
    """Not the Dockerfiles and locks of the services that came with the repository."""
    services = read("examples/own-app/app.yaml")["services"]
    backend = Service("backend", EXAMPLE / services["backend"]["context"], EXAMPLE / "backend/Dockerfile")
    frontend = Service("frontend", EXAMPLE / services["frontend"]["context"], BUILDERS / "nextjs.Dockerfile")
    own = dataclasses.replace(read_settings(), services=(frontend, backend))
    assert dict(scanners.python_locks(own))["backend"] == EXAMPLE / "backend/requirements.txt"
    found = scanners.dockerfiles(own)
    assert ("frontend", frontend.dockerfile) in found and ("backend", backend.dockerfile) in found
    assert len({path for _, path in found}) == len(found)
    bare = dataclasses.replace(backend, context=EXAMPLE / "frontend", dockerfile=frontend.dockerfile)
    assert "backend" not in dict(scanners.python_locks(dataclasses.replace(own, services=(bare,))))


def test_the_frontend_has_no_dockerfile_and_the_backend_its_own() -> None:
    assert not list((EXAMPLE / "frontend").rglob("*Dockerfile*"))
    assert (EXAMPLE / "backend/Dockerfile").is_file()
    for name in ("nextjs", "static", "node", "python", "workspace", "uv-workspace"):
        builder = BUILDERS / f"{name}.Dockerfile"
        assert "USER 10001:10001" in builder.read_text()
        assert ".git\n" in builder.with_name(f"{builder.name}.dockerignore").read_text()
