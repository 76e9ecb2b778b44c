"""The REST verbs on objects: get, list, create, update, patch, apply, delete and delete of a collection."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from embedded import errors
from embedded.api import decoding, patching, tables
from embedded.api.request_info import RequestInfo
from embedded.api.responses import reply
from embedded.errors import ApiError
from embedded.kinds import Kind
from embedded.objects import selectors
from embedded.store import Store

SHOWN_WHEN_DELETED = frozenset(
    (
        *("Pod", "Namespace", "Service", "ServiceAccount", "ResourceQuota"),
        *("PersistentVolume", "PersistentVolumeClaim"),
    )
)


def selection(kind: Kind, query: Mapping[str, str], name: str = "") -> Callable[[dict[str, Any]], bool]:
    """Return the test that labelSelector, fieldSelector and a name in the path stand for."""
    requirements = selectors.parse_labels(query.get("labelSelector", ""))
    fields = selectors.parse_fields(kind.storage, query.get("fieldSelector", ""))

    def matches(obj: dict[str, Any]) -> bool:
        meta = obj["metadata"]
        if name and meta["name"] != name:
            return False
        return selectors.labels_match(requirements, meta.get("labels") or {}) and fields(obj)

    return matches


def present(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """Return an object in the kind under which it is asked for (core events under events.k8s.io)."""
    if not kind.stored_as:
        return obj if obj.get("apiVersion") == kind.api_version else obj | {"apiVersion": kind.api_version}
    shown = {key: value for key, value in obj.items() if key in ("metadata", "reason", "type", "action", "related")}
    shown |= {"apiVersion": kind.api_version, "kind": kind.kind, "eventTime": obj.get("eventTime")}
    renamed = {
        "involvedObject": "regarding",
        "message": "note",
        "source": "deprecatedSource",
        "firstTimestamp": "deprecatedFirstTimestamp",
        "lastTimestamp": "deprecatedLastTimestamp",
        "count": "deprecatedCount",
        "reportingComponent": "reportingController",
        "reportingInstance": "reportingInstance",
        "series": "series",
    }
    return shown | {new: obj[old] for old, new in renamed.items() if old in obj}


def find(store: Store, target: RequestInfo) -> dict[str, Any]:
    """Return the object a path names; raises 404."""
    obj = store.get(target.kind.storage, target.namespace, target.name)
    if obj is None:
        raise errors.not_found(target.kind.resource, target.name)
    return obj


def get(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer GET of one object."""
    refuse_future(store, request)
    return tables.answer(request, target.kind, present(target.kind, find(store, target)), store)


def list_objects(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer GET of a collection, filtered and in pages of `limit`."""
    refuse_future(store, request)
    kind, query = target.kind, request.query
    _check_match(request)
    found = store.list(kind.storage, target.namespace, selection(kind, query))
    revision, total = str(store.revision), len(found)
    meta: dict[str, Any] = {"resourceVersion": revision}
    after = _continued(query.get("continue", ""))
    if after:
        revision = meta["resourceVersion"] = after[0]
        found = [obj for obj in found if (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) > after[1]]
        total = len(found)
    limit = int(query.get("limit") or 0)
    if 0 < limit < total:
        found = found[:limit]
        last = found[-1]["metadata"]
        token = json.dumps([revision, [last.get("namespace", ""), last["name"]]]).encode()
        meta["continue"] = base64.urlsafe_b64encode(token).decode().rstrip("=")
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            meta["remainingItemCount"] = total - limit
    return tables.answer_list(request, kind, [present(kind, obj) for obj in found], meta, store)


def _continued(token: str) -> tuple[str, tuple[str, str]] | None:
    if not token:
        return None
    try:
        revision, key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return str(revision), (str(key[0]), str(key[1]))
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise ApiError(400, "continue key is not valid: encoded for another server") from error


def revision_asked(request: web.Request) -> int:
    """Return the resource version that is asked for, 0 where none is; raises 400 for what is none."""
    text = request.query.get("resourceVersion", "") or "0"
    if not (text.isascii() and text.isdecimal()):
        why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(400, f'resourceVersion: Invalid value: "{text}": {why}')
    return int(text)


def _check_match(request: web.Request) -> None:
    """Raise 422 where a list says how to match a resource version that it does not name, or cannot match so."""
    how, revision = request.query.get("resourceVersionMatch", ""), request.query.get("resourceVersion", "")
    if not how:
        return
    why = ""
    if not revision:
        why = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif request.query.get("continue"):
        why = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
    elif how not in ("Exact", "NotOlderThan"):
        why = f'Unsupported value: "{how}": supported values: "Exact", "NotOlderThan"'
    elif how == "Exact" and revision == "0":
        why = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    if why:
        raise ApiError(422, f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {why}')


def refuse_future(store: Store, request: web.Request) -> None:
    """Raise 504 for a state that is asked for and not reached yet."""
    if (asked := revision_asked(request)) > store.revision:
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        message = f"Timeout: Too large resource version: {asked}, current: {store.revision}"
        raise ApiError(504, message, details={"causes": [cause], "retryAfterSeconds": 1})


def manager_of(request: web.Request) -> str:
    """Return the field manager: as stated, else the start of the User-Agent."""
    return request.query.get("fieldManager") or request.headers.get("User-Agent", "unknown").split("/")[0]


def media_type(request: web.Request) -> str:
    """Return what a body says to be; nothing where it does not say: then it is JSON."""
    return request.content_type if "Content-Type" in request.headers else ""


def is_dry_run(request: web.Request) -> bool:
    """Return whether a write is only tried; raises 400 on an unknown directive."""
    directives = request.query.getall("dryRun", [])
    if any(directive != "All" for directive in directives):
        raise ApiError(400, f'Invalid value: "{directives[0]}": dryRun: Unsupported value: supported values: "All"')
    return bool(directives)


async def read(request: web.Request, kind: Kind) -> tuple[dict[str, Any], list[str]]:
    """Return the object in the body, checked as `fieldValidation` asks, and the warnings about it."""
    value, problems = decoding.parse(media_type(request), await request.read())
    obj = decoding.check_identity(kind, value)
    mode = request.query.get("fieldValidation", "Warn")
    return obj, decoding.check_fields(kind, obj, problems, mode)


def place(target: RequestInfo, obj: dict[str, Any]) -> None:
    """Put an object where its path says; raises 400 when it says otherwise itself."""
    meta = obj["metadata"]
    if target.kind.namespaced and meta.setdefault("namespace", target.namespace) != target.namespace:
        raise ApiError(400, "the namespace of the provided object does not match the namespace sent on the request")
    if target.name and meta.setdefault("name", target.name) != target.name:
        message = f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})"
        raise ApiError(400, message)


async def create(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer a POST to a collection."""
    kind = target.kind
    obj, warnings = await read(request, kind)
    place(target, obj)
    if obj["metadata"].get("resourceVersion") not in (None, "", "0"):  # as one has that was read, to be put back
        raise ApiError(500, "resourceVersion should not be set on objects to be created", reason="")
    made = store.create(kind.storage, obj, manager=manager_of(request), dry_run=is_dry_run(request))
    return tables.answer(request, kind, present(kind, made), store, status=201, warnings=warnings + store.warnings)


async def update(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer a PUT of an object or its status."""
    kind = target.kind
    obj, warnings = await read(request, kind)
    place(target, obj)
    written = store.update(
        kind.storage,
        obj,
        subresource=target.subresource,
        manager=manager_of(request),
        dry_run=is_dry_run(request),
    )
    return tables.answer(request, kind, written, store, warnings=warnings + store.warnings)


async def patch(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer a PATCH of an object or its status, by any of the four patch types."""
    kind = target.kind
    body, query = await request.read(), request.query
    dry_run, manager = is_dry_run(request), manager_of(request)
    mode = query.get("fieldValidation", "Warn")
    live = store.get(kind.storage, target.namespace, target.name)
    if media_type(request) == patching.APPLY:
        config, problems = decoding.parse(media_type(request), body)
        config = decoding.check_identity(kind, config)
        warnings = decoding.check_fields(kind, config, problems, mode)
        place(target, config)
        applied = patching.apply_config(store, target, live, config, query)
        if live is None:
            made = store.create(kind.storage, applied, dry_run=dry_run)
            return tables.answer(request, kind, made, store, status=201, warnings=warnings + store.warnings)
        written = store.update(kind.storage, applied, subresource=target.subresource, dry_run=dry_run)
        return tables.answer(request, kind, written, store, warnings=warnings + store.warnings)
    if live is None:
        raise errors.not_found(kind.resource, target.name)
    changed = patching.patched(kind, live, media_type(request), body)
    warnings = decoding.check_fields(kind, changed, [], mode)
    place(target, changed)
    written = store.update(kind.storage, changed, subresource=target.subresource, manager=manager, dry_run=dry_run)
    return tables.answer(request, kind, written, store, warnings=warnings + store.warnings)


async def delete_options(request: web.Request) -> dict[str, Any]:
    """Return DeleteOptions of the body, laid over those of the query."""
    options: dict[str, Any] = {}
    query = request.query
    if "gracePeriodSeconds" in query:
        options["gracePeriodSeconds"] = int(query["gracePeriodSeconds"])
    if "propagationPolicy" in query:
        options["propagationPolicy"] = query["propagationPolicy"]
    body = await request.read()
    if body:
        value, _ = decoding.parse(media_type(request), body)
        options |= value
    if options.get("orphanDependents") is not None:
        options["propagationPolicy"] = "Orphan" if options["orphanDependents"] else "Background"
    return options


def _delete(store: Store, kind: Kind, obj: dict[str, Any], options: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    preconditions = options.get("preconditions") or {}
    return store.delete(
        kind.storage,
        obj["metadata"].get("namespace", ""),
        obj["metadata"]["name"],
        grace=options.get("gracePeriodSeconds"),
        propagation=options.get("propagationPolicy") or "Background",
        uid=preconditions.get("uid"),
        revision=preconditions.get("resourceVersion"),
        dry_run=dry_run,
    )


async def delete(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer a DELETE of an object: the object while it stays or where it had a grace period, else a Status."""
    kind = target.kind
    options = await delete_options(request)
    dry_run = is_dry_run(request) or bool(options.get("dryRun"))
    left = _delete(store, kind, find(store, target), options, dry_run)
    meta = left["metadata"]
    if kind.kind in SHOWN_WHEN_DELETED or meta.get("finalizers"):
        return tables.answer(request, kind, left, store)
    details = {"name": meta["name"], "group": kind.group, "kind": kind.plural, "uid": meta["uid"]}
    details = {key: value for key, value in details.items() if value}
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return reply(status)


async def delete_collection(store: Store, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer a DELETE of a collection: every matching object."""
    kind = target.kind
    options = await delete_options(request)
    dry_run = is_dry_run(request) or bool(options.get("dryRun"))
    found = store.list(kind.storage, target.namespace, selection(kind, request.query))
    left = [_delete(store, kind, obj, options, dry_run) for obj in found]
    return tables.answer_list(request, kind, left, {"resourceVersion": str(store.revision)}, store)
