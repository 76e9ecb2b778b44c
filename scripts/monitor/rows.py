"""Two samples to one view: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from scripts.kube import metrics, objects
from scripts.kube.metrics import Traffic
from scripts.kube.objects import age, is_terminating, pods_of
from scripts.kube.quantities import cpu, memory
from scripts.monitor.model import EventRow, PodRow, Sample, Scaling, ServiceRow, View

RECENT = 3600.0  # seconds: older events are history
MOST_EVENTS = 20
Object = Mapping[str, Any]


def view(before: Sample, after: Sample, *, namespace: str, context: str) -> View:
    """Return what the two say together. States are those of the later one."""
    now = datetime.fromisoformat(after.now)
    seconds = after.at - before.at
    pods = after.objects.get("pods", ())
    deployments = after.objects.get("deployments", ())
    services = [service_row(item, before, after) for item in deployments]
    troubled_first = sorted(
        (pod_row(pod, after, now) for pod in pods),
        key=lambda row: (not row.trouble, row.ready == row.containers, row.name),
    )
    return View(
        namespace=namespace,
        context=context,
        now=after.now,
        seconds=round(seconds, 3),
        services=tuple(sorted(services, key=lambda row: row.name)),
        pods=tuple(troubled_first),
        events=tuple(event_rows(after.objects.get("events", ()), now)),
        missing=dict(after.problems),
    )


def service_row(deployment: Object, before: Sample, after: Sample) -> ServiceRow:
    """Return one service."""
    name = deployment["metadata"]["name"]
    pods = pods_of(deployment, after.objects.get("pods", ()))
    serves = {pod["metadata"]["name"] for pod in pods} & after.serving
    measured, missing = service_traffic(sorted(serves), before, after) if name in after.services else (None, "")
    scaler = next(
        (
            item
            for item in after.objects.get("horizontalpodautoscalers", ())
            if item["spec"]["scaleTargetRef"]["name"] == name
        ),
        None,
    )
    return ServiceRow(
        name=name,
        ready=deployment.get("status", {}).get("readyReplicas", 0),
        wanted=deployment["spec"].get("replicas", 1),
        scaling=scaling(scaler) if scaler else None,
        traffic=measured,
        missing=missing,
    )


def service_traffic(pods: Sequence[str], before: Sample, after: Sample) -> tuple[Traffic | None, str]:
    """Return the traffic of some pods together, or why it is not known."""
    both = [pod for pod in pods if pod in before.counters and pod in after.counters]
    if both and after.at > before.at:
        increases = [metrics.increase(before.counters[pod], after.counters[pod]) for pod in both]
        return metrics.traffic(increases, after.at - before.at), ""
    reasons = [after.problems[key] for pod in pods if (key := f"metrics of {pod}") in after.problems]
    if reasons:
        return None, reasons[0]
    if any(pod in after.counters for pod in pods):
        return None, "new, a rate needs two looks"
    return None, "no pod is ready"


def scaling(scaler: Object) -> Scaling:
    """Return a HorizontalPodAutoscaler in short."""
    spec, status = scaler["spec"], scaler.get("status", {})
    current = {
        item["resource"]["name"]: item["resource"]["current"]
        for item in status.get("currentMetrics") or ()
        if item.get("type") == "Resource"
    }
    metrics = []
    for item in spec.get("metrics", ()):
        if item["type"] != "Resource":
            continue
        name, target = item["resource"]["name"], item["resource"]["target"]
        found = current.get(name, {})
        if "averageUtilization" in target:
            value = found.get("averageUtilization")
            metrics.append((name, None if value is None else f"{value}%", f"{target['averageUtilization']}%"))
        else:
            metrics.append((name, found.get("averageValue"), str(target.get("averageValue", ""))))
    replicas = status.get("currentReplicas", 0)
    return Scaling(
        least=spec.get("minReplicas", 1),
        most=spec["maxReplicas"],
        replicas=replicas,
        wanted=status.get("desiredReplicas", replicas),
        metrics=tuple(metrics),
    )


def pod_row(pod: Object, sample: Sample, now: datetime) -> PodRow:
    """Return one pod."""
    meta, status = pod["metadata"], pod.get("status", {})
    states = status.get("containerStatuses", ())
    used = sample.usage.get(meta["name"])
    return PodRow(
        name=meta["name"],
        phase="Terminating" if is_terminating(pod) else status.get("phase", "Unknown"),
        ready=sum(bool(item.get("ready")) for item in states),
        containers=len(pod["spec"]["containers"]),
        restarts=sum(item.get("restartCount", 0) for item in states),
        age=age(meta["creationTimestamp"], now),
        cpu=used[0] if used else None,
        cpu_request=_amount(pod, "requests", "cpu", cpu),
        cpu_limit=_amount(pod, "limits", "cpu", cpu),
        memory=used[1] if used else None,
        memory_request=_amount(pod, "requests", "memory", memory),
        memory_limit=_amount(pod, "limits", "memory", memory),
        trouble=_trouble(pod),
    )


def event_rows(events: Sequence[Object], now: datetime) -> list[EventRow]:
    """Return the last hour's events: warnings first, then the newest first."""
    dated = sorted(((objects.last_seen(item), item) for item in events), key=lambda pair: pair[0], reverse=True)
    recent = [(at, item) for at, item in dated if at and (now - datetime.fromisoformat(at)).total_seconds() < RECENT]
    recent.sort(key=lambda pair: pair[1].get("type") != "Warning")
    return [_event_row(item, age(at, now)) for at, item in recent[:MOST_EVENTS]]


def _event_row(event: Object, since: str) -> EventRow:
    about = event.get("involvedObject") or {}
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    return EventRow(
        age=since,
        type=event.get("type", "Normal"),
        about=f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        reason=event.get("reason", ""),
        message=" ".join((event.get("message") or "").split()),
        count=count,
    )


def _amount(pod: Object, kind: str, resource: str, parse: Callable[[str], float]) -> float | None:
    """Return the sum over a pod's containers; None where one of them does not say."""
    said = [container.get("resources", {}).get(kind, {}).get(resource) for container in pod["spec"]["containers"]]
    return None if None in said else sum(parse(str(item)) for item in said)


def _trouble(pod: Object) -> str:
    """Return why a pod's container waits or was restarted, in the cluster's own word."""
    for item in pod.get("status", {}).get("containerStatuses", ()):
        reason = item.get("state", {}).get("waiting", {}).get("reason", "")
        if reason and reason != "ContainerCreating":
            return str(reason)
    return ""
