"""Charts as helm renders them. Every render is done once and shared by all tests."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.host import toolchain
from scripts.host.shell import Shell

ROOT = Path(__file__).resolve().parents[2]
UMBRELLA = ROOT / "charts/todo-chatbot-umbrella"
DATABASE = ROOT / "charts/database"
MONITORING = ROOT / "charts/monitoring"
SERVICES = ("frontend", "backend", "agent", "mcp")
SUBCHARTS = {name: UMBRELLA / "charts" / name for name in SERVICES}
CHARTS = {"umbrella": UMBRELLA, "database": DATABASE, "monitoring": MONITORING, **SUBCHARTS}
RELEASES = {DATABASE: "todo-database", MONITORING: "todo-monitoring"}
ENVIRONMENTS = ("dev", "ci", "secure")

Manifest = Mapping[str, Any]


@cache
def helm_binary() -> Path:
    """The helm that the pipeline itself would use."""
    return toolchain.locate(Shell(echo=lambda line: None), ROOT, lambda line: None)["helm"]


def helm(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm; the caller looks at the exit status. A service's own chart is taken with its dependencies built."""
    argv = [helm_binary(), *(str(standalone(word)) if word in SUBCHARTS.values() else str(word) for word in words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)


def standalone(chart: Any) -> Path:
    """A copy of a service's chart after `helm dependency build`, as it is installed without the umbrella."""
    return standalone_charts() / chart.name


@cache
def standalone_charts() -> Path:
    """Copies of all services' charts, each after `helm dependency build`."""
    folder = Path(tempfile.mkdtemp(prefix="charts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(UMBRELLA / "charts", folder, dirs_exist_ok=True)
    for name in SERVICES:
        answer = helm("dependency", "build", str(folder / name))
        assert answer.returncode == 0, answer.stderr
    return folder


@cache
def render(chart: Path, *words: str, environment: str = "") -> str:
    """What `helm template` prints for a chart, tests included; `words` are further arguments."""
    files = ("--values", UMBRELLA / "environments" / f"{environment}.yaml") if environment else ()
    answer = helm("template", RELEASES.get(chart, "todo-chatbot"), chart, "--namespace", "chatbot-dev", *files, *words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@cache
def manifests(chart: Path, *words: str, environment: str = "") -> tuple[Manifest, ...]:
    """The rendered objects."""
    text = render(chart, *words, environment=environment)
    documents = yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tuple(document for document in documents if document)


def by_name(objects: tuple[Manifest, ...], kind: str) -> dict[str, Any]:
    """The objects of a kind, by name. No two may have the same."""
    names = [item["metadata"]["name"] for item in objects if item["kind"] == kind]
    assert len(names) == len(set(names)), f"{kind} twice: {sorted(names)}"
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


def pods(objects: tuple[Manifest, ...]) -> Iterator[tuple[str, Any]]:
    """Name and specification of every pod that the objects stand for."""
    for item in objects:
        if item["kind"] == "Pod":
            yield item["metadata"]["name"], item["spec"]
        elif "template" in item.get("spec", {}):
            yield item["metadata"]["name"], item["spec"]["template"]["spec"]


def every_object() -> tuple[Manifest, ...]:
    """What all charts render in all environments."""
    found = [item for environment in ENVIRONMENTS for item in manifests(UMBRELLA, environment=environment)]
    return (*found, *manifests(DATABASE), *manifests(MONITORING))
