"""Content negotiation: whole objects, their metadata alone, or a Table of cells for people."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from embedded.api import printers
from embedded.api.responses import JSON, reply
from embedded.kinds import Kind
from embedded.store import Store

SOURCE = Path(__file__).parent.parent / "data" / "columns.json"
METADATA = ("PartialObjectMetadata", "PartialObjectMetadataList")
# What the rows of pods that have ended say of themselves.
DONE = {
    phase: {"type": "Completed", "status": "True", "reason": phase, "message": message}
    for phase, message in (("Succeeded", "The pod has completed successfully."), ("Failed", "The pod failed."))
}
CREATION = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)


def form(request: web.Request) -> str:
    """Return what the Accept header asks for first: "Table", "PartialObjectMetadata(List)" or "" (objects)."""
    for part in request.headers.get("Accept", "").split(","):
        media, *parameters = part.strip().split(";")
        if media == JSON:
            asked = dict(parameter.strip().partition("=")[::2] for parameter in parameters)
            return asked.get("as", "")
    return ""


def content_type(request: web.Request) -> str:
    """Return the content type of a reply in JSON."""
    return JSON


@functools.cache
def _columns() -> dict[str, list[dict[str, Any]]]:
    names = ("name", "type", "format", "priority", "description")
    return {
        resource: [dict(zip(names, column, strict=True)) for column in columns]
        for resource, columns in json.loads(SOURCE.read_text()).items()
    }


def columns(kind: Kind) -> list[dict[str, Any]]:
    """Return the column definitions of a kind's table; name and age where nothing better is known."""
    known = _columns()
    if kind.custom:
        keys = ("name", "type", "format", "priority", "description")
        blank = {"format": "", "priority": 0, "description": ""}
        more = [{key: (blank | column).get(key, "") for key in keys} for column in kind.custom.columns]
        return [known["pods"][0], *more]
    default = [
        known["pods"][0],
        {"name": "Created At", "type": "date", "format": "", "priority": 0, "description": CREATION},
    ]
    return known.get(kind.resource, default)


def _partial(obj: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _row(kind: Kind, obj: dict[str, Any], store: Store, include: str) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": printers.cells(kind, obj, store.clock())}
    done = DONE.get(obj.get("status", {}).get("phase", "")) if kind.resource == "pods" else None
    if done:
        row["conditions"] = [done]
    if include != "None":
        row["object"] = obj if include == "Object" else _partial(obj)
    return row


def table(
    kind: Kind, objects: list[dict[str, Any]], meta: dict[str, Any], store: Store, include: str, *, headers: bool = True
) -> dict[str, Any]:
    """Return a meta.k8s.io/v1 Table of objects."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": columns(kind) if headers else [],
        "rows": [_row(kind, obj, store, include) for obj in objects],
    }


def answer(
    request: web.Request,
    kind: Kind,
    obj: dict[str, Any],
    store: Store,
    *,
    status: int = 200,
    warnings: list[str] | None = None,
) -> web.Response:
    """Return one object in the form asked for."""
    wanted = form(request)
    if wanted == "Table":
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        obj = table(kind, [obj], meta, store, request.query.get("includeObject", "Metadata"))
    elif wanted in METADATA:
        obj = _partial(obj)
    return reply(obj, status=status, warnings=warnings)


def answer_list(
    request: web.Request, kind: Kind, objects: list[dict[str, Any]], meta: dict[str, Any], store: Store
) -> web.Response:
    """Return a collection in the form asked for."""
    wanted = form(request)
    if wanted == "Table":
        return reply(table(kind, objects, meta, store, request.query.get("includeObject", "Metadata")))
    if wanted in METADATA:
        items = [_partial(obj) for obj in objects]
        listed = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        return reply(listed | {"items": items})
    items = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in objects]
    return reply({"kind": kind.kind + "List", "apiVersion": kind.api_version, "metadata": meta, "items": items})


def event_renderer(request: web.Request, kind: Kind, store: Store) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return how the objects of a watch are shown; column definitions come with the first row only."""
    wanted = form(request)
    include = request.query.get("includeObject", "Metadata")
    first = True

    def render(obj: dict[str, Any]) -> dict[str, Any]:
        nonlocal first
        if wanted == "Table":
            meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            shown = table(kind, [obj], meta, store, include, headers=first)
            first = False
            return shown
        return _partial(obj) if wanted in METADATA else obj

    return render
