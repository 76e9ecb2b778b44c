"""A start asks for what the machine has, and what it would be refused for is told before, by doctor and start alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.clusters.machine import PROGRAMS, Machine, fitted, node_hidden, objections
from scripts.settings.targets import MinikubeOptions

LAPTOP = Machine(cpus=8, memory=16384, cgroup="2", programs=frozenset(PROGRAMS.values()))


@pytest.mark.parametrize(
    ("engine", "options", "expected"),
    [
        ({}, {}, (4, 6144)),
        ({"cpus": 2, "memory": 4000}, {}, (2, 3000)),
        ({"cpus": 1, "memory": 1000}, {}, (2, 1800)),
        ({"cpus": None, "memory": None}, {}, (4, 6144)),
        ({"cpus": 2}, {"cpus": 6, "memory": 9000}, (6, 9000)),
    ],
)
def test_a_node_is_as_large_as_the_engine_allows(
    engine: dict[str, Any], options: dict[str, Any], expected: Any
) -> None:
    assert fitted(MinikubeOptions(**options), replace(LAPTOP, **engine)) == expected


@pytest.mark.parametrize(
    ("machine", "options", "code"),
    [
        ({}, {}, ""),
        ({"cpus": 2, "memory": 4000}, {}, ""),
        ({"cpus": 1}, {}, "RSRC_INSUFFICIENT_CORES"),
        ({"cpus": 2}, {"cpus": 4}, "RSRC_INSUFFICIENT_CORES"),
        ({"memory": 1500}, {}, "RSRC_INSUFFICIENT_CONTAINER_MEMORY"),
        ({"memory": 4000}, {"memory": 6144}, "RSRC_OVER_ALLOC_MEM"),
        ({}, {"memory": 1024}, "RSRC_INSUFFICIENT_REQ_MEMORY"),
        ({"root": True}, {}, "DRV_AS_ROOT"),
        ({"root": True}, {"force": True}, ""),
        ({"root": True}, {"driver": "kvm2"}, "DRV_AS_ROOT"),
        ({"root": True}, {"driver": "none"}, ""),
        ({"sudo": True}, {"driver": "none"}, ""),
        ({}, {"driver": "none"}, "PROVIDER_NONE_NOT_FOUND"),
        ({"sudo": True}, {"driver": "none", "nodes": 2}, "DRV_UNSUPPORTED_MULTINODE"),
        ({}, {"cni": "bridge", "nodes": 2}, "GUEST_CNI_INCOMPATIBLE"),
        ({}, {"cni": "bridge"}, ""),
        ({}, {"disk": 1999}, "MK_USAGE"),
        ({}, {"driver": "vfkit"}, "DRV_UNSUPPORTED_OS"),
        ({"system": "Darwin"}, {"driver": "vfkit"}, ""),
        ({"system": "Darwin"}, {"driver": "kvm2"}, "DRV_UNSUPPORTED_OS"),
        ({"programs": frozenset()}, {"driver": "podman"}, "PROVIDER_PODMAN_NOT_FOUND"),
        ({"programs": frozenset()}, {"driver": "qemu"}, "PROVIDER_QEMU2_NOT_FOUND"),
        ({"rootless": True}, {}, ""),
        ({"rootless": True, "cgroup": "1"}, {}, "RSRC_DOCKER_CGROUPS"),
        ({"rootless": True}, {"runtime": "docker"}, "MK_USAGE"),
    ],
)
def test_what_minikube_would_refuse_is_told_before(machine: dict[str, Any], options: dict[str, Any], code: str) -> None:
    name = "minikube" if options.get("driver") == "none" else "todo-chatbot"
    found = objections(MinikubeOptions(**options), replace(LAPTOP, **machine), name)
    assert [item.code for item in found] == ([code] if code else [])
    assert all(item.remedy for item in found)


@pytest.mark.parametrize(
    ("name", "driver", "code"),
    [
        ("todo-chatbot", "docker", ""),
        ("t", "docker", "MK_USAGE"),
        ("todo-chatbot", "none", "DRV_UNSUPPORTED_PROFILE"),
        ("minikube-secure", "none", "DRV_UNSUPPORTED_PROFILE"),
    ],
)
def test_a_name_that_the_driver_does_not_take_is_told_before(name: str, driver: str, code: str) -> None:
    found = objections(MinikubeOptions(driver=driver), replace(LAPTOP, sudo=True), name)
    assert [item.code for item in found] == ([code] if code else [])
    assert all("cluster:" in item.text + item.remedy for item in found)


@pytest.mark.parametrize(
    ("machine", "driver", "hidden"),
    [
        ({}, "docker", False),
        ({"system": "Darwin"}, "docker", True),
        ({"system": "Windows"}, "docker", True),
        ({"wsl": True}, "docker", True),
        ({"rootless": True}, "docker", True),
        ({"desktop": True}, "docker", True),
        ({"system": "Darwin"}, "vfkit", False),
        ({"system": "Darwin"}, "qemu", True),
        ({}, "kvm2", False),
    ],
)
def test_where_a_nodes_address_cannot_be_reached(machine: dict[str, Any], driver: str, hidden: bool) -> None:
    assert node_hidden(driver, replace(LAPTOP, **machine)) == hidden


def test_every_remedy_names_a_key_that_the_schema_has() -> None:
    schema = Path("scripts/settings/pipeline.schema.json").read_text(encoding="utf-8")
    for machine, options in (({"cpus": 2}, {"cpus": 4}), ({"root": True}, {}), ({}, {"driver": "vfkit"})):
        for item in objections(MinikubeOptions(**options), replace(LAPTOP, **machine), "todo-chatbot"):
            keys = [word.strip(":,") for word in item.remedy.split() if word.startswith("targets.")]
            assert keys and all(f'"{key.split(".")[-1]}": {{' in schema for key in keys)
