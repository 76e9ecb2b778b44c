"""The worked example of docs/adapting.md is a configuration of this version, and what the guide shows of it is true."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import yaml

from scripts.settings import loading
from scripts.settings.loading import ROOT
from scripts.settings.model import Service
from scripts.supplychain import scanners

EXAMPLE = ROOT / "examples/own-app"


def read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return data


def test_only_services_and_values_differ_from_the_shipped_configuration() -> None:
    shipped, own = read("config/pipeline.yaml"), read("examples/own-app/pipeline.yaml")
    own["services"] = shipped["services"]
    own["release"]["values"] = shipped["release"]["values"]
    assert own == shipped


def test_the_guide_shows_what_is_in_the_files() -> None:
    guide = (ROOT / "docs/adapting.md").read_text()
    shown = re.findall(r"^<!-- from: (\S+) -->\n```yaml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for name, block in shown:
        assert block in (ROOT / name).read_text(), name


def test_what_is_scanned_is_its_own() -> None:
    """Not the Dockerfiles and locks of the services that came with the repository."""
    services = read("examples/own-app/pipeline.yaml")["services"]
    backend = Service("backend", ROOT / services["backend"]["context"], EXAMPLE / "backend/Dockerfile")
    frontend = Service("frontend", ROOT / services["frontend"]["context"], ROOT / loading.FALLBACK)
    own = dataclasses.replace(loading.load(), services=(frontend, backend))
    assert dict(scanners.python_locks(own))["backend"] == EXAMPLE / "backend/requirements.txt"
    found = scanners.dockerfiles(own)
    assert ("frontend", ROOT / loading.FALLBACK) in found and ("backend", EXAMPLE / "backend/Dockerfile") in found
    assert len({path for _, path in found}) == len(found)
    bare = dataclasses.replace(backend, context=EXAMPLE / "frontend", dockerfile=ROOT / loading.FALLBACK)
    assert "backend" not in dict(scanners.python_locks(dataclasses.replace(own, services=(bare,))))


def test_the_frontend_has_no_dockerfile_and_the_backend_its_own() -> None:
    assert not list((EXAMPLE / "frontend").rglob("*Dockerfile*"))
    assert (EXAMPLE / "backend/Dockerfile").is_file()
    fallback = (ROOT / loading.FALLBACK).read_text()
    assert "USER 10001:10001" in fallback
    assert (ROOT / f"{loading.FALLBACK}.dockerignore").read_text().count("\nnode_modules\n") == 1
