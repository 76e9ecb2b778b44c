"""A bill of materials lists what is in an image, whatever put it there, in the form of CycloneDX."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.host.shell import Shell
from scripts.settings.model import Image, Service
from scripts.supplychain import inventory, sbom, scanners, virtualenv
from scripts.supplychain.model import NotRun
from tests.support.cluster_settings import configuration

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.41-1)
Version: 2.41-1
Description: GNU C Library
 The library.

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""
FILES = {
    "./var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2026a-1\nArchitecture: all\n",
    "var/lib/dpkg/status.d/tzdata.md5sums": "x",
    "venv/lib/python3.13/site-packages/Flask_Cors-1.0.dist-info/METADATA": (
        "Metadata-Version: 2.4\nName: Flask_Cors\nVersion: 1.0\nLicense-Expression: MIT\n\nName: not this\n"
    ),
    "app/node_modules/@swc/helpers/package.json": '{"name": "@swc/helpers", "version": "0.5", "license": "Apache-2.0"}',
    "app/node_modules/next/dist/compiled/x/package.json": '{"type": "commonjs"}',
    "app/node_modules/broken/package.json": "{",
    "app/package.json": '{"name": "the-app-itself", "version": "1.0.0"}',
}
IMAGE = Image("frontend", "todo-chatbot/frontend", "0123456789abcdef")
DESCRIBED = {"Id": "sha256:" + "a" * 64, "Created": "2026-05-20T10:00:00.123456789Z", "Config": {}}


def archive(files: dict[str, str]) -> bytes:
    """A file system as `docker export` writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("app/node_modules/link/package.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return stream.getvalue()


def packages() -> list[dict[str, str]]:
    return inventory.read(io.BytesIO(archive(FILES)))


def test_every_kind_of_package_is_found() -> None:
    assert [(item["type"], item["name"], item["version"]) for item in packages()] == [
        ("deb", "libc6", "2.41-1"),
        ("deb", "tzdata", "2026a-1"),
        ("npm", "@swc/helpers", "0.5"),
        ("pypi", "flask-cors", "1.0"),
    ]
    assert packages()[0] | {"source": "glibc", "arch": "amd64", "path": "/var/lib/dpkg/status"} == packages()[0]


@pytest.mark.slow
def test_the_program_reads_an_image_as_it_comes() -> None:
    argv = [sys.executable, "-I", inventory.__file__]
    done = subprocess.run(argv, input=archive(FILES), capture_output=True, check=True)
    assert json.loads(done.stdout) == packages()


def components(text: str) -> dict[str, dict[str, Any]]:
    return {item["purl"]: item for item in json.loads(text)["components"]}


def test_the_bill_fits_the_schema_and_names_the_image() -> None:
    text = sbom.document(IMAGE, DESCRIBED, packages())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    subject = bill["metadata"]["component"]
    assert (subject["name"], subject["version"], subject["type"]) == (IMAGE.repository, IMAGE.tag, "container")
    assert subject["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert sorted(components(text)) == [
        "pkg:deb/debian/libc6@2.41-1?arch=amd64",
        "pkg:deb/debian/tzdata@2026a-1?arch=all",
        "pkg:npm/%40swc/helpers@0.5",
        "pkg:pypi/flask-cors@1.0",
    ]
    assert components(text)["pkg:pypi/flask-cors@1.0"]["licenses"] == [{"license": {"id": "MIT"}}]
    root = next(item for item in bill["dependencies"] if item["ref"] == DESCRIBED["Id"])
    assert len(root["dependsOn"]) == 4


def test_the_same_image_has_the_same_bill() -> None:
    assert sbom.document(IMAGE, DESCRIBED, packages()) == sbom.document(IMAGE, DESCRIBED, packages()[::-1])


def test_runtimes_built_from_source_and_bundled_packages_are_listed(tmp_path: Path) -> None:
    lock = {
        "packages": {
            "": {"name": "app", "version": "1.0.0"},
            "node_modules/react": {"version": "19.2.0", "license": "MIT"},
            "node_modules/a/node_modules/@b/c": {"version": "1.0.0"},
            "node_modules/typescript": {"version": "5.9.0", "dev": True},
            "node_modules/fsevents": {"version": "2.3.0", "optional": True},
        }
    }
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    found = sbom.bundled(Service("frontend", tmp_path, tmp_path / "Dockerfile"))
    assert [(item["name"], item["version"]) for item in found] == [("@b/c", "1.0.0"), ("react", "19.2.0")]
    runtime = sbom.runtimes({"Env": ["PATH=/bin", "PYTHON_VERSION=3.13.9", "NODE_VERSION="]})
    text = sbom.document(IMAGE, DESCRIBED, [*found, *runtime])
    assert sorted(components(text)) == ["pkg:generic/python@3.13.9", "pkg:npm/%40b/c@1.0.0", "pkg:npm/react@19.2.0"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose lock of scanners names nothing that can be had, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "scanners.txt").write_text("no-such-package==1.0\n")
    monkeypatch.setattr(virtualenv, "LOCK", str(tmp_path / "scanners.txt"))
    return tmp_path


@pytest.mark.slow
def test_scanners_that_cannot_be_installed_are_no_result(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(NotRun, match="the scanners could not be installed"):
        virtualenv.ensure(Shell(echo=lambda line: None), home)
    assert not (virtualenv.folder(home) / "complete").exists()


def test_a_dry_run_installs_no_scanners(home: Path) -> None:
    with pytest.raises(NotRun, match="dry run"):
        virtualenv.ensure(Shell(dry=True), home)
    assert not virtualenv.folder(home).exists()


def test_a_lock_is_found_beside_the_dockerfile_or_in_the_context(tmp_path: Path) -> None:
    for name in ("requirements.txt", "services/backend/requirements.txt", "elsewhere/requirements.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    services = (
        Service("backend", tmp_path / "services", tmp_path / "services/backend/Dockerfile"),
        Service("agent", tmp_path / "elsewhere", tmp_path / "docker/Dockerfile"),
        Service("mcp", tmp_path / "none", tmp_path / "none/Dockerfile"),
    )
    found = scanners.python_locks(configuration(tmp_path, services=services))
    assert [(service, scanners.relative(path, tmp_path)) for service, path in found] == [
        ("", "requirements.txt"),
        ("backend", "services/backend/requirements.txt"),
        ("agent", "elsewhere/requirements.txt"),
    ]
