"""The HTTP application: routes, verbs, and every refusal as a Status."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from aiohttp import web

from embedded.api import (
    access,
    discovery,
    logs,
    metrics,
    openapi,
    openapiv2,
    portforward,
    proxying,
    rest,
    reviews,
    subresources,
    watching,
)
from embedded.api.node import Node
from embedded.api.request_info import RequestInfo, parse
from embedded.api.responses import refusal, reply
from embedded.errors import ApiError
from embedded.store import Store
from embedded.tokens import Issuer

log = logging.getLogger(__name__)
BODY_LIMIT = 3 * 1024 * 1024  # what a real server takes in one request
HEALTH = ("/healthz", "/livez", "/readyz")
OPEN = (*HEALTH, "/version")  # said to anybody who can connect
REVIEWS = ("authentication.k8s.io", "authorization.k8s.io")  # open to all who are known
METHODS = {
    ("GET", True): "get",
    ("GET", False): "list",
    ("POST", False): "create",
    ("PUT", True): "update",
    ("PATCH", True): "patch",
    ("DELETE", True): "delete",
    ("DELETE", False): "deletecollection",
}


@dataclasses.dataclass
class Api:
    """The API's handlers, with the objects, the node (None: there is none) and the server's own address.

    `ready` is what /readyz says: whether everything around the server runs too.
    """

    store: Store
    node: Node | None = None
    address: str = "127.0.0.1:6443"
    ready: bool = True
    issuer: Issuer = dataclasses.field(default_factory=Issuer)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        try:
            return await self._route(request)
        except ApiError as error:
            return refusal(error)
        except RecursionError:
            return refusal(ApiError(400, "the body of the request nests too deeply"))
        except ValueError as error:
            return refusal(ApiError(400, str(error)))
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {BODY_LIMIT}"
            return refusal(ApiError(413, message, reason="RequestEntityTooLarge"))
        except Exception as error:
            log.exception("%s %s", request.method, request.path_qs)
            return refusal(ApiError(500, f"Internal error occurred: {error}"))

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if not path.startswith(OPEN):
            who = access.caller(self.store, self.issuer, request)
        if path.startswith(("/api/", "/apis/")):
            if path.startswith(f"/apis/{discovery.METRICS}/v1beta1/"):
                return metrics.answer(self.store, self.node, request)
            info = parse(path)
            if info is not None:
                return await self._resource(info, request, who)
        if request.method not in ("GET", "HEAD"):
            raise ApiError(405, "the server does not allow this method on the requested resource", details={})
        return self._document(path.rstrip("/") or "/", request)

    def _document(self, path: str, request: web.Request) -> web.Response:
        parts = path.strip("/").split("/")
        if path == "/version":
            return reply(discovery.VERSION)
        if parts[0] == "readyz" and not self.ready:
            return web.Response(status=500, text="[+]ping ok\n[-]node failed: reason withheld\nreadyz check failed\n")
        if path in HEALTH or (f"/{parts[0]}" in HEALTH and len(parts) == 2):
            return web.Response(text="ok")
        if path == "/":
            return reply({"paths": sorted(["/api", "/api/v1", "/apis", *HEALTH, "/openapi/v3", "/version"])})
        if parts[0] == "openapi" and parts[1:2] == ["v3"]:
            return _openapi("/".join(parts[2:]), request)
        if path == "/openapi/v2":
            return web.Response(body=openapiv2.document(), headers={"Content-Type": openapiv2.MEDIA_TYPE})
        found = None
        if path in ("/api", "/apis"):
            core = path == "/api"
            if discovery.AGGREGATED.split(";", 1)[1] in request.headers.get("Accept", ""):
                return _tagged(discovery.aggregated(core), discovery.AGGREGATED, request)
            found = discovery.api_versions(self.address) if core else discovery.group_list()
        elif parts[0] == "api" and len(parts) == 2:
            found = discovery.resources("", parts[1])
        elif parts[0] == "apis" and len(parts) == 2:
            listed = discovery.group_list()["groups"]
            found = next((group for group in listed if group["name"] == parts[1]), None)
            found = {"kind": "APIGroup", "apiVersion": "v1"} | found if found else None
        elif parts[0] == "apis" and len(parts) == 3:
            found = discovery.resources(parts[1], parts[2])
        if found is None:
            return web.Response(text="404 page not found\n", status=404)
        return reply(found)

    async def _resource(self, info: RequestInfo, request: web.Request, who: access.User) -> web.StreamResponse:
        kind, method = info.kind, request.method
        verb = METHODS.get((method, bool(info.name)))
        if verb in ("get", "list") and request.query.get("watch") in ("true", "1"):
            verb = "watch"
        asked = "create" if method == "POST" else verb or method.lower()
        if kind.group not in REVIEWS:
            access.check(self.store, info, asked, who)
        if info.subresource not in ("", "status", "finalize"):
            return await self._subresource(info, request)
        if kind.verbs == ("create",):
            return await reviews.answer(self.store, self.issuer, info, request, who)
        needed = verb
        if info.subresource:
            needed = verb if verb in ("get", "update", "patch") else None
        if needed is None or (needed not in kind.verbs and not info.subresource):
            raise ApiError(405, "the server does not allow this method on the requested resource", details={})
        if verb == "watch":
            return await watching.watch(self.store, info, request)
        if verb == "get":
            return rest.get(self.store, info, request)
        if verb == "list":
            return rest.list_objects(self.store, info, request)
        handler = {
            "create": rest.create,
            "update": rest.update,
            "patch": rest.patch,
            "delete": rest.delete,
            "deletecollection": rest.delete_collection,
        }[needed]
        return await handler(self.store, info, request)

    async def _subresource(self, info: RequestInfo, request: web.Request) -> web.StreamResponse:
        match info.subresource:
            case "proxy":
                return await proxying.proxy(self.store, info, request)
            case "log":
                return await logs.stream(self.store, self.node, info, request)
            case "exec":
                return await logs.execute(self.store, self.node, info, request)
            case "portforward":
                return await portforward.forward(self.store, self.node, info, request)
            case "token":
                return await reviews.token(self.store, self.issuer, info, request)
            case _:
                return await subresources.answer(self.store, info, request)


def _openapi(path: str, request: web.Request) -> web.Response:
    if not path:
        return _tagged(openapi.index(), "text/plain; charset=utf-8", request)
    found = openapi.document(path)
    if found is None:
        return web.Response(text="404 page not found\n", status=404)
    return web.Response(body=found, headers={"Content-Type": "application/json"})


def _tagged(value: dict[str, Any], content_type: str, request: web.Request) -> web.Response:
    """Return a reply that clients may keep: with an ETag, and 304 to those who have it."""
    import hashlib

    from embedded.api.responses import encode

    body = encode(value)
    tag = '"' + hashlib.sha512(body).hexdigest().upper() + '"'
    headers = {"ETag": tag, "Vary": "Accept"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers | {"Content-Type": content_type})


def build(api: Api) -> web.Application:
    """Return the application that serves `api`."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_route("*", "/{path:.*}", api.handle)
    return app
