"""A release of the previous chart version is upgraded by the next run."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.host.paths import ROOT
from tests.support.project import Project

pytestmark = pytest.mark.long

PREVIOUS = ROOT / "tests/charts/previous-0.1.0.tgz"


def helm(project: Project, *words: object) -> str:
    """Run the project's helm against its cluster, and return what it prints."""
    binary = shutil.which("helm", path=str(project.folder / ".tools")) or "helm"
    kubeconfig = project.state / f"todo-chatbot/clusters/{project.cluster}/kubeconfig"
    argv = [binary, *map(str, words), "--kubeconfig", str(kubeconfig)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_the_previous_chart_version_is_upgraded(project: Project) -> None:
    images = json.loads(project.invoke("build", "--json").stdout)["images"]
    project.invoke("prepare")
    project.invoke("destroy", "--yes")
    project.invoke("prepare")
    values = {name: {"image": {"tag": ref.rpartition(":")[2]}} for name, ref in images.items() if name != "database"}
    values["frontend"]["service"] = {"nodePort": project.port}
    file = project.folder / "previous-values.yaml"
    file.write_text(json.dumps(values))
    helm(project, "install", "todo-chatbot", PREVIOUS, "--namespace", "chatbot-dev", "--values", file)
    report = project.pipeline()
    assert report["ok"] and report["revisions"]["todo-chatbot"] == 2
    listed = helm(project, "list", "--namespace", "chatbot-dev", "--output", "json")
    charts = {item["name"]: item["chart"] for item in json.loads(listed)}
    assert charts["todo-chatbot"] != "todo-chatbot-umbrella-0.1.0"


def test_the_chart_of_one_service_is_installed_alone_beside_the_release(project: Project, tmp_path: Path) -> None:
    """In a namespace of its own, after `helm dependency build`; it answers there, and the release stays what it was."""
    images = json.loads(project.invoke("build", "--json").stdout)["images"]
    shutil.copytree(project.folder / "charts/todo-chatbot-umbrella/charts", tmp_path / "charts")
    chart = tmp_path / "charts/backend"
    helm(project, "dependency", "build", chart)
    project.kubectl("create", "namespace", "alone")
    for name, keys in {"database-secrets": ["DATABASE_URL"], "auth-secrets": ["AUTH_SECRET", "JWT_SECRET"]}.items():
        data = {key: "postgresql://todo:todo@database/todo" if key == "DATABASE_URL" else "0" * 48 for key in keys}
        words = [f"--from-literal={key}={value}" for key, value in data.items()]
        project.kubectl("create", "secret", "generic", name, *words, "--namespace", "alone")
    tag = images["backend"].rpartition(":")[2]
    values = ("--set-string", f"image.tag={tag}", "--set", "replicaCount=1,probes.readinessPath=/healthz")
    helm(project, "install", "backend", chart, "--namespace", "alone", *values, "--wait", "--timeout", "120s")
    place = "/api/v1/namespaces/alone/services/backend-service:8000/proxy/healthz"
    assert project.kubectl("get", "--raw", place)
    helm(project, "uninstall", "backend", "--namespace", "alone", "--wait")
    assert project.kubectl("get", "deployment", "backend", "-o", "jsonpath={.status.readyReplicas}") == "2"
