"""Where files live that outlast a checkout."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder(kind: str, name: str) -> Path:
    """Where a cluster's own files live, so that they survive this checkout."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return home / "todo-chatbot" / kind / name


def audit_file(cluster: str) -> Path:
    """Where the record of who changed a cluster is kept."""
    return state_folder("audit", f"{cluster}.jsonl")
