"""Kubernetes objects as the API gives them: whose pods they are, whether they are ready, which container is the app.

Every room that asks one of these questions asks it here, so that two answers can never differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]

RELEASE = "meta.helm.sh/release-name"  # annotation of what a chart made
NAME_LABEL = "app.kubernetes.io/name"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


def name_of(item: Object) -> str:
    """Return an object's name."""
    return str(item["metadata"]["name"])


def is_terminating(item: Object) -> bool:
    """Return whether the object was told to go."""
    return "deletionTimestamp" in item["metadata"]


def is_finished(pod: Object) -> bool:
    """Return whether a pod ran to its end, well or not."""
    return pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def condition(item: Object, kind: str) -> Object:
    """Return the condition of that type, empty where the object has none."""
    conditions: Iterable[Object] = item.get("status", {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") == kind), {})


def is_owned(item: Object) -> bool:
    """Return whether another object made this one, as a Deployment makes ReplicaSets and a CronJob Jobs."""
    return bool(item["metadata"].get("ownerReferences"))


def passes_probes(pod: Object) -> bool:
    """Return whether a pod's condition Ready is true, also of one on its way out."""
    return condition(pod, "Ready").get("status") == "True"


def is_ready(pod: Object) -> bool:
    """Return whether a pod takes requests: its condition Ready is true and it is not on its way out."""
    return passes_probes(pod) and not is_terminating(pod)


def matches(selector: Object | None, labels: Mapping[str, str] | None) -> bool:
    """Return whether a label selector selects these labels; an empty one selects nothing."""
    found = labels or {}
    if not selector or not (selector.get("matchLabels") or selector.get("matchExpressions")):
        return False
    same = all(found.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return same and all(_fits(one, found) for one in selector.get("matchExpressions") or ())


def _fits(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def ended_with_node(terminated: Object | None) -> bool:
    """Return whether a container ended because its node did: nobody saw it end, as after a reboot of the machine."""
    ended = terminated or {}
    return ended.get("exitCode") == 255 and ended.get("reason") == "Unknown"


def pods_of(workload: Object, pods: Iterable[Object]) -> list[Object]:
    """Return the pods that a workload's selector selects in its namespace, also those on their way out or ended."""
    selector, namespace = workload["spec"].get("selector"), workload["metadata"].get("namespace")
    return [
        pod
        for pod in pods
        if pod["metadata"].get("namespace") == namespace and matches(selector, pod["metadata"].get("labels"))
    ]


def selector_words(workload: Object) -> str:
    """Return the labels that a workload selects its pods by, as kubectl takes them: `app=x,part=y`."""
    labels: Mapping[str, str] = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def living(pods: Iterable[Object]) -> list[Object]:
    """Return the pods that neither ended nor are on their way out."""
    return [pod for pod in pods if not is_terminating(pod) and not is_finished(pod)]


def workload_of(pod: Object) -> str:
    """Return the workload that a pod says to belong to, by its owner's name; its own name where it belongs to none."""
    owner: Object = next(iter(pod["metadata"].get("ownerReferences") or ()), {})
    name = str(owner.get("name") or name_of(pod))
    # Only a Deployment's ReplicaSet has this label on its pods, and its value at the end of its name.
    template = (pod["metadata"].get("labels") or {}).get("pod-template-hash", "")
    return name.removesuffix(f"-{template}") if owner.get("kind") == "ReplicaSet" else name


def app_of(pod: Object) -> str:
    """Return the app that a pod belongs to, by its labels; empty where none says."""
    labels = pod["metadata"].get("labels") or {}
    return str(labels.get(NAME_LABEL) or labels.get("app") or "")


def services_of(workload: Object, services: Iterable[Object]) -> list[Object]:
    """Return the Services whose selector selects the workload's pods, by name."""
    labels = template(workload)["metadata"].get("labels") or {}
    return services_selecting(labels, workload["metadata"].get("namespace"), services)


def services_selecting(labels: Mapping[str, str], namespace: str | None, services: Iterable[Object]) -> list[Object]:
    """Return the Services of a namespace whose selector selects pods of these labels, by name."""
    found = [
        service
        for service in services
        if service["metadata"].get("namespace") == namespace
        and (selector := service["spec"].get("selector"))
        and selector.items() <= labels.items()
    ]
    return sorted(found, key=name_of)


def template(workload: Object) -> Object:
    """Return a workload's pod template, with metadata and a specification even where it has none."""
    found: Object = (workload.get("spec") or {}).get("template") or {}
    return {"metadata": found.get("metadata") or {}, "spec": found.get("spec") or {"containers": []}}


def app_container(pod: Object) -> Object:
    """Return the container of a pod or pod template that is the app itself; sidecars stand before or after it.

    It is the one that the annotation `default-container` names, else the one called like the app's name label, else
    the first.
    """
    metadata = pod.get("metadata") or {}
    names = (
        (metadata.get("annotations") or {}).get(DEFAULT_CONTAINER),
        (metadata.get("labels") or {}).get(NAME_LABEL),
    )
    containers: list[Object] = pod["spec"].get("containers") or [{}]
    by_name = {one.get("name"): one for one in containers}
    return next((by_name[name] for name in names if name in by_name), containers[0])


def claims_of(workload: Object) -> set[str]:
    """Return the names of the claims whose volumes the pods of a workload mount, the same for all of them."""
    volumes = (template(workload).get("spec") or {}).get("volumes") or ()
    claims = [(volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in volumes]
    return {str(name) for name in claims if name}


def images_of(pod: Object) -> dict[str, str]:
    """Return container name → image, for a pod or pod template, init containers included."""
    return {one["name"]: one["image"] for one in _containers(pod["spec"])}


def place(item: Object, namespace: str = "") -> tuple[str, str, str]:
    """Return kind, namespace and name of an object; `namespace` is of those that tell none."""
    return str(item.get("kind")), str(item["metadata"].get("namespace") or namespace), name_of(item)


def secrets_read(pod: Object) -> set[str]:
    """Return the names of the Secrets that a pod template takes values from: by variable, wholesale or as a volume."""
    return _read(pod, "secret", "secretName")


def configmaps_read(pod: Object) -> set[str]:
    """Return the names of the ConfigMaps that a pod template takes values from, as `secrets_read` does of Secrets."""
    return _read(pod, "configMap", "name")


def _read(pod: Object, kind: str, of_volume: str) -> set[str]:
    """Return the names that a pod template refers to by a kind's fields; a volume has its under `of_volume`."""
    containers, volumes = [*_containers(pod["spec"])], pod["spec"].get("volumes") or ()
    variables = [one.get("valueFrom") or {} for container in containers for one in container.get("env") or ()]
    wholesale = [one for container in containers for one in container.get("envFrom") or ()]
    sources = [one for volume in volumes for one in (volume.get("projected") or {}).get("sources") or ()]
    places = ((variables, f"{kind}KeyRef", "name"), (wholesale, f"{kind}Ref", "name"), (sources, kind, "name"))
    found = {
        (one.get(key) or {}).get(name) for ones, key, name in (*places, (volumes, kind, of_volume)) for one in ones
    }
    return {name for name in found if name}


def _containers(spec: Object) -> Iterator[Object]:
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def is_hook(item: Mapping[str, Any]) -> bool:
    """Return whether helm makes an object beside the release, at one of its moments."""
    return "helm.sh/hook" in (item["metadata"].get("annotations") or {})


def now() -> datetime:
    """Return this moment, as Kubernetes writes times."""
    return datetime.now(UTC)


def age(created: str, moment: datetime) -> str:
    """Return how long ago something was, in the largest unit that fits: 12s, 5m, 3h, 2d."""
    seconds = max(0, int((moment - datetime.fromisoformat(created)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def last_seen(event: Object) -> str:
    """Return when an event was noted last, as the cluster writes times; empty where it does not say."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")
