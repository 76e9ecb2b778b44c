"""What ai.deploy proposes is made like the app's own: whatever hardens the chart's Deployment hardens the proposal."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from scripts.ai.advice.proposal import manifests as proposed
from tests.support.charts import UMBRELLA, by_name, manifests

POD = ("automountServiceAccountToken", "securityContext")


def charts(tmp_path: Any) -> Any:
    """The Deployment and the Service that the chart renders for the same wish."""
    wish = {"image": {"repository": "busybox", "tag": "1"}, "replicaCount": 2, "service": {"port": 9000}}
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump({"services": {"echo": wish}}))
    objects = manifests(UMBRELLA, "--values", str(file))
    return by_name(objects, "Deployment")["echo"], by_name(objects, "Service")["echo"]


@pytest.mark.slow
def test_a_proposal_is_hardened_as_the_chart_hardens(tmp_path: Any) -> None:
    theirs, service = charts(tmp_path)
    ours, ours_service = proposed("echo", "busybox:1", 9000, 2, "/healthz", "chatbot-dev")
    pod, own = theirs["spec"]["template"]["spec"], ours["spec"]["template"]["spec"]
    assert {key: own[key] for key in POD} == {key: pod[key] for key in POD}
    container, mine = pod["containers"][0], own["containers"][0]
    for key in ("securityContext", "volumeMounts", "image"):
        assert mine[key] == container[key], key
    assert {key for key in container if key.endswith("Probe")} == {key for key in mine if key.endswith("Probe")}
    assert mine["ports"][0]["containerPort"] == container["ports"][0]["containerPort"]
    assert mine["resources"].keys() == container["resources"].keys()
    assert ours["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert theirs["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert ours_service["spec"]["ports"][0]["port"] == service["spec"]["ports"][0]["port"]
