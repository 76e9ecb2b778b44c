"""Attach HTTPRoutes to Gateways: the rules that follow, and the statuses of both. Pure.

Of the Gateway API that is: listeners of HTTP and HTTPS on any port, routes of namespaces that a listener allows, and
references across namespaces where a ReferenceGrant permits them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from embedded.node import routes
from embedded.node.routes import Backend, Route
from embedded.objects import selectors

GROUP = "gateway.networking.k8s.io"
KIND = {"group": GROUP, "kind": "HTTPRoute"}
PROTOCOLS = ("HTTP", "HTTPS")
RESERVED = {80: "HTTP", 443: "HTTPS"}  # ports that Ingresses are served on too
Object = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Condition:
    """One condition: its type, whether it holds, and why."""

    type: str
    holds: bool
    reason: str
    message: str = ""


@dataclasses.dataclass(frozen=True)
class ReferenceContext:
    """The objects that references lead to: namespaces with labels, Services, ReferenceGrants, usable certificates.

    `occupied` are the ports that somebody else has on the address that is served.
    """

    namespaces: Mapping[str, Mapping[str, str]]
    services: Mapping[tuple[str, str], Object]
    grants: Iterable[Object]
    has_certificate: Callable[[str, str], bool]
    occupied: frozenset[int] = frozenset()

    def permits(self, kind: str, space: str, to_kind: str, to_space: str, name: str) -> bool:
        """Return whether an object of `kind` in `space` may refer to one in another namespace."""
        if space == to_space:
            return True
        return any(
            grant["metadata"]["namespace"] == to_space
            and any((one["kind"], one["namespace"]) == (kind, space) for one in grant["spec"]["from"])
            and any(one["kind"] == to_kind and one.get("name") in (None, "", name) for one in grant["spec"]["to"])
            for grant in self.grants
        )


@dataclasses.dataclass
class Listener:
    """A listener of a Gateway of ours, with what is wrong with it, and how many routes hang on it."""

    gateway: Object
    spec: Object
    accepted: Condition = dataclasses.field(default_factory=lambda: Condition("Accepted", True, "Accepted"))
    resolved: Condition = dataclasses.field(default_factory=lambda: Condition("ResolvedRefs", True, "ResolvedRefs"))
    conflicted: Condition = dataclasses.field(default_factory=lambda: Condition("Conflicted", False, "NoConflicts"))
    kinds: list[Object] = dataclasses.field(default_factory=lambda: [dict(KIND)])
    attached: int = 0

    @property
    def works(self) -> bool:
        """Return whether requests are taken."""
        return self.accepted.holds and self.resolved.holds and not self.conflicted.holds

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return int(self.spec["port"])

    @property
    def said(self) -> list[Condition]:
        """Return all that is said of the listener."""
        programmed = Condition("Programmed", self.works, "Programmed" if self.works else "Invalid")
        return [self.accepted, programmed, self.resolved, self.conflicted]


def ours(gateways: Iterable[Object], classes: Iterable[Object], controller: str) -> list[Object]:
    """Return the Gateways of classes that `controller` serves, the oldest first."""
    names = {item["metadata"]["name"] for item in classes if item["spec"]["controllerName"] == controller}
    found = [item for item in gateways if item["spec"]["gatewayClassName"] in names]
    return sorted(found, key=lambda item: (item["metadata"]["creationTimestamp"], _key(item)))


def listeners(gateways: Iterable[Object], context: ReferenceContext) -> list[Listener]:
    """Return the listeners of Gateways, each judged; of two that want one port in different ways the first has it."""
    made: list[Listener] = []
    for gateway in gateways:
        for spec in gateway["spec"]["listeners"]:
            listener = Listener(gateway, spec)
            _check_listener(listener, made, context)
            made.append(listener)
    return made


def _check_listener(listener: Listener, others: list[Listener], context: ReferenceContext) -> None:
    spec, port = listener.spec, listener.port
    protocol = spec["protocol"]
    if protocol not in PROTOCOLS or (spec.get("tls") or {}).get("mode") == "Passthrough":
        wanted = protocol if protocol not in PROTOCOLS else "TLS that is passed through"
        listener.accepted = Condition("Accepted", False, "UnsupportedProtocol", f"{wanted}: HTTP and HTTPS are served")
        return
    if RESERVED.get(port, protocol) != protocol or port in context.occupied:
        listener.accepted = Condition("Accepted", False, "PortUnavailable", f"{port}: something else is served there")
    named = (spec.get("allowedRoutes") or {}).get("kinds")
    if named is not None:
        listener.kinds = [dict(KIND) for one in named if (one.get("group", GROUP), one["kind"]) == (GROUP, "HTTPRoute")]
        if len(listener.kinds) < len(named):
            listener.resolved = Condition("ResolvedRefs", False, "InvalidRouteKinds", "only HTTPRoutes are served")
    if protocol == "HTTPS":
        _check_certificates(listener, context)
    for other in others:
        if other.port != port or not other.accepted.holds:
            continue
        if other.spec["protocol"] != protocol:
            listener.conflicted = Condition(
                "Conflicted", True, "ProtocolConflict", f"{port} has {other.spec['protocol']}"
            )
        elif other.gateway is listener.gateway and other.spec.get("hostname") == spec.get("hostname"):
            listener.conflicted = Condition(
                "Conflicted", True, "HostnameConflict", f"as the listener {other.spec['name']}"
            )


def _check_certificates(listener: Listener, context: ReferenceContext) -> None:
    space = listener.gateway["metadata"]["namespace"]
    named = (listener.spec.get("tls") or {}).get("certificateRefs") or ()
    if not named:
        listener.resolved = Condition("ResolvedRefs", False, "InvalidCertificateRef", "no certificate is named")
    for one in named:
        there = one.get("namespace") or space
        if not context.permits("Gateway", space, "Secret", there, one["name"]):
            text = f"no ReferenceGrant of {there} permits {one['name']}"
            listener.resolved = Condition("ResolvedRefs", False, "RefNotPermitted", text)
        elif one.get("kind", "Secret") != "Secret" or not context.has_certificate(there, one["name"]):
            text = f"{there}/{one['name']} is no Secret with a certificate and its key"
            listener.resolved = Condition("ResolvedRefs", False, "InvalidCertificateRef", text)


Told = list[tuple[Object, list[Condition]]]
"""What is said of a route, by the reference to each Gateway of ours that it names."""


def attach(route: Object, made: Iterable[Listener], context: ReferenceContext) -> tuple[list[Route], Told]:
    """Attach a route to listeners, and return the rules that follow with what is said of the route."""
    own = [(listener, _key(listener.gateway)) for listener in made]
    space = route["metadata"]["namespace"]
    rules: list[Route] = []
    told: Told = []
    taken: set[int] = set()
    for parent in route["spec"].get("parentRefs") or ():
        key = (parent.get("namespace") or space, parent["name"])
        if parent.get("kind", "Gateway") != "Gateway" or key not in {known for _, known in own}:
            continue
        meant = [one for one, known in own if known == key and _is_meant(one, parent)]
        allowed = [one for one in meant if _allows(one, space, context)]
        pairs = [(one, hostnames(one.spec.get("hostname"), route)) for one in allowed]
        matching = [(one, hosts) for one, hosts in pairs if hosts]
        for listener, hosts in matching:
            if id(listener) in taken:
                continue
            taken.add(id(listener))
            listener.attached += 1
            if listener.works:
                rules += _rules(route, hosts, listener.port, context)
        told.append((parent, [_accepted(meant, allowed, matching), resolved(route, context)]))
    return rules, told


def _is_meant(listener: Listener, parent: Object) -> bool:
    named = parent.get("sectionName") in (None, "", listener.spec["name"])
    return named and parent.get("port") in (None, listener.port)


def _accepted(meant: list[Listener], allowed: list[Listener], matching: list[tuple[Listener, list[str]]]) -> Condition:
    if not meant:
        return Condition("Accepted", False, "NoMatchingParent", "the Gateway has no such listener")
    if not allowed:
        return Condition("Accepted", False, "NotAllowedByListeners", "no listener takes HTTPRoutes of this namespace")
    if not matching:
        return Condition("Accepted", False, "NoMatchingListenerHostname", "no listener has one of its host names")
    return Condition("Accepted", True, "Accepted")


def _allows(listener: Listener, space: str, context: ReferenceContext) -> bool:
    """Return whether routes of a namespace may hang on it."""
    wanted = (listener.spec.get("allowedRoutes") or {}).get("namespaces") or {}
    if not listener.kinds:
        return False
    if wanted.get("from", "Same") == "All":
        return True
    if wanted.get("from") == "Selector":
        return selectors.matches(wanted.get("selector") or {}, dict(context.namespaces.get(space, {})))
    return bool(space == listener.gateway["metadata"]["namespace"])


def hostnames(listener: str | None, route: Object) -> list[str]:
    """Return the hosts that a route serves on a listener of that host name, "" for any; none where they do not meet."""
    own = route["spec"].get("hostnames") or []
    if not own:
        return [listener or ""]
    return [both for name in own if (both := _narrower(listener or "", name)) is not None]


def _narrower(listener: str, name: str) -> str | None:
    """Return the host names that both mean, as one; None where there is none."""
    if not listener or listener == name:
        return name
    if listener.startswith("*.") and name.removeprefix("*").endswith(listener[1:]):
        return name
    if name.startswith("*.") and listener.removeprefix("*").endswith(name[1:]):
        return listener
    return None


def _rules(route: Object, hosts: list[str], port: int, context: ReferenceContext) -> list[Route]:
    made = routes.of_http_route(route, hosts)
    return [
        dataclasses.replace(
            one, port=port, backends=tuple(_checked(backend, route, context) for backend in one.backends)
        )
        for one in made
    ]


def _checked(backend: Backend, route: Object, context: ReferenceContext) -> Backend:
    """Return a backend, without its Service where the route may not or cannot lead there: requests get an error."""
    spec = {"name": backend.service, "namespace": backend.namespace, "port": backend.port or None}
    good = backend.service and _problem(spec, route, context) is None
    return backend if good else dataclasses.replace(backend, service="")


def resolved(route: Object, context: ReferenceContext) -> Condition:
    """Return whether everything that a route leads to is there and may be led to."""
    for rule in route["spec"].get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            if problem := _problem(backend, route, context):
                return problem
    return Condition("ResolvedRefs", True, "ResolvedRefs")


def _problem(backend: Object, route: Object, context: ReferenceContext) -> Condition | None:
    space = route["metadata"]["namespace"]
    there, name = backend.get("namespace") or space, backend["name"]
    if backend.get("group", "") or backend.get("kind", "Service") != "Service":
        return Condition(
            "ResolvedRefs", False, "InvalidKind", f"{backend.get('kind')} {name}: only Services are led to"
        )
    if not context.permits("HTTPRoute", space, "Service", there, name):
        return Condition(
            "ResolvedRefs", False, "RefNotPermitted", f"no ReferenceGrant of {there} permits Service {name}"
        )
    service = context.services.get((there, name))
    if service is None:
        return Condition("ResolvedRefs", False, "BackendNotFound", f"there is no Service {there}/{name}")
    port = backend.get("port")
    if port not in [one["port"] for one in service["spec"].get("ports") or ()]:
        return Condition("ResolvedRefs", False, "BackendNotFound", f"Service {there}/{name} has no port {port}")
    return None


def certificate(made: Iterable[Listener], host: str) -> tuple[str, str] | None:
    """Return namespace and name of the Secret that a host is served with: that of the narrowest listener of HTTPS."""
    found = [
        (len(name) + 1000 * (name == host), one)
        for one in made
        if one.works and one.spec["protocol"] == "HTTPS"
        and ((name := one.spec.get("hostname") or "") in ("", host) or (name[:1] == "*" and host.endswith(name[1:])))
    ]  # fmt: skip
    if not found:
        return None
    _, listener = max(found, key=lambda item: item[0])
    reference = listener.spec["tls"]["certificateRefs"][0]
    return reference.get("namespace") or listener.gateway["metadata"]["namespace"], reference["name"]


# statuses


def class_status(item: Object, now: str) -> Object:
    """Return the status of a GatewayClass of ours."""
    said = [Condition("Accepted", True, "Accepted"), Condition("SupportedVersion", True, "SupportedVersion")]
    return {"conditions": conditions(said, (item.get("status") or {}).get("conditions") or (), item, now)}


def gateway_status(gateway: Object, made: Iterable[Listener], address: str, now: str) -> Object:
    """Return the status of a Gateway whose listeners are judged and have their routes."""
    own = [one for one in made if one.gateway is gateway]
    before = gateway.get("status") or {}
    held = {one["name"]: one.get("conditions") or () for one in before.get("listeners") or ()}
    valid = all(one.accepted.holds and not one.conflicted.holds for one in own)
    said = [
        Condition("Accepted", any(one.accepted.holds for one in own), "Accepted" if valid else "ListenersNotValid"),
        Condition(
            "Programmed", any(one.works for one in own), "Programmed" if any(one.works for one in own) else "Invalid"
        ),
    ]
    return {
        "addresses": [{"type": "IPAddress", "value": address}],
        "conditions": conditions(said, before.get("conditions") or (), gateway, now),
        "listeners": [
            {
                "name": one.spec["name"],
                "supportedKinds": one.kinds,
                "attachedRoutes": one.attached,
                "conditions": conditions(one.said, held.get(one.spec["name"], ()), gateway, now),
            }
            for one in own
        ],
    }


def route_status(route: Object, told: Told, controller: str, now: str) -> Object:
    """Return the status of a route; what other controllers say of it stays."""
    before = (route.get("status") or {}).get("parents") or []
    held = {_reference(one["parentRef"]): one for one in before if one.get("controllerName") == controller}
    own = [
        {
            "parentRef": parent,
            "controllerName": controller,
            "conditions": conditions(said, held.get(_reference(parent), {}).get("conditions") or (), route, now),
        }
        for parent, said in told
    ]
    return {"parents": [*(one for one in before if one.get("controllerName") != controller), *own]}


def conditions(said: Iterable[Condition], before: Iterable[Object], item: Object, now: str) -> list[Object]:
    """Return conditions as the API has them; the time is that of the last change of their answer."""
    held = {one["type"]: one for one in before}
    made = []
    for one in said:
        status = "True" if one.holds else "False"
        same = held.get(one.type, {}).get("status") == status
        made.append(
            {
                "type": one.type,
                "status": status,
                "reason": one.reason,
                "message": one.message,
                "observedGeneration": item["metadata"].get("generation", 1),
                "lastTransitionTime": held[one.type]["lastTransitionTime"] if same else now,
            }
        )
    return made


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _reference(parent: Object) -> tuple[Any, ...]:
    return tuple(parent.get(key) for key in ("namespace", "name", "sectionName", "port"))
