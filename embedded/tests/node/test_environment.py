"""Environment, command and user of a container."""

import base64

import pytest

from embedded.node import containers, environment, resolvconf
from embedded.node.environment import ConfigError, Place

PLACE = Place("node", "192.0.2.1", "10.0.0.5", 4, 8 << 30)
OBJECTS = {
    ("configmaps", "demo", "cm"): {"metadata": {"namespace": "demo", "name": "cm"}, "data": {"A": "1"}},
    ("secrets", "demo", "sec"): {
        "metadata": {"namespace": "demo", "name": "sec"},
        "data": {"PW": base64.b64encode(b"geheim").decode()},
    },
}
POD = {
    "metadata": {"name": "p", "namespace": "demo", "uid": "u", "labels": {"a": "b"}, "annotations": {"n": 'say "hi"'}},
    "spec": {"containers": [], "serviceAccountName": "sa", "enableServiceLinks": False},
}


def env(*entries, **container):
    made = {"name": "c", "env": list(entries)} | container
    return environment.build(POD, made, lambda *key: OBJECTS.get(key), [], PLACE)


def ref(kind, **rest):
    return {"name": "X", "valueFrom": {kind: rest}}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A $", "$A $"), ("a$(A)b$(A)", "a1b1"), ("$(A", "$(A")],
)
def test_expand(text, expanded):
    assert environment.expand(text, {"A": "1"}) == expanded


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        (ref("configMapKeyRef", name="cm", key="A"), "1"),
        (ref("secretKeyRef", name="sec", key="PW"), "geheim"),
        (ref("fieldRef", fieldPath="metadata.name"), "p"),
        (ref("fieldRef", fieldPath="metadata.labels['a']"), "b"),
        (ref("fieldRef", fieldPath="metadata.annotations"), 'n="say \\"hi\\""'),
        (ref("fieldRef", fieldPath="status.podIP"), "10.0.0.5"),
        (ref("fieldRef", fieldPath="status.hostIP"), "192.0.2.1"),
        (ref("fieldRef", fieldPath="spec.nodeName"), "node"),
        (ref("resourceFieldRef", resource="limits.memory", divisor="1Mi"), "64"),
        (ref("resourceFieldRef", resource="limits.cpu"), "4"),
        (ref("resourceFieldRef", resource="requests.cpu", divisor="1m"), "100"),
    ],
)
def test_value_from(entry, value):
    resources = {"limits": {"memory": "64Mi"}, "requests": {"cpu": "100m"}}
    assert env(entry, resources=resources) == {"X": value}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (ref("configMapKeyRef", name="no", key="A"), 'configmap "no" not found'),
        (ref("configMapKeyRef", name="cm", key="B"), "couldn't find key B in ConfigMap demo/cm"),
        (ref("secretKeyRef", name="no", key="A"), 'secret "no" not found'),
        (ref("secretKeyRef", name="sec", key="B"), "couldn't find key B in Secret demo/sec"),
    ],
)
def test_missing_reference(entry, message):
    with pytest.raises(ConfigError) as caught:
        env(entry)
    assert str(caught.value) == message
    next(iter(entry["valueFrom"].values()))["optional"] = True
    assert env(entry) == {}


def test_later_entries_win_and_see_earlier_ones():
    made = env(
        {"name": "A", "value": "own"},
        {"name": "B", "value": "$(A) $(P_A)"},
        envFrom=[{"configMapRef": {"name": "cm"}, "prefix": "P_"}, {"configMapRef": {"name": "cm"}}],
    )
    assert made == {"P_A": "1", "A": "own", "B": "own 1"}


def test_services_are_announced():
    web = {"metadata": {"name": "my-web", "namespace": "demo"}}
    web["spec"] = {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": 80}]}
    far = {"metadata": {"name": "far", "namespace": "far"}, "spec": web["spec"]}
    linked = POD | {"spec": POD["spec"] | {"enableServiceLinks": True}}
    made = environment.service_variables(linked, [web, far])
    assert made["MY_WEB_SERVICE_HOST"] == "10.96.0.9"
    assert made["MY_WEB_PORT_80_TCP_ADDR"] == "10.96.0.9"
    assert made["MY_WEB_SERVICE_PORT_HTTP"] == "80"
    assert not [name for name in made if name.startswith("FAR")]
    assert environment.service_variables(POD, [web]) == {}


@pytest.mark.parametrize(
    ("whole", "own", "image", "user"),
    [
        ({}, {}, "", ""),
        ({}, {}, "app", "app"),
        ({"runAsUser": 5}, {}, "app", "5"),
        ({"runAsUser": 5, "runAsGroup": 6}, {"runAsUser": 7}, "", "7:6"),
        ({"runAsGroup": 6}, {}, "8:9", "8:6"),
        ({"runAsNonRoot": True}, {}, "10001:10001", "10001:10001"),
    ],
)
def test_user(whole, own, image, user):
    pod = POD | {"spec": {"securityContext": whole}}
    assert containers.user(pod, {"name": "c", "securityContext": own}, {"Config": {"User": image}}) == user


@pytest.mark.parametrize(
    ("own", "image", "message"),
    [
        ({}, "", "container has runAsNonRoot and image will run as root"),
        ({}, "0", "container has runAsNonRoot and image will run as root"),
        ({}, "app", "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root"),
        ({"runAsUser": 0}, "5", "container's runAsUser breaks non-root policy"),
    ],
)
def test_root_is_refused(own, image, message):
    pod = POD | {"spec": {"securityContext": {"runAsNonRoot": True}}}
    with pytest.raises(ConfigError) as caught:
        containers.user(pod, {"name": "c", "securityContext": own}, {"Config": {"User": image}})
    assert str(caught.value) == f'{message} (pod: "p_demo(u)", container: c)'


def test_container_of_a_limited_restricted_pod():
    spec = {
        "name": "c",
        "command": ["run", "$(A)"],
        "securityContext": {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False},
        "resources": {"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": "250m"}},
    }
    pod = POD | {"spec": {"containers": [spec], "securityContext": {"fsGroup": 7, "supplementalGroups": [8]}}}
    body = containers.app("k", pod, spec, {"Id": "sha256:1"}, {"A": "b"}, [], "box", 3, 8 << 30)
    host = body["HostConfig"]
    assert (body["Entrypoint"], "Cmd" in body) == (["run", "b"], False)
    assert (host["CpuShares"], host["CpuQuota"], host["Memory"]) == (256, 50_000, 64 << 20)
    assert (host["CapDrop"], host["SecurityOpt"], host["GroupAdd"]) == (["ALL"], ["no-new-privileges"], ["8", "7"])
    assert host["NetworkMode"] == "container:box"
    assert body["Labels"][containers.ATTEMPT] == "3"


HOST = "# made\nnameserver 9.9.9.9\nsearch lan\n"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {},
            "nameserver 10.0.0.1\nsearch demo.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
        ),
        ({"dnsPolicy": "Default"}, "nameserver 9.9.9.9\nsearch lan\n"),
        (
            {
                "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "2"}]},
            },
            "nameserver 1.1.1.1\noptions ndots:2\n",
        ),
        ({"dnsPolicy": "Default", "dnsConfig": {"searches": ["x"]}}, "nameserver 9.9.9.9\nsearch lan x\n"),
    ],
)
def test_resolv_conf(spec, text):
    assert resolvconf.render(POD | {"spec": spec}, "10.0.0.1", HOST) == text
