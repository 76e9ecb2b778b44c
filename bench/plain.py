"""What the specification would have a person type for four services, one command after the other."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.e2e.conftest import Project

SERVICES = ("frontend", "backend", "agent", "mcp")


def commands(
    project: Project, docker: Path, helm: str, kubectl: str, bases: dict[str, str], tag: str
) -> list[list[str]]:
    """docker build, docker tag, helm upgrade --install, kubectl rollout status. Loading is nothing on this target."""
    services = project.folder / "services"
    kubeconfig = str(project.state / f"todo-chatbot/clusters/{project.cluster}/kubeconfig")
    built, tagged, awaited = [], [], []
    for name in SERVICES:
        context = services / "frontend" if name == "frontend" else services
        base = f"NODE_IMAGE={bases['node']}" if name == "frontend" else f"PYTHON_IMAGE={bases['python']}"
        ref = f"todo-chatbot/{name}:{tag}"
        built.append(
            [
                str(docker),
                "build",
                "--quiet",
                "--tag",
                ref,
                "--build-arg",
                base,
                "--file",
                str(services / name / "Dockerfile"),
                str(context),
            ]
        )
        tagged.append([str(docker), "tag", ref, f"todo-chatbot/{name}:plain"])
        awaited.append(
            [
                kubectl,
                "--kubeconfig",
                kubeconfig,
                "--namespace",
                "chatbot-dev",
                "rollout",
                "status",
                f"deployment/{name}",
                "--timeout=120s",
            ]
        )
    values = project.folder / "plain-values.yaml"
    chosen: dict[str, dict[str, object]] = {name: {"image": {"tag": tag}} for name in SERVICES}
    chosen["frontend"]["service"] = {"nodePort": project.port}
    values.write_text(json.dumps(chosen))
    umbrella = project.folder / "charts/todo-chatbot-umbrella"
    upgrade = [helm, "upgrade", "--install", "todo-chatbot", str(umbrella), "--namespace", "chatbot-dev"]
    upgrade += ["--values", str(umbrella / "environments/dev.yaml"), "--values", str(values), "--reset-values"]
    return [*built, *tagged, [*upgrade, "--kubeconfig", kubeconfig, "--force-conflicts"], *awaited]


def run(lines: list[list[str]]) -> None:
    """Run the commands in sequence. Raises CalledProcessError at the first that fails."""
    for argv in lines:
        env = os.environ | {"DOCKER_BUILDKIT": "1"}
        subprocess.run(argv, check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
