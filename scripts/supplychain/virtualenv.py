"""The scanners that are Python packages, in an environment of their own."""

from __future__ import annotations

from pathlib import Path

from scripts.errors import UserError
from scripts.host import virtualenvs
from scripts.host.shell import Shell
from scripts.supplychain.model import NotRun

LOCK = str(Path(__file__).parent / "lock/requirements.txt")
NAME = "scanners"


def folder(root: Path) -> Path:
    """Return where the scanners' environment is kept."""
    return virtualenvs.folder(root, LOCK, NAME)


def ensure(shell: Shell, root: Path) -> Path:
    """Return the folder of the scanners' programs, made where it is missing. Raises NotRun if it cannot be made."""
    if shell.dry and not virtualenvs.is_made(root, LOCK, NAME):
        raise NotRun("a dry run installs no scanners")
    try:
        return virtualenvs.ensure(shell, root, LOCK, NAME)
    except UserError as problem:
        line = str(problem).strip().splitlines()[-1]
        raise NotRun(f"the scanners could not be installed: {line}") from None
