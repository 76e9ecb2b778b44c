"""Values: the keys that were specified, their defaults, and what the schemas refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.release.values_doc import INHERITED
from tests.support.charts import CHARTS, DATABASE, SERVICES, SUBCHARTS, UMBRELLA, by_name, helm, manifests, pods


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


@pytest.mark.parametrize("name", ["umbrella", "database", "monitoring"])
def test_schemas_describe_every_key_and_refuse_others(name: str) -> None:
    def walk(node: Any, path: str) -> Iterator[str]:
        for key, value in node.get("properties", {}).items():
            where = f"{path}.{key}".lstrip(".")
            if value is False or value == {"$ref": "#/$defs/service"}:  # what the chart sets itself; the services
                continue
            if not value.get("description", "").endswith(".") and "properties" not in value and key not in INHERITED:
                yield f"{where}: no description"
            if "properties" in value and value.get("additionalProperties", True) is True:
                yield f"{where}: takes unknown keys"
            yield from walk(value, where)
            yield from walk(value.get("items", {}), f"{where}[]")

    found = schema(CHARTS[name])
    assert found["additionalProperties"] is False
    assert not [*walk(found, ""), *(line for key, part in found["$defs"].items() for line in walk(part, key))]


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("backend.image.tag=latest", "/backend/image/tag"),
        ("backend.image.tag=", "/backend/image/tag"),
        ("backend.image.tag=bad tag", "/backend/image/tag"),
        ("backend.replicaCount=-1", "/backend/replicaCount"),
        ("frontend.service.nodePort=80", "/frontend/service/nodePort"),
        ("frontend.service.type=External", "/frontend/service/type"),
        ("backend.resources.limits.memory=1GB", "/backend/resources/limits/memory"),
        ("backend.config.port-number=1", "/backend/config"),
        ("backend.config.PORT=1", "/backend/config/PORT"),
        ("global.environment=production", "/global/environment"),
        ("agent.networkPolicy.external[0].cidr=everywhere", "/agent/networkPolicy/external/0/cidr"),
    ],
)
def test_wrong_values_are_refused_by_path(value: str, path: str) -> None:
    assert f"'{path}'" in refusal(UMBRELLA, "--set-string" if "tag" in value else "--set", value)


@pytest.mark.slow
def test_latest_in_a_values_file_is_refused(tmp_path: Path) -> None:
    for chart, values in ((UMBRELLA, "mcp: {image: {tag: latest}}"), (DATABASE, "image: {tag: latest}")):
        file = tmp_path / "values.yaml"
        file.write_text(values, encoding="utf-8")
        assert "/image/tag" in refusal(chart, "--values", str(file))


@pytest.mark.slow
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


@pytest.mark.slow
def test_storage_class() -> None:
    def claimed(*words: str) -> Any:
        return by_name(manifests(DATABASE, *words), "PersistentVolumeClaim")["database"]["spec"]

    assert "storageClassName" not in claimed()
    assert claimed("--set", "global.storageClass=fast")["storageClassName"] == "fast"


@pytest.mark.slow
def test_secrets_from_values_are_said_to_be_unsafe() -> None:
    words = ("--set", "backend.secrets.auth-secrets.JWT_SECRET=0123456789abcdef")
    secret = by_name(manifests(UMBRELLA, *words), "Secret")["auth-secrets"]
    assert secret["stringData"] == {"JWT_SECRET": "0123456789abcdef"}
    for chart, value in ((UMBRELLA, words[1]), (SUBCHARTS["backend"], words[1].removeprefix("backend."))):
        notes = helm("install", "x", chart, "--dry-run=client", "--set", value).stdout.partition("NOTES:")[2]
        assert "WARNING: auth-secrets came from values" in notes
        assert "0123456789abcdef" not in notes
        assert "WARNING" not in helm("install", "x", chart, "--dry-run=client").stdout
