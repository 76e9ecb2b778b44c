"""The scanners that are Python packages, in an environment of their own."""

from __future__ import annotations

from pathlib import Path

from scripts import environments
from scripts.model import UserError
from scripts.shell import Shell
from scripts.supplychain.model import NotRun

LOCK = "config/scanners/requirements.txt"
NAME = "scanners"


def folder(root: Path) -> Path:
    """Where the scanners' environment is kept."""
    return environments.folder(root, LOCK, NAME)


def ensure(shell: Shell, root: Path) -> Path:
    """The folder of the scanners' programs, made where it is missing. Raises NotRun if it cannot be made."""
    if shell.dry and not environments.is_made(root, LOCK, NAME):
        raise NotRun("a dry run installs no scanners")
    try:
        return environments.ensure(shell, root, LOCK, NAME)
    except UserError as problem:
        line = str(problem).strip().splitlines()[-1]
        raise NotRun(f"the scanners could not be installed: {line}") from None
