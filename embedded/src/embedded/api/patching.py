"""PATCH bodies turned into the object they lead to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embedded import errors
from embedded.api.request_info import RequestInfo
from embedded.errors import ApiError
from embedded.kinds import Kind
from embedded.objects import apply, managed, merge
from embedded.objects.values import clone
from embedded.store import Store

APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
ACCEPTED = ", ".join((JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY, "application/apply-patch+cbor"))


def patched(kind: Kind, live: dict[str, Any], content_type: str, body: bytes) -> dict[str, Any]:
    """Return the object after a JSON, merge or strategic merge patch."""
    try:
        patch = json.loads(body)
    except ValueError as error:
        raise ApiError(400, f"error decoding patch: {error}") from error
    if content_type == STRATEGIC and not kind.custom:
        if not isinstance(patch, dict):
            raise ApiError(400, "cannot restore struct from: json: patch is not an object")
        result = merge.strategic(managed.root_field(kind), live, patch)
    elif content_type == MERGE_PATCH:
        result = merge.merge_patch(live, patch)
    elif content_type == JSON_PATCH:
        result = _json_patch(live, patch)
    else:
        message = f"the body of the request was in an unknown format - accepted media types include: {ACCEPTED}"
        raise ApiError(415, message)
    if not isinstance(result, dict) or not isinstance(result.get("metadata"), dict):
        raise ApiError(422, "the patch leaves no object")
    copy: dict[str, Any] = clone(result)
    return copy


def _json_patch(live: dict[str, Any], patch: Any) -> object:
    import jsonpatch

    try:
        return jsonpatch.apply_patch(live, patch)
    except jsonpatch.JsonPatchTestFailed as error:
        message = f"the server rejected our request due to an error in our request: testing value failed: {error}"
        raise ApiError(422, message) from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError) as error:
        raise ApiError(422, f"the server rejected our request due to an error in our request: {error}") from error


def apply_config(
    store: Store, target: RequestInfo, live: dict[str, Any] | None, config: dict[str, Any], query: Mapping[str, str]
) -> dict[str, Any]:
    """Return the object after a server-side apply of `config`; raises 409 on conflicts unless forced."""
    manager = query.get("fieldManager")
    if not manager:
        cause = errors.Cause("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
        message = f'PatchOptions.meta.k8s.io "" is invalid: {cause.field}: {cause.message}'
        raise ApiError(422, message, details={"group": "meta.k8s.io", "kind": "PatchOptions"})
    if live is None and target.subresource:
        raise errors.not_found(target.kind.resource, target.name)
    return apply.apply(
        target.kind,
        live,
        config,
        manager,
        force=query.get("force") == "true",
        subresource=target.subresource,
        now=store.clock(),
    )
