"""metrics.k8s.io/v1beta1: what pods and nodes use, from the node's statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from embedded import errors
from embedded.api.node import Node
from embedded.api.responses import reply
from embedded.errors import ApiError
from embedded.objects import selectors
from embedded.objects.values import timestamp
from embedded.store import Store

WINDOW = "10s"
NOT_FOUND = "the server could not find the requested resource"


def amounts(usage: Mapping[str, float]) -> dict[str, str]:
    """Return cpu (cores) and memory (bytes) as quantities."""
    cpu, memory = usage.get("cpu", 0.0), usage.get("memory", 0)
    return {"cpu": f"{math.ceil(cpu * 1e9)}n", "memory": f"{math.ceil(memory / 1024)}Ki"}


def _pod(pod: dict[str, Any], containers: Mapping[str, Mapping[str, float]], now: float) -> dict[str, Any]:
    meta = pod["metadata"]
    kept = {"name": meta["name"], "namespace": meta["namespace"], "creationTimestamp": timestamp(now)}
    if meta.get("labels"):
        kept["labels"] = meta["labels"]
    listed = [{"name": name, "usage": amounts(usage)} for name, usage in sorted(containers.items())]
    return {"metadata": kept, "timestamp": timestamp(now), "window": WINDOW, "containers": listed}


def _node(node: dict[str, Any], usage: Mapping[str, Any], now: float) -> dict[str, Any]:
    meta = {"name": node["metadata"]["name"], "creationTimestamp": timestamp(now)}
    if node["metadata"].get("labels"):
        meta["labels"] = node["metadata"]["labels"]
    return {"metadata": meta, "timestamp": timestamp(now), "window": WINDOW, "usage": amounts(usage)}


def answer(store: Store, node: Node | None, request: web.Request) -> web.Response:
    """Answer GET below /apis/metrics.k8s.io/v1beta1/."""
    if request.method != "GET":
        raise ApiError(405, "the server does not allow this method on the requested resource", details={})
    parts = request.path.strip("/").split("/")[3:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 3:
        namespace, parts = parts[1], parts[2:]
    resource, name = parts[0], parts[1] if len(parts) > 1 else ""
    if resource not in ("pods", "nodes") or (resource == "nodes" and namespace):
        raise ApiError(404, NOT_FOUND, details={})
    usage = node.usage() if node is not None else {"pods": {}, "nodes": {}}
    requirements = selectors.parse_labels(request.query.get("labelSelector", ""))
    now = store.clock()
    found = []
    for obj in store.list(resource, namespace):
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"]) if resource == "pods" else meta["name"]
        used = usage[resource].get(key)
        if used is None or (name and meta["name"] != name):
            continue
        if selectors.labels_match(requirements, meta.get("labels") or {}):
            found.append(_pod(obj, used, now) if resource == "pods" else _node(obj, used, now))
    kind = "PodMetrics" if resource == "pods" else "NodeMetrics"
    head = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1"}
    if name:
        if not found:
            raise errors.not_found(f"{resource}.metrics.k8s.io", f"{namespace}/{name}" if namespace else name)
        return reply(head | found[0])
    return reply({"kind": kind + "List", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": found})
