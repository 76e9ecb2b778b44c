"""Find the control groups of a container, by which the kernel counts its use: version 1 or 2, as either driver of the
Engine lays them out, below whichever parent it was given.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class ControlGroups:
    """The control groups of this machine; `unified` are those of version 2, with one folder for all controllers."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.unified = (root / "cgroup.controllers").exists()

    def top(self, controller: str) -> Path:
        """Return the folder below which a controller counts, and of the machine as a whole."""
        return self.root if self.unified else self.root / controller

    def of(self, controller: str, container: str) -> Path | None:
        """Return the folder of a container; None where it has none, or none any more."""
        top = self.top(controller)
        usual = [top / "docker" / container, top / "system.slice" / f"docker-{container}.scope"]
        found = next((folder for folder in usual if folder.is_dir()), None)
        if found:
            return found
        # An Engine with a parent of its own, or one that is itself in a container.
        return next((folder for name in (container, f"docker-{container}.scope") for folder in top.rglob(name)), None)
