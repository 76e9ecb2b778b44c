"""Control groups of version 2 in a container are divided before an engine starts there, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host.shell import Shell
from scripts.images import control_groups

TOP = {"cgroup.controllers": "cpu memory pids\n", "cgroup.procs": "1\n40\n", "cgroup.subtree_control": "\n"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "undivided"),
    [
        (TOP | {"cgroup.events": "populated 1\n"}, True),
        (TOP, False),  # the machine's own topmost group may do both
        (TOP | {"cgroup.events": "populated 1\n", "cgroup.subtree_control": "cpu memory pids\n"}, False),
        (TOP | {"cgroup.events": "populated 1\n", "cgroup.procs": ""}, False),
        ({}, False),  # version 1
    ],
)
def test_only_a_containers_own_topmost_group_with_processes_in_it_is_divided(
    tmp_path: Path, files: dict[str, str], undivided: bool
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert control_groups.are_undivided(tmp_path) is undivided
    shown: list[str] = []
    control_groups.divide(Shell(echo=shown.append), tmp_path)
    assert bool(shown) is undivided
    if undivided:  # as plain files here; the kernel takes them in the same form
        assert (tmp_path / "own/cgroup.procs").read_text().split() == ["1", "40"]
        assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory +pids\n"
