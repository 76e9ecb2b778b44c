"""Choose the backend of a request by the rules of Ingresses and HTTPRoutes. Pure.

Of Ingress annotations those of ingress-nginx are understood that the charts of this repository and many others use:
`use-regex`, `rewrite-target`, `backend-protocol`, `ssl-redirect`, `force-ssl-redirect`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

NGINX = "nginx.ingress.kubernetes.io/"
CLASS_NOTE = "kubernetes.io/ingress.class"
NOTHING: Mapping[str, str] = {}


@dataclasses.dataclass(frozen=True)
class Backend:
    """A port of a Service: its number, or its name; `weight` is its share among those of its rule."""

    namespace: str
    service: str
    port: int | str
    scheme: str = "http"
    weight: int = 1


@dataclasses.dataclass(frozen=True)
class Route:
    """One rule. `kind` is exact, prefix or regex; `path` is what is compared with the path of a request.

    `redirect` answers with a status and a Location in place of a backend: scheme, host, port, path, code. `headers` and
    `queries` are name, value, and whether the value is a regular expression. `port` is that of the listener whose rule
    it is, 0 for those of Ingresses.
    """

    host: str
    kind: str
    path: str
    backends: tuple[Backend, ...] = ()
    rewrite: str = ""  # the new path; "$1" stands for a group of a regex
    prefix: str | None = None  # what takes the place of a matched prefix
    to_https: bool = False
    method: str = ""
    headers: tuple[tuple[str, str, bool], ...] = ()
    queries: tuple[tuple[str, str, bool], ...] = ()
    redirect: Mapping[str, Any] | None = None
    set_headers: tuple[tuple[str, str], ...] = ()
    drop_headers: tuple[str, ...] = ()
    answer_headers: tuple[tuple[str, str], ...] = ()
    port: int = 0

    def fits(
        self, host: str, path: str, method: str, headers: Mapping[str, str], queries: Mapping[str, str] = NOTHING
    ) -> bool:
        """Return whether a request is one of this rule's."""
        if self.host.startswith("*."):
            # One label by an Ingress, any number by the Gateway API.
            if not host.endswith(self.host[1:]) or (not self.port and host.partition(".")[2] != self.host[2:]):
                return False
        elif self.host and self.host != host:
            return False
        if self.method and self.method != method:
            return False
        if not all(_is(headers, *one) for one in self.headers) or not all(_is(queries, *one) for one in self.queries):
            return False
        if self.kind == "exact":
            return path == self.path
        if self.kind == "regex":
            return re.match(self.path, path, re.IGNORECASE) is not None
        whole = self.path.rstrip("/")
        return path == whole or path.startswith(f"{whole}/")

    def target(self, path: str) -> str:
        """Return the path that the backend is asked for."""
        if self.prefix is not None and self.kind == "prefix":
            return "/" + (self.prefix.rstrip("/") + path[len(self.path.rstrip("/")) :]).lstrip("/")
        if not self.rewrite:
            return path
        found = re.match(self.path, path, re.IGNORECASE) if self.kind == "regex" else None
        groups = (found.group(0), *found.groups()) if found else (path,)
        return re.sub(r"\$(\d)", lambda one: (groups[int(one[1]) : int(one[1]) + 1] or ("",))[0] or "", self.rewrite)

    @property
    def rank(self) -> tuple[int, ...]:
        """Return the key that rules are ordered by: the narrower first."""
        hosts = 0 if not self.host else len(self.host) if self.host.startswith("*.") else 1000
        wanted = (bool(self.method), len(self.headers), len(self.queries))
        return (hosts, self.kind == "exact", len(self.path), *wanted)


def _is(given: Mapping[str, str], name: str, wanted: str, regex: bool) -> bool:
    value = given.get(name)
    return value is not None and (re.fullmatch(wanted, value) is not None if regex else value == wanted)


def choose(
    routes: Iterable[Route],
    host: str,
    path: str,
    method: str,
    headers: Mapping[str, str],
    queries: Mapping[str, str] = NOTHING,
) -> Route | None:
    """Return the narrowest rule that a request fits, the first of those that are alike."""
    fitting = [route for route in routes if route.fits(host, path, method, headers, queries)]
    return max(fitting, key=lambda route: route.rank, default=None)


def enforced(routes: Iterable[Route]) -> list[Route]:
    """Return rules of Ingresses as ingress-nginx compares them.

    Where one of a host is a regular expression or rewrites, all of that host are expressions.
    """
    found = list(routes)
    hosts = {route.host for route in found if route.kind == "regex" or route.rewrite}
    return [dataclasses.replace(route, kind="regex") if route.host in hosts else route for route in found]


def is_ours(ingress: dict[str, Any], classes: Mapping[str, dict[str, Any]], controller: str) -> bool:
    """Return whether an Ingress is of a class that `controller` serves; without a class, of the default one."""
    notes = ingress["metadata"].get("annotations") or {}
    name = ingress["spec"].get("ingressClassName") or notes.get(CLASS_NOTE)
    if name:
        return name in classes and classes[name]["spec"].get("controller") == controller
    marked = "ingressclass.kubernetes.io/is-default-class"
    defaults = [c for c in classes.values() if (c["metadata"].get("annotations") or {}).get(marked) == "true"]
    return any(item["spec"].get("controller") == controller for item in defaults)


def of_ingress(ingress: dict[str, Any]) -> list[Route]:
    """Return the rules of an Ingress."""
    spec, meta = ingress["spec"], ingress["metadata"]
    notes = {
        key.removeprefix(NGINX): value
        for key, value in (meta.get("annotations") or {}).items()
        if key.startswith(NGINX)
    }
    secure = {host for item in spec.get("tls") or () for host in item.get("hosts") or ()}
    scheme = "https" if notes.get("backend-protocol", "").upper() == "HTTPS" else "http"

    def backend(source: dict[str, Any]) -> tuple[Backend, ...]:
        service = source.get("service") or {}
        port = service.get("port") or {}
        return (
            Backend(meta["namespace"], service.get("name", ""), port.get("number") or port.get("name", ""), scheme),
        )

    made = []
    for rule in spec.get("rules") or ():
        host = rule.get("host") or ""
        redirects = notes.get("ssl-redirect", "true") == "true" and host in secure
        redirects = redirects or notes.get("force-ssl-redirect") == "true"
        for item in (rule.get("http") or {}).get("paths") or ():
            regex = notes.get("use-regex") == "true" and item.get("pathType") == "ImplementationSpecific"
            kind = "regex" if regex else "exact" if item.get("pathType") == "Exact" else "prefix"
            path, rewrite = item.get("path") or "/", notes.get("rewrite-target", "")
            made.append(Route(host, kind, path, backend(item["backend"]), rewrite, to_https=redirects))
    if spec.get("defaultBackend"):
        made.append(Route("", "prefix", "/", backend(spec["defaultBackend"])))
    return made


KINDS = {"PathPrefix": "prefix", "Exact": "exact", "RegularExpression": "regex"}


def of_http_route(route: dict[str, Any], hosts: Iterable[str]) -> list[Route]:
    """Return the rules of an HTTPRoute of the Gateway API for the hosts it serves on a listener, "" for any."""
    spec, space = route["spec"], route["metadata"]["namespace"]
    made = []
    for host in hosts:
        for rule in spec.get("rules") or ():
            backends = tuple(
                Backend(
                    item.get("namespace") or space,
                    item["name"] if item.get("kind", "Service") == "Service" else "",
                    item.get("port") or "",
                    weight=item.get("weight", 1),
                )
                for item in rule.get("backendRefs") or ()
            )
            for match in rule.get("matches") or [{}]:
                path = match.get("path") or {}
                value, kind = path.get("value") or "/", KINDS.get(path.get("type") or "PathPrefix", "prefix")
                headers, queries = (
                    tuple(
                        (item["name"], item["value"], item.get("type") == "RegularExpression")
                        for item in match.get(word) or ()
                    )
                    for word in ("headers", "queryParams")
                )
                method = match.get("method") or ""
                plain = Route(host, kind, value, backends, method=method, headers=headers, queries=queries)
                made.append(_filtered(plain, rule.get("filters") or ()))
    return made


def _filtered(route: Route, filters: Iterable[dict[str, Any]]) -> Route:
    for item in filters:
        if item["type"] == "RequestRedirect":
            prefix = (item["requestRedirect"].get("path") or {}).get("replacePrefixMatch")
            route = dataclasses.replace(route, redirect=item["requestRedirect"], prefix=prefix)
        elif item["type"] == "RequestHeaderModifier":
            told = item["requestHeaderModifier"]
            dropped = tuple(name.lower() for name in told.get("remove") or ())
            route = dataclasses.replace(route, set_headers=(*route.set_headers, *_named(told)), drop_headers=dropped)
        elif item["type"] == "ResponseHeaderModifier":
            route = dataclasses.replace(route, answer_headers=_named(item["responseHeaderModifier"]))
        elif item["type"] == "URLRewrite":
            if host := item["urlRewrite"].get("hostname"):
                route = dataclasses.replace(route, set_headers=(*route.set_headers, ("Host", host)))
            path = item["urlRewrite"].get("path") or {}
            if path.get("type") == "ReplacePrefixMatch":
                route = dataclasses.replace(route, prefix=path.get("replacePrefixMatch", ""))
            elif path.get("type") == "ReplaceFullPath":
                route = dataclasses.replace(route, rewrite=path.get("replaceFullPath", ""))
    return route


def _named(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((one["name"], one["value"]) for word in ("set", "add") for one in told.get(word) or ())


def location(redirect: Mapping[str, Any], scheme: str, host: str, path: str, query: str) -> tuple[int, str]:
    """Return status and Location of a redirect; `path` has its prefix replaced already, where that is asked for."""
    to = redirect.get("scheme") or scheme
    port = f":{redirect['port']}" if redirect.get("port") else ""
    changed = (redirect.get("path") or {}).get("replaceFullPath") or path
    return redirect.get("statusCode") or 302, f"{to}://{redirect.get('hostname') or host}{port}{changed}{query}"
