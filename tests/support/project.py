"""A copy of this repository with a cluster of its own, as a user has it: for tests of the main job, and the bench."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from scripts.host.paths import ROOT

REPORT = json.loads((ROOT / "scripts/reporting/report.schema.json").read_text())
NODE_PORT = 30000
SPARE_PORT = 31500  # where the user's own release already answers on the default port
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@dataclass
class Project:
    """A copy of the repository that may be changed, and how to run its tasks."""

    folder: Path
    state: Path
    port: int
    cluster: str
    namespace: str = "chatbot-dev"

    def invoke(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a task to its end; its standard error goes to the test's own, as live progress."""
        env = os.environ | {"XDG_STATE_HOME": str(self.state)}
        env.pop("DATABASE_URL", None)
        done = subprocess.run(
            [sys.executable, "-m", "scripts.tasks", *words],
            cwd=self.folder, env=env, stdout=subprocess.PIPE, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, done.stdout
        return done

    def pipeline(self, *words: str) -> dict[str, Any]:
        """Run the pipeline and return its report."""
        report: dict[str, Any] = json.loads(self.invoke("pipeline", "--json", *words).stdout)
        jsonschema.validate(report, REPORT)
        return report

    def kubectl(self, *words: str) -> str:
        """Ask the cluster."""
        kubeconfig = self.state / f"todo-chatbot/clusters/{self.cluster}/kubeconfig"
        binary = shutil.which("kubectl", path=str(self.folder / ".tools")) or "kubectl"
        argv = [binary, "--kubeconfig", str(kubeconfig), "--namespace", self.namespace, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    @property
    def url(self) -> str:
        """Where the app answers."""
        return f"http://localhost:{self.port}"


def browser_python() -> str:
    """The interpreter with what the tests of the page need."""
    python = os.environ.get("BROWSER_PYTHON")
    assert python, "run by nox -s e2e, which makes the environment of the browser tests"
    return python


def free_ports() -> Iterator[int]:
    """The ports at which nothing answers, of those that are this worker's."""
    first = SPARE_PORT + 100 * WORKER
    return filter(is_free, (*([] if WORKER else [NODE_PORT]), *range(first, first + 50)))


def copy_repository(target: Path) -> None:
    """The files git knows, with changes not yet committed."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        source = ROOT / name
        if source.is_file() and not name.startswith("tests/"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    if (ROOT / ".tools").is_dir():
        shutil.copytree(ROOT / ".tools", target / ".tools")


def is_free(port: int) -> bool:
    """Whether nothing answers there."""
    with socket.socket() as probe:
        probe.settimeout(1)  # a rule of a cluster that was killed swallows what comes
        return probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


@contextmanager
def make_project(folder: Path, state: Path, cluster: str, app: str = "") -> Iterator[Project]:
    """A copy of the repository, for the app of one of its files, with a cluster of that name, removed in the end.

    Where something answers on the default port already, the page gets a spare one.
    """
    copy_repository(folder)
    made = Project(folder, state, next(free_ports()), cluster)
    settings = yaml.safe_load((folder / "config/pipeline.yaml").read_text())
    settings |= {"target": "embedded", "cluster": made.cluster}
    if app:
        shutil.copyfile(folder / app, folder / "config/apps/own.yaml")
        settings["app"] = made.namespace = "own"
    elif made.port != NODE_PORT:
        (folder / "port.yaml").write_text(yaml.safe_dump({"frontend": {"service": {"nodePort": made.port}}}))
        settings["release"]["values"] = [*settings["release"]["values"], "port.yaml"]
    (folder / "config/pipeline.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    try:
        yield made
    finally:
        made.invoke("cluster.down")


def call(url: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
    """A JSON request to the app as a browser makes it, through the frontend."""
    request = urllib.request.Request(url, headers={"Content-Type": "application/json"})  # noqa: S310 a local URL
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(request, data=data, timeout=300) as answer:  # noqa: S310
        return json.load(answer)


def status_of(report: dict[str, Any], stage: str) -> dict[str, str]:
    """The status of each thing in one stage of a report."""
    return {item["target"]: item["status"] for item in report["outcomes"] if item["stage"] == stage}
