"""Match a pod with those around it: required affinity and anti-affinity, and the labels that spreading needs."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common
from embedded.objects import selectors
from embedded.store import Store

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
AFFINITY_MISMATCH = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY_MISMATCH = "node(s) didn't match pod anti-affinity rules"
EXISTING_ANTI_AFFINITY_MISMATCH = "node(s) didn't satisfy existing pods anti-affinity rules"
MISSING_TOPOLOGY_LABEL = "node(s) didn't match pod topology spread constraints (missing required label)"


def mismatch(store: Store, pod: dict[str, Any], node: dict[str, Any]) -> str:
    """Return why a pod cannot be among the pods that are placed, in the scheduler's words; "" if it can.

    One node is one domain of every topology, so spreading is uneven only where the node lacks the label.
    """
    spec, labels = pod["spec"], node["metadata"].get("labels", {})
    for constraint in spec.get("topologySpreadConstraints", ()):
        if constraint["whenUnsatisfiable"] == "DoNotSchedule" and constraint["topologyKey"] not in labels:
            return MISSING_TOPOLOGY_LABEL
    placed = store.list("pods", "", lambda item: bool(item["spec"].get("nodeName")) and not common.is_finished(item))
    domains = {item["metadata"]["name"]: item["metadata"].get("labels", {}) for item in store.list("nodes")}

    def near(other: dict[str, Any], topology: str) -> bool:
        there = domains.get(other["spec"]["nodeName"], {}).get(topology)
        return there is not None and there == labels.get(topology)

    for term in _terms(pod, "podAffinity"):
        topology = term["topologyKey"]
        if topology not in labels:
            return AFFINITY_MISMATCH
        company = any(_meant(term, pod, other) and near(other, topology) for other in placed)
        first = _meant(term, pod, pod) and not any(_meant(term, pod, other) for other in placed)
        if not company and not first:
            return AFFINITY_MISMATCH
    for term in _terms(pod, "podAntiAffinity"):
        if any(_meant(term, pod, other) and near(other, term["topologyKey"]) for other in placed):
            return ANTI_AFFINITY_MISMATCH
    for other in placed:
        for term in _terms(other, "podAntiAffinity"):
            if _meant(term, other, pod) and near(other, term["topologyKey"]):
                return EXISTING_ANTI_AFFINITY_MISMATCH
    return ""


def _terms(pod: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return (pod["spec"].get("affinity", {}).get(kind) or {}).get(REQUIRED) or []


def _meant(term: dict[str, Any], owner: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether a term of `owner` is about `other`."""
    spaces = term.get("namespaces") or [owner["metadata"]["namespace"]]
    if other["metadata"]["namespace"] not in spaces and "namespaceSelector" not in term:
        return False
    selector = term.get("labelSelector")
    return selector is not None and selectors.matches(selector, other["metadata"].get("labels", {}))
