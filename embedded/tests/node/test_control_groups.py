"""What a container uses is read wherever the kernel counts it: both versions, both drivers, any parent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.node.control_groups import ControlGroups
from embedded.node.stats import Statistics

ID = "3f9c" * 16
MEMORY = "anon 40\ninactive_file 24\n", "cache 3\ntotal_inactive_file 24\n"


def unified(folder: str) -> dict[str, str]:
    files = {"cpu.stat": "usage_usec 2500000\nuser_usec 1\n", "memory.current": "1048\n", "memory.stat": MEMORY[0]}
    return {"cgroup.controllers": "cpu memory\n"} | {f"{folder}/{name}": text for name, text in files.items()}


def separate(folder: str) -> dict[str, str]:
    memory = {"memory.usage_in_bytes": "1048\n", "memory.stat": MEMORY[1]}
    files = {f"memory/{folder}/{name}": text for name, text in memory.items()}
    return files | {f"cpuacct/{folder}/cpuacct.usage": "2500000000\n"}


@pytest.mark.parametrize("layout", [unified, separate])
@pytest.mark.parametrize(
    "folder",
    [
        f"docker/{ID}",
        f"system.slice/docker-{ID}.scope",
        f"build.slice/build-ci.slice/docker-{ID}.scope",  # "cgroup-parent" of an Engine
        f"own/docker/{ID}",  # an Engine in a container, whose processes were moved one level down
    ],
)
def test_a_container_is_counted_where_its_engine_has_put_it(
    tmp_path: Path, folder: str, layout: Callable[[str], dict]
) -> None:
    for name, text in layout(folder).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    groups = ControlGroups(tmp_path)
    assert groups.unified is (layout is unified)
    assert Statistics(groups)._read(ID) == (2.5, 1024)
    assert groups.of("memory", "0" * 64) is None
