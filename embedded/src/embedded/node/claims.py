"""PersistentVolumeClaims on local folders: a claim of the class `standard` is bound to a folder of its own at once."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

from embedded.errors import ApiError
from embedded.events import record
from embedded.store import Store

CLASS = "standard"
PROVISIONER = "embedded/local-folder"
CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"


def ensure_class(store: Store) -> None:
    """Make the storage class there is, the default one."""
    if store.get(CLASSES, "", CLASS) is None:
        meta = {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
        made = {
            "metadata": meta,
            "provisioner": PROVISIONER,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        }
        store.create(CLASSES, made, manager="kubelet")


def volume(claim: dict[str, Any], root: Path) -> dict[str, Any]:
    """Return the volume made for a claim."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    ref = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": meta["namespace"], "name": meta["name"]}
    return {
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
            "hostPath": {"path": str(root / meta["namespace"] / name), "type": ""},
            "claimRef": ref | {"uid": meta["uid"]},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }


def bind_all(store: Store, root: Path) -> None:
    """Bind every claim that waits for this class, say of others why they wait, and let go of volumes whose claim is
    gone.
    """
    for claim in store.list(CLAIMS):
        meta, spec = claim["metadata"], claim["spec"]
        if (claim.get("status") or {}).get("phase") == "Bound" or meta.get("deletionTimestamp"):
            continue
        if spec.get("storageClassName", CLASS) == CLASS or spec.get("volumeName"):
            with contextlib.suppress(ApiError):  # the claim is going away, or the volume is there already
                _bind(store, claim, root)
        else:
            type, reason, message = _waits_for(store, spec["storageClassName"])
            record(store, claim, type, reason, message, "persistentvolume-controller", store.clock())
    uids = {claim["metadata"]["uid"] for claim in store.list(CLAIMS)}
    for found in store.list(VOLUMES):
        made = (found["metadata"].get("annotations") or {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        if made and found["spec"]["claimRef"]["uid"] not in uids:
            _remove(store, found)


def _waits_for(store: Store, name: str) -> tuple[str, str, str]:
    """Return what the volume controller says of a claim of a class that nobody serves here: type, reason, message."""
    if not name:
        message = "no persistent volumes available for this claim and no storage class is set"
        return "Normal", "FailedBinding", message
    found = store.get(CLASSES, "", name)
    if found is None:
        return "Warning", "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found'
    message = (
        f"Waiting for a volume to be created either by the external provisioner '{found['provisioner']}' or manually "
        "by the system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    return "Normal", "ExternalProvisioning", message


def _bind(store: Store, claim: dict[str, Any], root: Path) -> None:
    meta, spec = claim["metadata"], claim["spec"]
    name = spec.get("volumeName") or f"pvc-{meta['uid']}"
    found = store.get(VOLUMES, "", name)
    if found is None:
        if spec.get("volumeName"):
            return
        found = store.create(VOLUMES, volume(claim, root), manager="kubelet")

    def bound(obj: dict[str, Any]) -> None:
        obj["spec"]["volumeName"] = name
        obj["spec"].setdefault("storageClassName", CLASS)

    def phase(obj: dict[str, Any]) -> None:
        obj["status"] = (obj.get("status") or {}) | {"phase": "Bound"}

    def capacity(obj: dict[str, Any]) -> None:
        phase(obj)
        obj["status"] |= {"accessModes": found["spec"]["accessModes"], "capacity": found["spec"]["capacity"]}

    store.modify(CLAIMS, meta["namespace"], meta["name"], bound, manager="kubelet")
    store.modify(VOLUMES, "", name, phase, subresource="status", manager="kubelet")
    store.modify(CLAIMS, meta["namespace"], meta["name"], capacity, subresource="status", manager="kubelet")


def _remove(store: Store, found: dict[str, Any]) -> None:
    with contextlib.suppress(ApiError):
        store.delete(VOLUMES, "", found["metadata"]["name"])
        shutil.rmtree(found["spec"]["hostPath"]["path"], ignore_errors=True)
