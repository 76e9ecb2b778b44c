"""The proxy subresource: a request passed on to a ready endpoint of a service, or to a pod."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from embedded import errors
from embedded.api.request_info import RequestInfo
from embedded.errors import ApiError
from embedded.store import Store

HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"),
        *("transfer-encoding", "host", "content-length", "content-encoding", "authorization", "accept-encoding"),
    )
)
SCHEMES = ("http", "https")


def parse_name(text: str) -> tuple[str, str, str]:
    """Return scheme, name and port of "[SCHEME:]NAME[:PORT]"; scheme http and port "" by default."""
    parts = text.split(":")
    if len(parts) == 3:
        return parts[0] or "http", parts[1], parts[2]
    if len(parts) == 2 and parts[0] in SCHEMES:
        return parts[0], parts[1], ""
    return "http", parts[0], parts[1] if len(parts) > 1 else ""


def endpoints(store: Store, namespace: str, name: str, port: str) -> Iterator[tuple[str, int]]:
    """Yield address and port of every ready endpoint of a service; `port` is a number, a name, or "" for the only
    one.
    """
    service = store.get("services", namespace, name)
    if service is None:
        raise errors.not_found("services", name)
    ports = service["spec"].get("ports") or []
    chosen = [p for p in ports if port in (p.get("name", ""), str(p["port"]))] if port else ports[:1]
    if not chosen:
        raise ApiError(503, f'no service port "{port}" found for service "{name}"', reason="ServiceUnavailable")
    wanted = chosen[0].get("name", "")

    def owned(obj: dict[str, Any]) -> bool:
        return (obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name

    for found in store.list("endpointslices.discovery.k8s.io", namespace, owned):
        numbers = [p["port"] for p in found.get("ports") or () if p.get("name", "") == wanted]
        for endpoint in found.get("endpoints") or ():
            if numbers and (endpoint.get("conditions") or {}).get("ready", True):
                yield endpoint["addresses"][0], numbers[0]


def pod_address(store: Store, namespace: str, name: str, port: str) -> tuple[str, int]:
    """Return address and port of a pod; without a port that of its first container, or 80."""
    pod = store.get("pods", namespace, name)
    if pod is None:
        raise errors.not_found("pods", name)
    address = pod.get("status", {}).get("podIP")
    if not address:
        raise ApiError(503, "address not allowed", reason="ServiceUnavailable")
    declared = pod["spec"]["containers"][0].get("ports") or [{"containerPort": 80}]
    return address, int(port) if port.isdecimal() else declared[0]["containerPort"]


def relocated(location: str, prefix: str, hosts: Collection[str]) -> str:
    """Return where a redirect of what is proxied leads, through the proxy: `prefix` is its path, and `hosts` are the
    names by which the asked one knows itself. Another's address, and one relative to the path, stay as they are.
    """
    parts = urlsplit(location)
    if (parts.netloc and parts.netloc not in hosts) or not parts.path.startswith("/"):
        return location
    path = parts.path if parts.path.startswith(prefix) else prefix + parts.path
    return urlunsplit(("", "", path, parts.query, parts.fragment))


def _backend(store: Store, target: RequestInfo) -> tuple[str, str, int]:
    """Return scheme, address and port that a request goes to. Raises 503 where nothing serves, 404 for other kinds."""
    scheme, name, port = parse_name(target.name)
    if target.kind.plural == "services":
        found = list(endpoints(store, target.namespace, name, port))
        if not found:
            raise ApiError(503, f'no endpoints available for service "{target.name}"', reason="ServiceUnavailable")
        return (scheme, *random.choice(found))  # noqa: S311 - spreads load
    if target.kind.plural == "pods":
        return (scheme, *pod_address(store, target.namespace, name, port))
    raise ApiError(404, "the server could not find the requested resource", details={})


async def proxy(store: Store, target: RequestInfo, request: web.Request) -> web.StreamResponse:
    """Answer any method on services/[SCHEME:]NAME[:PORT]/proxy/PATH, and the same on pods."""
    scheme, address, number = _backend(store, target)
    path = target.rest or "/"
    query = f"?{request.query_string}" if request.query_string else ""
    headers = {key: value for key, value in request.headers.items() if key.lower() not in HOP_BY_HOP}
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=None, sock_connect=10), auto_decompress=False) as session,
            session.request(
                request.method,
                f"{scheme}://{address}:{number}{path}{query}",
                headers=headers,
                data=await request.read() or None,
                allow_redirects=False,
                ssl=False,
            ) as answered,
        ):
            kept = [(k, v) for k, v in answered.headers.items() if k.lower() not in HOP_BY_HOP - {"content-encoding"}]
            response = web.StreamResponse(status=answered.status, reason=answered.reason)
            response.headers.extend(kept)
            if location := answered.headers.get("Location"):
                prefix, hosts = request.path.removesuffix(target.rest), (f"{address}:{number}", request.host)
                response.headers["Location"] = relocated(location, prefix, hosts)
            await response.prepare(request)
            async for chunk in answered.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response
    except (ClientError, OSError, TimeoutError) as error:
        message = f"error trying to reach service: {error}"
        raise ApiError(503, message, reason="ServiceUnavailable") from error
