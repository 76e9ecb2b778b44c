"""What a container may use is what its control group says, by either version of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host import resources

GIB = 2**30
UNLIMITED = str(2**63 - 4096)  # as version 1 says that there is no limit


@pytest.mark.parametrize(
    ("own", "files", "memory", "cpus"),
    [
        ("0::/", {"memory.max": "2147483648", "cpu.max": "50000 100000"}, 2 * GIB, 1),  # a container, version 2
        ("0::/a.slice/b", {"memory.max": "max", "a.slice/memory.max": "1073741824"}, GIB, None),  # the one above
        ("0::/a/b", {"a/b/memory.max": "1073741824", "a/memory.max": "2147483648"}, GIB, None),
        ("0::/../elsewhere", {"memory.max": "max", "cpu.max": "max 100000"}, None, None),
        (
            "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc",  # a container, version 1: its group is the topmost
            {
                "memory/memory.limit_in_bytes": "536870912",
                "cpu,cpuacct/cpu.cfs_quota_us": "100000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            GIB // 2,
            1,
        ),
        ("4:memory:/", {"memory/memory.limit_in_bytes": UNLIMITED, "cpu/cpu.cfs_quota_us": "-1"}, None, None),
        ("4:memory:/\n0::/user", {"memory/memory.limit_in_bytes": "1073741824"}, GIB, None),  # both at once
        ("", {}, None, None),  # neither, as on macOS
        ("nonsense\n::::\n", {"memory.max": "a lot"}, None, None),
    ],
)
def test_the_limits_of_the_control_group_are_found(
    own: str, files: dict[str, str], memory: int | None, cpus: int | None, tmp_path: Path
) -> None:
    groups, told = tmp_path / "groups", tmp_path / "own"
    told.write_text(own)
    for name, text in files.items():
        file = groups / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    found = resources.memory_limit(groups, told)
    assert (found if found is None or found < 2**62 else None) == memory
    every = resources.cpus(groups / "none", told)
    assert resources.cpus(groups, told) == (every if cpus is None else min(every, cpus))


def test_this_machine_is_asked_without_a_mistake() -> None:
    assert (resources.physical_memory() or GIB) >= GIB // 2
    assert resources.cpus() >= 1


@pytest.mark.parametrize(
    ("told", "limit", "free"),
    [
        ("MemTotal:  9 kB\nMemAvailable:    2097152 kB\n", "max", 2 * GIB),
        ("MemAvailable:    2097152 kB\n", str(GIB), GIB),  # of the container that this runs in
        ("", "max", 0),
    ],
)
def test_free_memory_is_what_the_machine_and_the_container_have(
    told: str, limit: str, free: int, tmp_path: Path
) -> None:
    for name, text in {"meminfo": told, "memory.max": limit, "own": "0::/"}.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    assert resources.free_memory(tmp_path, tmp_path / "own", tmp_path / "meminfo") == free
