"""The deployed page in a real browser, and its server: the tests of tests/browser, with what the main job made."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from scripts.host.paths import ROOT
from tests.e2e.conftest import Project


def test_the_page_works_in_a_browser(project: Project, tmp_path: Path) -> None:
    project.pipeline()
    python = os.environ.get("BROWSER_PYTHON")
    assert python, "run by nox -s e2e, which makes the environment of the browser tests"
    image = json.loads(project.invoke("build", "--json").stdout)["images"]["frontend"]
    env = os.environ | {"BASE_URL": project.url, "SCREENSHOTS": str(tmp_path), "FRONTEND_IMAGE": image}
    done = subprocess.run([python, "-m", "pytest", "-q", str(ROOT / "tests/browser")], env=env, check=False)
    assert done.returncode == 0
