"""What cannot hold together is refused by key, before anything reaches the cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.charts.conftest import UMBRELLA, helm
from tests.charts.test_every_value import OFF

IMAGE = {"image": {"repository": "some/image", "tag": "1"}}
PORT = {"service": {"port": 80}}
CLAIM = {"persistence": {"enabled": True}}
MODES = ["ReadWriteOnce", "ReadWriteOncePod"]
STRIPPED = [{"path": "/a", "stripPrefix": True}]


def said(values: Any, **shared: Any) -> str:
    """What helm says to a service `app` with some values; empty where it takes them."""
    everything = {**OFF, "smokeTest": {"service": ""}, "services": {"app": {**IMAGE, **values}}, **shared}
    return helm("template", "r", UMBRELLA, "--set-json", json.dumps(everything)).stderr


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": {"tag": "1"}}, "services.app.image.repository: missing"),
        ({"autoscaling": {"enabled": True}, **CLAIM}, "app.autoscaling.enabled: the claim of persistence lets"),
        ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "app.autoscaling.minReplicas: 9 is more than max"),
        ({"preStopSeconds": 30}, "app.terminationGracePeriodSeconds: 20 leaves no time after"),
        ({"ingress": {"enabled": True}}, "services.app.ingress.enabled: there is no Service to lead to"),
        ({"httpRoute": {"enabled": True}}, "services.app.httpRoute.enabled: there is no Service to lead to"),
        ({"networkPolicy": {"from": ["web"]}}, "services.app.networkPolicy: nobody can call a service without a port"),
        ({"env": {"A": 1}, "extraEnv": {"A": 2}}, "services.app: the variable A stands twice"),
        ({"writablePaths": ["/data"], **CLAIM}, "the path /data stands twice"),
        ({"extraVolumes": [{"name": "tmp", "emptyDir": {}}]}, "services.app.volumes: the name tmp stands twice"),
        ({"extraVolumeMounts": [{"name": "gone", "mountPath": "/x"}]}, "extraVolumeMounts: there is no volume gone"),
        ({"extraContainers": [{"name": "app", "image": "x:1"}]}, "extraContainers: the name app stands twice"),
        ({"jobs": {"migrate": {}}}, "services.app.jobs.migrate: it needs a command or args"),
        ({"persistence": {"enabled": True, "accessModes": MODES}}, "accessModes: ReadWriteOncePod goes with no other"),
        ({"livenessProbe": {"exec": {"command": ["x"]}, "grpc": {"port": 1}}}, "app.livenessProbe: exec, grpc at once"),
        ({"livenessProbe": {"httpGet": {"path": "/"}}}, "services.app.livenessProbe.httpGet.port: missing"),
        ({"probes": {"readinessPath": "/"}}, "services.app.probes.readinessPath: there is no port to ask"),
        ({"startupProbe": {"successThreshold": 2}, **PORT}, "app.startupProbe.successThreshold: 2 is refused"),
        ({"readinessProbe": {"terminationGracePeriodSeconds": 9}}, "readinessProbe.terminationGracePeriodSeconds: a"),
        (
            {"ingress": {"enabled": True, "className": "other", "paths": STRIPPED}, **PORT},
            "services.app.ingress.paths: how the class other takes /a off is its own: write its annotations",
        ),
    ],
    ids=lambda part: part[:60] if isinstance(part, str) else "",
)  # fmt: skip
def test_contradictions_are_refused_by_key(values: Any, message: str) -> None:
    assert message in said(values)


def test_all_problems_are_told_at_once() -> None:
    text = said({"preStopSeconds": 30, "containerSecurityContext": {"privileged": True}, "env": {"A": 1}})
    assert "services.app.containerSecurityContext.privileged: true is refused by Pod Security `restricted`" in text
    assert "services.app.terminationGracePeriodSeconds" in text


def test_a_service_and_a_chart_of_the_same_name() -> None:
    text = said({}, backend={"enabled": True}, services={"backend": {**IMAGE, **PORT}})
    assert "services.backend: a chart has this name: set backend.enabled to false, or choose another name" in text


@pytest.mark.parametrize(
    "name", ["Web", "1st", "-a", "a_b", "a" * 54], ids=["capital", "digit", "hyphen", "underscore", "long"]
)
def test_names_that_no_service_can_have_are_refused(name: str) -> None:
    assert f"'{name}'" in said({}, services={name: {**IMAGE, **PORT}})
