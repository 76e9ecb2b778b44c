"""A small router on the machine's own address in the network of the pods: what Ingresses and HTTPRoutes name.

It starts with the first object that has rules. Certificates are those of the Secrets that Ingresses name; hosts without
one get the API server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from embedded.errors import ApiError
from embedded.node import routes
from embedded.node.dns import slices_by_service
from embedded.node.routes import Backend, Route
from embedded.node.rules import endpoints
from embedded.store import Store

log = logging.getLogger(__name__)
CONTROLLER = "embedded/router"
CLASS = "nginx"  # what most charts say, and whose annotations are understood
INGRESSES, CLASSES = "ingresses.networking.k8s.io", "ingressclasses.networking.k8s.io"
HTTP_ROUTES, GATEWAYS = "httproutes.gateway.networking.k8s.io", "gateways.gateway.networking.k8s.io"
ROUTED = (INGRESSES, CLASSES, HTTP_ROUTES)
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
    """Make the IngressClass there is, the default one."""
    if store.get(CLASSES, "", CLASS) is None:
        meta = {"name": CLASS, "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
        store.create(CLASSES, {"metadata": meta, "spec": {"controller": CONTROLLER}}, manager="kubelet")


class Router:
    """Serves ports 80 and 443 of one address."""

    def __init__(self, store: Store, address: str, state: Path) -> None:
        self._store = store
        self._address = address
        self._pki = state / "pki"
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._routes: list[Route] = []
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
        self._routes = [route for item in ingresses for route in routes.of_ingress(item)]
        self._routes += [route for item in self._listed(HTTP_ROUTES) for route in routes.of_http_route(item)]
        if self._routes and self._runner is None and not await self._start():
            return
        for item in ingresses:
            self._publish(item)

    async def _start(self) -> bool:
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._address, 80).start()
            await web.TCPSite(runner, self._address, 443, ssl_context=self._tls()).start()
        except OSError as error:
            log.error("Ingresses are not served: %s", error)
            await runner.cleanup()
            return False
        self._runner = runner
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=10))
        return True

    async def stop(self) -> None:
        """Serve no more."""
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = self._session = None

    def _publish(self, ingress: dict[str, Any]) -> None:
        """Write into an Ingress where it is served."""
        meta, where = ingress["metadata"], {"loadBalancer": {"ingress": [{"ip": self._address}]}}
        if ingress.get("status") != where:
            with contextlib.suppress(ApiError):  # it is gone
                self._store.modify(
                    INGRESSES,
                    meta["namespace"],
                    meta["name"],
                    lambda obj: obj.update(status=where),
                    subresource="status",
                    manager="nginx-ingress-controller",
                )

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
        query = f"?{request.query_string}" if request.query_string else ""
        route = routes.choose(self._routes, host, path, request.method, request.headers)
        if route is None:
            return web.Response(status=404, text="default backend - 404\n")
        if route.to_https and request.scheme == "http":
            return web.Response(status=308, headers={"Location": f"https://{host}{path}{query}"})
        if route.redirect is not None:
            status, where = routes.location(route.redirect, request.scheme, host, path, query)
            return web.Response(status=status, headers={"Location": where})
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
        """Scheme, address and port of an endpoint, by the weights of the rule's backends."""
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
        return kept | said | dict(route.set_headers)

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
