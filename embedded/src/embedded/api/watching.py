"""Watches: changes as a stream of JSON lines, with bookmarks and initial lists."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from embedded.api import tables
from embedded.api.request_info import RequestInfo
from embedded.api.responses import encode
from embedded.api.rest import present, revision_asked, selection
from embedded.errors import ApiError
from embedded.objects import defaults, schema
from embedded.store import Event, Store, Watch

BOOKMARK_SECONDS = 60.0
INITIAL_END = "k8s.io/initial-events-end"


async def watch(store: Store, target: RequestInfo, request: web.Request) -> web.StreamResponse:
    """Stream the changes of a collection (or of one name) until the client or `timeoutSeconds` ends it."""
    query, kind = request.query, target.kind
    matches = selection(kind, query, target.name)
    bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
    initial = query.get("sendInitialEvents") == "true"
    revision = revision_asked(request)
    if initial and query.get("resourceVersionMatch") != "NotOlderThan":
        raise ApiError(
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        )
    render = tables.event_renderer(request, kind, store)
    start = store.revision
    from_now = initial or not revision
    changes = store.watch(kind.storage, target.namespace, None if from_now else revision)
    seconds = float(query.get("timeoutSeconds") or random.uniform(1800, 3600))  # noqa: S311 - spreads reconnects
    response = web.StreamResponse(headers={"Content-Type": tables.content_type(request)})
    try:
        await response.prepare(request)
        if from_now:
            found = store.list(kind.storage, target.namespace, matches)
            lines = [encode({"type": "ADDED", "object": render(present(kind, obj))}) for obj in found]
            if initial and bookmarks:
                lines.append(_bookmark(target, start, {INITIAL_END: "true"}))
            if lines:
                await response.write(b"".join(lines))
        await _stream(store, target, response, changes, matches, render, bookmarks, seconds)
    except (ConnectionResetError, asyncio.CancelledError):
        pass  # the client went away, or the server stops
    finally:
        changes.close()
    return response


async def _stream(
    store: Store,
    target: RequestInfo,
    response: web.StreamResponse,
    changes: Watch,
    matches: Callable[[dict[str, Any]], bool],
    render: Callable[[dict[str, Any]], dict[str, Any]],
    bookmarks: bool,
    seconds: float,
) -> None:
    kind = target.kind
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not changes.closed:
        events = await changes.wait(min(left, BOOKMARK_SECONDS))
        lines = []
        for event in events:
            found = translate(event, matches)
            if found:
                lines.append(encode({"type": found[0], "object": render(present(kind, found[1]))}))
        if not events and bookmarks and left > BOOKMARK_SECONDS:
            lines.append(_bookmark(target, store.revision, {}))
        if lines:
            await response.write(b"".join(lines))


def translate(event: Event, matches: Callable[[dict[str, Any]], bool]) -> tuple[str, dict[str, Any]] | None:
    """Return what a watcher with a selector sees of a change: objects come into its sight and go out of it."""
    visible = event.type != "DELETED" and matches(event.object)
    was = event.old is not None and matches(event.old)
    if visible:
        return ("MODIFIED" if was else "ADDED"), event.object
    if not was:
        return None
    gone = event.object if event.type == "DELETED" or event.old is None else event.old
    return "DELETED", gone | {"metadata": gone["metadata"] | {"resourceVersion": str(event.revision)}}


# What the conversions of a kind always write, beyond the empty object of its type.
EMPTY: dict[str, dict[str, Any]] = {
    "deployments.apps": {"spec": {"replicas": 0}},
    "replicasets.apps": {"spec": {"replicas": 0}},
    "horizontalpodautoscalers.autoscaling": {"spec": {"maxReplicas": 0}, "status": {"desiredReplicas": 0}},
    "poddisruptionbudgets.policy": {"status": defaults.STATUS["poddisruptionbudgets.policy"]},
    "rolebindings.rbac.authorization.k8s.io": {"roleRef": {"apiGroup": ""}},
    "clusterrolebindings.rbac.authorization.k8s.io": {"roleRef": {"apiGroup": ""}},
}


def _bookmark(target: RequestInfo, revision: int, annotations: dict[str, Any]) -> bytes:
    kind = target.kind
    meta: dict[str, Any] = {"resourceVersion": str(revision)}
    if annotations:
        meta["annotations"] = annotations
    known = schema.of(kind)
    empty = schema.zero(known.name) if known else {}
    for part, values in EMPTY.get(kind.resource, {}).items():
        empty[part] = values | empty.get(part, {})
    obj = empty | {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
    return encode({"type": "BOOKMARK", "object": obj})
