"""PATCH bodies turned into the object they lead to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embedded import errors
from embedded.api.decoding import JSON_NAMES
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
            kind_of_json = JSON_NAMES.get(type(patch), "value")
            message = f"json: cannot unmarshal {kind_of_json} into Go value of type map[string]interface {{}}"
            raise ApiError(400, message)
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

    result: object = live
    for step in patch if isinstance(patch, list) else [patch]:
        try:
            result = jsonpatch.apply_patch(result, [step])
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError) as error:
            # The library's own words hold the whole object, a Secret's content included.
            raise ApiError(
                422, f"the server rejected our request due to an error in our request: {_why(step)}"
            ) from error
    return result


def _why(step: Any) -> str:
    """Return why a step of a JSON patch cannot be made, in the words of the real server."""
    if not isinstance(step, dict) or not isinstance(step.get("path"), str):
        return "Unexpected kind: unknown"
    verb, path = step.get("op"), step["path"]
    if verb == "test":
        return f"testing value {path} failed: test failed"
    if verb in ("add", "remove", "replace", "move", "copy"):
        return f'{verb} operation does not apply: doc is missing path: "{path}": missing value'
    return f"Unexpected kind: {verb}"


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
