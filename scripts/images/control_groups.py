"""Control groups of version 2 in a container: divided before an engine is started there, so that it can limit anything.

The kernel lets a group hold processes or hand resources out to groups below it, not both; only the machine's own
topmost group is spared. In a container all processes lie in what is the topmost one there, and an engine started
beside them fails at each container with a limit: `cannot enter cgroupv2 … it is in an invalid state`.
Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint".
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from scripts.host.shell import CommandError, Shell

ROOT = Path("/sys/fs/cgroup")
# Its own processes move one level down, each by a write of its own; one that has ended meanwhile is no matter.
DIVIDE = (
    "mkdir -p {root}/own; xargs -rn1 <{root}/cgroup.procs >{root}/own/cgroup.procs; "
    "sed 's/^/+/; s/ / +/g' {root}/cgroup.controllers >{root}/cgroup.subtree_control"
)


def are_undivided(root: Path = ROOT) -> bool:
    """Return whether processes lie in the topmost group of a container and keep it from handing anything out."""
    try:
        inner = (root / "cgroup.events").exists()  # which the machine's own topmost group has not
        given = (root / "cgroup.subtree_control").read_text(encoding="ascii").split()
        return inner and "memory" not in given and bool((root / "cgroup.procs").read_text(encoding="ascii").strip())
    except OSError:  # version 1, or none
        return False


def divide(shell: Shell, root: Path = ROOT) -> None:
    """Move this container's processes one level down, where they are in the way; what cannot be is the engine's to
    tell.
    """
    if are_undivided(root):
        with suppress(CommandError):
            shell.effect(["sh", "-c", DIVIDE.format(root=root)], timeout=30)
