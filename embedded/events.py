"""Event objects, as the real recorder writes them: one object for the same thing said again, with a count."""

from __future__ import annotations

import hashlib

from embedded import kinds
from embedded.errors import ApiError
from embedded.objects.values import timestamp
from embedded.store import Store

KEEP_SECONDS = 3600.0  # how long an event lives, as in the real API server's default


def record(
    store: Store,
    obj: dict,
    type: str,
    reason: str,
    message: str,
    component: str,
    now: float,
    *,
    field_path: str = "",
    host: str = "",
) -> None:
    """Say something about an object; `type` is Normal or Warning, `component` who says it.

    In a namespace that is going away nothing is recorded.
    """
    meta = obj["metadata"]
    kind = kinds.of(obj)
    about = {
        "kind": kind.kind if kind else obj.get("kind", ""),
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "apiVersion": kind.api_version if kind else obj.get("apiVersion", ""),
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    about = {key: value for key, value in about.items() if value}
    namespace = meta.get("namespace") or "default"
    said = "\0".join((component, type, reason, message, about.get("uid", ""), field_path))
    name = f"{meta['name']}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    moment = timestamp(now)
    try:
        if store.get("events", namespace, name) is not None:
            store.modify("events", namespace, name, lambda event: _again(event, moment), manager=component)
            return
        source = {"component": component} | ({"host": host} if host else {})
        store.create(
            "events",
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": about,
                "reason": reason,
                "message": message,
                "source": source,
                "firstTimestamp": moment,
                "lastTimestamp": moment,
                "count": 1,
                "type": type,
                "eventTime": None,
                "reportingComponent": component,
                "reportingInstance": host,
            },
            manager=component,
        )
    except ApiError:  # the namespace is going away, or gone: there is nobody to tell
        return


def _again(event: dict, moment: str) -> None:
    event["count"] = event.get("count", 1) + 1
    event["lastTimestamp"] = moment
