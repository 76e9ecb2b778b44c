"""The cluster as a process of its own, as whoever uses it starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


def command(name: str, state: Path, *more: str) -> list[str]:
    """Return the command line that serves the cluster `name` from the folder `state`."""
    return [sys.executable, "-m", "embedded", "--name", name, "--state", str(state), *more]


def environment() -> dict[str, str]:
    """Return the environment in which `python -m embedded` finds the package."""
    return os.environ | {"PYTHONPATH": str(SOURCE)}


def start(name: str, state: Path) -> subprocess.Popen[bytes]:
    """Start a cluster, under the strictest mask that people have for what they make."""
    return subprocess.Popen(command(name, state), env=environment(), umask=0o077)


def delete(name: str, state: Path) -> None:
    """Stop a cluster and remove everything it made; raises CalledProcessError."""
    subprocess.run(command(name, state, "--delete"), env=environment(), check=True, timeout=600)
