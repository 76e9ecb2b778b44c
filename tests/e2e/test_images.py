"""The images: same inputs, same content; nothing to build with; a numeric user; a source change reinstalls nothing."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import tarfile
from pathlib import Path

import pytest

from scripts.host.shell import Shell
from scripts.images.docker import BUILDKIT, engine_answers, find_clients, has_buildkit
from tests.support import starting
from tests.support.project import Project
from tests.support.starting import PORTS, ask

pytestmark = pytest.mark.long

SERVICES = tuple(PORTS)


@pytest.fixture(scope="module")
def docker() -> Path:
    shell = Shell(echo=lambda _: None)
    return next(item for item in find_clients() if has_buildkit(shell, item) and engine_answers(shell, item))


@pytest.fixture(scope="module")
def images(project: Project) -> dict[str, str]:
    report = json.loads(project.invoke("build", "--json").stdout)
    return dict(report["images"])


def contents(docker: Path, ref: str) -> dict[str, str]:
    """Every file of an image, with a digest of what is in it."""
    container = ask(docker, "create", ref).strip()
    found = {}
    try:
        with (
            subprocess.Popen([docker, "export", container], stdout=subprocess.PIPE) as export,
            tarfile.open(fileobj=export.stdout, mode="r|") as archive,
        ):
            for item in archive:
                file = archive.extractfile(item) if item.isfile() else None
                body = hashlib.sha256(file.read()).hexdigest() if file else item.linkname
                found[item.name] = f"{item.mode:o} {body}"
    finally:
        ask(docker, "rm", container)
    return found


def test_the_same_inputs_give_the_same_content(
    project: Project, docker: Path, images: dict[str, str], tmp_path: Path
) -> None:
    history = json.loads(project.invoke("prepare", "--json").stdout)["outcomes"]
    bases = next(item["detail"] for item in history if item["target"] == "base images")
    python = next(ref for ref in bases.split(", ") if "python" in ref)
    # On a base with another name every step is done again; with --no-cache, what it shares with others would be theirs.
    (tmp_path / "Dockerfile").write_text(f"FROM {python}\nLABEL again={secrets.token_hex(8)}\n")
    base, again = "again/base-python", "again/mcp"  # another run beside this one takes old images of the app away
    shell, sources = Shell(echo=lambda _: None), project.folder / "services"
    shell.effect([docker, "build", "--tag", base, tmp_path], env=BUILDKIT, timeout=600)
    argv = [docker, "build", "--tag", again, "--build-arg", f"PYTHON_IMAGE={base}"]
    shell.effect([*argv, "--file", sources / "mcp/Dockerfile", sources], env=BUILDKIT, timeout=600)
    first, second = contents(docker, images["mcp"]), contents(docker, again)
    ask(docker, "image", "rm", again, base)
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_runs_as_a_number_and_cannot_build(docker: Path, images: dict[str, str], service: str) -> None:
    ref = images[service]
    config = json.loads(ask(docker, "image", "inspect", ref))[0]
    print(f"{service}: {config['Size'] / 1e6:.0f} MB")
    assert config["Config"]["User"] == "10001:10001"
    assert "org.opencontainers.image.source" in config["Config"]["Labels"]
    look = ["run", "--rm", "--entrypoint", "sh", ref, "-c", "command -v gcc cc make g++ || true"]
    assert ask(docker, *look).strip() == ""


def test_a_source_change_reinstalls_nothing(project: Project, docker: Path, images: dict[str, str]) -> None:
    source = project.folder / "services/backend/todo_backend/__init__.py"
    text = source.read_text()
    source.write_text(text + "\n# changed\n")
    changed = json.loads(project.invoke("build", "--json").stdout)["images"]["backend"]
    source.write_text(text)

    def layers(ref: str) -> list[str]:
        return list(json.loads(ask(docker, "image", "inspect", ref))[0]["RootFS"]["Layers"])

    before, after = layers(images["backend"]), layers(changed)
    ask(docker, "image", "rm", changed)
    assert changed != images["backend"]
    # Of what is above the base only the service's own source, and what is compiled from it, differs.
    assert sum(one != other for one, other in zip(before, after, strict=True)) <= 2


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_within_its_limits(docker: Path, images: dict[str, str], service: str) -> None:
    """As its user, on a read-only root, with nothing else there; how long it takes is measured by the bench."""
    used, cores = starting.start(docker, images[service], service)
    print(f"{service}: {used:.2f} s of CPU, {used / cores:.2f} s within its limit of {cores:g}")
