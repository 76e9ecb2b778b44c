"""Endpoints, the older form of EndpointSlices: written beside them, and made into one where people write their own."""

from __future__ import annotations

import operator
from typing import Any

from embedded.controllers import common
from embedded.controllers.common import MANAGER, Key
from embedded.objects.values import timestamp
from embedded.store import Store

RESOURCE, SLICES = "endpoints", "endpointslices.discovery.k8s.io"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
SLICE_MANAGED_BY, SERVICE_NAME = "endpointslice.kubernetes.io/managed-by", "kubernetes.io/service-name"
MIRRORING = "endpointslicemirroring-controller.k8s.io"
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"


def write(
    store: Store, service: dict[str, Any], found: list[dict[str, Any]], ports: list[dict[str, Any]], now: float
) -> None:
    """Write the Endpoints of a Service that selects pods; `found` and `ports` are those of its slice."""
    meta = service["metadata"]
    namespace, name = meta["namespace"], meta["name"]
    subsets = _subsets(found, ports)
    old = store.get(RESOURCE, namespace, name)
    if old is not None and (old.get("subsets") or []) == subsets:
        return
    labels = dict(meta.get("labels") or {}) | {MANAGED_BY: "endpoint-controller"}
    if service["spec"].get("clusterIP") == "None":
        labels[HEADLESS] = ""
    wanted = {"name": name, "namespace": namespace, "labels": labels, "annotations": {TRIGGER: timestamp(now)}}
    if old is None:
        made = {"metadata": wanted} | ({"subsets": subsets} if subsets else {})
        store.create(RESOURCE, made, manager=MANAGER)
        return

    def change(obj: dict[str, Any]) -> None:
        obj["metadata"] |= {"labels": labels, "annotations": wanted["annotations"]}
        obj.pop("subsets", None)
        if subsets:
            obj["subsets"] = subsets

    store.modify(RESOURCE, namespace, name, change, manager=MANAGER)


def _subsets(found: list[dict[str, Any]], ports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lists: dict[str, list[dict[str, Any]]] = {"addresses": [], "notReadyAddresses": []}
    for one in sorted(found, key=lambda item: item["addresses"][0]):
        conditions = one["conditions"]
        if conditions["terminating"]:
            continue
        address = {"ip": one["addresses"][0], "nodeName": one["nodeName"], "targetRef": one["targetRef"]}
        if one.get("hostname"):
            address["hostname"] = one["hostname"]
        lists["addresses" if conditions["ready"] else "notReadyAddresses"].append(address)
    kept = [{key: value for key, value in port.items() if value != ""} for port in ports]
    subset = {key: value for key, value in lists.items() if value}
    return [subset | ({"ports": kept} if kept else {})] if subset else []


def remove(store: Store, key: Key) -> None:
    """Delete the Endpoints of a Service that is gone."""
    old = store.get(RESOURCE, *key)
    if old is not None and MANAGED_BY in (old["metadata"].get("labels") or {}):
        store.delete(RESOURCE, *key)


def mirror(store: Store, service: dict[str, Any]) -> None:
    """Turn Endpoints that somebody wrote for a Service without a selector into a slice of the same addresses."""
    meta = service["metadata"]
    namespace, name = meta["namespace"], meta["name"]
    source = store.get(RESOURCE, namespace, name)
    slices = [
        item
        for item in store.list(SLICES, namespace)
        if (item["metadata"].get("labels") or {}).get(SERVICE_NAME) == name
    ]
    ours = [item for item in slices if item["metadata"]["labels"].get(SLICE_MANAGED_BY) == MIRRORING]
    if source is None or len(slices) > len(ours):
        return
    for index, subset in enumerate(source.get("subsets") or []):
        listed = [
            {"addresses": [item["ip"]], "conditions": {"ready": ready, "serving": ready, "terminating": False}}
            for word, ready in (("addresses", True), ("notReadyAddresses", False))
            for item in subset.get(word) or ()
        ]
        ports = [{"name": ""} | port for port in subset.get("ports") or ()]
        if index < len(ours):
            wanted = {"endpoints": listed, "ports": ports}
            store.modify(SLICES, namespace, ours[index]["metadata"]["name"], operator.methodcaller("update", wanted))
            continue
        labels = {SERVICE_NAME: name, SLICE_MANAGED_BY: MIRRORING}
        made = {"generateName": f"{name}-", "namespace": namespace, "labels": labels}
        made["ownerReferences"] = [common.reference(source | {"apiVersion": "v1", "kind": "Endpoints"})]
        store.create(
            SLICES,
            {"metadata": made, "addressType": "IPv4", "endpoints": listed, "ports": ports},
            manager=MANAGER,
        )
