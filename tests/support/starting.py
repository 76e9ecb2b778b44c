"""Starts a service as its pod would, within its limits, with nothing else there: for a test, and for the bench."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from scripts.host.paths import ROOT

PORTS = {"frontend": 3000, "backend": 8000, "agent": 8001, "mcp": 8002}
SERVICES = tuple(PORTS)
NEEDS = {"backend", "mcp", "database", "agent"}
ENV = {
    "frontend": {"API_BASE_URL": "http://192.0.2.1:8000"},  # 192.0.2.0/24 is for documentation: nobody answers there
    "backend": {"DATABASE_URL": "postgresql://user:pw@192.0.2.1/todo", "AUTH_SECRET": "a" * 32, "JWT_SECRET": "b" * 32},
    "agent": {"MCP_SERVER_URL": "http://192.0.2.1:8002/mcp"},
    "mcp": {"BACKEND_URL": "http://192.0.2.1:8000"},
}
PROBED_EVERY = 0.5
LONG = 300.0


def ask(docker: Path, *words: str) -> str:
    """What the engine's client prints."""
    return subprocess.run([docker, *words], capture_output=True, text=True, check=True).stdout


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


def start(docker: Path, image: str, service: str) -> tuple[float, float]:
    """Start a service until only its neighbours are missing: the CPU time it took, and the cores it may use.

    As its user, on a read-only root. Raises RuntimeError with its log if it never gets there.
    """
    cores, memory = limits(service)
    env = [word for key, value in ENV[service].items() for word in ("--env", f"{key}={value}")]
    container = ask(
        docker, "run", "--detach", f"--cpus={cores}", f"--memory={memory}", "--read-only", "--tmpfs=/tmp:mode=1777",
        "--cap-drop=ALL", "--publish-all", f"--expose={PORTS[service]}", *env, image,
    ).strip()  # fmt: skip
    try:
        port = ask(docker, "port", container, str(PORTS[service])).split()[0].rpartition(":")[2]
        deadline = time.monotonic() + LONG
        while True:
            status, body = get(f"http://127.0.0.1:{port}/readyz")
            if status == 200 or (status == 503 and set(json.loads(body)["missing"]) <= NEEDS):
                break
            if time.monotonic() > deadline:
                raise RuntimeError(ask(docker, "logs", container))
            time.sleep(PROBED_EVERY)  # as the kubelet does; each probe costs the process time as well
        _, metrics = get(f"http://127.0.0.1:{port}/metrics")
        line = next(line for line in metrics.splitlines() if line.startswith("process_cpu_seconds_total"))
        return float(line.split()[1]), cores
    finally:
        ask(docker, "rm", "--force", container)
