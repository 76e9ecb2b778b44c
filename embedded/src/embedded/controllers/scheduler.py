"""Scheduling: which pod goes to the node, and in the real scheduler's words why one does not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from embedded.controllers import common, pod_affinity
from embedded.controllers.common import Key
from embedded.events import record
from embedded.objects import quantity
from embedded.objects.pod_resources import COMPUTE, requests
from embedded.objects.values import timestamp
from embedded.store import Store

COMPONENT = "default-scheduler"
RETRY = 300.0  # seconds after which a pod that does not fit is tried again though nothing changed
HELPLESS = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Bind a pod that has no node, or say why it cannot be."""
    pod = store.get("pods", *key)
    if pod is None or pod["spec"].get("nodeName") or common.is_terminating(pod) or common.is_finished(pod):
        return None
    if pod["spec"].get("schedulingGates"):
        return None
    nodes = store.list("nodes")
    blocked = _claims(store, pod)
    found = {node["metadata"]["name"]: [] if blocked else unfit(store, pod, node) for node in nodes}
    chosen = next((name for name, reasons in found.items() if not reasons and not blocked), None)
    if chosen is not None:
        _bind(store, key, pod, chosen, now)
        return None
    message = refusal(list(found.values()), blocked)
    if _pending(store, key, message, now):
        host = next(iter(found), "")
        said = ("Warning", "FailedScheduling", message, COMPONENT, now)
        record(store, pod, *said, host=host, action="Scheduling")
    return RETRY


@dataclass(frozen=True)
class Unfit:
    """The reason why a pod cannot run on a node, in the scheduler's words, and whether evicting others would help."""

    words: str
    crowded: bool = False


def unfit(store: Store, pod: dict[str, Any], node: dict[str, Any]) -> list[Unfit]:
    """Return why a pod cannot run on a node; nothing if it can."""
    if node["spec"].get("unschedulable") and not _tolerated(pod, UNSCHEDULABLE):
        return [Unfit("node(s) were unschedulable")]
    taint = next((item for item in node["spec"].get("taints", ()) if not _tolerated(pod, item)), None)
    if taint is not None:
        return [Unfit("node(s) had untolerated taint(s)")]
    if not _selected(pod, node):
        return [Unfit("node(s) didn't match Pod's node affinity/selector")]
    if _port_taken(store, pod, node):
        return [Unfit("node(s) didn't have free ports for the requested pod ports", crowded=True)]
    lacking = _too_little(store, pod, node)
    if lacking:
        return lacking
    words = pod_affinity.mismatch(store, pod, node)
    return [Unfit(words, crowded=words != pod_affinity.AFFINITY_MISMATCH)] if words else []


def may_run(pod: dict[str, Any], node: dict[str, Any]) -> bool:
    """Return whether a node's taints and labels let a pod run there, whatever room it has."""
    taints = list(node["spec"].get("taints", ()))
    return all(_tolerated(pod, taint) for taint in taints) and _selected(pod, node)


def refusal(found: list[list[Unfit]], blocked: str) -> str:
    """Return the message of FailedScheduling, with the sentence on preemption.

    `found` says for every node what is wrong with it, `blocked` what is wrong whatever the node.
    All pods have the same priority here, so there is never a victim.
    """
    nodes = len(found)
    if not nodes:
        return "no nodes available to schedule pods"
    counted = Counter(reason.words for reasons in found for reason in reasons)
    start = f"0/{nodes} nodes are available:"
    if blocked:  # the last words are the scheduler's own: it looks for something that it never came to note
        return f"{start} {blocked}. not found"
    told = ", ".join(sorted(f"{count} {words}" for words, count in counted.items()))
    whys = Counter(NO_VICTIMS if all(one.crowded for one in reasons) else HELPLESS for reasons in found)
    why = ", ".join(sorted(f"{count} {words}" for words, count in whys.items()))
    return f"{start} {told}. no new claims to deallocate, preemption: {start} {why}."


def _too_little(store: Store, pod: dict[str, Any], node: dict[str, Any]) -> list[Unfit]:
    room = node.get("status", {}).get("allocatable", {})
    placed = [
        item
        for item in store.list("pods")
        if item["spec"].get("nodeName") == node["metadata"]["name"] and not common.is_finished(item)
    ]
    found = []
    if len(placed) + 1 > int(quantity.parse(room.get("pods", 110))):
        found.append(Unfit("Too many pods", crowded=True))
    used = [requests(item["spec"]) for item in placed]
    for name, wanted in requests(pod["spec"]).items():
        taken = sum((item.get(name, Decimal(0)) for item in used), Decimal(0))
        has = quantity.parse(room.get(name, 0))
        if wanted and (name in room or name not in COMPUTE) and taken + wanted > has:
            found.append(Unfit(f"Insufficient {name}", crowded=wanted <= has))
    return found


def _selected(pod: dict[str, Any], node: dict[str, Any]) -> bool:
    labels = node["metadata"].get("labels", {})
    spec = pod["spec"]
    if not spec.get("nodeSelector", {}).items() <= labels.items():
        return False
    required = spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(
        all(_meets(term, labels) for term in item.get("matchExpressions", ()))
        and all(_meets(term, fields) for term in item.get("matchFields", ()))
        for item in required["nodeSelectorTerms"]
    )


def _meets(term: dict[str, Any], labels: dict[str, str]) -> bool:
    key, values, operator = term["key"], term.get("values", []), term["operator"]
    value = labels.get(key)
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if operator == "NotIn":
        return value not in values
    if value is None:
        return False
    if operator == "In":
        return value in values
    if not (value.lstrip("-").isdecimal() and values and values[0].lstrip("-").isdecimal()):
        return False
    return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])


def _tolerated(pod: dict[str, Any], taint: dict[str, Any]) -> bool:
    if taint["effect"] == "PreferNoSchedule":
        return True
    return any(
        item.get("effect") in (None, "", taint["effect"])
        and (
            (item.get("operator") == "Exists" and item.get("key") in (None, "", taint["key"]))
            or (item.get("key") == taint["key"] and item.get("value", "") == taint.get("value", ""))
        )
        for item in pod["spec"].get("tolerations", ())
    )


def _host_ports(pod: dict[str, Any]) -> set[tuple[int, str]]:
    return {
        (port["hostPort"], port.get("protocol", "TCP"))
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
        if port.get("hostPort")
    }


def _port_taken(store: Store, pod: dict[str, Any], node: dict[str, Any]) -> bool:
    wanted = _host_ports(pod)
    if not wanted:
        return False
    name = node["metadata"]["name"]
    others = store.list("pods", "", lambda item: item["spec"].get("nodeName") == name and not common.is_finished(item))
    return any(wanted & _host_ports(item) for item in others)


def _claims(store: Store, pod: dict[str, Any]) -> str:
    """Return what keeps a pod's volumes from being bound."""
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes", ()):
        name = volume.get("persistentVolumeClaim", {}).get("claimName")
        if not name:
            continue
        claim = store.get("persistentvolumeclaims", namespace, name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim.get("status", {}).get("phase") != "Bound":
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def _bind(store: Store, key: Key, pod: dict[str, Any], node: str, now: float) -> None:
    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["nodeName"] = node
        _set_scheduled(obj, {"type": "PodScheduled", "status": "True"}, now)

    store.modify("pods", *key, change, subresource="binding", manager="kube-scheduler")
    text = f"Successfully assigned {key[0]}/{key[1]} to {node}"
    record(store, pod, "Normal", "Scheduled", text, COMPONENT, now, host=node, action="Binding")


def _pending(store: Store, key: Key, message: str, now: float) -> bool:
    """Write the condition. Whether it says something new."""
    pod = store.get("pods", *key)
    old = common.condition(pod, "PodScheduled") if pod else None
    wanted = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}

    def change(obj: dict[str, Any]) -> None:
        _set_scheduled(obj, wanted, now)

    store.modify("pods", *key, change, subresource="status", manager="kube-scheduler")
    return old is None or old.get("message") != message


def _set_scheduled(pod: dict[str, Any], wanted: dict[str, Any], now: float) -> None:
    status = pod.setdefault("status", {})
    status.setdefault("phase", "Pending")
    old = next((item for item in status.get("conditions", ()) if item["type"] == "PodScheduled"), None)
    since = old["lastTransitionTime"] if old is not None and old["status"] == wanted["status"] else timestamp(now)
    generation = pod["metadata"].get("generation")
    new = {"lastProbeTime": None, "lastTransitionTime": since} | wanted
    if generation:
        new["observedGeneration"] = generation
    others = [item for item in status.get("conditions", ()) if item["type"] != "PodScheduled"]
    status["conditions"] = [*others, new]
