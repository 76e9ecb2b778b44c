"""The page's server, in the image that the main job made: tests/browser/test_server.py, which needs no browser."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from scripts.host.paths import ROOT
from tests.support.project import Project, browser_python


@pytest.mark.long
def test_the_server_of_the_page_does_its_part(project: Project) -> None:
    image = json.loads(project.invoke("build", "--json").stdout)["images"]["frontend"]
    tests = ROOT / "tests/browser/test_server.py"
    env = os.environ | {"FRONTEND_IMAGE": image}
    done = subprocess.run([browser_python(), "-m", "pytest", "-q", str(tests)], env=env, check=False)
    assert done.returncode == 0
