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
        ({"strategy": {"type": "RollingUpdate"}, **CLAIM}, "app.strategy: the claim of persistence lets only one pod"),
        ({"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}, "strategy.rollingUpdate: goes with no"),
        ({"strategy": {"type": "Blue"}}, "/services/app/strategy/type': value must be one of"),
        ({"resources": {"limits": {"memory": "1Mi"}, "requests": {"memory": "2Mi"}}}, "requests.memory: 2Mi is more"),
        ({"config": {"A": 12345678901234567}}, "services.app.config.A: a number of so many digits loses some"),
        ({"service": {"port": 80, "name": "x" * 64}}, "services.app: a Service's name has at most 63 characters"),
        ({"networkPolicy": {"external": [{"cidr": "999.0.0.0/8", "port": 1}]}}, "/networkPolicy/external/0/cidr'"),
        ({"networkPolicy": {"hosts": ["db:70000"]}}, "/networkPolicy/hosts/0'"),
        ({"podSecurityContext": {"runAsNonRoot": None}}, "podSecurityContext.runAsNonRoot: null is refused"),
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


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fullnameOverride": "same"}, "services.two.fullnameOverride: services.one has the name same already"),
        (
            {"service": {"port": 80, "name": "web"}},
            "services.two.service.name: services.one has the Service web already",
        ),
        (
            {"service": {"port": 80, "type": "NodePort", "nodePort": 30001}},
            "services.two.service.nodePort: services.one has the node port 30001 already",
        ),
    ],
)
def test_two_services_do_not_take_what_one_alone_can_have(values: Any, message: str) -> None:
    assert message in said({}, services={name: {**IMAGE, **values} for name in ("one", "two")})
    assert not said({}, services={name: {**IMAGE, **PORT} for name in ("one", "two")}), "a port is no name"


def test_a_service_and_a_chart_of_the_same_name() -> None:
    text = said({}, backend={"enabled": True}, services={"backend": {**IMAGE, **PORT}})
    assert "services.backend: a chart has this name: set backend.enabled to false, or choose another name" in text


@pytest.mark.parametrize(
    "name", ["Web", "1st", "-a", "a_b", "a" * 54], ids=["capital", "digit", "hyphen", "underscore", "long"]
)
def test_names_that_no_service_can_have_are_refused(name: str) -> None:
    assert f"'{name}'" in said({}, services={name: {**IMAGE, **PORT}})
