"""What may be decided of a cluster: every key is taken, and a wrong one is refused by name."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import SettingsError
from scripts.settings import reading
from scripts.settings.targets import MinikubeOptions, NodeOptions, TargetOptions, megabytes, target_options

SCHEMA = json.loads(Path("scripts/settings/pipeline.schema.json").read_text(encoding="utf-8"))
PART = {**SCHEMA["properties"]["targets"], "$defs": SCHEMA["$defs"]}
OTHER: dict[str, dict[str, Any]] = {
    "minikube": {
        "driver": "kvm2", "cpus": 3, "memory": "5g", "disk": "30g", "nodes": 2, "kubernetes": "v1.35.0",
        "runtime": "docker", "cni": "flannel", "addons": ["ingress"], "force": True, "extraArguments": ["--a=b"],
    },
    "kind": {"nodes": 2, "image": "kindest/node:v1.35.0", "extraArguments": ["--retain"]},
    "k3d": {"nodes": 2, "image": "rancher/k3s:v1", "extraArguments": ["--no-lb"]},
}  # fmt: skip


def check(data: Any) -> None:
    reading.check(data, PART, "config/pipeline.yaml")


@pytest.mark.parametrize("target", OTHER)
def test_every_key_of_the_schema_changes_something(target: str) -> None:
    assert set(PART["properties"][target]["properties"]) == set(OTHER[target])
    check(OTHER)
    for key, value in OTHER[target].items():
        assert target_options({target: {key: value}}) != TargetOptions(), key


def test_what_is_left_out_is_the_default() -> None:
    assert target_options({}) == target_options({"minikube": {}, "kind": {}, "k3d": {}}) == TargetOptions()
    assert set(asdict(NodeOptions())) == {"nodes", "image", "extra_arguments"} and MinikubeOptions().memory is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"minikube": {"cpu": 3}}, "minikube.cpu: unknown key, did you mean cpus?"),
        ({"minikube": {"cpus": 1}}, "minikube.cpus: 1 is less than the minimum of 2"),
        ({"minikube": {"cpus": "4"}}, "minikube.cpus: must be a whole number"),
        ({"minikube": {"memory": 6}}, "minikube.memory: must be a text"),
        ({"minikube": {"memory": "6Gi"}}, "does not fit: A size with a unit, m or g"),
        ({"minikube": {"driver": "doker"}}, "meant docker?"),
        ({"minikube": {"kubernetes": "1.36"}}, "with a v and three numbers"),
        ({"minikube": {"extraArguments": ["--cpus=3"]}}, "what has a key of its own is set by that"),
        ({"minikube": {"extraArguments": ["--profile=x"]}}, "what has a key of its own is set by that"),
        ({"minikube": {"extraArguments": ["x"]}}, "An option of minikube start"),
        ({"minikube": {"addons": ["Ingress"]}}, "An addon's name"),
        ({"kind": {"cpus": 3}}, "kind.cpus: unknown key"),
        ({"kind": {"image": "kindest/node:latest"}}, "never latest"),
        ({"kind": {"extraArguments": ["--name=x"]}}, "set by that"),
        ({"k3d": {"nodes": 0}}, "k3d.nodes"),
        ({"podman": {}}, "podman: unknown key"),
    ],
)
def test_a_wrong_one_is_refused_by_name(data: Any, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check(data)
    assert words in str(caught.value) and str(caught.value).startswith("config/pipeline.yaml: ")


@pytest.mark.slow
@given(st.integers(1, 99_999_999), st.sampled_from("mg"))
def test_a_size_is_read_in_megabytes(number: int, unit: str) -> None:
    check({"minikube": {"memory": f"{number}{unit}"}})
    assert megabytes(f"{number}{unit}") == number * (1024 if unit == "g" else 1)
