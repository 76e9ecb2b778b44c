"""Read how much memory and CPU programs here may use, as far as the control groups that they are in let them.

In a container the kernel tells of the whole machine; the limit that ends a program stands in its control group.
Source: Linux, Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst, scheduler/sched-bwc.rst.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
MEMINFO = Path("/proc/meminfo")


def physical_memory() -> int | None:
    """Return the machine's memory in bytes, None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def memory_limit(groups: Path = GROUPS, own: Path = OWN) -> int | None:
    """Return the bytes of memory that the control groups of this process allow, None where they set no limit."""
    found = [
        limit
        for folder in _folders("memory", groups, own)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (limit := _number(_read(folder / name))) is not None
    ]
    return min(found, default=None)


def free_memory(groups: Path = GROUPS, own: Path = OWN, told: Path = MEMINFO) -> int:
    """Return the bytes of memory that a program could take without another's being moved to disk, 0 where nothing says.

    A control group's limit counts as a whole: what of its use the kernel would give back is not to be read from it.
    """
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", _read(told), re.MULTILINE)
    return min(int(found[1]) * 1024 if found else 0, memory_limit(groups, own) or sys.maxsize)


def cpus(groups: Path = GROUPS, own: Path = OWN) -> int:
    """Return how many CPUs this process may use, by its affinity and its control groups' quota, rounded up."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _folders("cpu", groups, own) if (quota := _quota(folder)) is not None]
    return min([here, *(max(1, math.ceil(quota)) for quota in quotas)])


def _quota(folder: Path) -> float | None:
    """Return the CPUs that a control group allows, None for all there are."""
    together = _read(folder / "cpu.max").split()
    quota, period = together if len(together) == 2 else (
        _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    )  # fmt: skip
    allowed, of = _number(quota), _number(period)
    return allowed / of if allowed and of else None


def _folders(controller: str, groups: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that limit this process, from the topmost down to its own.

    A container without a namespace of control groups has its own one where the machine has the topmost, and is told
    of a path below that which is not there.
    """
    for line in _read(own).splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        names = controllers.split(",")
        if controller in names:
            tops = [groups / name for name in dict.fromkeys((controllers, *names))]
        elif not controllers:
            tops = [groups]
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for top in tops:
            yield from (top.joinpath(*parts[:depth]) for depth in range(len(parts) + 1))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(text: str) -> int | None:
    """Return a positive number, None for anything else, such as `max` or -1, which are no limit."""
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else None
