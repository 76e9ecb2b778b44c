"""Kinds that are answered, not stored: access and authentication reviews, and bindings.

Who asks is known by the administrator's client certificate or by the token of a ServiceAccount.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from embedded import errors
from embedded.api import access, decoding
from embedded.api.request_info import RequestInfo
from embedded.api.responses import reply
from embedded.api.rest import find, media_type
from embedded.api.subresources import bind
from embedded.errors import ApiError, Cause
from embedded.objects.values import timestamp
from embedded.store import Store
from embedded.tokens import AUDIENCE, SECONDS, Issuer

LEAST_SECONDS = 600

EVERYTHING = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


async def answer(
    store: Store, issuer: Issuer, target: RequestInfo, request: web.Request, who: access.User
) -> web.Response:
    """Answer a POST of a review or a binding."""
    kind = target.kind
    if request.method != "POST" or target.name:
        raise ApiError(405, "the server does not allow this method on the requested resource", details={})
    value, _ = decoding.parse(media_type(request), await request.read())
    obj = decoding.check_identity(kind, value)
    if kind.kind == "Binding":
        return bind(store, target.namespace, obj["metadata"].get("name", ""), obj)
    spec = obj.get("spec") or {}
    if kind.kind == "SelfSubjectReview":
        status: dict[str, Any] = {"userInfo": {"username": who.name, "groups": list(who.groups)}}
    elif kind.kind == "TokenReview":
        asked = spec.get("audiences") or [AUDIENCE]
        found = access.token_user(store, issuer, spec.get("token", ""), asked)
        status = {"user": {}, "error": "invalid bearer token"}
        if found:
            status = {"authenticated": True, "user": {"username": found.name, "groups": list(found.groups)}}
            status |= {"audiences": asked}
    elif kind.kind == "SelfSubjectRulesReview":
        status = EVERYTHING if access.MASTERS in who.groups else _rules(store, who, spec.get("namespace", ""))
    else:
        if kind.kind != "SelfSubjectAccessReview":
            who = access.user(spec.get("user", ""), spec.get("groups") or [])
        status = {"allowed": access.allowed(store, who, spec.get("resourceAttributes") or {})}
    whole = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}, "spec": spec}
    return reply(whole | {"status": status}, status=201)


async def token(store: Store, issuer: Issuer, target: RequestInfo, request: web.Request) -> web.Response:
    """Answer a POST serviceaccounts/NAME/token: a token of that ServiceAccount."""
    if request.method != "POST":
        raise ApiError(405, "the server does not allow this method on the requested resource", details={})
    account = find(store, target)
    value, _ = decoding.parse(media_type(request), await request.read() or b"{}")
    spec = value.get("spec") or {}
    seconds = spec.get("expirationSeconds") or SECONDS
    if seconds < LEAST_SECONDS:
        cause = Cause("spec.expirationSeconds", "FieldValueInvalid", "")
        text = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        details: dict[str, Any] = {"name": "", "group": "authentication.k8s.io", "kind": "TokenRequest"}
        details["causes"] = [{"reason": cause.reason, "message": text, "field": cause.field}]
        raise ApiError(422, f'TokenRequest.authentication.k8s.io "" is invalid: {cause.field}: {text}', details=details)
    made, ends = issuer.issue(
        target.namespace,
        target.name,
        account["metadata"]["uid"],
        audiences=spec.get("audiences"),
        seconds=seconds,
        bound=_bound(store, target.namespace, spec.get("boundObjectRef")),
    )
    spec = {"audiences": spec.get("audiences") or [AUDIENCE], "expirationSeconds": seconds} | {
        "boundObjectRef": spec.get("boundObjectRef")
    }
    meta = {"name": target.name, "namespace": target.namespace, "creationTimestamp": timestamp(store.clock())}
    head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": meta, "spec": spec}
    return reply(head | {"status": {"token": made, "expirationTimestamp": timestamp(ends)}}, status=201)


def _bound(store: Store, namespace: str, reference: dict[str, Any] | None) -> dict[str, dict[str, str]]:
    if not reference:
        return {}
    resource = {"Pod": "pods", "Secret": "secrets"}.get(reference.get("kind", ""))
    if resource is None:
        raise ApiError(400, f"cannot bind token for serviceaccount to object of type {reference.get('kind')}")
    found = store.get(resource, namespace, reference.get("name", ""))
    if found is None:
        raise errors.not_found(resource, reference.get("name", ""))
    return {reference["kind"].lower(): {"name": reference["name"], "uid": found["metadata"]["uid"]}}


def _rules(store: Store, who: access.User, namespace: str) -> dict[str, Any]:
    return {"resourceRules": list(access.rules(store, who, namespace)), "nonResourceRules": [], "incomplete": False}
