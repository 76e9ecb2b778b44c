"""Values: the keys that were specified, their defaults, and what the schemas refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import CHARTS, DATABASE, SERVICES, SUBCHARTS, UMBRELLA, by_name, helm, manifests, pods


def read(chart: Path) -> Any:
    return yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))


def schema(chart: Path) -> Any:
    return json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))


def refusal(chart: Path, *words: str) -> str:
    """What helm says to values that it does not take."""
    answer = helm("template", "todo-chatbot", chart, *words)
    assert answer.returncode != 0, f"accepted: {words}"
    return answer.stderr


def test_specified_keys() -> None:
    values = read(UMBRELLA)
    assert {"imageRegistry", "storageClass", "namespace"} <= values["global"].keys()
    for name in SERVICES:
        service = values[name]
        assert {"replicaCount", "image", "service", "resources", "config"} <= service.keys()
        assert service["image"].keys() == {"repository", "tag", "pullPolicy"}
        assert service["service"].keys() - {"nodePort"} == {"type", "port"}
        assert service["image"]["repository"] == f"todo-chatbot/{name}"
    assert values["frontend"]["service"] == {"type": "NodePort", "port": 3000, "nodePort": 30000}


@pytest.mark.parametrize("name", SERVICES)
def test_central_values_are_the_subcharts_own(name: str) -> None:
    """A value that stands in both files is the same in both, so that a chart alone is the chart in the umbrella."""
    central, own = read(UMBRELLA), read(SUBCHARTS[name])
    assert central["global"] == own["global"]
    shared = {key: value for key, value in central[name].items() if key != "enabled"}
    assert shared == {key: own[key] for key in shared}


def test_schemas_of_services_are_one() -> None:
    """What two services' schemas both describe, they describe alike."""
    first = schema(SUBCHARTS["mcp"])["properties"]
    for name in SERVICES:
        other = schema(SUBCHARTS[name])["properties"]
        assert first.keys() <= other.keys()
        assert {key: other[key] for key in first if key != "config"} == {k: first[k] for k in first if k != "config"}
    shared = schema(UMBRELLA)["properties"]["global"]["properties"]
    assert shared == first["global"]["properties"]
    local = schema(DATABASE)["properties"]["global"]["properties"]
    assert {key: shared[key] for key in local} == local


@pytest.mark.parametrize("name", CHARTS)
def test_schemas_describe_every_key_and_refuse_others(name: str) -> None:
    def walk(node: Any, path: str) -> Iterator[str]:
        for key, value in node.get("properties", {}).items():
            if value is False:  # a key that the chart sets itself
                continue
            where = f"{path}.{key}".lstrip(".")
            if not value.get("description", "").endswith(".") and where not in [f"{s}.enabled" for s in SERVICES]:
                yield f"{where}: no description"
            if "properties" in value and value.get("additionalProperties", True) is True and where not in SERVICES:
                yield f"{where}: takes unknown keys"
            yield from walk(value, where)
            yield from walk(value.get("items", {}), f"{where}[]")

    assert schema(CHARTS[name])["additionalProperties"] is False
    assert not list(walk(schema(CHARTS[name]), ""))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("global.imageregistry=x", "imageregistry"),
        ("fronted.replicaCount=1", "fronted"),
        ("frontend.replicas=1", "replicas"),
        ("backend.image.name=x", "name"),
        ("agent.resources.limits.gpu=1", "gpu"),
        ("mcp.autoscaling.max=3", "max"),
        ("backend.networkPolicy.to[0].host=x", "host"),
        ("certificates.days=3", "days"),
    ],
)
def test_unknown_keys_are_refused_by_name(value: str, named: str) -> None:
    assert f"'{named}' not allowed" in refusal(UMBRELLA, "--set", value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("backend.image.tag=latest", "/image/tag"),
        ("backend.image.tag=", "/image/tag"),
        ("backend.image.tag=bad tag", "/image/tag"),
        ("backend.replicaCount=-1", "/replicaCount"),
        ("frontend.service.nodePort=80", "/service/nodePort"),
        ("frontend.service.type=External", "/service/type"),
        ("backend.resources.limits.memory=1GB", "/resources/limits/memory"),
        ("backend.config.port-number=1", "/config"),
        ("backend.config.PORT=1", "/config/PORT"),
        ("backend.secrets.other.KEY=x", "/secrets"),
        ("global.environment=production", "/global/environment"),
        ("agent.networkPolicy.external[0].cidr=everywhere", "/networkPolicy/external/0/cidr"),
    ],
)
def test_wrong_values_are_refused_by_path(value: str, path: str) -> None:
    assert f"'{path}'" in refusal(UMBRELLA, "--set-string" if "tag" in value else "--set", value)


def test_latest_in_a_values_file_is_refused(tmp_path: Path) -> None:
    for chart, values in ((UMBRELLA, "mcp: {image: {tag: latest}}"), (DATABASE, "image: {tag: latest}")):
        file = tmp_path / "values.yaml"
        file.write_text(values, encoding="utf-8")
        assert "/image/tag" in refusal(chart, "--values", str(file))


def test_images_are_where_the_registry_is() -> None:
    words = ("--set", "global.imageRegistry=registry.local:5000/team", "--set-string", "backend.image.tag=12345678")
    images = {name: pod["containers"][0]["image"] for name, pod in pods(manifests(UMBRELLA, *words))}
    assert images["backend"] == images["smoke-test"] == "registry.local:5000/team/todo-chatbot/backend:12345678"
    assert images["frontend"] == "registry.local:5000/team/todo-chatbot/frontend:0.1.0"


def test_no_image_floats() -> None:
    for chart in (UMBRELLA, DATABASE):
        for _, pod in pods(manifests(chart)):
            for container in pod["containers"]:
                tag = container["image"].rpartition(":")[2]
                assert tag not in ("", "latest") and container["imagePullPolicy"] == "IfNotPresent"


def test_storage_class() -> None:
    def claimed(*words: str) -> Any:
        return by_name(manifests(DATABASE, *words), "PersistentVolumeClaim")["database"]["spec"]

    assert "storageClassName" not in claimed()
    assert claimed("--set", "global.storageClass=fast")["storageClassName"] == "fast"


def test_secrets_from_values_are_said_to_be_unsafe() -> None:
    words = ("--set", "backend.secrets.auth-secrets.JWT_SECRET=0123456789abcdef")
    secret = by_name(manifests(UMBRELLA, *words), "Secret")["auth-secrets"]
    assert secret["stringData"] == {"JWT_SECRET": "0123456789abcdef"}
    for chart, value in ((UMBRELLA, words[1]), (SUBCHARTS["backend"], words[1].removeprefix("backend."))):
        notes = helm("install", "x", chart, "--dry-run=client", "--set", value).stdout.partition("NOTES:")[2]
        assert "WARNING: auth-secrets came from values" in notes
        assert "0123456789abcdef" not in notes
        assert "WARNING" not in helm("install", "x", chart, "--dry-run=client").stdout
