"""HorizontalPodAutoscalers: the algorithm of autoscaling/v2 on resource metrics.

Source: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.events import record
from embedded.objects import quantity, selectors
from embedded.objects.values import parse_timestamp, timestamp
from embedded.store import Store

RESOURCE = "horizontalpodautoscalers.autoscaling"
COMPONENT = "horizontal-pod-autoscaler"
PERIOD = 15.0  # seconds between looks
TOLERANCE = 0.1
# Work of a start is no load: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
INITIAL_SECONDS = 300.0  # how long a pod counts as starting (--horizontal-pod-autoscaler-cpu-initialization-period)
WINDOW_SECONDS = 10.0  # over which use is averaged
TARGETS = {
    "Deployment": "deployments.apps",
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "statefulsets.apps",
}
STABLE = "recent recommendations were {} than current one, applying the {} recent recommendation"
MANY = ("TooManyReplicas", "more than the maximum replica count")
FEW = ("TooFewReplicas", "less than the minimum replica count")
FAST_UP = ("ScaleUpLimit", "increasing faster than the maximum scale rate")
FAST_DOWN = ("ScaleDownLimit", "decreasing faster than the maximum scale rate")
Condition = tuple[str, str, str, str]  # type, status, reason, message
Used = Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]]


class Problem(NamedTuple):
    """The reason why a metric could not be read."""

    metric: str
    words: str


# What was recommended and done lately, per autoscaler: stabilization and policies look back on it.
_recommended: dict[Key, list[tuple[float, int]]] = {}
_scaled: dict[Key, list[tuple[float, int]]] = {}


def reconcile(store: Store, key: Key, now: float, used: Used) -> float | None:
    """Look at the use once a period and scale the target if it is far from what was asked for."""
    scaler = store.get(RESOURCE, *key)
    if scaler is None:
        forget(key)
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
    wish = _wish(store, key, scaler, target, used, got, now)
    if wish is None:
        return PERIOD
    counts: dict[str, Any] = {"currentReplicas": replicas, **wish.counts, "desiredReplicas": wish.replicas}
    conditions = list(wish.conditions)
    if wish.replicas != replicas:
        _scale(store, resource, target, wish.replicas)
        _scaled.setdefault(key, []).append((now, wish.replicas - replicas))
        text = f"New size: {wish.replicas}; reason: {wish.why}"
        record(store, scaler, "Normal", "SuccessfulRescale", text, COMPONENT, now)
        counts["lastScaleTime"] = timestamp(now)
        said = f"the HPA controller was able to update the target scale to {wish.replicas}"
        conditions[0] = ("AbleToScale", "True", "SucceededRescale", said)
    _status(store, key, counts, conditions, now)
    return PERIOD


@dataclass(frozen=True)
class _Wish:
    """The number of replicas there should be, why, and the conditions that say so."""

    replicas: int
    why: str
    conditions: tuple[Condition, ...]
    counts: dict[str, Any]


def _wish(
    store: Store, key: Key, scaler: dict[str, Any], target: dict[str, Any], used: Used, got: Condition, now: float
) -> _Wish | None:
    """Return what the use asks for; None where no metric can be read, which is said."""
    spec, replicas = scaler["spec"], target["spec"].get("replicas", 1)
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    if not least <= replicas <= most:
        side = "above Spec.MaxReplicas" if replicas > most else "below Spec.MinReplicas"
        return _Wish(max(least, min(most, replicas)), f"Current number of replicas {side}", (got,), {})
    selector = target["spec"]["selector"]
    pods = [
        pod
        for pod in store.list("pods", key[0])
        if common.is_active(pod) and selectors.matches(selector, pod["metadata"].get("labels", {}))
    ]
    proposals, current, problem = _propose(spec, pods, used, replicas, key[0], now)
    if not proposals:
        _fail(store, scaler, got, replicas, problem, now)
        return None
    wanted, metric = max(proposals)
    wanted, able_to, limited = _limit(key, spec, replicas, wanted, now)
    text = f"the HPA was able to successfully calculate a replica count from {metric}"
    conditions = (able_to, ("ScalingActive", "True", "ValidMetricFound", text), limited)
    why = f"{metric} above target" if wanted > replicas else "All metrics below target"
    return _Wish(wanted, why, conditions, {"currentMetrics": current})


def _fail(store: Store, scaler: dict[str, Any], got: Condition, replicas: int, problem: Problem, now: float) -> None:
    """Say that no metric could be read, as events and as a condition."""
    meta = scaler["metadata"]
    text = f"the HPA was unable to compute the replica count: {problem.words}"
    _status(
        store,
        (meta["namespace"], meta["name"]),
        {"currentReplicas": replicas, "currentMetrics": [{"type": ""}]},
        [got, ("ScalingActive", "False", "FailedGetResourceMetric", text)],
        now,
    )
    record(store, scaler, "Warning", "FailedGetResourceMetric", problem.words, COMPONENT, now)
    many = len(scaler["spec"].get("metrics", ()))
    whole = f"invalid metrics ({many} invalid out of {many}), first error is: "
    whole += f"failed to get {problem.metric} resource metric value: {problem.words}"
    record(store, scaler, "Warning", "FailedComputeMetricsReplicas", whole, COMPONENT, now)


def forget(key: Key) -> None:
    """Drop what is known about an autoscaler that is gone."""
    _recommended.pop(key, None)
    _scaled.pop(key, None)


def proposal(ratio: float, replicas: int, measured: int, silent: int = 0, full: float = 1.0) -> int:
    """Return the replicas that bring use to its target, given how far it is from it.

    Pods that say nothing must not speed the change up: they count as idle when it grows, and as busy with all
    they asked for (`full`, as a ratio of the target) when it shrinks.
    """
    if silent and abs(ratio - 1.0) > TOLERANCE:
        whole = measured + silent
        cautious = ratio * measured / whole if ratio > 1.0 else (ratio * measured + full * silent) / whole
        turned = (cautious > 1.0) != (ratio > 1.0)
        ratio, measured = (1.0 if turned else cautious), whole
    if abs(ratio - 1.0) <= TOLERANCE:
        return replicas
    return max(1, math.ceil(ratio * measured))


def _propose(
    spec: dict[str, Any], pods: list[dict[str, Any]], used: Used, replicas: int, namespace: str, now: float
) -> tuple[list[tuple[int, str]], list[dict[str, Any]], Problem]:
    """Return (replicas, metric in words) for every metric that could be read, their values, and the first problem."""
    proposals, current, problems = [], [], []
    for metric in spec.get("metrics", ()):
        if metric["type"] != "Resource":
            problems.append(Problem(metric["type"], f"metrics of type {metric['type']} are not served"))
            continue
        name, target = metric["resource"]["name"], metric["resource"]["target"]
        measured = {
            pod["metadata"]["name"]: sum(item.get(name, 0.0) for item in containers.values())
            for pod in pods
            if (containers := used.get((namespace, pod["metadata"]["name"]))) and _is_counted(pod, name, now)
        }
        start = f"failed to get {name} utilization: "
        if not measured:
            text = f"unable to get metrics for resource {name}: no metrics returned from resource metrics API"
            problems.append(Problem(name, start + text))
            continue
        average = sum(measured.values()) / len(measured)
        value: dict[str, Any] = {"averageValue": _amount(name, average)}
        silent = len(pods) - len(measured)
        if target["type"] == "Utilization":
            asked = [_asked(pod, name) for pod in pods if pod["metadata"]["name"] in measured]
            lacking = next((one["metadata"]["name"] for one in pods if _asked(one, name) is None), None)
            if lacking is not None:
                problems.append(Problem(name, f"{start}missing request for {name} in pod {lacking}"))
                continue
            share = sum(measured.values()) * 100 // sum(item or 0.0 for item in asked)
            ratio = share / target["averageUtilization"]
            full = 100 / target["averageUtilization"]
            value["averageUtilization"] = int(share)
            words = f"{name} resource utilization (percentage of request)"
        else:
            ratio = average / float(quantity.parse(target["averageValue"]))
            full = 1.0
            words = f"{name} resource"
        current.append({"type": "Resource", "resource": {"name": name, "current": value}})
        proposals.append((proposal(ratio, replicas, len(measured), silent, full), words))
    return proposals, current, problems[0] if problems else Problem("", "no metrics")


def _is_counted(pod: dict[str, Any], name: str, now: float) -> bool:
    """Return whether the use of a pod says something of its load: ready, and its start no part of what was measured."""
    ready = common.condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return False
    started = pod["status"].get("startTime")
    if name != "cpu" or (started and now - parse_timestamp(started) > INITIAL_SECONDS):
        return True
    return now - parse_timestamp(ready["lastTransitionTime"]) >= WINDOW_SECONDS


def _asked(pod: dict[str, Any], name: str) -> float | None:
    total = 0.0
    for container in pod["spec"]["containers"]:
        value = container.get("resources", {}).get("requests", {}).get(name)
        if value is None:
            return None
        total += float(quantity.parse(value))
    return total


def _amount(name: str, value: float) -> str:
    return f"{math.ceil(value * 1000)}m" if name == "cpu" else str(int(value))


def _limit(key: Key, spec: dict[str, Any], replicas: int, wanted: int, now: float) -> tuple[int, Condition, Condition]:
    """Apply stabilization, policies and bounds. Returns the replicas, AbleToScale and ScalingLimited."""
    behavior = spec.get("behavior", {})
    up = {"stabilizationWindowSeconds": 0} | (behavior.get("scaleUp") or {})
    down = {"stabilizationWindowSeconds": 300} | (behavior.get("scaleDown") or {})
    longest = max(up["stabilizationWindowSeconds"], down["stabilizationWindowSeconds"])
    past = [item for item in _recommended.get(key, []) if item[0] > now - longest] + [(now, wanted)]
    _recommended[key] = past
    calm_up = min(value for at, value in past if at >= now - up["stabilizationWindowSeconds"])
    calm_down = max(value for at, value in past if at >= now - down["stabilizationWindowSeconds"])
    calm = min(max(replicas, calm_up), calm_down)
    able = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
    if calm > wanted:
        able = ("AbleToScale", "True", "ScaleDownStabilized", STABLE.format("higher", "highest"))
    elif calm < wanted:
        able = ("AbleToScale", "True", "ScaleUpStabilized", STABLE.format("lower", "lowest"))
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    if calm > replicas:
        usual = [
            {"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 4, "periodSeconds": 15},
        ]
        fastest = replicas + _allowance(key, up, usual, replicas, now, growing=True)
        if calm > min(fastest, most):
            return min(fastest, most), able, _limited(*(MANY if most <= fastest else FAST_UP))
    elif calm < replicas:
        usual = [{"type": "Percent", "value": 100, "periodSeconds": 15}]
        fastest = replicas - _allowance(key, down, usual, replicas, now, growing=False)
        if calm < max(fastest, least):
            return max(fastest, least), able, _limited(*(FEW if least >= fastest else FAST_DOWN))
    text = "the desired count is within the acceptable range"
    return calm, able, ("ScalingLimited", "False", "DesiredWithinRange", text)


def _limited(reason: str, words: str) -> Condition:
    return ("ScalingLimited", "True", reason, f"the desired replica count is {words}")


def _allowance(
    key: Key, rules: dict[str, Any], usual: list[dict[str, Any]], replicas: int, now: float, *, growing: bool
) -> int:
    """Return how many pods the policies let come or go now."""
    if rules.get("selectPolicy") == "Disabled":
        return 0
    allowed: list[int] = []
    for policy in rules.get("policies") or usual:
        since = now - policy["periodSeconds"]
        changes = [change for at, change in _scaled.get(key, []) if at > since and (change > 0) == growing]
        before = replicas - sum(changes)
        share = math.ceil(before * policy["value"] / 100) if policy["type"] == "Percent" else policy["value"]
        allowed.append(max(0, share - abs(sum(changes))))
    return min(allowed) if rules.get("selectPolicy") == "Min" else max(allowed)


def _scale(store: Store, resource: str, target: dict[str, Any], wanted: int) -> None:
    meta = target["metadata"]

    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["replicas"] = wanted

    store.modify(resource, meta["namespace"], meta["name"], change, manager=MANAGER)


def _status(store: Store, key: Key, counts: dict[str, Any], told: list[tuple[str, str, str, str]], now: float) -> None:
    def change(obj: dict[str, Any]) -> None:
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
