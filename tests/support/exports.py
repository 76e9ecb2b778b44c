"""What there is to measure: what the services export, read from their sources, and what a usual cluster adds."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.support.charts import ROOT

KINDS = {"Counter", "Gauge", "Histogram"}
TARGET = {"job", "namespace", "pod", "service", "endpoint", "container", "instance"}
"""Labels that the Prometheus operator puts on everything that is read by way of a Service."""

PROCESS: dict[str, set[str]] = {"process_cpu_seconds_total": set(), "process_resident_memory_bytes": set()}
"""Of the Python client by itself, on Linux."""

_DEPLOYMENT = {"namespace", "deployment"}
_SCALER = {"namespace", "horizontalpodautoscaler"}
_CONTAINER = {"namespace", "pod", "uid", "container"}
CLUSTER = {
    "up": TARGET,
    # kube-state-metrics
    "kube_deployment_spec_replicas": _DEPLOYMENT,
    "kube_deployment_status_replicas_available": _DEPLOYMENT,
    "kube_deployment_status_replicas_updated": _DEPLOYMENT,
    "kube_deployment_status_condition": _DEPLOYMENT | {"reason", "condition", "status"},
    "kube_horizontalpodautoscaler_spec_min_replicas": _SCALER,
    "kube_horizontalpodautoscaler_spec_max_replicas": _SCALER,
    "kube_horizontalpodautoscaler_status_current_replicas": _SCALER,
    "kube_horizontalpodautoscaler_status_desired_replicas": _SCALER,
    "kube_horizontalpodautoscaler_status_condition": _SCALER | {"condition", "status"},
    "kube_pod_container_status_restarts_total": _CONTAINER,
    "kube_pod_container_resource_limits": _CONTAINER | {"node", "resource", "unit"},
    # the kubelet's cAdvisor
    "container_memory_working_set_bytes": {"namespace", "pod", "container", "id", "image", "name"},
}
"""Of kube-prometheus-stack: metric → its labels."""


def python_metrics(folder: str) -> dict[str, set[str]]:
    """Metric → labels, as the Python sources below services/FOLDER declare them."""
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / "services" / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS):
                continue
            name, _, *labels = map(ast.literal_eval, node.args)
            found |= series(name, set(labels[0]) if labels else set(), histogram=node.func.id == "Histogram")
    return found


def series(name: str, labels: set[str], *, histogram: bool) -> dict[str, set[str]]:
    """The series that a metric is stored as."""
    if not histogram:
        return {name: labels}
    return {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}


def frontend_metrics() -> dict[str, set[str]]:
    """Metric → labels, as the frontend's exposition declares them."""
    text = (ROOT / "services/frontend/server/metrics.ts").read_text(encoding="utf-8")
    key, request = (set(re.findall(r"(\w+)=", line)) for line in re.findall(r"const (?:key|request) = `(.*)`;", text))
    labels = {"http_requests_total": key | request, "http_request_duration_seconds": key}
    found: dict[str, set[str]] = {}
    for name, kind in re.findall(r'"# TYPE (\w+) (\w+)"', text):
        found |= series(name, labels.get(name, set()), histogram=kind == "histogram")
    return found


@cache
def by_job() -> dict[str, dict[str, set[str]]]:
    """What each service exports."""
    shared = python_metrics("common") | PROCESS
    own = {name: shared | python_metrics(name) for name in ("backend", "agent", "mcp")}
    return own | {"frontend": frontend_metrics()}


def known() -> dict[str, set[str]]:
    """Every metric there is, with all labels it has once Prometheus holds it."""
    services = {name: labels | TARGET for metrics in by_job().values() for name, labels in metrics.items()}
    return services | CLUSTER
