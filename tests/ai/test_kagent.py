"""What is declared for kagent fits its CRDs, holds no key, and gives no agent more than it needs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from scripts.ai import setup
from scripts.ai.consult import Desk
from scripts.errors import UserError
from scripts.settings.loading import ROOT

FILES = sorted((ROOT / "ai/kagent").glob("*.yaml"))
OBJECTS = [item for file in FILES for item in yaml.safe_load_all(file.read_text())]
SCHEMA = json.loads((Path(__file__).parent / "kagent.schema.json").read_text())
KEY = "sk-" + "test-0123456789abcdef"
READING = ("k8s_get_", "k8s_describe_")
Maker = Callable[..., Desk]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(item for item in OBJECTS if item["kind"] == kind and item["metadata"]["name"] == name)


@pytest.mark.parametrize("item", OBJECTS, ids=lambda item: item["metadata"]["name"])
def test_every_resource_fits_its_schema(item: dict[str, Any]) -> None:
    jsonschema.validate(item, SCHEMA)


@pytest.mark.skipif("KAGENT_CRDS" not in os.environ, reason="KAGENT_CRDS names no folder with the CRDs of kagent-crds")
@pytest.mark.parametrize("item", OBJECTS, ids=lambda item: item["metadata"]["name"])
def test_every_resource_fits_the_crds_of_the_chart(item: dict[str, Any]) -> None:
    for file in Path(os.environ["KAGENT_CRDS"]).glob("*.yaml"):
        for crd in yaml.safe_load_all(file.read_text()):
            if crd and crd.get("spec", {}).get("names", {}).get("kind") == item["kind"]:
                version = next(found for found in crd["spec"]["versions"] if found["name"] == "v1alpha2")
                jsonschema.validate(item, _strict(version["schema"]["openAPIV3Schema"]))
                return
    pytest.fail(f"no CRD for {item['kind']}")


def _strict(schema: Any) -> Any:
    """A CRD's schema that refuses unknown fields, as the API server does when it is asked to."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict(value) for key, value in schema.items()}
    if found.get("type") == "object" and found.get("properties") and "additionalProperties" not in found:
        found["additionalProperties"] = False
    return found


@pytest.mark.parametrize("agent", ["todo-operator", "todo-assistant"])
def test_what_an_agent_refers_to_is_there(agent: str) -> None:
    spec = named("Agent", agent)["spec"]["declarative"]
    assert named("ModelConfig", spec["modelConfig"])
    for tool in spec["tools"]:
        server = tool["mcpServer"]
        # The tool server comes with the chart kagent, named after its release.
        assert server["name"] == "kagent-tool-server" or named("RemoteMCPServer", server["name"])
        assert set(server.get("requireApproval", ())) <= set(server["toolNames"])


def test_the_operator_only_reads() -> None:
    (tool,) = named("Agent", "todo-operator")["spec"]["declarative"]["tools"]
    assert all(name.startswith(READING) for name in tool["mcpServer"]["toolNames"])
    values = yaml.safe_load((ROOT / "ai/kagent-values.yaml").read_text())
    assert values["kagent-tools"]["rbac"]["readOnly"] is True


def test_the_assistant_has_the_tools_of_the_app_and_asks_before_it_takes_away() -> None:
    (tool,) = named("Agent", "todo-assistant")["spec"]["declarative"]["tools"]
    assert set(tool["mcpServer"]["toolNames"]) == {
        "add_todo",
        "list_todos",
        "complete_todo",
        "update_todo",
        "delete_todo",
    }
    assert "delete_todo" in tool["mcpServer"]["requireApproval"]


@pytest.mark.parametrize(
    ("variables", "provider"),
    [
        ({"OPENAI_API_KEY": KEY}, "OpenAI"),
        ({"ANTHROPIC_API_KEY": KEY}, "Anthropic"),
        ({"GEMINI_API_KEY": KEY}, "Gemini"),
        ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://own/v1"}, "OpenAI"),
    ],
)
def test_what_is_installed_fits_the_model_and_the_release(
    make_desk: Maker, variables: dict[str, str], provider: str
) -> None:
    objects = setup.kagent_manifests(make_desk(variables=variables))
    for item in objects:
        jsonschema.validate(item, SCHEMA)
    text = json.dumps(objects)
    assert KEY not in text and "http://mcp-service.chatbot-dev:8002/mcp" in text
    model = next(item["spec"] for item in objects if item["kind"] == "ModelConfig")
    assert model["provider"] == provider and model["apiKeySecret"] == "kagent-model"
    assert ("http://own/v1" in text) == ("OPENAI_BASE_URL" in variables)


def test_the_key_goes_by_standard_input_and_is_not_shown(
    make_desk: Maker, bin_folder: Path, calls: Callable[[], list[dict[str, Any]]], lines: list[str]
) -> None:
    desk = make_desk(variables={"OPENAI_API_KEY": KEY})
    helm = bin_folder / "helm"
    helm.write_text('#!/bin/sh\necho "$@" >> "$0.called"\n')
    helm.chmod(0o755)
    setup.install(desk, lines.append)
    made = [json.loads(call["stdin"]) for call in calls() if call["words"][0] == "apply"]
    assert [item["kind"] for item in made] == [
        "Namespace", "Secret", "Agent", "RemoteMCPServer", "ModelConfig", "Agent",
    ]  # fmt: skip
    secret = next(item for item in made if item["kind"] == "Secret")
    assert secret["stringData"] == {"OPENAI_API_KEY": KEY}
    assert KEY not in "\n".join(lines)
    charts = (bin_folder / "helm.called").read_text()
    assert KEY not in charts and "kagent-values.yaml" in charts
    assert charts.splitlines()[0].startswith(
        "upgrade kagent-crds oci://ghcr.io/kagent-dev/kagent/helm/kagent-crds --install"
    )


def test_without_a_model_nothing_is_installed(make_desk: Maker) -> None:
    with pytest.raises(UserError, match="needs a model"):
        setup.kagent_manifests(make_desk())
