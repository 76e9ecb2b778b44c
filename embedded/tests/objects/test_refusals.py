"""What a real server refuses is refused: a manifest that works here and nowhere else helps nobody."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.api import decoding, patching
from embedded.errors import ApiError
from embedded.kinds import KINDS
from embedded.objects import cron, pod_validation, validation

BY_RESOURCE = {kind.resource: kind for kind in KINDS}
CLAIM = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
    "storageClassName": "standard",
}
HIGHEST = "maximum allowed value of a user defined priority is 1000000000"
PATH = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}


def problems(resource: str, body: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    named = {"metadata": {"name": "it"}}
    before = None if old is None else named | old
    return [f"{one.field}: {one.message}" for one in validation.validate(BY_RESOURCE[resource], named | body, before)]


def ingress(**path: Any) -> dict[str, Any]:
    paths = [{key: value for key, value in (PATH | path).items() if value is not None}]
    return {"spec": {"rules": [{"http": {"paths": paths}}]}}


def target(**target: Any) -> dict[str, Any]:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"} | target}}
    return {"spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": [metric]}}


@pytest.mark.parametrize(
    ("resource", "body", "said"),
    [
        ("secrets", {"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}, "data[tls.key]: Required value"),
        ("secrets", {"type": "kubernetes.io/dockerconfigjson"}, "data[.dockerconfigjson]: Required value"),
        ("secrets", {"type": "kubernetes.io/basic-auth"}, "data[username]: Required value"),
        (
            "configmaps",
            {"data": {"a": "x"}, "binaryData": {"a": "eA=="}},
            'data[a]: Invalid value: "a": duplicate of key present in binaryData',
        ),
        (
            "services",
            {"spec": {"type": "NodePort", "clusterIP": "None", "ports": [{"port": 80}]}},
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
        ),
        (
            "persistentvolumeclaims",
            {"spec": CLAIM | {"resources": {"requests": {"storage": "0"}}}},
            'spec.resources[storage]: Invalid value: "0": must be greater than zero',
        ),
        (
            "ingresses.networking.k8s.io",
            ingress(pathType=None),
            "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        ),
        (
            "ingresses.networking.k8s.io",
            ingress(path="x"),
            'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
        ),
        (
            "roles.rbac.authorization.k8s.io",
            {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]},
            "rules[0].verbs: Required value: verbs must contain at least one value",
        ),
        (
            "horizontalpodautoscalers.autoscaling",
            target(),
            "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or "
            "a target utilization",
        ),
    ],
)
def test_an_object_is_refused_in_the_words_of_a_real_server(resource: str, body: dict[str, Any], said: str) -> None:
    assert said in problems(resource, body)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"from": [{"ipBlock": {"cidr": "10.0.0.1/33"}}]},
            'from[0].ipBlock.cidr: Invalid value: "10.0.0.1/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or '
            "2001:db8::/64)",
        ),
        (
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "11.0.0.0/8"]}}]},
            'from[0].ipBlock.except[1]: Invalid value: "11.0.0.0/8": must be a strict subset of `cidr`',
        ),
        (
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]},
            "from[0]: Forbidden: may not specify both ipBlock and another peer",
        ),
        ({"from": [{}]}, "from[0]: Required value: must specify a peer"),
        ({"ports": [{"port": 70000}]}, "ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ({"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "::/0"}}], "ports": [{"port": "http"}, {}]}, ""),
    ],
)
def test_a_network_policy_is_refused_in_the_words_of_a_real_server(rule: dict[str, Any], said: str) -> None:
    body = {"spec": {"podSelector": {}, "ingress": [rule], "policyTypes": ["Ingress"]}}
    found = problems("networkpolicies.networking.k8s.io", body)
    assert found == ([f"spec.ingress[0].{said}"] if said else [])


def test_what_is_right_is_taken() -> None:
    assert not problems("secrets", {"type": "kubernetes.io/basic-auth", "data": {"username": ""}})
    assert not problems("ingresses.networking.k8s.io", ingress())
    assert not problems("ingresses.networking.k8s.io", ingress(path=None, pathType="ImplementationSpecific"))
    assert not problems("horizontalpodautoscalers.autoscaling", target(averageUtilization=50))


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"envFrom": [{}]}, 'envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'),
        ({"lifecycle": {"preStop": {}}}, "lifecycle.preStop: Required value: must specify a handler type"),
        (
            {"resources": {"requests": {"gpu": "1"}}},
            'resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
        ),
        (
            {"resources": {"requests": {"nvidia.com/gpu": "1"}}},
            "resources.limits: Required value: Limit must be set for non overcommitable resources",
        ),
        (
            {"resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "2"}}},
            'resources.requests: Invalid value: "1": must be equal to nvidia.com/gpu limit of 2',
        ),
        ({"resources": {"limits": {"nvidia.com/gpu": "1", "hugepages-2Mi": "4Mi"}}}, ""),
        ({"resources": {"requests": {"cpu": "1", "ephemeral-storage": "1Gi"}}, "lifecycle": {}}, ""),
    ],
)
def test_a_container_is_refused_in_the_words_of_a_real_server(container: dict[str, Any], said: str) -> None:
    found = pod_validation.pod_spec({"containers": [{"name": "main", "image": "bb:1"} | container]}, "spec")
    told = [f"{one.field}: {one.message}".removeprefix("spec.containers[0].") for one in found]
    assert (said in told) if said else not told


@pytest.mark.parametrize(
    ("security", "said"),
    [
        ({"privileged": True}, "`privileged` to true"),
        ({"capabilities": {"add": ["NET_ADMIN", "CAP_SYS_ADMIN"]}}, "`capabilities.Add` CAP_SYS_ADMIN"),
        ({"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}}, ""),
    ],
)
def test_rights_that_no_escalation_may_bring_are_refused(security: dict[str, Any], said: str) -> None:
    container = {"name": "main", "image": "bb:1", "securityContext": {"allowPrivilegeEscalation": False} | security}
    found = [one.message for one in pod_validation.pod_spec({"containers": [container]}, "spec")]
    told = f"cannot set `allowPrivilegeEscalation` to false and {said}"
    assert [one.endswith(told) for one in found] == ([True] if said else [])


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"accessModes": ["ReadWriteMany"]}, False),
        ({"storageClassName": "fast"}, False),
        ({"resources": {"requests": {"storage": "2Gi"}}}, True),
        ({"volumeName": "pv-1"}, True),
    ],
)
def test_a_claim_stays_what_it_was_but_for_its_size(change: dict[str, Any], allowed: bool) -> None:
    found = problems("persistentvolumeclaims", {"spec": CLAIM | change}, {"spec": CLAIM})
    assert (not found) if allowed else "spec is immutable after creation except resources.requests" in found[0]


@pytest.mark.parametrize(
    ("value", "place"), [("hunter2!", 7), ("not base64", 3), ("YQ==\n", None), ("YWI=", None), ("", None)]
)
def test_a_value_in_the_clear_is_no_data_of_a_secret(value: str, place: int | None) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "it"}, "data": {"KEY": value}}
    if place is None:
        assert decoding.check_fields(BY_RESOURCE["secrets"], secret, [], "Strict") == []
        return
    with pytest.raises(ApiError, match=f"illegal base64 data at input byte {place}$"):
        decoding.check_fields(BY_RESOURCE["secrets"], secret, [], "Strict")


def test_a_json_patch_that_cannot_be_made_says_nothing_of_what_the_object_holds() -> None:
    secret = {"metadata": {"name": "it"}, "data": {"KEY": "aHVudGVyMg=="}}
    for step, said in (
        ({"op": "test", "path": "/data/KEY", "value": "x"}, "testing value /data/KEY failed: test failed"),
        (
            {"op": "remove", "path": "/data/OTHER"},
            'remove operation does not apply: doc is missing path: "/data/OTHER"',
        ),
        (
            {"op": "add", "path": "/no/where", "value": 1},
            'add operation does not apply: doc is missing path: "/no/where"',
        ),
        ({"op": "frob", "path": "/data"}, "Unexpected kind: frob"),
        ("nothing", "Unexpected kind: unknown"),
    ):
        with pytest.raises(ApiError) as caught:
            patching._json_patch(secret, [{"op": "add", "path": "/data/A", "value": "b"}, step])
        assert said in caught.value.message and "aHVudGVyMg" not in caught.value.message and "<class" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("30-10 * * * *", "beginning of range (30) beyond end of range (10): 30-10"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
    ],
)
def test_a_schedule_is_refused_in_the_words_of_a_real_server(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        cron.parse(text)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("name", "value", "before", "said"),
    [
        ("mine", 5, None, []),
        (
            "mine",
            1_000_000_001,
            None,
            ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
        ),
        ("mine", 5, 6, ["value: Forbidden: may not be changed in an update."]),
        ("system-node-critical", 2_000_001_000, None, []),
        (
            "system-x",
            5,
            None,
            [
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use "
                "only. error: system-x is not a known system priority class"
            ],
        ),
    ],
)
def test_a_priority_class_is_of_a_users_range(name: str, value: int, before: int | None, said: list[str]) -> None:
    meta = {"metadata": {"name": name}}
    old = None if before is None else meta | {"value": before}
    found = problems("priorityclasses.scheduling.k8s.io", meta | {"value": value}, old)
    assert found == said
