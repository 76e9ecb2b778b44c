"""HorizontalPodAutoscalers: the algorithm of autoscaling/v2 on resource metrics.

Source: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from embedded.controllers import common
from embedded.controllers.common import Key
from embedded.events import record
from embedded.objects import quantity, selectors
from embedded.objects.values import timestamp
from embedded.store import Store

RESOURCE = "horizontalpodautoscalers.autoscaling"
COMPONENT = "horizontal-pod-autoscaler"
MANAGER = "kube-controller-manager"
PERIOD = 15.0  # seconds between looks
TOLERANCE = 0.1
TARGETS = {"Deployment": "deployments.apps", "ReplicaSet": "replicasets.apps"}
Used = Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]]

# What was recommended and done lately, per autoscaler: stabilization and policies look back on it.
_recommended: dict[Key, list[tuple[float, int]]] = {}
_scaled: dict[Key, list[tuple[float, int]]] = {}


def reconcile(store: Store, key: Key, now: float, used: Used) -> float | None:
    """Look at the use once a period and scale the target if it is far from what was asked for."""
    scaler = store.get(RESOURCE, *key)
    if scaler is None:
        _recommended.pop(key, None)
        _scaled.pop(key, None)
        return None
    spec = scaler["spec"]
    reference = spec["scaleTargetRef"]
    resource = TARGETS.get(reference["kind"], "")
    target = store.get(resource, key[0], reference["name"]) if resource else None
    if target is None:
        text = "the HPA controller was unable to get the target's current scale: "
        text += f'{reference["kind"].lower()}s.apps "{reference["name"]}" not found'
        _status(store, key, {}, [("AbleToScale", "False", "FailedGetScale", text)], now)
        record(store, scaler, "Warning", "FailedGetScale", text, COMPONENT, now)
        return PERIOD
    replicas = target["spec"].get("replicas", 1)
    able = ("AbleToScale", "True", "SucceededGetScale")
    got = (*able, "the HPA controller was able to get the target's current scale")
    if replicas == 0:
        text = "scaling is disabled since the replica count of the target is zero"
        off = ("ScalingActive", "False", "ScalingDisabled", text)
        _status(store, key, {"currentReplicas": 0}, [got, off], now)
        return PERIOD
    selector = target["spec"]["selector"]
    pods = [
        pod
        for pod in store.list("pods", key[0])
        if common.is_active(pod) and selectors.matches(selector, pod["metadata"].get("labels", {}))
    ]
    proposals, current, problem = _propose(spec, pods, used, replicas, key[0])
    if not proposals:
        text = f"the HPA was unable to compute the replica count: {problem}"
        idle = ("ScalingActive", "False", "FailedGetResourceMetric", text)
        _status(store, key, {"currentReplicas": replicas}, [got, idle], now)
        record(store, scaler, "Warning", "FailedGetResourceMetric", problem, COMPONENT, now)
        return PERIOD
    wanted, metric = max(proposals)
    wanted, limited = _limit(key, spec, replicas, wanted, now)
    text = f"the HPA was able to successfully calculate a replica count from {metric}"
    conditions = [got, ("ScalingActive", "True", "ValidMetricFound", text), limited]
    counts: dict = {"currentReplicas": replicas, "desiredReplicas": wanted, "currentMetrics": current}
    if wanted != replicas:
        _scale(store, resource, target, wanted)
        _scaled.setdefault(key, []).append((now, wanted - replicas))
        why = f"{metric} {'above' if wanted > replicas else 'below'} target"
        text = f"New size: {wanted}; reason: {'All metrics below target' if wanted < replicas else why}"
        record(store, scaler, "Normal", "SuccessfulRescale", text, COMPONENT, now)
        counts["lastScaleTime"] = timestamp(now)
        said = f"the HPA controller was able to update the target scale to {wanted}"
        conditions[0] = ("AbleToScale", "True", "SucceededRescale", said)
    _status(store, key, counts, conditions, now)
    return PERIOD


def proposal(ratio: float, replicas: int, ready: int) -> int:
    """The replicas that bring use to its target, given how far it is from it."""
    if abs(ratio - 1.0) <= TOLERANCE:
        return replicas
    return max(1, math.ceil(ratio * ready))


def _propose(
    spec: dict, pods: list[dict], used: Used, replicas: int, namespace: str
) -> tuple[list[tuple[int, str]], list[dict], str]:
    """(replicas, metric in words) for every metric that could be read, their values, and a problem in words."""
    proposals, current, problem = [], [], "no metrics returned from resource metrics API"
    for metric in spec.get("metrics", ()):
        if metric["type"] != "Resource":
            problem = f"metrics of type {metric['type']} are not served"
            continue
        name, target = metric["resource"]["name"], metric["resource"]["target"]
        measured = {
            pod["metadata"]["name"]: sum(item.get(name, 0.0) for item in containers.values())
            for pod in pods
            if (containers := used.get((namespace, pod["metadata"]["name"]))) and common.is_true(pod, "Ready")
        }
        if not measured:
            problem = f"failed to get {name} utilization: unable to get metrics for resource {name}: "
            problem += "no metrics returned from resource metrics API"
            continue
        average = sum(measured.values()) / len(measured)
        value = {"averageValue": _amount(name, average)}
        if target["type"] == "Utilization":
            asked = [_asked(pod, name) for pod in pods if pod["metadata"]["name"] in measured]
            if any(item is None for item in asked):
                problem = f"failed to get {name} utilization: missing request for {name}"
                continue
            share = sum(measured.values()) / sum(item or 0.0 for item in asked)
            ratio = share * 100 / target["averageUtilization"]
            value["averageUtilization"] = int(share * 100)
            words = f"{name} resource utilization (percentage of request)"
        else:
            ratio = average / float(quantity.parse(target["averageValue"]))
            words = f"{name} resource"
        current.append({"type": "Resource", "resource": {"name": name, "current": value}})
        proposals.append((proposal(ratio, replicas, len(measured)), words))
    return proposals, current, problem


def _asked(pod: dict, name: str) -> float | None:
    total = 0.0
    for container in pod["spec"]["containers"]:
        value = container.get("resources", {}).get("requests", {}).get(name)
        if value is None:
            return None
        total += float(quantity.parse(value))
    return total


def _amount(name: str, value: float) -> str:
    return f"{math.ceil(value * 1000)}m" if name == "cpu" else str(int(value))


def _limit(key: Key, spec: dict, replicas: int, wanted: int, now: float) -> tuple[int, tuple[str, str, str, str]]:
    """Apply stabilization, policies and bounds. Returns the replicas and the condition ScalingLimited."""
    behavior = spec.get("behavior", {})
    up = {"stabilizationWindowSeconds": 0} | (behavior.get("scaleUp") or {})
    down = {"stabilizationWindowSeconds": 300} | (behavior.get("scaleDown") or {})
    longest = max(up["stabilizationWindowSeconds"], down["stabilizationWindowSeconds"])
    past = [item for item in _recommended.get(key, []) if item[0] > now - longest] + [(now, wanted)]
    _recommended[key] = past
    calm_up = min(value for at, value in past if at >= now - up["stabilizationWindowSeconds"])
    calm_down = max(value for at, value in past if at >= now - down["stabilizationWindowSeconds"])
    if wanted > replicas:
        wanted = max(replicas, calm_up)
    elif wanted < replicas:
        wanted = min(replicas, calm_down)
    if wanted > replicas:
        usual = [
            {"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 4, "periodSeconds": 15},
        ]
        wanted = min(wanted, replicas + _allowance(key, up, usual, replicas, now, growing=True))
    elif wanted < replicas:
        usual = [{"type": "Percent", "value": 100, "periodSeconds": 15}]
        wanted = max(wanted, replicas - _allowance(key, down, usual, replicas, now, growing=False))
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    if wanted > most:
        text = "the desired replica count is more than the maximum replica count"
        return most, ("ScalingLimited", "True", "TooManyReplicas", text)
    if wanted < least:
        text = "the desired replica count is less than the minimum replica count"
        return least, ("ScalingLimited", "True", "TooFewReplicas", text)
    text = "the desired count is within the acceptable range"
    return wanted, ("ScalingLimited", "False", "DesiredWithinRange", text)


def _allowance(key: Key, rules: dict, usual: list[dict], replicas: int, now: float, *, growing: bool) -> int:
    """How many pods the policies let come or go now."""
    if rules.get("selectPolicy") == "Disabled":
        return 0
    allowed = []
    for policy in rules.get("policies") or usual:
        since = now - policy["periodSeconds"]
        changes = [change for at, change in _scaled.get(key, []) if at > since and (change > 0) == growing]
        before = replicas - sum(changes)
        share = math.ceil(before * policy["value"] / 100) if policy["type"] == "Percent" else policy["value"]
        allowed.append(max(0, share - abs(sum(changes))))
    return min(allowed) if rules.get("selectPolicy") == "Min" else max(allowed)


def _scale(store: Store, resource: str, target: dict, wanted: int) -> None:
    meta = target["metadata"]

    def change(obj: dict) -> None:
        obj["spec"]["replicas"] = wanted

    store.modify(resource, meta["namespace"], meta["name"], change, manager=MANAGER)


def _status(store: Store, key: Key, counts: dict, told: list[tuple[str, str, str, str]], now: float) -> None:
    def change(obj: dict) -> None:
        before = obj.get("status", {})
        old = {item["type"]: item for item in before.get("conditions", ())}
        made = []
        for kind, status, reason, message in told:
            same = kind in old and old[kind]["status"] == status
            since = old[kind]["lastTransitionTime"] if same else timestamp(now)
            made.append(
                {
                    "type": kind,
                    "status": status,
                    "lastTransitionTime": since,
                    "reason": reason,
                    "message": message,
                }
            )
        kept = {"desiredReplicas": 0, "currentMetrics": None} | before | counts
        obj["status"] = kept | {"conditions": made}

    store.modify(RESOURCE, *key, change, subresource="status", manager=MANAGER)
