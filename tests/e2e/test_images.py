"""The images: same inputs, same content; nothing to build with; a numeric user; a source change reinstalls nothing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from scripts.host.shell import Shell
from scripts.images.docker import BUILDKIT, engine_answers, find_clients, has_buildkit
from scripts.settings.loading import ROOT
from tests.e2e.conftest import Project

PORTS = {"frontend": 3000, "backend": 8000, "agent": 8001, "mcp": 8002}
SERVICES = tuple(PORTS)
NEEDS = {"backend", "mcp", "database", "agent"}
ENV = {
    "frontend": {"API_BASE_URL": "http://192.0.2.1:8000"},  # 192.0.2.0/24 is for documentation: nobody answers there
    "backend": {"DATABASE_URL": "postgresql://user:pw@192.0.2.1/todo", "AUTH_SECRET": "a" * 32, "JWT_SECRET": "b" * 32},
    "agent": {"MCP_SERVER_URL": "http://192.0.2.1:8002/mcp"},
    "mcp": {"BACKEND_URL": "http://192.0.2.1:8000"},
}
STARTED_WITHIN = 2.0
PROBED_EVERY = 0.5


@pytest.fixture(scope="module")
def docker() -> Path:
    shell = Shell(echo=lambda _: None)
    return next(item for item in find_clients() if has_buildkit(shell, item) and engine_answers(shell, item))


@pytest.fixture(scope="module")
def images(project: Project) -> dict[str, str]:
    report = json.loads(project.invoke("build", "--json").stdout)
    return dict(report["images"])


def ask(docker: Path, *words: str) -> str:
    return subprocess.run([docker, *words], capture_output=True, text=True, check=True).stdout


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


def test_the_same_inputs_give_the_same_content(project: Project, docker: Path, images: dict[str, str]) -> None:
    history = json.loads(project.invoke("prepare", "--json").stdout)["outcomes"]
    bases = next(item["detail"] for item in history if item["target"] == "base images")
    python = next(ref for ref in bases.split(", ") if "python" in ref)
    again = "todo-chatbot/mcp:again"
    argv = [docker, "build", "--no-cache", "--tag", again, "--build-arg", f"PYTHON_IMAGE={python}"]
    argv += ["--file", str(project.folder / "services/mcp/Dockerfile"), str(project.folder / "services")]
    Shell(echo=lambda _: None).effect(argv, env=BUILDKIT, timeout=600)
    first, second = contents(docker, images["mcp"]), contents(docker, again)
    ask(docker, "image", "rm", again)
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


def limits(service: str) -> tuple[float, str]:
    """Cores and memory the chart lets a service have."""
    values = yaml.safe_load((ROOT / "charts/todo-chatbot-umbrella/values.yaml").read_text())
    given = values[service]["resources"]["limits"]
    return int(given["cpu"].removesuffix("m")) / 1000, given["memory"].removesuffix("i")


def get(url: str) -> tuple[int, str]:
    """Status and body; status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 built here
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_in_under_two_seconds(docker: Path, images: dict[str, str], service: str) -> None:
    """Within its CPU limit, as its user, on a read-only root, and with nothing else there.

    What is compared is the CPU time it took until only its neighbours were missing: a busy machine stretches the
    seconds on the clock, but not this. A limit of half a core turns a second of it into two.
    """
    cores, memory = limits(service)
    env = [word for key, value in ENV[service].items() for word in ("--env", f"{key}={value}")]
    container = ask(
        docker, "run", "--detach", f"--cpus={cores}", f"--memory={memory}", "--read-only", "--tmpfs=/tmp:mode=1777",
        "--cap-drop=ALL", "--publish-all", f"--expose={PORTS[service]}", *env, images[service],
    ).strip()  # fmt: skip
    try:
        port = ask(docker, "port", container, str(PORTS[service])).split()[0].rpartition(":")[2]
        deadline = time.monotonic() + 60
        while True:
            status, body = get(f"http://127.0.0.1:{port}/readyz")
            if status == 200 or (status == 503 and set(json.loads(body)["missing"]) <= NEEDS):
                break
            assert time.monotonic() < deadline, ask(docker, "logs", container)
            time.sleep(PROBED_EVERY)  # as the kubelet does; each probe costs the process time as well
        _, metrics = get(f"http://127.0.0.1:{port}/metrics")
        used = float(
            next(line for line in metrics.splitlines() if line.startswith("process_cpu_seconds_total")).split()[1]
        )
    finally:
        ask(docker, "rm", "--force", container)
    print(f"{service}: {used:.2f} s of CPU, {used / cores:.2f} s within its limit of {cores:g}")
    assert used / cores < STARTED_WITHIN
