"""The Node object, its conditions and its Lease."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from pathlib import Path
from typing import Any

from embedded.errors import ApiError
from embedded.objects.values import clone, micro_timestamp, timestamp
from embedded.store import Store

VERSION = "v1.36.2"
PODS = 110
LEASE_SECONDS = 40
CONDITIONS = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def memory_bytes() -> int:
    """Return how much memory the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def host_address() -> str:
    """Return the address by which the machine reaches others; localhost when it reaches none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.254", 9))  # sends nothing
            address: str = probe.getsockname()[0]
            return address
        except OSError:
            return "127.0.0.1"


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _release() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def node(name: str, address: str, pod_cidr: str, engine: dict[str, Any], disk: Path) -> dict[str, Any]:
    """Return the Node as it is registered; `engine` is the Engine's /version."""
    arch = ARCHITECTURES.get(platform.machine(), platform.machine())
    tags = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": arch}
    tags |= {f"beta.{key}": value for key, value in tags.items() if key != "kubernetes.io/hostname"}
    storage = shutil.disk_usage(disk).total
    capacity = {"cpu": str(os.cpu_count() or 1), "memory": f"{memory_bytes() // 1024}Ki", "pods": str(PODS)}
    capacity |= {"ephemeral-storage": f"{storage // 1024}Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": tags},
        "spec": {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]},
        "status": {
            "capacity": dict(sorted(capacity.items())),
            "allocatable": dict(sorted(capacity.items())),
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": arch,
                "bootID": _text("/proc/sys/kernel/random/boot_id"),
                "containerRuntimeVersion": f"docker://{engine.get('Version', '')}",
                "kernelVersion": platform.release(),
                "kubeProxyVersion": "",
                "kubeletVersion": VERSION,
                "machineID": _text("/etc/machine-id"),
                "operatingSystem": "linux",
                "osImage": _release(),
                "systemUUID": _text("/sys/class/dmi/id/product_uuid"),
            },
        },
    }


def conditions(old: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
    """Return the node's conditions; times of those that did not change are kept."""
    before = {condition["type"]: condition for condition in old}
    made = []
    for name, (status, reason, message) in CONDITIONS.items():
        kept = before.get(name, {})
        since = kept["lastTransitionTime"] if kept.get("status") == status else timestamp(now)
        condition = {"type": name, "status": status, "lastHeartbeatTime": timestamp(now), "lastTransitionTime": since}
        made.append(condition | {"reason": reason, "message": message})
    return made


def register(store: Store, wanted: dict[str, Any], now: float) -> None:
    """Make or renew the Node object; labels and taints that others set stay."""
    name = wanted["metadata"]["name"]
    if store.get("nodes", "", name) is None:
        store.create("nodes", wanted, manager="kubelet")

    def labels(obj: dict[str, Any]) -> None:
        obj["metadata"]["labels"] = (obj["metadata"].get("labels") or {}) | wanted["metadata"]["labels"]
        obj["spec"] = (obj.get("spec") or {}) | wanted["spec"]

    def status(obj: dict[str, Any]) -> None:
        told = (obj.get("status") or {}).get("conditions", [])
        obj["status"] = clone(wanted["status"]) | {"conditions": conditions(told, now)}

    store.modify("nodes", "", name, labels, manager="kubelet")
    store.modify("nodes", "", name, status, subresource="status", manager="kubelet")


def renew(store: Store, name: str, now: float) -> None:
    """Say that the node is alive, by its Lease."""
    namespace = "kube-node-lease"

    def change(lease: dict[str, Any]) -> None:
        lease["spec"]["renewTime"] = micro_timestamp(now)

    try:
        if store.modify("leases.coordination.k8s.io", namespace, name, change, manager="kubelet") is None:
            spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": micro_timestamp(now)}
            meta = {"name": name, "namespace": namespace}
            store.create("leases.coordination.k8s.io", {"metadata": meta, "spec": spec}, manager="kubelet")
    except ApiError:  # the namespace is not there yet, or is going away: the next renewal tries again
        return
