"""Admission: pod security, quotas, limits, accounts, addresses and ports, in the real words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from embedded.admission import podsecurity
from embedded.errors import ApiError
from embedded.store import Store

SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def label(store: Store, **labels: str) -> None:
    def change(obj: dict) -> None:
        obj["metadata"]["labels"].update({f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()})

    store.modify("namespaces", "", "demo", change)


def test_restricted_names_everything_missing(store: Store, pod: Callable[..., dict]) -> None:
    label(store, enforce="restricted")
    with pytest.raises(ApiError) as caught:
        store.create("pods", pod())
    assert caught.value.message == (
        'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(container "main" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
        '(container "main" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container '
        '"main" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "main" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )
    store.create("pods", pod(containers=[{"name": "main", "image": "bb:1", "securityContext": SAFE}]))


def test_templates_are_warned_of(store: Store, deployment: Callable[..., dict]) -> None:
    label(store, enforce="baseline", warn="restricted")
    store.create("deployments.apps", deployment())
    assert [text.split(":")[0] for text in store.warnings] == ['would violate PodSecurity "restricted']


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "v")'),
        (
            {"containers": [{"name": "c", "securityContext": {"privileged": True}}]},
            'privileged (container "c" must not set securityContext.privileged=true)',
        ),
        (
            {"containers": [{"name": "c", "ports": [{"containerPort": 1, "hostPort": 80}]}]},
            'hostPort (container "c" uses hostPort 80)',
        ),
        (
            {"containers": [{"name": "c", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]},
            'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)',
        ),
    ],
)
def test_baseline(spec: dict, message: str) -> None:
    assert podsecurity.violations({"containers": []} | spec, "baseline") == message


def test_quota_of_pods(store: Store, pod: Callable[..., dict]) -> None:
    quota = {"metadata": {"name": "q", "namespace": "demo"}, "spec": {"hard": {"pods": "1", "requests.cpu": "150m"}}}
    store.create("resourcequotas", quota)
    with pytest.raises(ApiError, match=r"failed quota: q: must specify requests.cpu for: main"):
        store.create("pods", pod())
    sized = [{"name": "main", "image": "bb:1", "resources": {"requests": {"cpu": "100m"}}}]
    store.create("pods", pod("a", containers=sized))
    with pytest.raises(ApiError) as caught:
        store.create("pods", pod("b", containers=sized))
    assert caught.value.message == (
        'pods "b" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=100m, '
        "used: pods=1,requests.cpu=100m, limited: pods=1,requests.cpu=150m"
    )


def test_limit_range_fills_and_bounds(store: Store, pod: Callable[..., dict]) -> None:
    limits = [{"type": "Container", "default": {"cpu": "200m"}, "max": {"cpu": "1"}}]
    store.create("limitranges", {"metadata": {"name": "l", "namespace": "demo"}, "spec": {"limits": limits}})
    made = store.create("pods", pod())
    assert made["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "200m"}, "requests": {"cpu": "200m"}}
    large = [{"name": "main", "image": "bb:1", "resources": {"limits": {"cpu": "2"}}}]
    with pytest.raises(ApiError, match="maximum cpu usage per Container is 1, but limit is 2"):
        store.create("pods", pod("large", containers=large))


def test_pod_gets_its_token(store: Store, pod: Callable[..., dict]) -> None:
    spec = store.create("pods", pod())["spec"]
    assert spec["serviceAccountName"] == "default"
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    bare = store.create("pods", pod("bare", automountServiceAccountToken=False))["spec"]
    assert "volumes" not in bare
    with pytest.raises(ApiError, match='error looking up service account demo/x: serviceaccount "x" not found'):
        store.create("pods", pod("none", serviceAccountName="x"))


def service(name: str, **spec: object) -> dict:
    return {"metadata": {"name": name, "namespace": "demo"}, "spec": {"ports": [{"port": 80}]} | spec}


def test_addresses(store: Store) -> None:
    made = store.create("services", service("a"))["spec"]
    assert made["clusterIP"].startswith("10.96.7.")
    assert made["clusterIPs"] == [made["clusterIP"]]
    with pytest.raises(ApiError, match="provided IP is already allocated"):
        store.create("services", service("b", clusterIP=made["clusterIP"]))
    with pytest.raises(ApiError, match="may not change once set"):
        store.modify("services", "demo", "a", lambda obj: obj["spec"].update(clusterIP="10.96.7.200"))
    assert store.create("services", service("c", clusterIP="None"))["spec"]["clusterIPs"] == ["None"]


def test_node_ports(store: Store) -> None:
    made = store.create("services", service("a", type="NodePort"))["spec"]["ports"][0]["nodePort"]
    assert 30000 <= made <= 32767
    with pytest.raises(ApiError) as caught:
        store.create("services", service("b", type="NodePort", ports=[{"port": 80, "nodePort": made}]))
    assert caught.value.message == (
        f'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: {made}: provided port is already allocated'
    )
    with pytest.raises(ApiError, match="The range of valid ports is 30000-32767"):
        store.create("services", service("c", type="NodePort", ports=[{"port": 80, "nodePort": 80}]))
    kept = store.modify("services", "demo", "a", lambda obj: obj["spec"].update(selector={"a": "b"}))
    assert kept["spec"]["ports"][0]["nodePort"] == made


def test_terminating_namespace_takes_nothing(store: Store) -> None:
    store.delete("namespaces", "", "demo")
    with pytest.raises(ApiError) as caught:
        store.create("configmaps", {"metadata": {"name": "c", "namespace": "demo"}})
    assert caught.value.message == (
        'configmaps "c" is forbidden: unable to create new content in namespace demo because it is being terminated'
    )
    assert caught.value.details["causes"][0]["reason"] == "NamespaceTerminating"


def test_namespace_must_exist(store: Store) -> None:
    with pytest.raises(ApiError, match='namespaces "none" not found'):
        store.create("configmaps", {"metadata": {"name": "c", "namespace": "none"}})
