"""Fetches charts from where others keep them."""

from __future__ import annotations

from pathlib import Path

from scripts.host import toolchain
from scripts.host.shell import Shell

LIMIT = 300  # seconds


def pull(shell: Shell, root: Path, reference: str, version: str, folder: Path) -> None:
    """Put the archive of a chart, by reference and version, into a folder, with the helm that the pipeline uses.

    Raises CommandError with what helm says where there is no such chart.
    """
    helm = toolchain.locate(shell, root, shell.say)["helm"]
    wanted = ["--version", version] if version else []
    shell.effect([helm, "pull", reference, *wanted, "--destination", folder], timeout=LIMIT)
