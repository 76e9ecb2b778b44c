"""Health of a live release: pods ready, unrestarted and of the right image, endpoints there, the app answering."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

RECENT_SECONDS = 120.0  # a restart longer ago than this is history, not a sign


@dataclass(frozen=True)
class Check:
    """One verdict on one service; `problems` is empty where all is well."""

    service: str
    text: str
    problems: tuple[str, ...] = ()


def check_service(name: str, image: str, objects: Iterable[Mapping[str, Any]], now: datetime) -> Check:
    """Judge one service by its Deployment, its pods and the EndpointSlices of its Service."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for item in objects:
        by_kind.setdefault(item["kind"], []).append(item)
    deployment = next((item for item in by_kind.get("Deployment", []) if item["metadata"]["name"] == name), None)
    if deployment is None:
        return Check(name, "missing", (f"Deployment {name} does not exist",))
    selector = deployment["spec"]["selector"].get("matchLabels", {})
    wanted = deployment["spec"].get("replicas", 1)
    pods = [pod for pod in by_kind.get("Pod", []) if _belongs(pod, selector)]
    problems: list[str] = []
    ready = [pod for pod in pods if _is_ready(pod)]
    if len(ready) < wanted:
        problems.append(f"{len(ready)} of {wanted} pods are ready")
    for pod in pods:
        problems += _pod_problems(pod, image, now)
    slices = [
        item
        for item in by_kind.get("EndpointSlice", [])
        if item["metadata"].get("labels", {}).get("kubernetes.io/service-name") in (f"{name}-service", name)
    ]
    endpoints = [
        endpoint
        for item in slices
        for endpoint in item.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready") is not False
    ]
    if wanted and not endpoints:
        problems.append(f"the Service of {name} has no ready endpoint")
    return Check(name, f"{len(ready)}/{wanted} ready, {len(endpoints)} endpoints", tuple(problems))


def _belongs(pod: Mapping[str, Any], selector: Mapping[str, str]) -> bool:
    labels = pod["metadata"].get("labels", {})
    phase = pod.get("status", {}).get("phase")
    gone = "deletionTimestamp" in pod["metadata"] or phase in ("Failed", "Succeeded")
    return not gone and all(labels.get(key) == value for key, value in selector.items())


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _pod_problems(pod: Mapping[str, Any], image: str, now: datetime) -> list[str]:
    name = pod["metadata"]["name"]
    problems = []
    if image and all(container.get("image") != image for container in pod["spec"]["containers"]):
        problems.append(f"pod {name} runs {pod['spec']['containers'][0].get('image')}, not {image}")
    for container in pod.get("status", {}).get("containerStatuses", ()):
        ended = container.get("lastState", {}).get("terminated", {})
        finished = ended.get("finishedAt")
        if container.get("restartCount", 0) and finished:
            age = (now - datetime.fromisoformat(finished)).total_seconds()
            if age < RECENT_SECONDS:
                reason = ended.get("reason", "it ended")
                problems.append(
                    f"pod {name} was restarted {age:.0f} s ago: {reason}, exit code {ended.get('exitCode')}"
                )
    return problems


def probe_scheme(deployment: Mapping[str, Any]) -> str:
    """`https` where the Deployment's readiness probe speaks TLS, else an empty text, as the service proxy wants it."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    scheme = container.get("readinessProbe", {}).get("httpGet", {}).get("scheme", "HTTP")
    return "https" if scheme == "HTTPS" else ""


def probe_path(deployment: Mapping[str, Any]) -> str:
    """Where the Deployment's readiness probe asks, `/readyz` where it asks otherwise than by HTTP."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return str(container.get("readinessProbe", {}).get("httpGet", {}).get("path", "/readyz"))


def now() -> datetime:
    """This moment, as Kubernetes writes times."""
    return datetime.now(UTC)
