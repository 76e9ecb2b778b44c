"""Kinds that are answered, not stored: access and authentication reviews, and bindings.

Everybody who can connect holds the one client certificate, which is the cluster's administrator; others are known
only as those whom the administrator impersonates or asks about.
"""

from __future__ import annotations

from aiohttp import web

from embedded.api import access, bodies
from embedded.api.replies import reply
from embedded.api.subresources import bind
from embedded.api.target import Target
from embedded.errors import ApiError
from embedded.store import Store

EVERYTHING = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


async def answer(store: Store, target: Target, request: web.Request) -> web.Response:
    """POST of a review or a binding."""
    kind = target.kind
    if request.method != "POST" or target.name:
        raise ApiError(405, "the server does not allow this method on the requested resource", details={})
    value, _ = bodies.parse(request.content_type, await request.read())
    obj = bodies.check_identity(kind, value)
    if kind.kind == "Binding":
        return bind(store, target.namespace, obj["metadata"].get("name", ""), obj)
    spec = obj.get("spec") or {}
    who = access.caller(request)
    if kind.kind == "SelfSubjectReview":
        status: dict = {"userInfo": {"username": who.name, "groups": list(who.groups)}}
    elif kind.kind == "TokenReview":
        status = {"user": {}, "error": "invalid bearer token"}
    elif kind.kind == "SelfSubjectRulesReview":
        status = EVERYTHING if access.MASTERS in who.groups else _rules(store, who, spec.get("namespace", ""))
    else:
        if kind.kind != "SelfSubjectAccessReview":
            who = access.user(spec.get("user", ""), spec.get("groups") or [])
        status = {"allowed": access.allowed(store, who, spec.get("resourceAttributes") or {})}
    whole = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}, "spec": spec}
    return reply(whole | {"status": status}, status=201)


def _rules(store: Store, who: access.User, namespace: str) -> dict:
    return {"resourceRules": list(access.rules(store, who, namespace)), "nonResourceRules": [], "incomplete": False}
