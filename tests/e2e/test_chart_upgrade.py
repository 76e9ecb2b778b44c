"""A release of the previous chart version is upgraded by the next run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from scripts.settings.loading import ROOT
from tests.e2e.conftest import Project

PREVIOUS = ROOT / "tests/charts/previous-0.1.0.tgz"


def test_the_previous_chart_version_is_upgraded(project: Project) -> None:
    images = json.loads(project.invoke("build", "--json").stdout)["images"]
    project.invoke("prepare")
    project.invoke("destroy", "--yes")
    project.invoke("prepare")
    values = {name: {"image": {"tag": ref.rpartition(":")[2]}} for name, ref in images.items() if name != "database"}
    values["frontend"]["service"] = {"nodePort": project.port}
    file = project.folder / "previous-values.yaml"
    file.write_text(json.dumps(values))
    helm = shutil.which("helm", path=str(project.folder / ".tools")) or "helm"
    kubeconfig = project.state / f"todo-chatbot/clusters/{project.cluster}/kubeconfig"
    argv = [helm, "install", "todo-chatbot", PREVIOUS, "--namespace", "chatbot-dev", "--values", file]
    subprocess.run([*argv, "--kubeconfig", kubeconfig], check=True, env=os.environ, stdout=subprocess.DEVNULL)
    report = project.pipeline()
    assert report["ok"] and report["revisions"]["todo-chatbot"] == 2
    listed = subprocess.run(
        [helm, "list", "--namespace", "chatbot-dev", "--kubeconfig", kubeconfig, "--output", "json"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    charts = {item["name"]: item["chart"] for item in json.loads(listed)}
    assert charts["todo-chatbot"] != "todo-chatbot-umbrella-0.1.0"
