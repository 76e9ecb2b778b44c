"""The same app by Skaffold, where it is on PATH: what it is told, and the command that deploys the app with it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.plain import REPOSITORY, Build, Tools
from scripts.images.docker import BUILDKIT


def is_here() -> bool:
    """Whether there is one to compare with."""
    return shutil.which("skaffold") is not None


def config(services: Sequence[Build], chart: Path, values: Sequence[Path]) -> dict[str, Any]:
    """What `skaffold.yaml` says: digests of the inputs as tags, which is the setting that builds least."""
    return {
        "apiVersion": "skaffold/v4beta11",
        "kind": "Config",
        "metadata": {"name": REPOSITORY},
        "build": {
            "tagPolicy": {"inputDigest": {}},
            # BuildKit by the variable: `useBuildkit` asks for `--load`, which only buildx knows.
            "local": {"push": False, "useDockerCLI": True, "concurrency": 0},
            "artifacts": [_artifact(service) for service in services],
        },
        "deploy": {
            "statusCheckDeadlineSeconds": 300,
            "helm": {
                "releases": [
                    {
                        "name": REPOSITORY,
                        "namespace": "chatbot-dev",
                        "chartPath": str(chart),
                        "valuesFiles": [str(file) for file in values],
                        "setValueTemplates": _images(services),
                    }
                ]
            },
        },
    }


def command(tools: Tools, file: Path) -> tuple[list[str], Mapping[str, str]]:
    """The command, and the environment in which its helm and kubectl are those of all contestants."""
    folders = {str(Path(tool).parent) for tool in (tools.helm, tools.kubectl, str(tools.docker))}
    path = os.pathsep.join([*sorted(folders), os.environ.get("PATH", "")])
    argv = ["skaffold", "run", "--filename", str(file), "--kubeconfig", str(tools.kubeconfig)]
    # A label that differs from run to run would replace every pod each time.
    return [*argv, "--label=skaffold.dev/run-id=bench"], {"PATH": path, "KUBECONFIG": str(tools.kubeconfig), **BUILDKIT}


def write(folder: Path, services: Sequence[Build], chart: Path, values: Sequence[Path]) -> Path:
    """Write `skaffold.yaml` into a folder and return it."""
    file = folder / "skaffold.yaml"
    file.write_text(yaml.safe_dump(config(services, chart, values), sort_keys=False), encoding="utf-8")
    return file


def _artifact(service: Build) -> dict[str, Any]:
    dockerfile = os.path.relpath(service.dockerfile, service.context)
    docker = {"dockerfile": dockerfile, "buildArgs": dict(service.arguments)}
    return {"image": f"{REPOSITORY}/{service.name}", "context": str(service.context), "docker": docker}


def _images(services: Sequence[Build]) -> dict[str, str]:
    templates = {}
    for service in services:
        name = re.sub(r"\W", "_", f"{REPOSITORY}/{service.name}")
        templates[f"{service.name}.image.repository"] = f"{{{{.IMAGE_REPO_{name}}}}}"
        templates[f"{service.name}.image.tag"] = f"{{{{.IMAGE_TAG_{name}}}}}"
    return templates
