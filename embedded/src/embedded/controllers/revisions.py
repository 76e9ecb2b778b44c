"""ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, for kubectl to show and undo."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from embedded.controllers import common
from embedded.controllers.common import MANAGER
from embedded.objects.values import clone
from embedded.store import Store

RESOURCE = "controllerrevisions.apps"
SAFE = "bcdfghjklmnpqrstvwxz2456789"
HASH = "controller-revision-hash"


def current(store: Store, owner: dict[str, Any]) -> dict[str, Any]:
    """Return the revision of the owner's template as it is, made or made the newest where it is not."""
    known = sorted(common.owned(store, RESOURCE, owner), key=lambda item: item["revision"])
    meta, template = owner["metadata"], owner["spec"]["template"]
    text = json.dumps(template, sort_keys=True)
    short = "".join(SAFE[byte % len(SAFE)] for byte in hashlib.sha256(text.encode()).digest()[:10])
    name, newest = f"{meta['name']}-{short}", known[-1]["revision"] if known else 0
    found = next((item for item in known if item["metadata"]["name"] == name), None)
    if found is None:
        made = {
            "metadata": {
                "name": name,
                "namespace": meta["namespace"],
                "labels": dict(template.get("metadata", {}).get("labels") or {}) | {HASH: short},
                "ownerReferences": [common.reference(owner)],
            },
            "data": {"spec": {"template": clone(template) | {"$patch": "replace"}}},
            "revision": newest + 1,
        }
        return store.create(RESOURCE, made, manager=MANAGER)
    if found["revision"] < newest:
        changed = store.modify(RESOURCE, meta["namespace"], name, lambda obj: obj.update(revision=newest + 1))
        return changed or found
    return found


def template_of(revision: dict[str, Any]) -> dict[str, Any]:
    """Return the pod template that a revision keeps."""
    kept: dict[str, Any] = clone(revision["data"]["spec"]["template"])
    kept.pop("$patch", None)
    return kept


def prune(store: Store, owner: dict[str, Any], used: set[str]) -> None:
    """Delete the oldest revisions beyond the limit that no pod has."""
    known = sorted(common.owned(store, RESOURCE, owner), key=lambda item: item["revision"])
    idle = [item["metadata"]["name"] for item in known if item["metadata"]["name"] not in used]
    for name in idle[: max(0, len(idle) - owner["spec"].get("revisionHistoryLimit", 10))]:
        store.delete(RESOURCE, owner["metadata"]["namespace"], name)
