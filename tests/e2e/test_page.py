"""The deployed page in a real browser: the tests of tests/browser, with what the main job made."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from scripts.host.paths import ROOT
from tests.support.project import Project, browser_python


def test_the_page_works_in_a_browser(project: Project, tmp_path: Path) -> None:
    project.pipeline()
    env = os.environ | {"BASE_URL": project.url, "SCREENSHOTS": str(tmp_path)}
    done = subprocess.run([browser_python(), "-m", "pytest", "-q", str(ROOT / "tests/browser")], env=env, check=False)
    assert done.returncode == 0
