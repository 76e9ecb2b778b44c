"""EndpointSlices: the addresses behind a Service, and whether each is ready, serving, or on its way out."""

from __future__ import annotations

from typing import Any

from embedded.controllers import common, endpoints
from embedded.controllers.common import MANAGER, Key
from embedded.objects.pod_resources import containers_of
from embedded.objects.values import timestamp
from embedded.store import Store

RESOURCE = "endpointslices.discovery.k8s.io"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
CONTROLLER = "endpointslice-controller.k8s.io"
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"


def reconcile(store: Store, key: Key, now: float) -> float | None:
    """Bring the slice of a Service up to date."""
    service = store.get("services", *key)
    if service is None:
        endpoints.remove(store, key)
        return None
    if common.is_terminating(service):
        return None
    if not service["spec"].get("selector"):
        endpoints.mirror(store, service)
        return None
    slices = [item for item in common.owned(store, RESOURCE, service) if _is_ours(item)]
    pods = store.list("pods", key[0], lambda pod: _selected(service, pod))
    ports = _ports(service, pods)
    listed = [endpoint(pod, service) for pod in pods] or None
    endpoints.write(store, service, listed or [], ports or [], now)
    if not slices:
        store.create(RESOURCE, _new(service, listed, ports, now), manager=MANAGER)
        return None
    current = slices[0]

    def change(obj: dict[str, Any]) -> None:
        if (obj.get("endpoints") or None) == listed and obj.get("ports") == ports:
            return
        obj["endpoints"] = listed
        obj["ports"] = ports
        obj["metadata"].setdefault("annotations", {})[TRIGGER] = timestamp(now)

    store.modify(RESOURCE, key[0], current["metadata"]["name"], change, manager=MANAGER)
    return None


def endpoint(pod: dict[str, Any], service: dict[str, Any]) -> dict[str, Any]:
    """Return one address. A terminating pod serves as long as it is ready, but is not ready for new connections."""
    meta, going = pod["metadata"], common.is_terminating(pod)
    serving = common.is_true(pod, "Ready")
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    made = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": published or (serving and not going), "serving": serving, "terminating": going},
        "targetRef": {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]},
        "nodeName": pod["spec"]["nodeName"],
    }
    if pod["spec"].get("hostname") and pod["spec"].get("subdomain") == service["metadata"]["name"]:
        made["hostname"] = pod["spec"]["hostname"]
    return made


def _is_ours(item: dict[str, Any]) -> bool:
    return bool(item["metadata"].get("labels", {}).get(MANAGED_BY) == CONTROLLER)


def _selected(service: dict[str, Any], pod: dict[str, Any]) -> bool:
    if common.is_finished(pod) or not pod.get("status", {}).get("podIP") or not pod["spec"].get("nodeName"):
        return False
    return bool(service["spec"]["selector"].items() <= pod["metadata"].get("labels", {}).items())


def _ports(service: dict[str, Any], pods: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    if not pods and service["spec"].get("clusterIP") != "None":
        return None
    found = []
    for port in service["spec"].get("ports", ()):
        target = _target(port, pods)
        if target is None:
            continue
        made = {"name": port.get("name", ""), "port": target, "protocol": port.get("protocol", "TCP")}
        if port.get("appProtocol"):
            made["appProtocol"] = port["appProtocol"]
        found.append(made)
    return found or None


def _target(port: dict[str, Any], pods: list[dict[str, Any]]) -> int | None:
    wanted = port.get("targetPort", port["port"])
    if isinstance(wanted, int):
        return wanted
    for pod in pods:
        for container in containers_of(pod["spec"]):
            for item in container.get("ports", ()):
                if item.get("name") == wanted and item.get("protocol", "TCP") == port.get("protocol", "TCP"):
                    return int(item["containerPort"])
    return None


def _new(
    service: dict[str, Any], listed: list[dict[str, Any]] | None, ports: list[dict[str, Any]] | None, now: float
) -> dict[str, Any]:
    meta = service["metadata"]
    labels = dict(meta.get("labels", {})) | {MANAGED_BY: CONTROLLER, SERVICE_NAME: meta["name"]}
    if service["spec"].get("clusterIP") == "None":
        labels[HEADLESS] = ""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {TRIGGER: timestamp(now)},
            "ownerReferences": [common.reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": listed,
        "ports": ports,
    }
