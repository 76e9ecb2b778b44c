"""What is rendered by default is what the specification's tables say, to the letter: together, and each chart alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.charts import ROOT, SUBCHARTS, UMBRELLA, by_name, manifests


def tables() -> list[list[dict[str, str]]]:
    """The tables of specification.md: a list of rows each, by column."""
    found: list[list[list[str]]] = [[]]
    for line in Path(__file__).with_name("specification.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [[dict(zip(rows[0], row, strict=True)) for row in rows[2:]] for rows in found if rows]


SERVICES, SECRETS = tables()


def words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("/", ",").split(",") if word.strip()]


def actual(row: dict[str, str], objects: Any) -> dict[str, str]:
    """The row that the rendered objects would make."""
    name = row["service"]
    deployment = by_name(objects, "Deployment")[name]["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    service = by_name(objects, "Service")[f"{name}-service"]["spec"]
    (port,) = service["ports"]
    node_port = f" {port['nodePort']}" if "nodePort" in port else ""
    config = by_name(objects, "ConfigMap")[f"{name}-config"]["data"]
    keys = [key for key in words(row["ConfigMap"].partition(":")[2]) if key in config]
    return {
        "service": container["name"],
        "Deployment": name,
        "Service, type": f"{name}-service, {service['type']}{node_port}",
        "port": str(port["port"]),
        "limits cpu/memory": " / ".join(container["resources"]["limits"].values()),
        "requests": " / ".join(container["resources"]["requests"].values()),
        "replicas": str(deployment["replicas"]),
        "ConfigMap": f"{name}-config: {', '.join(keys)}".strip(),
    }


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: row["service"])
def test_services_are_as_specified(row: dict[str, str]) -> None:
    for objects in (manifests(UMBRELLA), manifests(SUBCHARTS[row["service"]])):
        assert actual(row, objects) == row
        image = by_name(objects, "Deployment")[row["service"]]["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image.startswith(f"todo-chatbot/{row['service']}:")


def test_no_service_is_missing_or_more() -> None:
    assert list(by_name(manifests(UMBRELLA), "Deployment")) == sorted(row["service"] for row in SERVICES)


def test_secrets_are_as_specified() -> None:
    read: dict[tuple[str, str], set[str]] = {}
    for name, deployment in by_name(manifests(UMBRELLA), "Deployment").items():
        for entry in deployment["spec"]["template"]["spec"]["containers"][0].get("env", []):
            reference = entry["valueFrom"]["secretKeyRef"]
            read.setdefault((reference["name"], name), set()).add(reference["key"])
    assert read == {(row["Secret"], row["read by"]): set(words(row["keys"])) for row in SECRETS}


def test_release_and_chart_are_as_specified() -> None:
    release = yaml.safe_load((ROOT / "config/apps/todo-chatbot.yaml").read_text(encoding="utf-8"))["release"]
    assert (release["name"], release["namespace"]) == ("todo-chatbot", "chatbot-dev")
    assert ROOT / release["chart"] == UMBRELLA
    chart = yaml.safe_load((UMBRELLA / "Chart.yaml").read_text(encoding="utf-8"))
    assert {row["service"] for row in SERVICES} <= {item["name"] for item in chart["dependencies"]}


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: row["service"])
def test_every_chart_has_the_files_that_are_listed(row: dict[str, str]) -> None:
    """One template for each kind, and values of its own, which the library chart does the work of."""
    chart = SUBCHARTS[row["service"]]
    listed = {"deployment.yaml", "service.yaml", "configmap.yaml", "hpa.yaml"}
    assert listed <= {file.name for file in (chart / "templates").iterdir()}
    assert (chart / "Chart.yaml").is_file() and (chart / "values.yaml").is_file()
