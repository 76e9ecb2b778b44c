"""Event objects, as the real recorder writes them: one object for the same thing said again, with a count."""

from __future__ import annotations

import hashlib
from typing import Any

from embedded import kinds
from embedded.errors import ApiError
from embedded.objects.values import micro_timestamp, parse_timestamp, timestamp
from embedded.store import Store

MOST_ALIKE = 9  # events of one object and reason that differ in words only; from the next on they are combined
ALIKE_SECONDS = 600.0  # how far back alike events are looked for
KEEP_SECONDS = 3600.0  # how long an event lives after it was last said, as in the real API server's default
SWEEP_SECONDS = 60.0
COMBINED = "(combined from similar events): "


def record(
    store: Store,
    obj: dict[str, Any],
    type: str,
    reason: str,
    message: str,
    component: str,
    now: float,
    *,
    field_path: str = "",
    host: str = "",
    action: str = "",
) -> None:
    """Say something about an object; `type` is Normal or Warning, `component` who says it.

    With an action it has the newer shape (events.k8s.io), as the scheduler writes it.
    In a namespace that is going away nothing is recorded.
    """
    about = _reference(obj, field_path)
    namespace, whose = about.get("namespace", "default"), about["name"]
    shape = _modern(action, component, host, now) if action else _classic(component, host, now)
    try:
        name = _name(whose, component, type, reason, message, about)
        alike = [] if action or store.get("events", namespace, name) else _alike(store, namespace, about, reason, now)
        if len(alike) >= MOST_ALIKE and all(event["message"] != message for event in alike):
            name = _name(whose, component, type, reason, COMBINED, about)
            message = COMBINED + message
            shape |= {"reportingComponent": "", "reportingInstance": ""}
        if store.get("events", namespace, name) is not None:
            store.modify("events", namespace, name, lambda event: _again(event, message, now), manager=component)
            return
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "type": type,
        }
        store.create("events", event | shape, manager=component)
    except ApiError:  # the namespace is going away, or gone: there is nobody to tell
        return


def _reference(obj: dict[str, Any], field_path: str) -> dict[str, Any]:
    """Return an ObjectReference to an object, or to a part of it."""
    meta, kind = obj["metadata"], kinds.of(obj)
    found = {
        "kind": kind.kind if kind else obj.get("kind", ""),
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "apiVersion": kind.api_version if kind else obj.get("apiVersion", ""),
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {key: value for key, value in found.items() if value}


def expire(store: Store, now: float) -> float:
    """Delete the events that are too old. Returns the seconds until the next look."""

    def is_old(event: dict[str, Any]) -> bool:
        last = event.get("series", {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
        return bool(last and parse_timestamp(last) < now - KEEP_SECONDS)

    for event in store.list("events", "", is_old):
        store.delete("events", event["metadata"]["namespace"], event["metadata"]["name"])
    return SWEEP_SECONDS


def _classic(component: str, host: str, now: float) -> dict[str, Any]:
    return {
        "source": {"component": component} | ({"host": host} if host else {}),
        "firstTimestamp": timestamp(now),
        "lastTimestamp": timestamp(now),
        "count": 1,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": host,
    }


def _modern(action: str, component: str, host: str, now: float) -> dict[str, Any]:
    return {
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "action": action,
        "eventTime": micro_timestamp(now),
        "reportingComponent": component,
        "reportingInstance": f"{component}-{host}",
    }


def _name(name: str, component: str, type: str, reason: str, message: str, about: dict[str, Any]) -> str:
    said = "\0".join((component, type, reason, message, about.get("uid", ""), about.get("fieldPath", "")))
    return f"{name}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _alike(store: Store, namespace: str, about: dict[str, Any], reason: str, now: float) -> list[dict[str, Any]]:
    """Return what was said lately about the same part of an object for the same reason."""
    keys = ("uid", "fieldPath")

    def is_alike(event: dict[str, Any]) -> bool:
        other = event["involvedObject"]
        return (
            event["reason"] == reason
            and all(other.get(key) == about.get(key) for key in keys)
            and not event["message"].startswith(COMBINED)
            and bool(event.get("lastTimestamp"))
            and parse_timestamp(event["lastTimestamp"]) > now - ALIKE_SECONDS
        )

    return store.list("events", namespace, is_alike)


def _again(event: dict[str, Any], message: str, now: float) -> None:
    if event.get("action"):
        times = event.get("series", {}).get("count", 1) + 1
        event["series"] = {"count": times, "lastObservedTime": micro_timestamp(now)}
        return
    event["message"] = message
    event["count"] = event.get("count", 1) + 1
    event["lastTimestamp"] = timestamp(now)
