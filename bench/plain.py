"""What the specification would have a person type, one command after the other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.images.docker import BUILDKIT

REPOSITORY = "todo-chatbot"


@dataclass(frozen=True)
class Build:
    """One service: what `docker build` is told of it."""

    name: str
    context: Path
    dockerfile: Path
    arguments: Mapping[str, str]


@dataclass(frozen=True)
class Tools:
    """The same programs that the pipeline uses."""

    docker: Path
    helm: str
    kubectl: str
    kubeconfig: Path
    take_over: Sequence[str] = ("--force-conflicts",)  # helm 3 does without: it applies on its own side


def commands(tools: Tools, services: Sequence[Build], chart: Path, values: Sequence[Path], tag: str) -> list[list[str]]:
    """docker build, docker tag, helm upgrade --install, kubectl rollout status.

    There is no line that loads images: on the embedded target, which both contestants use, there is nothing to load.
    """
    space = ["--namespace", "chatbot-dev"]
    built, tagged, awaited = [], [], []
    for service in services:
        ref = f"{REPOSITORY}/{service.name}:{tag}"
        given = [word for key, value in service.arguments.items() for word in ("--build-arg", f"{key}={value}")]
        source = ["--file", str(service.dockerfile), str(service.context)]
        built.append([str(tools.docker), "build", "--quiet", "--tag", ref, *given, *source])
        tagged.append([str(tools.docker), "tag", ref, f"{REPOSITORY}/{service.name}:plain"])
        status = ["rollout", "status", f"deployment/{service.name}", "--timeout=120s"]
        awaited.append([tools.kubectl, "--kubeconfig", str(tools.kubeconfig), *space, *status])
    upgrade = [tools.helm, "upgrade", "--install", REPOSITORY, str(chart), *space]
    upgrade += [word for file in values for word in ("--values", str(file))]
    upgrade += ["--reset-values", *tools.take_over, "--kubeconfig", str(tools.kubeconfig)]
    return [*built, *tagged, upgrade, *awaited]


def run(lines: Sequence[Sequence[str]], env: Mapping[str, str] = BUILDKIT, folder: Path | None = None) -> None:
    """Run the commands in sequence. Raises RuntimeError with the words of the first that fails."""
    for argv in lines:
        done = subprocess.run(argv, check=False, env=os.environ | env, capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {done.stdout[-2000:].strip()} {done.stderr.strip()}")
