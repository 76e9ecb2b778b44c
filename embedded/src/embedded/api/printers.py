"""The cells of tables: what `kubectl get` shows of each kind, in the words of the real printers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from embedded.api import pod_printer
from embedded.kinds import Kind
from embedded.objects import custom
from embedded.objects.values import human_duration, parse_timestamp

NONE = "<none>"
UNKNOWN = "<unknown>"
ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def age(obj: dict[str, Any], now: float) -> str:
    """Return how long ago an object was made."""
    return since(obj["metadata"].get("creationTimestamp"), now)


def since(text: str | None, now: float) -> str:
    """Return the time since a timestamp as people read it: 5m30s."""
    return human_duration(now - parse_timestamp(text)) if text else UNKNOWN


def cells(kind: Kind, obj: dict[str, Any], now: float) -> list[Any]:
    """Return the row of an object."""
    if kind.custom:
        return [obj["metadata"]["name"], *(custom_cell(column, obj, now) for column in kind.custom.columns)]
    printer = PRINTERS.get(kind.resource)
    if printer is None:
        return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")]
    return [obj["metadata"]["name"], *printer(obj, now)] if kind.plural != "events" else printer(obj, now)


def custom_cell(column: dict[str, Any], obj: dict[str, Any], now: float) -> object:
    """Return what a printer column of a custom kind shows of an object."""
    found = custom.look_up(obj, column["jsonPath"])
    if not found:
        return None
    if column["type"] == "date":
        return since(found[0], now)
    if column["type"] == "string":
        return ",".join(item if isinstance(item, str) else json.dumps(item) for item in found)
    return found[0]


def selector(value: dict[str, Any] | None) -> str:
    """Return a metav1.LabelSelector as text."""
    if value is None:
        return NONE
    terms = [f"{key}={label}" for key, label in sorted((value.get("matchLabels") or {}).items())]
    for item in value.get("matchExpressions") or ():
        key, operator, values = item["key"], item["operator"], ",".join(sorted(item.get("values") or ()))
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[operator]
        )
    return ",".join(terms) or NONE


def labels(value: dict[str, Any] | None) -> str:
    """Return a set of labels as text."""
    return ",".join(f"{key}={label}" for key, label in sorted((value or {}).items())) or NONE


def _template(obj: dict[str, Any]) -> list[str]:
    containers = obj["spec"].get("template", {}).get("spec", {}).get("containers", [])
    return [",".join(c["name"] for c in containers), ",".join(c.get("image", "") for c in containers)]


def deployment(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Ready, Up-to-date, Available, Age, Containers, Images, Selector."""
    spec, status = obj["spec"], obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [ready, *counts, age(obj, now), *_template(obj), selector(spec.get("selector"))]


def replicaset(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Desired, Current, Ready, Age, Containers, Images, Selector."""
    spec, status = obj["spec"], obj.get("status", {})
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [*counts, age(obj, now), *_template(obj), selector(spec.get("selector"))]


def statefulset(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Ready, Age, Containers, Images."""
    ready = f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"
    return [ready, age(obj, now), *_template(obj)]


def daemonset(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Desired, Current, Ready, Up-to-date, Available, Node Selector, Age, Containers, Images, Selector."""
    status = obj.get("status", {})
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady")
    counts = [status.get(name, 0) for name in (*names, "updatedNumberScheduled", "numberAvailable")]
    nodes = labels(obj["spec"]["template"]["spec"].get("nodeSelector"))
    return [*counts, nodes, age(obj, now), *_template(obj), selector(obj["spec"].get("selector"))]


def cronjob(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Schedule, Timezone, Suspend, Active, Last Schedule, Age, Containers, Images, Selector."""
    spec, status = obj["spec"], obj.get("status", {})
    last = since(status["lastScheduleTime"], now) if status.get("lastScheduleTime") else NONE
    words = [spec["schedule"], spec.get("timeZone") or NONE, str(bool(spec.get("suspend")))]
    template = _template({"spec": spec["jobTemplate"]["spec"]})
    return [*words, len(status.get("active", ())), last, age(obj, now), *template, NONE]


def endpoints(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Endpoints (the first three), Age."""
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return [(",".join(found[:3]) + more) or NONE, age(obj, now)]


def revision(obj: dict[str, Any], now: float) -> list[Any]:
    """Return the cells Controller, Revision, Age."""
    owner = next((ref for ref in obj["metadata"].get("ownerReferences", ()) if ref.get("controller")), None)
    plural = f"{owner['kind'].lower()}.{owner['apiVersion'].rpartition('/')[0]}/{owner['name']}" if owner else NONE
    return [plural, obj.get("revision", 0), age(obj, now)]


def service(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Type, Cluster-IP, External-IP, Port(s), Age, Selector."""
    spec = obj["spec"]
    internal = spec.get("clusterIP") or NONE
    kind = spec.get("type", "ClusterIP")
    external = ",".join(spec.get("externalIPs") or ()) or NONE
    if kind == "LoadBalancer":
        found = [
            entry.get("ip") or entry.get("hostname", "") for entry in obj["status"]["loadBalancer"].get("ingress", ())
        ]
        external = ",".join(found + (spec.get("externalIPs") or [])) or "<pending>"
    elif kind == "ExternalName":
        internal, external = NONE, spec.get("externalName", "")
    ports = []
    for port in spec.get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return [kind, internal, external, ",".join(ports) or NONE, age(obj, now), labels(spec.get("selector"))]


def namespace(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Status, Age."""
    return [obj.get("status", {}).get("phase", ""), age(obj, now)]


def node(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Status, Roles, Age, Version, Internal-IP, External-IP, OS-Image, Kernel-Version, Container-Runtime."""
    meta, status = obj["metadata"], obj.get("status", {})
    ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready"), None)
    words = [("Ready" if ready["status"] == "True" else "NotReady") if ready else "Unknown"]
    if obj.get("spec", {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    roles = sorted(key.removeprefix(prefix) for key in meta.get("labels", {}) if key.startswith(prefix))
    addresses = {entry["type"]: entry["address"] for entry in reversed(status.get("addresses", []))}
    info = status.get("nodeInfo", {})
    return [
        ",".join(words),
        ",".join(filter(None, roles)) or NONE,
        age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage") or UNKNOWN,
        f"{info.get('kernelVersion') or UNKNOWN}" + (f" ({info['architecture']})" if info.get("architecture") else ""),
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def autoscaler(obj: dict[str, Any], now: float) -> list[Any]:
    """Return reference, Targets, MinPods, MaxPods, Replicas, Age."""
    spec, status = obj["spec"], obj.get("status", {})
    target = spec["scaleTargetRef"]
    current = {
        metric.get("resource", {}).get("name"): metric["resource"].get("current", {})
        for metric in status.get("currentMetrics") or ()
        if metric.get("type") == "Resource"
    }
    shown = []
    for metric in spec.get("metrics") or ():
        if metric["type"] != "Resource":
            shown.append(UNKNOWN)
            continue
        name, wanted = metric["resource"]["name"], metric["resource"]["target"]
        have = current.get(name, {})
        if "averageUtilization" in wanted:
            value = f"{have['averageUtilization']}%" if "averageUtilization" in have else UNKNOWN
            shown.append(f"{name}: {value}/{wanted['averageUtilization']}%")
        else:
            shown.append(f"{name}: {have.get('averageValue', UNKNOWN)}/{wanted.get('averageValue', UNKNOWN)}")
    low = str(spec["minReplicas"]) if "minReplicas" in spec else "<unset>"
    reference = f"{target.get('kind')}/{target.get('name')}"
    counts = [low, spec.get("maxReplicas", 0), status.get("currentReplicas", 0)]
    return [reference, ", ".join(shown) or NONE, *counts, age(obj, now)]


def job(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Status, Completions, Duration, Age, Containers, Images, Selector."""
    spec, status = obj["spec"], obj.get("status", {})
    conditions = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    if "Complete" in conditions:
        word = "Complete"
    elif "Failed" in conditions:
        word = "Failed"
    elif obj["metadata"].get("deletionTimestamp"):
        word = "Terminating"
    elif "Suspended" in conditions:
        word = "Suspended"
    elif "FailureTarget" in conditions:
        word = "FailureTarget"
    elif "SuccessCriteriaMet" in conditions:
        word = "SuccessCriteriaMet"
    else:
        word = "Running"
    succeeded = status.get("succeeded", 0)
    if spec.get("completions") is not None:
        done = f"{succeeded}/{spec['completions']}"
    else:
        parallel = spec.get("parallelism", 0)
        done = f"{succeeded}/1 of {parallel}" if parallel > 1 else f"{succeeded}/1"
    duration = ""
    if status.get("startTime"):
        end = parse_timestamp(status["completionTime"]) if status.get("completionTime") else now
        duration = human_duration(end - parse_timestamp(status["startTime"]))
    return [word, done, duration, age(obj, now), *_template(obj), selector(spec.get("selector"))]


def event(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Last Seen, Type, Reason, Object, Subobject, Source, Message, First Seen, Count, Name."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    series = obj.get("series")
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    if series:
        last, count = series.get("lastObservedTime") or last, series.get("count", count)
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController", "")
    host = source.get("host") or obj.get("reportingInstance", "")
    return [
        since(last, now) if last else since(first, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        (obj.get("message") or obj.get("note") or "").strip(),
        since(first, now),
        count,
        obj["metadata"]["name"],
    ]


def quota(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Request, Limit, Age."""
    status = obj.get("status", {})
    used = status.get("used", {})
    request: list[str] = []
    limit: list[str] = []
    for name, hard in sorted(status.get("hard", {}).items()):
        text = f"{name}: {used.get(name, '0')}/{hard}"
        (limit if name.startswith("limits.") else request).append(text)
    return [", ".join(request), ", ".join(limit), age(obj, now)]


def budget(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Min Available, Max Unavailable, Allowed Disruptions, Age."""
    spec = obj["spec"]
    bounds = [str(spec[key]) if spec.get(key) is not None else "N/A" for key in ("minAvailable", "maxUnavailable")]
    return [*bounds, obj.get("status", {}).get("disruptionsAllowed", 0), age(obj, now)]


def binding(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Role, Age, Users, Groups, ServiceAccounts."""
    reference = obj["roleRef"]
    named: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        account = f"{subject.get('namespace', '')}/{subject['name']}"
        named[subject["kind"]].append(account if subject["kind"] == "ServiceAccount" else subject["name"])
    who = [", ".join(named[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [f"{reference['kind']}/{reference['name']}", age(obj, now), *who]


def endpoint_slice(obj: dict[str, Any], now: float) -> list[Any]:
    """Return AddressType, Ports, Endpoints, Age."""
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or ()]
    addresses = [address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses", ())]
    return [obj.get("addressType", ""), _some(ports), _some(addresses), age(obj, now)]


def _some(words: list[str]) -> str:
    if not words:
        return "<unset>"
    return ",".join(words[:3]) + (f" + {len(words) - 3} more..." if len(words) > 3 else "")


def ingress(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Class, Hosts, Address, Ports, Age."""
    spec = obj.get("spec", {})
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    shown = hosts[:3]
    text = ",".join(shown) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    found = obj.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    address = ",".join(entry.get("ip") or entry.get("hostname", "") for entry in found)
    return [
        spec.get("ingressClassName") or NONE,
        text or "*",
        address,
        "80, 443" if spec.get("tls") else "80",
        age(obj, now),
    ]


def claim(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode."""
    spec, status = obj["spec"], obj.get("status", {})
    phase = "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", "")
    bound = bool(spec.get("volumeName"))
    return [
        phase,
        spec.get("volumeName", ""),
        status.get("capacity", {}).get("storage", "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        age(obj, now),
        spec.get("volumeMode", "<unset>"),
    ]


def _modes(modes: list[str] | None) -> str:
    return ",".join(ACCESS_MODES.get(mode, mode) for mode in modes or ())


def volume(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, …, Reason, Age, VolumeMode."""
    spec, status = obj["spec"], obj.get("status", {})
    reference = spec.get("claimRef")
    return [
        spec.get("capacity", {}).get("storage", ""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        f"{reference.get('namespace')}/{reference.get('name')}" if reference else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        age(obj, now),
        spec.get("volumeMode", "<unset>"),
    ]


def storage_class(obj: dict[str, Any], now: float) -> list[Any]:
    """Return Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age."""
    parts = [obj.get("provisioner", ""), obj.get("reclaimPolicy", ""), obj.get("volumeBindingMode", "")]
    return [*parts, bool(obj.get("allowVolumeExpansion")), age(obj, now)]


def _created(obj: dict[str, Any], now: float) -> list[Any]:
    return [obj["metadata"].get("creationTimestamp", "")]


def _aged(*fields: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any], float], list[Any]]:
    return lambda obj, now: [*(field(obj) for field in fields), age(obj, now)]


PRINTERS: dict[str, Callable[[dict[str, Any], float], list[Any]]] = {
    "pods": pod_printer.row,
    "configmaps": _aged(lambda obj: len(obj.get("data") or {}) + len(obj.get("binaryData") or {})),
    "secrets": _aged(lambda obj: obj.get("type", ""), lambda obj: len(obj.get("data") or {})),
    "serviceaccounts": _aged(),
    "services": service,
    "namespaces": namespace,
    "nodes": node,
    "events": event,
    "events.events.k8s.io": event,
    "resourcequotas": quota,
    "limitranges": _created,
    "persistentvolumeclaims": claim,
    "persistentvolumes": volume,
    "endpoints": endpoints,
    "statefulsets.apps": statefulset,
    "daemonsets.apps": daemonset,
    "cronjobs.batch": cronjob,
    "controllerrevisions.apps": revision,
    "deployments.apps": deployment,
    "replicasets.apps": replicaset,
    "jobs.batch": job,
    "horizontalpodautoscalers.autoscaling": autoscaler,
    "endpointslices.discovery.k8s.io": endpoint_slice,
    "poddisruptionbudgets.policy": budget,
    "networkpolicies.networking.k8s.io": _aged(lambda obj: selector(obj.get("spec", {}).get("podSelector"))),
    "ingresses.networking.k8s.io": ingress,
    "ingressclasses.networking.k8s.io": _aged(lambda obj: obj.get("spec", {}).get("controller", ""), lambda obj: NONE),
    "roles.rbac.authorization.k8s.io": _created,
    "clusterroles.rbac.authorization.k8s.io": _created,
    "rolebindings.rbac.authorization.k8s.io": binding,
    "clusterrolebindings.rbac.authorization.k8s.io": binding,
    "storageclasses.storage.k8s.io": storage_class,
    "leases.coordination.k8s.io": _aged(lambda obj: obj.get("spec", {}).get("holderIdentity", "")),
    "priorityclasses.scheduling.k8s.io": lambda obj, now: [
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age(obj, now),
        obj.get("preemptionPolicy", ""),
    ],
}
