"""The recorded commands of helm and kubectl print what was recorded, on the cluster under test with its real nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from spaces import Begun, Spaces

from scripts.host.paths import ROOT
from scripts.kube.kubectl import Kubectl

pytestmark = pytest.mark.engine


def begin(kubectl: Kubectl, spaces: Spaces, folder: Path) -> int:
    """Run the story; the exit code of its test."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(kubectl.ask("config", "view", "--minify", "--flatten").out)
    env = os.environ | {"CONFORMANCE_KUBECONFIG": str(kubeconfig), "CONFORMANCE_PORT": str(spaces.port())}
    env |= {"CONFORMANCE_SPACE": spaces.reserve("commands", "commands-scratch")}
    argv = [sys.executable, "-m", "pytest", "-q", "embedded/tests/test_api_commands.py"]
    return subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode


def test_commands_print_what_was_recorded(begun: Begun) -> None:
    assert begun.result() == 0
