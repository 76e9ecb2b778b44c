"""The recorded commands of helm and kubectl print what was recorded, on the cluster under test with its real nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.kube.kubectl import Kubectl
from scripts.settings.loading import ROOT

pytestmark = pytest.mark.engine


def test_commands_print_what_was_recorded(kubectl: Kubectl, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(kubectl.ask("config", "view", "--minify", "--flatten").out)
    env = os.environ | {"CONFORMANCE_KUBECONFIG": str(kubeconfig)}
    argv = [sys.executable, "-m", "pytest", "-q", "embedded/tests/test_api_commands.py"]
    assert subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode == 0
