"""A small router on the machine's own address in the network of the pods: what Ingresses and HTTPRoutes name.

It starts with the first object that has rules. Certificates are those of the Secrets that Ingresses and Gateways name;
hosts without one get the API server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import ssl
import tempfile
from base64 import b64decode
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from embedded.errors import ApiError
from embedded.node import gateways, routes
from embedded.node.dns import slices_by_service
from embedded.node.gateways import Listener, ReferenceContext
from embedded.node.routes import Backend, Route
from embedded.node.rules import endpoints
from embedded.objects import custom
from embedded.objects.values import timestamp
from embedded.store import Store

log = logging.getLogger(__name__)
CONTROLLER = "embedded/router"
CLASS = "nginx"  # what most charts say, and whose annotations are understood
INGRESSES, CLASSES = "ingresses.networking.k8s.io", "ingressclasses.networking.k8s.io"
HTTP_ROUTES, GATEWAYS = f"httproutes.{gateways.GROUP}", f"gateways.{gateways.GROUP}"
GATEWAY_CLASSES, GRANTS = f"gatewayclasses.{gateways.GROUP}", f"referencegrants.{gateways.GROUP}"
ROUTED = (INGRESSES, CLASSES, HTTP_ROUTES, GATEWAYS, GATEWAY_CLASSES, GRANTS)
LED_TO = ("services", "secrets", "namespaces")  # what rules and statuses of the Gateway API depend on too
WRITERS = {INGRESSES: "nginx-ingress-controller"}  # whom a status is said to be from, where not the Gateway API's
USUAL = {80: False, 443: True}  # the ports of Ingresses, and whether they speak TLS
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
    )
)


def ensure_class(store: Store) -> None:
    """Make the IngressClass there is, the default one, and the kinds of the Gateway API with their class."""
    if store.get(CLASSES, "", CLASS) is None:
        meta = {"name": CLASS, "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
        store.create(CLASSES, {"metadata": meta, "spec": {"controller": CONTROLLER}}, manager="kubelet")
    for definition in json.loads((files("embedded") / "data/gateway.json").read_text(encoding="utf-8")):
        if store.get(custom.RESOURCE, "", definition["metadata"]["name"]) is None:  # a user's own stays
            store.create(custom.RESOURCE, definition, manager="kubelet")
    if store.get(GATEWAY_CLASSES, "", CLASS) is None:
        made = {"metadata": {"name": CLASS}, "spec": {"controllerName": CONTROLLER}}
        store.create(GATEWAY_CLASSES, made, manager="kubelet")


class Router:
    """Serves ports 80 and 443 of one address, and those that Gateways name."""

    def __init__(self, store: Store, address: str, state: Path) -> None:
        self._store = store
        self._address = address
        self._pki = state / "pki"
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._routes: list[Route] = []
        self._listeners: list[Listener] = []
        self._sites: dict[int, web.TCPSite] = {}
        self._occupied: frozenset[int] = frozenset()
        self._lock = asyncio.Lock()
        self._contexts: dict[tuple[str, str, str], ssl.SSLContext] = {}

    def _listed(self, resource: str) -> list[dict[str, Any]]:
        try:
            return self._store.list(resource)
        except KeyError:  # nobody defined it
            return []

    async def sync(self) -> None:
        """Take over the rules as they are; start to serve with the first."""
        async with self._lock:
            await self._sync()

    async def _sync(self) -> None:
        classes = {item["metadata"]["name"]: item for item in self._store.list(CLASSES)}
        ingresses = [item for item in self._store.list(INGRESSES) if routes.is_ours(item, classes, CONTROLLER)]
        self._routes = routes.enforced(route for item in ingresses for route in routes.of_ingress(item))
        for item in self._listed(GATEWAY_CLASSES):
            if item["spec"]["controllerName"] == CONTROLLER:
                self._tell(GATEWAY_CLASSES, item, gateways.class_status(item, self._now()))
        wanted = dict(USUAL) if self._routes else {}
        self._occupied = frozenset()  # somebody may have left
        if not await self._listen(wanted | self._update_listeners()):
            self._update_listeners()  # what was wanted turned out to be somebody else's
        self._tell_routes()
        if set(USUAL) <= set(self._sites):
            for item in ingresses:
                self._tell(INGRESSES, item, {"loadBalancer": {"ingress": [{"ip": self._address}]}})

    @property
    def has_gateways(self) -> bool:
        """Return whether a Gateway is served, whose routes depend on Services, Secrets and namespaces."""
        return bool(self._listeners)

    def _now(self) -> str:
        return timestamp(self._store.clock())

    def _references(self) -> ReferenceContext:
        return ReferenceContext(
            {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in self._store.list("namespaces")},
            {(s["metadata"]["namespace"], s["metadata"]["name"]): s for s in self._store.list("services")},
            self._listed(GRANTS),
            lambda namespace, name: self._context(namespace, name) is not None,
            self._occupied,
        )

    def _update_listeners(self) -> dict[int, bool]:
        """Judge all Gateways anew; the ports they want, and whether these speak TLS."""
        mine = gateways.ours(self._listed(GATEWAYS), self._listed(GATEWAY_CLASSES), CONTROLLER)
        self._listeners = gateways.listeners(mine, self._references())
        return {one.port: one.spec["protocol"] == "HTTPS" for one in self._listeners if one.works}

    def _tell_routes(self) -> None:
        """Hang the routes on the listeners, and write into all of them what became of it."""
        context = self._references()
        self._routes = [route for route in self._routes if not route.port]
        for item in sorted(self._listed(HTTP_ROUTES), key=lambda one: str(one["metadata"]["creationTimestamp"])):
            rules, told = gateways.attach(item, self._listeners, context)
            self._routes += rules
            self._tell(HTTP_ROUTES, item, gateways.route_status(item, told, CONTROLLER, self._now()))
        for gateway in {id(one.gateway): one.gateway for one in self._listeners}.values():
            status = gateways.gateway_status(gateway, self._listeners, self._address, self._now())
            self._tell(GATEWAYS, gateway, status)

    def _tell(self, resource: str, item: dict[str, Any], status: dict[str, Any]) -> None:
        """Write a status where it is another one."""
        if (item.get("status") or {"parents": []}) == status:
            return
        meta = item["metadata"]
        with contextlib.suppress(ApiError):  # it is gone
            self._store.modify(
                resource,
                meta.get("namespace", ""),
                meta["name"],
                lambda obj: obj.update(status=status),
                subresource="status",
                manager=WRITERS.get(resource, "gateway-controller"),
            )

    async def _listen(self, wanted: dict[int, bool]) -> bool:
        """Serve these ports besides the usual ones, which stay; whether all of them could be had."""
        for port in [port for port in self._sites if port not in wanted and port not in USUAL]:
            await self._sites.pop(port).stop()
        missing = [port for port in wanted if port not in self._sites]
        if not missing:
            return True
        if self._runner is None:
            await self._start()
        failed = [port for port in missing if not await self._open(port, secure=wanted[port])]
        self._occupied = frozenset(failed)
        return not failed

    async def _start(self) -> None:
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runner = runner
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=10))

    async def _open(self, port: int, *, secure: bool) -> bool:
        assert self._runner is not None  # noqa: S101 - started before
        site = web.TCPSite(self._runner, self._address, port, ssl_context=self._tls() if secure else None)
        try:
            await site.start()
        except OSError as error:
            log.error("port %d is not served: %s", port, error)
            with contextlib.suppress(RuntimeError):
                await site.stop()
            return False
        self._sites[port] = site
        return True

    async def stop(self) -> None:
        """Serve no more."""
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = self._session = None
        self._sites = {}

    # certificates

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._pki / "server.crt", self._pki / "server.key")

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            found = self._certificate(name or "")
            if found is not None:
                connection.context = found

        context.sni_callback = choose
        return context

    def _certificate(self, host: str) -> ssl.SSLContext | None:
        for ingress in self._store.list(INGRESSES):
            for item in ingress["spec"].get("tls") or ():
                hosts = item.get("hosts") or ()
                if host in hosts or f"*.{host.partition('.')[2]}" in hosts:
                    space = ingress["metadata"]["namespace"]
                    return self._context(space, item.get("secretName", ""))
        if reference := gateways.certificate(self._listeners, host):
            return self._context(*reference)
        return None

    def _context(self, namespace: str, name: str) -> ssl.SSLContext | None:
        secret = self._store.get("secrets", namespace, name)
        data = (secret or {}).get("data") or {}
        if secret is None or "tls.crt" not in data or "tls.key" not in data:
            return None
        key = (namespace, name, secret["metadata"]["resourceVersion"])
        if key not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            with tempfile.NamedTemporaryFile(dir=self._pki) as file:  # a chain is only read from a file
                file.write(b64decode(data["tls.crt"]) + b"\n" + b64decode(data["tls.key"]))
                file.flush()
                try:
                    context.load_cert_chain(file.name)
                except (ssl.SSLError, ValueError) as error:
                    log.warning("certificate of secret %s/%s: %s", namespace, name, error)
                    return None
            self._contexts = {old: made for old, made in self._contexts.items() if old[:2] != key[:2]} | {key: context}
        return self._contexts[key]

    # requests

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        host, path = request.host.partition(":")[0].lower(), request.rel_url.raw_path
        port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        query = f"?{request.query_string}" if request.query_string else ""
        rules = [one for one in self._routes if one.port == port or (not one.port and port in USUAL)]
        route = routes.choose(rules, host, path, request.method, request.headers, request.query)
        if route is None:
            return web.Response(status=404, text="default backend - 404\n")
        if route.to_https and request.scheme == "http":
            return web.Response(status=308, headers={"Location": f"https://{host}{path}{query}"})
        if route.redirect is not None:
            status, where = routes.location(route.redirect, request.scheme, host, route.target(path), query)
            return web.Response(status=status, headers={"Location": where})
        if not any(backend.service for backend in route.backends):
            return web.Response(status=500, text="this rule leads to no Service that is there\n")
        backend = self._pick(route)
        if backend is None:
            return web.Response(status=503, text="no backend of this rule has a ready endpoint\n")
        scheme, address = backend
        url = f"{scheme}://{address}{route.target(path)}{query}"
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._bridge(request, route, url)
            return await self._pass_on(request, route, url)
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            return web.Response(status=502, text=f"the backend does not answer: {error}\n")

    def _pick(self, route: Route) -> tuple[str, str] | None:
        """Return scheme, address and port of an endpoint, by the weights of the rule's backends."""
        ready = {backend: found for backend in route.backends if backend.weight and (found := self._ready(backend))}
        if not ready:
            return None
        (backend,) = random.choices(list(ready), [one.weight for one in ready])  # noqa: S311 - spreads load
        return backend.scheme, random.choice(ready[backend])  # noqa: S311 - spreads load

    def _ready(self, backend: Backend) -> list[str]:
        service = self._store.get("services", backend.namespace, backend.service)
        for port in (service or {"spec": {}})["spec"].get("ports") or ():
            if service is not None and backend.port in ("", port["port"], port.get("name")):
                slices = slices_by_service(self._store).get((backend.namespace, backend.service), [])
                return [f"{one.address}:{one.port}" for one in endpoints(service, port, slices)]
        return []

    def _headers(self, request: web.Request, route: Route) -> dict[str, str]:
        kept = {key: value for key, value in request.headers.items() if key.lower() not in HOP_BY_HOP}
        client = request.remote or ""
        said = {"X-Forwarded-Proto": request.scheme, "X-Forwarded-Host": request.host, "X-Real-IP": client}
        said["X-Forwarded-For"] = ", ".join(filter(None, (request.headers.get("X-Forwarded-For"), client)))
        made = {key: value for key, value in (kept | said).items() if key.lower() not in route.drop_headers}
        replaced = {name.lower() for name, _ in route.set_headers}
        return {key: value for key, value in made.items() if key.lower() not in replaced} | dict(route.set_headers)

    async def _pass_on(self, request: web.Request, route: Route, url: str) -> web.StreamResponse:
        assert self._session is not None  # noqa: S101 - requests come while it serves
        body = request.content.iter_any() if request.can_read_body else None
        headers = self._headers(request, route)
        length = request.headers.get("Content-Length")
        if body is not None and length:
            headers["Content-Length"] = length
        async with self._session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
            ssl=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as answered:
            response = web.StreamResponse(status=answered.status, reason=answered.reason)
            response.headers.extend([(k, v) for k, v in answered.headers.items() if k.lower() not in HOP_BY_HOP])
            response.headers.update(dict(route.answer_headers))
            if "Content-Length" in answered.headers:
                response.content_length = int(answered.headers["Content-Length"])
            await response.prepare(request)
            async for piece in answered.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    async def _bridge(self, request: web.Request, route: Route, url: str) -> web.StreamResponse:
        """Carry a WebSocket."""
        assert self._session is not None  # noqa: S101 - requests come while it serves
        names = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
        kept = {k: v for k, v in self._headers(request, route).items() if not k.lower().startswith("sec-websocket")}
        async with self._session.ws_connect(URL(url, encoded=True), headers=kept, protocols=names, ssl=False) as inner:
            outer = web.WebSocketResponse(protocols=[inner.protocol] if inner.protocol else ())
            await outer.prepare(request)

            async def carry(source: object, target: object) -> None:
                async for message in source:  # type: ignore[attr-defined]
                    if message.type == aiohttp.WSMsgType.TEXT:
                        await target.send_str(message.data)  # type: ignore[attr-defined]
                    elif message.type == aiohttp.WSMsgType.BINARY:
                        await target.send_bytes(message.data)  # type: ignore[attr-defined]

            ways = [asyncio.ensure_future(carry(outer, inner)), asyncio.ensure_future(carry(inner, outer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await outer.close()
            return outer
