"""Wrong values of API objects, in the words of the real server: what all objects share, then a check for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedded.errors import Cause
from embedded.kinds import Kind
from embedded.objects import (
    bounds_validation,
    checks,
    cron,
    custom,
    managed,
    network_validation,
    pod_validation,
    quantity,
    schema,
    selectors,
)
from embedded.objects.checks import IMMUTABLE, duplicate, required, unsupported, wrong
from embedded.objects.schema import Field

LARGEST = 1024 * 1024  # bytes in one ConfigMap or Secret
NAMES: dict[str, Callable[[str, str], list[Cause]]] = {
    "namespaces": checks.label,
    "services": checks.service_label,
    "roles.rbac.authorization.k8s.io": checks.path_segment,
    "rolebindings.rbac.authorization.k8s.io": checks.path_segment,
    "clusterroles.rbac.authorization.k8s.io": checks.path_segment,
    "clusterrolebindings.rbac.authorization.k8s.io": checks.path_segment,
    "events": checks.subdomain,
}


def validate(kind: Kind, obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    """Return every wrong field of an object; `old` is what it replaces."""
    found = _metadata(kind, obj["metadata"])
    if kind.custom:
        return found + custom.problems(kind, obj, old)
    special = KINDS.get(kind.resource)
    if special is not None:
        found += special(obj, old)
    said = {cause.field for cause in found}
    if schema.of(kind) is not None and "spec" in obj:
        spec = managed.child_field(managed.root_field(kind), "spec")
        found += [cause for cause in _words(spec, obj["spec"], "spec") if cause.field not in said]
    return found


def _metadata(kind: Kind, meta: dict[str, Any]) -> list[Cause]:
    name = meta.get("name") or ""
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    found = NAMES.get(kind.resource, checks.subdomain)("metadata.name", name)
    found += checks.labels("metadata.labels", meta.get("labels") or {})
    for key in sorted(meta.get("annotations") or {}):
        found += checks.qualified("metadata.annotations", key.lower())
    return found


def _words(field: Field, value: Any, path: str) -> list[Cause]:
    """Return values outside the enumerations of the schemas."""
    if field.enum and isinstance(value, str):
        return [] if value in field.enum else [unsupported(path, value, field.enum)]
    found = []
    if field.ref and isinstance(value, dict):
        known = schema.named(field.ref).fields
        for name, item in value.items():
            if name in known and isinstance(item, (str, dict, list)):
                found += _words(known[name], item, f"{path}.{name}")
    elif field.items is not None and isinstance(value, list):
        for index, item in enumerate(value):
            found += _words(field.items, item, f"{path}[{index}]")
    return found


def _selector(selector: dict[str, Any], path: str) -> list[Cause]:
    found = checks.labels(f"{path}.matchLabels", selector.get("matchLabels") or {})
    for index, item in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = item.get("operator"), item.get("values")
        if operator in ("In", "NotIn"):
            if not values:
                found.append(required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                found.append(checks.forbidden(f"{where}.values", text))
        else:
            found.append(wrong(f"{where}.operator", operator, "not a valid selector operator"))
    return found


def _workload(obj: dict[str, Any], old: dict[str, Any] | None, word: str) -> list[Cause]:
    """Return what Deployments and ReplicaSets share: counts, the selector and the template it selects."""
    spec = obj.get("spec") or {}
    found = checks.not_negative("spec.replicas", spec.get("replicas"))
    found += checks.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector is None:
        found.append(required("spec.selector"))
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        found.append(wrong("spec.selector", selector, f"empty selector is invalid for {word}"))
    else:
        found += _selector(selector, "spec.selector")
    if selector is None or (not found and not selectors.matches(selector, labels)):
        text = "`selector` does not match template `labels`"
        found.append(wrong("spec.template.metadata.labels", labels, text))
    found += checks.labels("spec.template.labels", labels)
    pod = template.get("spec") or {}
    found += pod_validation.pod_spec(pod, "spec.template.spec")
    if pod.get("restartPolicy", "Always") != "Always":
        found.append(unsupported("spec.template.spec.restartPolicy", pod["restartPolicy"], ("Always",)))
    if old is not None and selector != old["spec"].get("selector"):
        found.append(wrong("spec.selector", selector, IMMUTABLE))
    return found


def _statefulset(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    found = _workload(_with_claims(obj), None, "statefulset")
    fixed = [key for key in {**obj["spec"], **(old or obj)["spec"]} if key not in CHANGEABLE]
    if old is not None and any(obj["spec"].get(key) != old["spec"].get(key) for key in fixed):
        names = ", ".join(f"'{key}'" for key in CHANGEABLE[:-1])
        text = f"updates to statefulset spec for fields other than {names} and '{CHANGEABLE[-1]}' are forbidden"
        found.append(checks.forbidden("spec", text))
    return found


def _with_claims(statefulset: dict[str, Any]) -> dict[str, Any]:
    """Return a StatefulSet whose template has the volumes that its pods get by their claims."""
    spec = statefulset.get("spec") or {}
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    named = [(claim.get("metadata") or {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()]
    claimed = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in named]
    volumes = [*claimed, *(volume for volume in pod.get("volumes") or () if volume.get("name") not in named)]
    return statefulset | {"spec": spec | {"template": template | {"spec": pod | {"volumes": volumes}}}}


CHANGEABLE = (
    *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
    *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
)


def _deployment(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    found = _workload(obj, old, "deployment")
    spec = obj.get("spec") or {}
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        found.append(checks.forbidden("spec.strategy.rollingUpdate", text))
    elif rolling:
        surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
        path = "spec.strategy.rollingUpdate"
        found += checks.count_or_percent(f"{path}.maxUnavailable", unavailable)
        found += checks.count_or_percent(f"{path}.maxSurge", surge)
        if unavailable in (0, "0%") and surge in (0, "0%"):
            found.append(wrong(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    found += checks.not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    found += checks.not_negative("spec.progressDeadlineSeconds", spec.get("progressDeadlineSeconds"))
    if (spec.get("progressDeadlineSeconds") or 0) <= (spec.get("minReadySeconds") or 0):
        value = spec.get("progressDeadlineSeconds")
        found.append(wrong("spec.progressDeadlineSeconds", value, "must be greater than minReadySeconds"))
    return found


def _replicaset(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    return _workload(obj, old, "deployment")


def _pod(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    if old is not None:
        return pod_validation.pod_update(obj["spec"], old["spec"])
    return pod_validation.pod_spec(obj.get("spec") or {}, "spec")


def _job(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    found = []
    for field in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        found += checks.not_negative(f"spec.{field}", spec.get(field))
    mode = spec.get("completionMode") or "NonIndexed"
    if mode not in COMPLETION_MODES:
        found.append(unsupported("spec.completionMode", mode, COMPLETION_MODES))
    if mode == "Indexed":
        found += _indexed_job(obj["metadata"].get("name") or "", spec)
    pod = (spec.get("template") or {}).get("spec") or {}
    found += pod_validation.pod_spec(pod, "spec.template.spec")
    if pod.get("restartPolicy") not in ("OnFailure", "Never"):
        found.append(unsupported("spec.template.spec.restartPolicy", pod.get("restartPolicy"), ("OnFailure", "Never")))
    if old is not None:
        for field in ("completions", "selector", "template", "completionMode"):
            if spec.get(field) != old["spec"].get(field):
                found.append(wrong(f"spec.{field}", spec.get(field), IMMUTABLE))
    return found


def _indexed_job(name: str, spec: dict[str, Any]) -> list[Cause]:
    """Return what is wrong with a job whose pods have numbers, which become part of their host names."""
    completions = spec.get("completions")
    if completions is None:
        return [required("spec.completions", "when completion mode is Indexed")]
    found = []
    if spec.get("parallelism", 1) > MOST_AT_ONCE:
        text = f"must be less than or equal to {MOST_AT_ONCE} when completion mode is Indexed"
        found.append(wrong("spec.parallelism", spec["parallelism"], text))
    longest = f"{name}-{max(0, completions - 1)}"
    if len(longest) > LONGEST_HOST:
        text = f"will not able to create pod with invalid DNS label: {longest}, must be no more than 63 characters"
        found.append(wrong("metadata.name", name, text))
    return found


def _cronjob(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    found = []
    for field, value, read in (
        ("schedule", spec.get("schedule") or "", cron.parse),
        ("timeZone", spec.get("timeZone") or "", cron.zone),
    ):
        try:
            read(value)
        except ValueError as error:
            found.append(required("spec.schedule") if not value else wrong(f"spec.{field}", value, str(error)))
    if len(obj["metadata"].get("name") or "") > LONGEST_CRONJOB:
        name = obj["metadata"]["name"]
        found.append(wrong("metadata.name", name, f"must be no more than {LONGEST_CRONJOB} characters"))
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    pod = (job.get("template") or {}).get("spec") or {}
    found += pod_validation.pod_spec(pod, "spec.jobTemplate.spec.template.spec")
    if pod.get("restartPolicy") not in ("OnFailure", "Never"):
        path = "spec.jobTemplate.spec.template.spec.restartPolicy"
        found.append(unsupported(path, pod.get("restartPolicy"), ("OnFailure", "Never")))
    return found


COMPLETION_MODES = ("Indexed", "NonIndexed")
MOST_AT_ONCE = 100_000  # pods of an Indexed job
LONGEST_HOST = 63  # characters
LONGEST_CRONJOB = 52  # characters: its Jobs add eleven


def _service(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    found: list[Cause] = []
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        found.append(required("spec.ports"))
    names: set[str] = set()
    numbers: set[tuple[int, str]] = set()
    for index, item in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = item.get("name") or ""
        if not name and len(ports) > 1:
            found.append(required(f"{where}.name"))
        elif name:
            found += checks.label(f"{where}.name", name)
            if name in names:
                found.append(duplicate(f"{where}.name", name))
        names.add(name)
        found += checks.port(f"{where}.port", item.get("port", 0))
        target = item.get("targetPort")
        found += checks.port_name(f"{where}.targetPort", target) if isinstance(target, str) else []
        found += checks.port(f"{where}.targetPort", target) if isinstance(target, int) else []
        key = (item.get("port", 0), item.get("protocol", "TCP"))
        if key in numbers:
            found.append(duplicate(where, {"port": key[0], "protocol": key[1]}))
        numbers.add(key)
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        found.append(required("spec.externalName"))
    if spec.get("type") in ("NodePort", "LoadBalancer") and spec.get("clusterIP") == "None":
        text = f"may not be set to 'None' for {spec['type']} services"
        found.append(wrong("spec.clusterIPs[0]", "None", text))
    return found + checks.labels("spec.selector", spec.get("selector") or {})


def _keys(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    """Check ConfigMaps and Secrets: their size, names of keys, and nothing changes in an immutable one."""
    found = []
    size = sum(len(value) for field in ("data", "binaryData") for value in (obj.get(field) or {}).values())
    if size * (3 / 4 if obj.get("kind") == "Secret" else 1) > LARGEST:
        found.append(Cause("", "FieldValueTooLong", f"Too long: may not be more than {LARGEST} bytes"))
    for field in ("data", "binaryData"):
        for key in sorted(obj.get(field) or {}):
            if not checks.CONFIG_KEY.fullmatch(key):
                found.append(wrong(f"{field}[{key}]", key, checks.CONFIG_KEY_RULE))
    for key in sorted(set(obj.get("data") or {}) & set(obj.get("binaryData") or {})):
        found.append(wrong(f"data[{key}]", key, "duplicate of key present in binaryData"))
    if old is not None and old.get("immutable"):
        text = "field is immutable when `immutable` is set"
        if not obj.get("immutable"):
            found.append(checks.forbidden("immutable", text))
        for field in ("data", "binaryData"):
            if (obj.get(field) or {}) != (old.get(field) or {}):
                found.append(checks.forbidden(field, text))
    return found


def _secret(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    found = _keys(obj, old)
    if old is not None and obj.get("type") != old.get("type"):
        found.append(wrong("type", obj.get("type"), IMMUTABLE))
    data, kind = obj.get("data") or {}, obj.get("type") or ""
    found += [required(f"data[{key}]") for key in PROMISED.get(kind, ()) if key not in data]
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        found += [required("data[username]"), required("data[password]")]
    return found


PROMISED = {  # what a Secret of a type has to hold
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _autoscaler(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    found = []
    if low < 1:
        found.append(wrong("spec.minReplicas", low, "must be greater than or equal to 1"))
    if high < 1:
        found.append(wrong("spec.maxReplicas", high, "must be greater than 0"))
    if high < low:
        found.append(wrong("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    for index, metric in enumerate(spec.get("metrics") or ()):
        target = (metric.get("resource") or {}).get("target")
        if target is not None and not {"averageUtilization", "averageValue"} & target.keys():
            path = f"spec.metrics[{index}].resource.target.averageUtilization"
            found.append(required(path, "must set either a target raw value or a target utilization"))
    reference = spec.get("scaleTargetRef") or {}
    return found + [required(f"spec.scaleTargetRef.{f}") for f in ("kind", "name") if not reference.get(f)]


def _budget(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    found = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        found.append(wrong("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for field in ("minAvailable", "maxUnavailable"):
        found += checks.count_or_percent(f"spec.{field}", spec.get(field))
    return found + _selector(spec.get("selector") or {}, "spec.selector")


def _binding(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    reference = obj.get("roleRef") or {}
    found = [required("roleRef.name")] if not reference.get("name") else []
    if old is not None and reference != old.get("roleRef"):
        found.append(wrong("roleRef", reference, "cannot change roleRef"))
    return found


def _claim(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    found = []
    if not spec.get("accessModes"):
        found.append(required("spec.accessModes", "at least 1 access mode is required"))
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        found.append(required("spec.resources[storage]"))
    elif quantity.parse(storage) <= 0:
        found.append(wrong("spec.resources[storage]", str(storage), "must be greater than zero"))
    if old is not None and _unchangeable(spec, old["spec"]) != _unchangeable(old["spec"], old["spec"]):
        text = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        found.append(checks.forbidden("spec", text))
    return found


def _unchangeable(spec: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return what of a claim stays; the volume and the class are given once, where it had none."""
    given = [key for key in ("volumeName", "storageClassName") if not before.get(key)]
    return {key: value for key, value in spec.items() if key not in ("resources", "volumeAttributesClassName", *given)}


def _ingress(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    found = []
    for number, rule in enumerate((obj.get("spec") or {}).get("rules") or ()):
        http = rule.get("http")
        if http is not None and not http.get("paths"):
            found.append(required(f"spec.rules[{number}].http.paths"))
        for index, one in enumerate((http or {}).get("paths") or ()):
            where, path = f"spec.rules[{number}].http.paths[{index}]", one.get("path") or ""
            if not one.get("pathType"):
                found.append(required(f"{where}.pathType", "pathType must be specified"))
            elif not path.startswith("/") and (path or one["pathType"] != "ImplementationSpecific"):
                found.append(wrong(f"{where}.path", path, "must be an absolute path"))
            service = (one.get("backend") or {}).get("service")
            if service is not None and not service.get("name"):
                found.append(required(f"{where}.backend.service.name"))
            if service is not None and not (service.get("port") or {}):
                found.append(required(f"{where}.backend.service.port", "port name or number is required"))
    return found


def _role(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    return [
        required(f"rules[{index}].verbs", "verbs must contain at least one value")
        for index, rule in enumerate(obj.get("rules") or ())
        if not rule.get("verbs")
    ]


SYSTEM = "system-"
SYSTEM_CLASSES = ("system-cluster-critical", "system-node-critical")
HIGHEST_OF_USERS = 1_000_000_000


def _priority_class(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    name, value = obj["metadata"].get("name") or "", obj.get("value", 0)
    found = []
    if name.startswith(SYSTEM) and name not in SYSTEM_CLASSES:
        text = f"priority class names with '{SYSTEM}' prefix are reserved for system use only."
        found.append(checks.forbidden("metadata.name", f"{text} error: {name} is not a known system priority class"))
    elif value > HIGHEST_OF_USERS and name not in SYSTEM_CLASSES:
        found.append(
            checks.forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}")
        )
    if old is not None and value != old.get("value", 0):
        found.append(checks.forbidden("value", "may not be changed in an update."))
    return found


KINDS: dict[str, Callable[[dict[str, Any], dict[str, Any] | None], list[Cause]]] = {
    custom.RESOURCE: lambda obj, old: custom.definition_problems(obj),
    "pods": _pod,
    "services": _service,
    "configmaps": _keys,
    "secrets": _secret,
    "persistentvolumeclaims": _claim,
    "ingresses.networking.k8s.io": _ingress,
    "networkpolicies.networking.k8s.io": network_validation.policy,
    "roles.rbac.authorization.k8s.io": _role,
    "clusterroles.rbac.authorization.k8s.io": _role,
    "resourcequotas": bounds_validation.quota,
    "limitranges": bounds_validation.limit_range,
    "deployments.apps": _deployment,
    "replicasets.apps": _replicaset,
    "statefulsets.apps": _statefulset,
    "daemonsets.apps": lambda obj, old: _workload(obj, old, "daemonset"),
    "jobs.batch": _job,
    "cronjobs.batch": _cronjob,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "poddisruptionbudgets.policy": _budget,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
}
