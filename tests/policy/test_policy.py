"""checkov and hadolint find nothing in what is deployed, but for the exceptions explained in config/checkov.yaml."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts import toolchain
from scripts.settings import ENVIRONMENTS, ROOT
from scripts.shell import Shell

DOCKERFILES = sorted(path for path in ROOT.glob("services/*/*Dockerfile") if "node_modules" not in path.parts)


def tool(variable: str) -> str:
    """A program of the session's own environment."""
    found = os.environ.get(variable)
    assert found, "run by nox -s policy, which makes the environment of these tests"
    return found


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every chart rendered, for every environment."""
    folder = tmp_path_factory.mktemp("manifests")
    helm = toolchain.locate(Shell(echo=lambda _: None), ROOT, lambda _: None)["helm"]
    umbrella = ROOT / "charts/todo-chatbot-umbrella"
    rendered = {name: [umbrella, "--values", umbrella / f"environments/{name}.yaml"] for name in ENVIRONMENTS}
    for name, words in (rendered | {"database": [ROOT / "charts/database"]}).items():
        argv = [helm, "template", "todo-chatbot", *words, "--namespace", "chatbot-dev"]
        text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.mark.parametrize("what", ["manifests", "Dockerfiles"])
def test_checkov_finds_nothing_that_is_not_explained(manifests: Path, what: str) -> None:
    folder = manifests if what == "manifests" else ROOT / "services"
    argv = [tool("CHECKOV"), "--config-file", ROOT / "config/checkov.yaml", "--directory", folder]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_hadolint_finds_nothing(file: Path) -> None:
    done = subprocess.run([tool("HADOLINT"), file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
