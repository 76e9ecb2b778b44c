"""An app of one's own, as docs/adapting.md shows it: the example's files, the same commands, a cluster of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.project import Project, make_project

pytestmark = pytest.mark.long

SERVICES = {"frontend", "backend", "database"}


def status_of(report: dict[str, Any], stage: str) -> dict[str, str]:
    return {item["target"]: item["status"] for item in report["outcomes"] if item["stage"] == stage}


def page(project: Project, path: str = "/", form: dict[str, str] | None = None) -> str:
    """What a browser gets, also after it sent a form."""
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(project.url + path, data=data, timeout=300) as answer:  # noqa: S310 a local URL
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The repository with the example's configuration in place of its own."""
    folders = (tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("own-state"))
    with make_project(*folders, f"own-{os.getpid()}", "examples/own-app/app.yaml") as made:
        yield made


def test_an_app_of_ones_own_is_built_deployed_and_proved(own: Project) -> None:
    first = own.pipeline()
    own.port = urllib.parse.urlsplit(first["url"]).port or 0  # any that is free, since the app asks for none
    assert first["ok"] and first["url"] == own.url
    assert set(status_of(first, "build")) == set(status_of(first, "health")) == SERVICES
    message = secrets.token_hex(8)
    assert message in page(own, "/entries", {"name": "Ada", "message": message})

    second = own.pipeline()
    assert second["ok"] and not second["changed"]
    assert second["revisions"] == first["revisions"]
    for stage in ("build", "deploy"):
        assert set(status_of(second, stage).values()) == {"unchanged"}
    assert message in page(own)

    for service in ("backend", "database"):
        own.invoke("restart", "--service", service)
    own.invoke("health")
    assert message in page(own)


def test_its_smoke_test_passes(own: Project) -> None:
    """`helm test`, from inside the cluster."""
    helm = shutil.which("helm", path=str(own.folder / ".tools")) or "helm"
    kubeconfig = own.state / f"todo-chatbot/clusters/{own.cluster}/kubeconfig"
    argv = [helm, "test", "own", "--namespace", "own", "--kubeconfig", str(kubeconfig), "--logs"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for url in ("http://frontend:3000/ 200", "http://backend:8000/ready 200"):
        assert url in done.stdout


def test_nothing_is_in_its_cluster_that_only_the_other_app_needs(own: Project) -> None:
    assert set(own.kubectl("get", "deployments", "-o", "name").split()) == {f"deployment.apps/{n}" for n in SERVICES}
    assert "api-keys" not in own.kubectl("get", "secrets", "-o", "name")
