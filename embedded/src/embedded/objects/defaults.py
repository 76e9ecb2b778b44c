"""Defaults of API objects: a table by type, walked along the schemas, and a few rules that look at other fields."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from embedded.kinds import Kind
from embedded.objects import custom, schema
from embedded.objects.pod_resources import containers_of
from embedded.objects.schema import Field, Type
from embedded.objects.values import clone

CORE = "io.k8s.api.core.v1."
PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
RBAC = "rbac.authorization.k8s.io"

# Values set where a field is absent, by schema type name.
CONSTANTS: dict[str, dict[str, Any]] = {
    CORE + "PodSpec": {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    },
    CORE + "Container": {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    },
    CORE + "Probe": PROBE,
    CORE + "HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    CORE + "GRPCAction": {"service": ""},
    CORE + "ObjectFieldSelector": {"apiVersion": "v1"},
    CORE + "ResourceFieldSelector": {"divisor": "0"},
    CORE + "ConfigMapVolumeSource": {"defaultMode": 420},
    CORE + "SecretVolumeSource": {"defaultMode": 420},
    CORE + "DownwardAPIVolumeSource": {"defaultMode": 420},
    CORE + "ProjectedVolumeSource": {"defaultMode": 420},
    CORE + "ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    CORE + "HostPathVolumeSource": {"type": ""},
    CORE + "PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    CORE + "PersistentVolumeSpec": {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"},
    CORE + "Secret": {"type": "Opaque"},
    CORE + "ServiceSpec": {"sessionAffinity": "None", "type": "ClusterIP", "internalTrafficPolicy": "Cluster"},
    CORE + "ServicePort": {"protocol": "TCP"},
    CORE + "ContainerPort": {"protocol": "TCP"},
    CORE + "Namespace": {"spec": {}},
    "io.k8s.api.apps.v1.DeploymentSpec": {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate"},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    },
    "io.k8s.api.apps.v1.DeploymentStrategy": {"type": "RollingUpdate"},
    "io.k8s.api.apps.v1.RollingUpdateDeployment": {"maxUnavailable": "25%", "maxSurge": "25%"},
    "io.k8s.api.apps.v1.ReplicaSetSpec": {"replicas": 1},
    "io.k8s.api.apps.v1.StatefulSetSpec": {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "updateStrategy": {"type": "RollingUpdate"},
    },
    "io.k8s.api.apps.v1.StatefulSetUpdateStrategy": {"type": "RollingUpdate"},
    "io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy": {"partition": 0},
    "io.k8s.api.apps.v1.DaemonSetSpec": {"revisionHistoryLimit": 10, "updateStrategy": {"type": "RollingUpdate"}},
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy": {"type": "RollingUpdate"},
    "io.k8s.api.apps.v1.RollingUpdateDaemonSet": {"maxUnavailable": 1, "maxSurge": 0},
    "io.k8s.api.batch.v1.JobSpec": {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "manualSelector": False,
    },
    "io.k8s.api.batch.v1.CronJobSpec": {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    },
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": {"minReplicas": 1},
    "io.k8s.api.networking.v1.NetworkPolicyPort": {"protocol": "TCP"},
    "io.k8s.api.discovery.v1.EndpointPort": {"name": "", "protocol": "TCP"},
    "io.k8s.api.rbac.v1.RoleRef": {"apiGroup": RBAC},
    "io.k8s.api.storage.v1.StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
}


def _container(container: dict[str, Any]) -> None:
    container.setdefault("resources", {})
    if "imagePullPolicy" not in container and "image" in container:
        tail = container["image"].rsplit("/", 1)[-1]
        moving = "@" not in tail and (":" not in tail or tail.endswith(":latest"))
        container["imagePullPolicy"] = "Always" if moving else "IfNotPresent"
    resources = container["resources"]
    for name, amount in resources.get("limits", {}).items():
        if name.startswith("hugepages-"):
            resources.setdefault("requests", {}).setdefault(name, amount)


def _pod_spec(spec: dict[str, Any]) -> None:
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    if spec.get("hostNetwork"):
        for container in spec.get("containers", []):
            for port in container.get("ports", []):
                port.setdefault("hostPort", port.get("containerPort"))


def _volume(volume: dict[str, Any]) -> None:
    if not set(volume) - {"name"}:
        volume["emptyDir"] = {}


def _strategy(strategy: dict[str, Any]) -> None:
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {})


def _claim_templates(spec: dict[str, Any]) -> None:
    for claim in spec.get("volumeClaimTemplates") or ():
        claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        claim.setdefault("status", {}).setdefault("phase", "Pending")


def _service(spec: dict[str, Any]) -> None:
    for port in spec.get("ports", []):
        port.setdefault("targetPort", port.get("port"))
        if port["targetPort"] in ("", 0):
            port["targetPort"] = port.get("port")
    if spec.get("sessionAffinity") == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}).setdefault("timeoutSeconds", 10800)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] == "ExternalName":
        spec.pop("internalTrafficPolicy", None)


def _job(spec: dict[str, Any]) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)


def _autoscaler(spec: dict[str, Any]) -> None:
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _policy(spec: dict[str, Any]) -> None:
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _subject(subject: dict[str, Any]) -> None:
    if subject.get("kind") in ("User", "Group"):
        subject.setdefault("apiGroup", RBAC)


def _limits(item: dict[str, Any]) -> None:
    if item.get("type") != "Container":
        return
    if "max" in item:
        for name, amount in item["max"].items():
            item.setdefault("default", {}).setdefault(name, amount)
    for name, amount in {**item.get("min", {}), **item.get("default", {})}.items():
        item.setdefault("defaultRequest", {}).setdefault(name, amount)


# Rules that look at other fields; run before a type's children are visited.
RULES: dict[str, Callable[[dict[str, Any]], None]] = {
    CORE + "Container": _container,
    CORE + "PodSpec": _pod_spec,
    CORE + "Volume": _volume,
    CORE + "ServiceSpec": _service,
    CORE + "LimitRangeItem": _limits,
    "io.k8s.api.apps.v1.DeploymentStrategy": _strategy,
    "io.k8s.api.apps.v1.StatefulSetUpdateStrategy": _strategy,
    "io.k8s.api.apps.v1.StatefulSetSpec": _claim_templates,
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy": _strategy,
    "io.k8s.api.batch.v1.JobSpec": _job,
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": _autoscaler,
    "io.k8s.api.networking.v1.NetworkPolicySpec": _policy,
    "io.k8s.api.rbac.v1.Subject": _subject,
}


def apply(kind: Kind, obj: dict[str, Any], old: dict[str, Any] | None = None) -> None:
    """Fill in an object's defaults in place; `old` is what it replaces."""
    if kind.custom:
        custom.fill(kind, obj)
        return
    if kind.resource == custom.RESOURCE:
        custom.complete(obj)
    root = schema.of(kind)
    if root is not None:
        _walk(root, obj)
    if kind.kind in ("Deployment", "ReplicaSet", "Job") and not obj["metadata"].get("labels"):
        labels = obj.get("spec", {}).get("template", {}).get("metadata", {}).get("labels")
        if labels and kind.kind != "Deployment":
            obj["metadata"]["labels"] = clone(labels)
    special = OBJECTS.get(kind.resource)
    if special:
        special(obj)


def _walk(kind: Type, value: dict[str, Any]) -> None:
    for name, constant in CONSTANTS.get(kind.name, {}).items():
        if value.get(name) is None:
            value[name] = clone(constant)
    rule = RULES.get(kind.name)
    if rule:
        rule(value)
    for name in _structs(kind.name):
        if value.get(name) is None:
            value[name] = {}
    for name, field in _relevant(kind.name).items():
        child = value.get(name)
        if child is not None:
            _descend(field, child)


def _descend(field: Field, value: object) -> None:
    if field.ref and isinstance(value, dict):
        _walk(schema.named(field.ref), value)
    elif field.items is not None and isinstance(value, list):
        for item in value:
            _descend(field.items, item)
    elif field.values is not None and isinstance(value, dict):
        for item in value.values():
            _descend(field.values, item)


@functools.cache
def _structs(name: str) -> tuple[str, ...]:
    """Return fields that the server writes as {} when absent: structs that are not pointers."""
    fields = schema.named(name).fields
    return tuple(key for key, field in fields.items() if field.default == {} and field.ref and key != "metadata")


@functools.cache
def _relevant(name: str) -> dict[str, Field]:
    """Return the fields below which any default can apply."""
    return {key: field for key, field in schema.named(name).fields.items() if _leads(_target(field), frozenset())}


def _target(field: Field) -> str:
    while not field.ref and (inner := field.items or field.values):
        field = inner
    return field.ref


def _leads(name: str, seen: frozenset[str]) -> bool:
    if not name or name in seen:
        return False
    if name in CONSTANTS or name in RULES or _structs(name):
        return True
    return any(_leads(_target(field), seen | {name}) for field in schema.named(name).fields.values())


def _pod(pod: dict[str, Any]) -> None:
    spec = pod["spec"]
    spec.setdefault("enableServiceLinks", True)
    for container in containers_of(spec):
        resources = container["resources"]
        for name, amount in resources.get("limits", {}).items():
            resources.setdefault("requests", {}).setdefault(name, amount)


def _secret(secret: dict[str, Any]) -> None:
    import base64

    for key, text in secret.pop("stringData", {}).items():
        secret.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()


def _namespace(namespace: dict[str, Any]) -> None:
    meta = namespace["metadata"]
    meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta["name"]


def _slice(obj: dict[str, Any]) -> None:
    obj.setdefault("endpoints", None)
    obj.setdefault("ports", None)


# Defaults of a kind that its types alone do not carry.
OBJECTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "pods": _pod,
    "secrets": _secret,
    "namespaces": _namespace,
    "endpointslices.discovery.k8s.io": _slice,
}


# The status an object begins with.
STATUS: dict[str, dict[str, Any]] = {
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    "services": {"loadBalancer": {}},
    "replicasets.apps": {"replicas": 0},
    "statefulsets.apps": {"replicas": 0, "availableReplicas": 0},
    "daemonsets.apps": dict.fromkeys(
        ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0
    ),
    "horizontalpodautoscalers.autoscaling": {"desiredReplicas": 0, "currentMetrics": None},
    "poddisruptionbudgets.policy": {
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    },
}


def begin(kind: Kind, obj: dict[str, Any]) -> None:
    """Give a new object what the server alone decides: its first status, a namespace's finalizer."""
    if kind.kind == "Pod":
        obj["status"] = {"phase": "Pending"}
    elif kind.resource in STATUS:
        obj["status"] = clone(STATUS[kind.resource])
    if kind.kind == "Namespace":
        obj["spec"]["finalizers"] = ["kubernetes"]


def job_selector(job: dict[str, Any]) -> None:
    """Give a new Job the selector and pod labels that name its uid; not where the user picked a selector."""
    spec = job["spec"]
    if spec.get("manualSelector"):
        return
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    spec["template"].setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
