"""Kinds that are answered, not stored: access and authentication reviews, and bindings.

Everybody who can connect holds the one client certificate, which is the cluster's administrator: every review about
the caller says yes.
"""

from __future__ import annotations

from aiohttp import web

from embedded.api import bodies
from embedded.api.replies import reply
from embedded.api.subresources import bind
from embedded.api.target import Target
from embedded.errors import ApiError
from embedded.store import Store

USER = {
    "username": "kubernetes-admin",
    "groups": ["system:masters", "system:authenticated"],
}
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
    if kind.kind == "SelfSubjectReview":
        status: dict = {"userInfo": USER}
    elif kind.kind == "TokenReview":
        status = {"user": {}, "error": "invalid bearer token"}
    elif kind.kind == "SelfSubjectRulesReview":
        status = EVERYTHING
    elif kind.kind in ("SubjectAccessReview", "LocalSubjectAccessReview"):
        spec = obj.get("spec", {})
        allowed = spec.get("user") == USER["username"] or "system:masters" in (spec.get("groups") or ())
        status = {"allowed": allowed}
    else:
        status = {"allowed": True}
    whole = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}, "spec": obj.get("spec", {})}
    return reply(whole | {"status": status}, status=201)
