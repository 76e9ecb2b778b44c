"""Define where files live: the checkout, and the user's folders, which outlast it."""

from __future__ import annotations

import hashlib
import os
import pwd
from pathlib import Path

from scripts.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

APP = "todo-chatbot"
GENERATED = ".pipeline"  # folder of what is derived from the configuration, so that printed commands can be pasted


def home() -> Path:
    """Return the user's home folder: HOME, else what the system knows of this user. Raises UserError for neither."""
    try:
        found = Path(os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        found = Path()
    if not found.is_absolute():
        raise UserError("this user has no home folder: HOME is not set to one", "set HOME to a folder of your own")
    return found


def relative(path: Path, root: Path) -> str:
    """Return a path as people are told it: relative to the checkout, or another root, where it lies in it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _user_folder(variable: str, usual: str) -> Path:
    """Return one of the user's own folders, as the XDG base directories have it; a relative one does not count."""
    given = Path(os.environ.get(variable) or "")
    return (given if given.is_absolute() else home() / usual) / APP


def state_folder(kind: str, name: str) -> Path:
    """Return where a cluster's own files live, so that they survive this checkout."""
    return _user_folder("XDG_STATE_HOME", ".local/state") / kind / name


def config_folder() -> Path:
    """Return where the user's own settings and keys live."""
    return _user_folder("XDG_CONFIG_HOME", ".config")


def cache_folder(kind: str) -> Path:
    """Return where what can be made again lives."""
    return _user_folder("XDG_CACHE_HOME", ".cache") / kind


def generated_folder(root: Path) -> Path:
    """Return where what is derived from a checkout's configuration is written: there, unless it is closed to us."""
    if os.access(root, os.W_OK):
        return root / GENERATED
    return cache_folder("generated") / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]


def tools_folder(root: Path) -> Path:
    """Return where the programs are that a checkout fetches: in it, unless it is closed to us and has none."""
    inside = root / ".tools"
    return inside if inside.is_dir() or os.access(root, os.W_OK) else cache_folder("tools")


def audit_file(cluster: str) -> Path:
    """Return where the record of who changed a cluster is kept."""
    return state_folder("audit", f"{cluster}.jsonl")
