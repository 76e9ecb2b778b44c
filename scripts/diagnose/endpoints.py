"""Services that lead nowhere: whether the selector, a port or the pods are to blame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.diagnose.graph import (
    ResourceGraph,
    containers,
    created,
    labels_of,
    named_after,
    selects,
    shown,
    similarity,
)
from scripts.diagnose.model import Object, Symptom
from scripts.kube.objects import is_owned, is_terminating, living, name_of, passes_probes, template

STOPPED = "stopped"  # cause: somebody scaled it to nothing, and nothing here brings it back

ALIKE = 0.5  # from this similarity on, a workload is taken for the one that a selector means


def endpoint_symptoms(graph: ResourceGraph) -> Iterator[Symptom]:
    """Yield every Service with a selector that cannot send a request to anybody, and why."""
    for service in graph.state.kind("Service"):
        selector = (service.get("spec") or {}).get("selector") or {}
        if selector and not is_terminating(service):
            yield from _symptoms_of(graph, service, selector)


def _symptoms_of(graph: ResourceGraph, service: Object, selector: Mapping[str, str]) -> Iterator[Symptom]:
    name = name_of(service)
    meant = [owner for owner, workload in graph.workloads.items() if selects(selector, labels_of(template(workload)))]
    pods = [pod for pod in living(graph.state.kind("Pod")) if selects(selector, labels_of(pod))]
    ports: list[Mapping[str, Any]] = service["spec"].get("ports") or []
    if not pods and not meant:
        gone = set(graph.state.services) - graph.workloads.keys()
        if gone.isdisjoint(selector.values()):  # else it means one that is not deployed, which is told as such
            yield from _mismatch(graph, service, selector)
        return
    owner = meant[0] if meant else graph.service_of(pods[0])[0]
    if not pods:
        workload = graph.workloads[owner]
        if workload.get("kind") == "Deployment" and (workload.get("spec") or {}).get("replicas", 1) == 0:
            evidence = f"{workload['kind'].lower()} {owner} is scaled to 0"
            yield _symptom(graph, service, owner, STOPPED, evidence, selector)
        return
    for port in ports:
        wrong = _wrong_port(port, pods)
        if wrong:
            offered = ", ".join(dict.fromkeys(_offered(pods))) or "none"
            target = port.get("targetPort", port.get("port"))
            evidence = f"Service {name} sends port {port.get('port')} to {target}; the pods declare {offered}"
            seconds = min(graph.age(created(pod)) for pod in pods)
            fields = {"port": str(target), "ports": offered}
            yield _symptom(graph, service, owner, wrong, evidence, selector, fields, seconds)
            return
    if not any(passes_probes(pod) for pod in pods):
        seconds = min(graph.age(created(pod)) for pod in pods)
        yield _symptom(graph, service, owner, "unready", f"none of {len(pods)} pods is ready", selector, {}, seconds)


def _mismatch(graph: ResourceGraph, service: Object, selector: Mapping[str, str]) -> Iterator[Symptom]:
    """Yield that nobody has the labels that the Service asks for: the nearest that there is was probably meant."""
    name = name_of(service)
    candidates: list[tuple[str, str, Mapping[str, str], Object]] = [
        (owner, f"{workload['kind'].lower()}/{owner}", labels_of(template(workload)), workload)
        for owner, workload in graph.workloads.items()
    ]
    candidates += [
        (name_of(pod), f"pod/{name_of(pod)}", labels_of(pod), pod)
        for pod in living(graph.state.kind("Pod"))
        if not is_owned(pod)
    ]

    def score(candidate: tuple[str, str, Mapping[str, str], Object]) -> float:
        related = named_after(name, candidate[0])  # by the longest such name, where there are more
        return similarity(selector, candidate[2]) + (1.0 + len(candidate[0]) / 1000 if related else 0.0)

    best = max(candidates, key=score, default=None)
    if best is None or score(best) < ALIKE:
        return
    owner, _, labels, workload = best
    missing = [f"{key}={value} (it has {key}={labels[key]})" if key in labels else f"{key}={value} (it has no {key})"
               for key, value in selector.items() if labels.get(key) != value]  # fmt: skip
    fields = {
        "nearest": shown((key, value) for key, value in labels.items() if key != "pod-template-hash"),
        "difference": "; ".join(missing),
    }
    evidence = (
        f"Service {name} selects {shown(selector)}; no pod has these labels; "
        f"the nearest, of {owner}, has {fields['nearest']}"
    )
    seconds = min(graph.age(created(service)), graph.age(created(workload)))
    yield _symptom(graph, service, owner, "selector", evidence, selector, fields, seconds)


def _wrong_port(port: Mapping[str, Any], pods: list[Object]) -> str:
    target = port.get("targetPort", port.get("port"))
    declared = [item for pod in pods for item in _ports(pod)]
    if isinstance(target, str) and not target.isdigit():
        return "" if any(item.get("name") == target for item in declared) else "port-name"
    numbers = {str(item.get("containerPort")) for item in declared}
    ready = any(passes_probes(pod) for pod in pods)
    return "port-number" if ready and numbers and str(target) not in numbers else ""


def _ports(pod: Object) -> list[Mapping[str, Any]]:
    return [port for container in containers(pod.get("spec") or {}) for port in container.get("ports") or ()]


def _offered(pods: list[Object]) -> list[str]:
    return [
        f"{port.get('containerPort')}" + (f" ({port['name']})" if port.get("name") else "")
        for pod in pods
        for port in _ports(pod)
    ]


def _symptom(
    graph: ResourceGraph,
    service: Object,
    owner: str,
    cause: str,
    evidence: str,
    selector: Mapping[str, str],
    fields: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Symptom:
    name = name_of(service)
    every = {"cause": cause, "k8s_service": name, "selector": shown(selector), "workload": owner}
    every |= dict.fromkeys(("nearest", "difference", "port", "ports"), "") | dict(fields or {})
    lasting = graph.age(created(service)) if seconds is None else seconds
    return Symptom("endpoints", owner, f"service/{name}", every, (evidence,), seconds=lasting)
