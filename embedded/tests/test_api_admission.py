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


def test_what_hardly_is_meant_is_warned_of(
    store: Store, deployment: Callable[..., dict], pod: Callable[..., dict]
) -> None:
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}, {"name": "A", "value": "$(A)3"}]
    odd = {"name": "main", "image": "bb:1", "env": env, "resources": {"limits": {"memory": "512m", "cpu": "500m"}}}
    said = [
        '.containers[0].resources.limits[memory]: fractional byte value "512m" is invalid, must be an integer',
        '.containers[0].resources.requests[memory]: fractional byte value "512m" is invalid, must be an integer',
        '.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ]
    store.create("pods", pod(containers=[odd]))
    assert store.warnings == [f"spec{text}" for text in said]
    made = deployment()
    made["spec"]["template"]["spec"]["containers"] = [odd]
    store.create("deployments.apps", made)
    assert store.warnings == [f"spec.template.spec{text}" for text in said if ".requests" not in text]
    store.modify("deployments.apps", "demo", made["metadata"]["name"], lambda obj: obj["spec"].update(replicas=2))
    assert store.warnings == [], "of a template that stays nobody is warned again"


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


def quota(store: Store, name: str = "q", **spec: object) -> None:
    store.create("resourcequotas", {"metadata": {"name": name, "namespace": "demo"}, "spec": spec})


def sized(cpu: str = "100m", **more: object) -> dict:
    return {"name": "main", "image": "bb:1", "resources": {"requests": {"cpu": cpu}}} | more


SCOPED: list[tuple[dict, dict, dict]] = [
    ({"scopes": ["BestEffort"]}, {}, {"containers": [sized()]}),
    ({"scopes": ["NotBestEffort"]}, {"containers": [sized()]}, {}),
    ({"scopes": ["Terminating"]}, {"activeDeadlineSeconds": 9}, {}),
    ({"scopes": ["NotTerminating"]}, {}, {"activeDeadlineSeconds": 9}),
    (
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["low"]}]}},
        {"priorityClassName": "low"},
        {},
    ),
    (
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "DoesNotExist"}]}},
        {},
        {"priorityClassName": "low"},
    ),
]


@pytest.mark.parametrize(("scope", "within", "without"), SCOPED)
def test_a_quota_with_scopes_is_about_some_pods(
    store: Store, pod: Callable[..., dict], scope: dict, within: dict, without: dict
) -> None:
    store.create("priorityclasses.scheduling.k8s.io", {"metadata": {"name": "low"}, "value": 1})
    quota(store, hard={"pods": "0"}, **scope)
    with pytest.raises(ApiError, match="exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"):
        store.create("pods", pod("in", **within))
    assert store.create("pods", pod("out", **without))
    assert store.create("configmaps", {"metadata": {"name": "c", "namespace": "demo"}})


def test_a_sidecar_counts_beside_the_containers_and_beside_what_starts_after_it(
    store: Store, pod: Callable[..., dict]
) -> None:
    quota(store, hard={"requests.cpu": "1", "requests.example.com/card": "1"})
    inits = [sized("300m", name="proxy", restartPolicy="Always"), sized("600m", name="migrate")]
    store.create("pods", pod("a", containers=[sized()], initContainers=inits))  # 900m while it migrates
    with pytest.raises(ApiError, match=r"requested: requests\.cpu=200m, used: requests\.cpu=900m, limited"):
        store.create("pods", pod("b", containers=[sized("200m")]))
    cards = {"resources": {"requests": {"cpu": "1m", "example.com/card": "2"}}}
    with pytest.raises(ApiError, match=r"requested: requests\.example\.com/card=2"):
        store.create("pods", pod("c", containers=[sized(**cards)]))


def test_what_a_change_adds_is_held_against_the_quota(store: Store) -> None:
    quota(store, hard={"services.nodeports": "1", "fast.storageclass.storage.k8s.io/requests.storage": "2Gi"})
    store.create("services", service("a"))
    two = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    with pytest.raises(
        ApiError, match=r"exceeded quota: q, requested: services\.nodeports=2, used: services\.nodeports=0"
    ):
        store.modify("services", "demo", "a", lambda obj: obj["spec"].update(type="NodePort", ports=two))
    store.modify("services", "demo", "a", lambda obj: obj["spec"].update(type="NodePort"))
    store.modify("services", "demo", "a", lambda obj: obj["spec"].update(selector={"a": "b"}))  # adds nothing
    with pytest.raises(ApiError, match=r"requested: fast\.storageclass\.storage\.k8s\.io/requests\.storage=3Gi"):
        store.create("persistentvolumeclaims", claim("3Gi", storageClassName="fast"))


WRONG_BOUNDS: list[tuple[str, dict, str]] = [
    (
        "resourcequotas",
        {"hard": {"requests.cpu": "-1"}},
        'spec.hard[requests.cpu]: Invalid value: "-1": must be greater',
    ),
    ("resourcequotas", {"hard": {"pods": "1500m"}}, 'spec.hard[pods]: Invalid value: "1500m": must be an integer'),
    ("resourcequotas", {"hard": {"count/jobs.batch": "500m"}}, "must be an integer"),
    (
        "resourcequotas",
        {"hard": {"deployments": "1"}},
        'Invalid value: "deployments": must be a standard resource type',
    ),
    (
        "resourcequotas",
        {"hard": {"requests.cpu": "1"}, "scopes": ["BestEffort"]},
        'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
    ),
    ("resourcequotas", {"hard": {"pods": "1"}, "scopes": ["Terminating", "NotTerminating"]}, "conflicting scopes"),
    (
        "limitranges",
        {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]},
        'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    ),
    (
        "limitranges",
        {"limits": [{"type": "Container", "default": {"memory": "1Gi"}, "max": {"memory": "512Mi"}}]},
        'spec.limits[0].default[memory]: Invalid value: "1Gi": default value 1Gi is greater than max value 512Mi',
    ),
    (
        "limitranges",
        {"limits": [{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}}]},
        "default request value 2 is greater than default limit value 1",
    ),
    (
        "limitranges",
        {"limits": [{"type": "Pod", "default": {"cpu": "1"}}]},
        "may not be specified when `type` is 'Pod'",
    ),
    (
        "limitranges",
        {"limits": [{"type": "PersistentVolumeClaim", "max": {"cpu": "1"}}]},
        "Required value: either minimum",
    ),
    ("limitranges", {"limits": [{"type": "Pod"}, {"type": "Pod"}]}, 'spec.limits[1].type: Duplicate value: "Pod"'),
    (
        "limitranges",
        {"limits": [{"type": "Pod", "maxLimitRequestRatio": {"cpu": "500m"}}]},
        "ratio 500m is less than 1",
    ),
]


@pytest.mark.parametrize(("resource", "spec", "said"), WRONG_BOUNDS)
def test_bounds_that_a_real_server_refuses_are_refused(store: Store, resource: str, spec: dict, said: str) -> None:
    with pytest.raises(ApiError) as caught:
        store.create(resource, {"metadata": {"name": "b", "namespace": "demo"}, "spec": spec})
    assert caught.value.code == 422 and said in caught.value.message


def test_bounds_that_a_real_server_takes_are_taken(store: Store) -> None:
    hard = {
        "pods": "5", "requests.cpu": "500m", "limits.ephemeral-storage": "1Gi", "count/deployments.apps": "2",
        "requests.example.com/card": "2", "fast.storageclass.storage.k8s.io/requests.storage": "2Gi",
        "services.loadbalancers": "0", "requests.hugepages-2Mi": "1Gi",
    }  # fmt: skip
    quota(store, hard=hard)
    quota(store, "scoped", hard={"pods": "0", "cpu": "1"}, scopes=["NotBestEffort"])
    store.modify("resourcequotas", "demo", "q", lambda obj: obj["spec"].update(hard={"pods": "0"}))
    with pytest.raises(ApiError, match="field is immutable"):
        store.modify("resourcequotas", "demo", "scoped", lambda obj: obj["spec"].update(scopes=["Terminating"]))
    item = {"type": "Container", "min": {"cpu": "1m"}, "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}
    spec = {"limits": [item, {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]}
    assert store.create("limitranges", {"metadata": {"name": "l", "namespace": "demo"}, "spec": spec})


def claim(size: str, **spec: object) -> dict:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"metadata": {"name": "data", "namespace": "demo"}, "spec": asked | spec}


BOUNDS: list[tuple[dict, dict, str]] = [
    (
        {"type": "Pod", "max": {"cpu": "250m"}},
        {"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}},
        "maximum cpu usage per Pod is 250m, but limit is 600m",
    ),
    ({"type": "Pod", "min": {"memory": "1Gi"}}, {}, "minimum memory usage per Pod is 1Gi.  No request is specified"),
    (
        {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
        {"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}},
        "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
    ),
    (
        {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
        {"requests": {"cpu": "100m"}},
        "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
    ),
    (
        {"type": "Container", "min": {"cpu": "200m"}},
        {"requests": {"cpu": "100m"}},
        "minimum cpu usage per Container is 200m, but request is 100m",
    ),
]


@pytest.mark.parametrize(("item", "resources", "said"), BOUNDS)
def test_a_limit_range_bounds_containers_and_pods_as_a_whole(
    store: Store, pod: Callable[..., dict], item: dict, resources: dict, said: str
) -> None:
    store.create("limitranges", {"metadata": {"name": "l", "namespace": "demo"}, "spec": {"limits": [item]}})
    containers = [{"name": name, "image": "bb:1", "resources": resources} for name in ("one", "two")]
    with pytest.raises(ApiError) as refused:
        store.create("pods", pod(containers=containers))
    assert refused.value.message.startswith('pods "web" is forbidden: ') and said in refused.value.message


def test_a_limit_range_bounds_claims(store: Store) -> None:
    item = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}
    store.create("limitranges", {"metadata": {"name": "l", "namespace": "demo"}, "spec": {"limits": [item]}})
    for size, side in (("500Mi", "minimum storage usage per PersistentVolumeClaim is 1Gi"), ("3Gi", "maximum storage")):
        with pytest.raises(
            ApiError, match=rf'persistentvolumeclaims "data" is forbidden: {side}.*but request is {size}'
        ):
            store.create("persistentvolumeclaims", claim(size))
    assert store.create("persistentvolumeclaims", claim("2Gi"))


@pytest.mark.parametrize(
    ("bound", "expands", "size", "said"),
    [
        (
            True,
            False,
            "3Gi",
            'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized',
        ),
        (False, True, "3Gi", "is forbidden: only bound persistent volume claims can be expanded"),
        (True, True, "1Gi", "storage: Forbidden: field can not be less than status.capacity"),
        (True, True, "3Gi", ""),
        (True, False, "2048Mi", ""),
    ],
)
def test_a_volume_grows_where_its_class_lets_it_and_never_shrinks(
    store: Store, bound: bool, expands: bool, size: str, said: str
) -> None:
    """Else a deploy would say that it made a volume larger, and it would be as it was."""
    store.create(
        "storageclasses.storage.k8s.io",
        {"metadata": {"name": "disk"}, "provisioner": "x", "allowVolumeExpansion": expands},
    )
    made = store.create("persistentvolumeclaims", claim("2Gi", storageClassName="disk"))

    def bind(obj: dict) -> None:
        obj["status"] = {"phase": "Bound", "capacity": {"storage": "2Gi"}}

    def resize(obj: dict) -> None:
        obj["spec"]["resources"]["requests"]["storage"] = size

    place = "persistentvolumeclaims", "demo", made["metadata"]["name"]
    if bound:
        store.modify(*place, bind, subresource="status")
    if not said:
        store.modify(*place, resize)
        return
    with pytest.raises(ApiError) as refused:
        store.modify(*place, resize)
    assert said in refused.value.message


def test_limit_range_fills_and_bounds(store: Store, pod: Callable[..., dict]) -> None:
    limits = [{"type": "Container", "default": {"cpu": "200m"}, "max": {"cpu": "1"}}]
    store.create("limitranges", {"metadata": {"name": "l", "namespace": "demo"}, "spec": {"limits": limits}})
    made = store.create("pods", pod())
    assert made["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "200m"}, "requests": {"cpu": "200m"}}
    large = [{"name": "main", "image": "bb:1", "resources": {"limits": {"cpu": "2"}}}]
    with pytest.raises(ApiError, match="maximum cpu usage per Container is 1, but limit is 2"):
        store.create("pods", pod("large", containers=large))


def test_what_a_limit_range_gives_counts_for_the_class_of_service(store: Store, pod: Callable[..., dict]) -> None:
    item = {"type": "Container", "default": {"cpu": "200m", "memory": "64Mi"}, "defaultRequest": {"cpu": "50m"}}
    store.create("limitranges", {"metadata": {"name": "few", "namespace": "demo"}, "spec": {"limits": [item]}})
    assert store.create("pods", pod("poor"))["status"]["qosClass"] == "Burstable"


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
    other = "10.96.7.9"  # among the first 16, of which none is given by chance
    with pytest.raises(ApiError, match="may not change once set"):
        store.modify("services", "demo", "a", lambda obj: obj["spec"].update(clusterIP=other))
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
