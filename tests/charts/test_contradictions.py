"""What cannot hold together is refused by key, before anything reaches the cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.chart_values import OFF
from tests.support.charts import UMBRELLA, helm

pytestmark = pytest.mark.slow  # all start programs

IMAGE = {"image": {"repository": "some/image", "tag": "1"}}
PORT = {"service": {"port": 80}}
CLAIM = {"persistence": {"enabled": True}}
MODES = ["ReadWriteOnce", "ReadWriteOncePod"]
AFTER = {"jobs": {"it": {"when": "after", "command": ["x"]}}}
MOUNTED = {"name": "x", "volumeMounts": [{"name": "gone", "mountPath": "/x"}]}
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
        ({"preStopSeconds": 30, **PORT}, "app.terminationGracePeriodSeconds: 20 leaves no time after"),
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
        ({"podSecurityContext": {"seccompProfile": None}}, "podSecurityContext.seccompProfile: null is refused"),
        ({"livenessProbe": {"exec": {}}, **PORT}, "services.app.livenessProbe.exec.command: missing"),
        ({"jobs": {"migrate": None}}, "services.app.jobs.migrate: it needs a command or args"),
        ({"autoscaling": {"enabled": True}, "resources": {"requests": None}}, "it counts in percent of services"),
        ({"persistence": {"enabled": True, "accessModes": MODES[1:]}, **AFTER}, "app.jobs.it.when: after the release"),
        ({"writablePaths": ["/"]}, "services.app: something is mounted on /, which hides the whole image"),
        ({"ingress": {"enabled": True, "paths": [{"path": "/a"}] * 2}, **PORT}, "services.app has the path /a of"),
        ({"hostAliases": [{"ip": "db", "hostnames": ["x"]}]}, "/hostAliases/0/ip'"),
        ({"hostAliases": [{"hostnames": ["x"]}]}, "/hostAliases/0': missing property 'ip'"),
        ({"podLabels": {"a": "b c"}}, "/podLabels/a'"),
        ({"podAnnotations": {"a b": "c"}}, "/podAnnotations'"),
        ({"initContainers": [{"name": "a.b"}]}, "/initContainers/0/name'"),
        ({"extraVolumes": [{"name": "My_Volume"}]}, "/extraVolumes/0/name'"),
        ({"networkPolicy": {"hosts": ["300.1.1.1:80"]}}, "/networkPolicy/hosts/0'"),
        ({"service": {"port": 80, "nodePort": 30001}}, "app.service.nodePort: a Service of type ClusterIP has none"),
        ({"service": {"type": "NodePort"}}, "services.app.service.type: there is no Service without a port"),
        ({"service": {"port": 80, "name": "1app"}}, "services.app: 1app is no name for a Service"),
        ({"persistence": {"size": "2Gi"}}, "app.persistence: has no effect without services.app.persistence.enabled"),
        ({"ingress": {"host": "a.b"}}, "services.app.ingress: has no effect without services.app.ingress.enabled"),
        ({"initContainers": [MOUNTED]}, "services.app.initContainers[0].volumeMounts: there is no volume gone"),
        ({"extraContainers": [MOUNTED]}, "services.app.extraContainers[0].volumeMounts: there is no volume gone"),
        ({"extraVolumes": [{"name": "v", "emptyDir": {}, "secret": {}}]}, "app.extraVolumes: v is emptyDir, secret at"),
        ({"extraVolumes": [{"name": "v", "secret": "x"}]}, "/services/app/extraVolumes/0/secret': got string"),
        ({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}, "strategy.rollingUpdate: maxSurge"),
        ({"strategy": {"rollingUpdate": {"maxSurge": "abc"}}}, "/rollingUpdate/maxSurge': 'abc' does not match"),
        ({"strategy": {"rollingUpdate": {"maxSurg": 1}}}, "/services/app/strategy/rollingUpdate': additional"),
        ({"extraContainers": [{"name": "x", "command": "run"}]}, "/extraContainers/0/command': got string"),
        ({"extraContainers": [{"name": "x", "ports": ["80"]}]}, "/extraContainers/0/ports/0': got string"),
        ({"containerSecurityContext": {"capabilities": {"drop": "ALL"}}}, "/capabilities/drop': got string"),
        ({"podSecurityContext": {"seccompProfile": "RuntimeDefault"}}, "/seccompProfile': got string"),
        ({"extraEnvFrom": [{"secretRef": "app"}]}, "/extraEnvFrom/0/secretRef': got string"),
        ({"lifecycle": {"preStop": "sleep 5"}}, "/lifecycle/preStop': got string"),
        ({"persistence": {"enabled": True, "mountPath": "/a:b"}}, "/persistence/mountPath': '/a:b' does not match"),
        ({"jobs": {"A b": {"command": ["x"]}}}, "/services/app/jobs'"),
        ({"secrets": {"A_b": {"C": "d"}}}, "/services/app/secrets'"),
        ({"secrets": {"a": {"b c": "d"}}}, "/services/app/secrets/a'"),
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
    text = said({"preStopSeconds": 30, **PORT, "containerSecurityContext": {"privileged": True}, "env": {"A": 1}})
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


@pytest.mark.parametrize(
    "values",
    [
        {"terminationGracePeriodSeconds": 2},  # without a port it goes on serving nobody
        {"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}, "terminationGracePeriodSeconds": 2, **PORT},
        {"lifecycle": {"stopSignal": "SIGUSR1"}},
        {"persistence": {"enabled": False, "size": "2Gi"}, "ingress": {"enabled": False, "host": "a.b"}},
        {"service": {"targetPort": 8080}},
        {"extraEnv": [{"name": "A", "value": None}]},
        {"containerSecurityContext": {"seccompProfile": None, "runAsNonRoot": None}},
        {"extraVolumes": [{"name": "v", "image": {"reference": "x:1"}}]},
        {"resources": {"limits": {"memory": 536870912, "nvidia.com/gpu": 1}, "requests": {"cpu": 0}}},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_holds_together_is_taken(values: Any) -> None:
    assert not said(values)


ROUTE = {**IMAGE, **PORT, "ingress": {"enabled": True}}
JOB = {**IMAGE, "jobs": {"b-c": {"command": ["x"]}}}


@pytest.mark.parametrize(
    ("services", "message"),
    [
        ({"a": JOB, "a-b-c": IMAGE}, "services.a-b-c.fullnameOverride: services.a has the name a-b-c already"),
        (
            {"a": JOB, "a-b": {**IMAGE, "jobs": {"c": {"command": ["x"]}}}},
            "services.a-b.jobs.c: services.a has the name a-b-c already",
        ),
        (
            {name: {**IMAGE, "nameOverride": "x", "fullnameOverride": name} for name in ("a", "b")},
            "services.b.nameOverride: services.a has the label x already",
        ),
        (
            {name: {**IMAGE, "serviceAccount": {"name": "x"}} for name in ("a", "b")},
            "services.b.serviceAccount.name: services.a has the service account x already",
        ),
        (
            {name: {**IMAGE, "secrets": {"x": {"A": "b"}}} for name in ("a", "b")},
            "services.b.secrets: services.a has the Secret x already",
        ),
        (
            {"a": ROUTE, "b": ROUTE},
            "services.b.ingress.paths: services.a has the path / of the host todo.local, of the class nginx already",
        ),
        (
            {
                "a": {**ROUTE, "ingress": {"enabled": True, "paths": STRIPPED}},
                "a-stripped": {**ROUTE, "ingress": {"enabled": True, "host": "b.local"}},
            },
            "services.a-stripped.ingress: services.a has the Ingress a-stripped already",
        ),
    ],
    ids=lambda part: part.partition(":")[0] if isinstance(part, str) else "",
)
def test_what_two_services_make_is_not_the_same_object(services: Any, message: str) -> None:
    assert message in said({}, services=services)


def test_what_only_looks_alike_is_taken() -> None:
    account = {name: {**IMAGE, "serviceAccount": {"name": "x", "create": name == "a"}} for name in ("a", "b")}
    assert not said({}, services=account), "an account may be shared with the service that makes it"
    routes = {"a": ROUTE, "b": {**ROUTE, "ingress": {"enabled": True, "className": "traefik"}}}
    assert not said({}, services=routes), "another class is another controller"
    off = {"a": {**IMAGE, "jobs": {"b": {"enabled": False, "command": ["x"]}}}, "a-b": IMAGE}
    assert not said({}, services=off)


def test_a_service_and_a_chart_of_the_same_name() -> None:
    text = said({}, backend={"enabled": True}, services={"backend": {**IMAGE, **PORT}})
    assert "services.backend: a chart has this name: set backend.enabled to false, or choose another name" in text


@pytest.mark.parametrize("name", ["default-deny", "smoke-test"])
def test_names_of_the_charts_own_policies_are_taken(name: str) -> None:
    assert f"services.{name}.fullnameOverride: the chart has the name {name} already" in said(
        {}, services={name: IMAGE}
    )


@pytest.mark.parametrize("text", ["a: b", "a: [b", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"])
def test_a_text_that_makes_no_object_is_refused_by_its_place(text: str) -> None:
    shared = {"global": {"extraObjects": [{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}, text]}}
    assert "global.extraObjects[1]: no object with apiVersion, kind and metadata.name" in said({}, **shared)


@pytest.mark.parametrize(
    "name", ["Web", "1st", "-a", "a_b", "a" * 54], ids=["capital", "digit", "hyphen", "underscore", "long"]
)
def test_names_that_no_service_can_have_are_refused(name: str) -> None:
    assert f"'{name}'" in said({}, services={name: {**IMAGE, **PORT}})
