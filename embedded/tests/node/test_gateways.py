"""What a Gateway takes in, and what the statuses of Gateways and HTTPRoutes say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from embedded.errors import ApiError
from embedded.node import gateways, router, routes
from embedded.node.gateways import Listener, ReferenceContext
from embedded.store import Store

NOW = "2026-01-01T00:00:00Z"
SERVICE = {"metadata": {"name": "web", "namespace": "demo"}, "spec": {"ports": [{"port": 80}]}}
OTHER = {"metadata": {"name": "web", "namespace": "other"}, "spec": {"ports": [{"port": 80}]}}


def around(*grants: dict[str, Any], occupied: frozenset[int] = frozenset()) -> ReferenceContext:
    spaces = {"demo": {"team": "a"}, "other": {"team": "b"}}
    services = {("demo", "web"): SERVICE, ("other", "web"): OTHER}
    return ReferenceContext(spaces, services, grants, lambda space, name: name == "good", occupied)


def gateway(*listeners: dict[str, Any], name: str = "gateway", space: str = "demo") -> dict[str, Any]:
    meta = {"name": name, "namespace": space, "creationTimestamp": NOW, "generation": 1}
    return {"metadata": meta, "spec": {"gatewayClassName": "nginx", "listeners": list(listeners)}}


def listener(name: str = "http", port: int = 80, protocol: str = "HTTP", **more: Any) -> dict[str, Any]:
    return {"name": name, "port": port, "protocol": protocol} | more


def route(*, space: str = "demo", parents: list[Any] | None = None, **spec: Any) -> dict[str, Any]:
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    meta = {"name": "r", "namespace": space, "creationTimestamp": NOW, "generation": 1}
    whole = {"parentRefs": parents or [{"name": "gateway", "namespace": "demo"}], "rules": rules} | spec
    return {"metadata": meta, "spec": whole}


def reasons(made: list[Listener]) -> list[dict[str, str]]:
    return [{one.type: one.reason for one in listener.said} for listener in made]


def https(reference: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    named = {"certificateRefs": [reference]} if reference else {}
    return listener("https", 443, "HTTPS", tls={"mode": "Terminate"} | named, **more)


@pytest.mark.parametrize(
    ("spec", "condition", "reason"),
    [
        (listener(), "Accepted", "Accepted"),
        (listener(), "Programmed", "Programmed"),
        (listener(protocol="TCP"), "Accepted", "UnsupportedProtocol"),
        (listener(port=443), "Accepted", "PortUnavailable"),
        (listener(port=7777), "Accepted", "PortUnavailable"),
        (listener(allowedRoutes={"kinds": [{"kind": "TCPRoute"}]}), "ResolvedRefs", "InvalidRouteKinds"),
        (https({"name": "good"}), "ResolvedRefs", "ResolvedRefs"),
        (https({"name": "bad"}), "ResolvedRefs", "InvalidCertificateRef"),
        (https(None), "ResolvedRefs", "InvalidCertificateRef"),
        (https({"name": "good", "namespace": "other"}), "ResolvedRefs", "RefNotPermitted"),
        (https({"name": "bad"}), "Programmed", "Invalid"),
    ],
)
def test_a_listener_says_what_is_wrong_with_it(spec: dict[str, Any], condition: str, reason: str) -> None:
    (found,) = reasons(gateways.listeners([gateway(spec)], around(occupied=frozenset({7777}))))
    assert found[condition] == reason


def test_of_two_listeners_that_want_the_same_the_first_has_it() -> None:
    made = gateways.listeners(
        [gateway(listener(), listener("twin"), listener("named", hostname="a.test"), listener("tls", 80, "HTTPS"))],
        around(),
    )
    assert [one.works for one in made] == [True, False, True, False]
    assert made[1].conflicted.reason == "HostnameConflict"


def test_gateways_of_another_class_are_somebody_elses() -> None:
    mine = {"metadata": {"name": "nginx"}, "spec": {"controllerName": "us"}}
    theirs = {"metadata": {"name": "other"}, "spec": {"controllerName": "them"}}
    foreign = gateway(listener(), name="foreign")
    foreign["spec"]["gatewayClassName"] = "other"
    assert gateways.ours([foreign, gateway(listener())], [mine, theirs], "us") == [gateway(listener())]


GRANT = {
    "metadata": {"name": "g", "namespace": "other"},
    "spec": {
        "from": [{"group": gateways.GROUP, "kind": "HTTPRoute", "namespace": "demo"}],
        "to": [{"kind": "Service"}],
    },
}


@pytest.mark.parametrize(
    ("made", "accepted", "resolved"),
    [
        (route(), "Accepted", "ResolvedRefs"),
        (route(parents=[{"name": "gateway", "sectionName": "none"}]), "NoMatchingParent", "ResolvedRefs"),
        (route(parents=[{"name": "gateway", "port": 81}]), "NoMatchingParent", "ResolvedRefs"),
        (route(space="other"), "NotAllowedByListeners", "ResolvedRefs"),
        (route(hostnames=["b.test"]), "NoMatchingListenerHostname", "ResolvedRefs"),
        (route(hostnames=["x.a.test", "b.test"]), "Accepted", "ResolvedRefs"),
        (route(rules=[{"backendRefs": [{"name": "none", "port": 80}]}]), "Accepted", "BackendNotFound"),
        (route(rules=[{"backendRefs": [{"name": "web", "port": 81}]}]), "Accepted", "BackendNotFound"),
        (route(rules=[{"backendRefs": [{"name": "web", "port": 80, "kind": "Pod"}]}]), "Accepted", "InvalidKind"),
        (
            route(rules=[{"backendRefs": [{"name": "web", "port": 80, "namespace": "other"}]}]),
            "Accepted",
            "RefNotPermitted",
        ),
    ],
)
def test_a_route_is_told_whether_it_hangs_and_whether_it_leads_somewhere(
    made: dict[str, Any], accepted: str, resolved: str
) -> None:
    ears = gateways.listeners([gateway(listener(hostname="*.a.test"))], around())
    rules, told = gateways.attach(made, ears, around())
    ((_, said),) = told
    assert [one.reason for one in said] == [accepted, resolved]
    assert bool(rules) is (accepted == "Accepted")
    assert ears[0].attached == (accepted == "Accepted")
    if resolved != "ResolvedRefs":
        assert not rules[0].backends[0].service
    elif rules:
        host = "x.a.test" if made["spec"].get("hostnames") else "*.a.test"
        assert [(one.host, one.port) for one in rules] == [(host, 80)]


def test_a_reference_grant_opens_another_namespace() -> None:
    made = route(rules=[{"backendRefs": [{"name": "web", "port": 80, "namespace": "other"}]}])
    ears = gateways.listeners([gateway(listener())], around(GRANT))
    rules, ((_, said),) = gateways.attach(made, ears, around(GRANT))
    assert rules[0].backends[0].namespace == "other" and said[1].holds


@pytest.mark.parametrize(
    ("allowed", "hangs"),
    [
        ({"from": "All"}, True),
        ({"from": "Same"}, False),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "b"}}}, True),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "c"}}}, False),
    ],
)
def test_a_listener_chooses_the_namespaces_of_its_routes(allowed: dict[str, Any], hangs: bool) -> None:
    ears = gateways.listeners([gateway(listener(allowedRoutes={"namespaces": allowed}))], around())
    assert bool(gateways.attach(route(space="other"), ears, around())[0]) is hangs


def test_a_condition_keeps_the_time_of_its_last_change() -> None:
    made = gateway(listener())
    ears = gateways.listeners([made], around())
    first = gateways.gateway_status(made, ears, "10.0.0.1", NOW)
    later = made | {"status": first}
    again = gateways.gateway_status(later, gateways.listeners([later], around()), "10.0.0.1", "2027-01-01T00:00:00Z")
    assert again["conditions"] == first["conditions"] and first["addresses"][0]["value"] == "10.0.0.1"


def test_what_other_controllers_say_of_a_route_stays() -> None:
    foreign = {"parentRef": {"name": "theirs"}, "controllerName": "them", "conditions": []}
    made = route() | {"status": {"parents": [foreign]}}
    assert gateways.route_status(made, [], "us", NOW) == {"parents": [foreign]}


def test_the_narrowest_listener_brings_the_certificate() -> None:
    names = ("", "*.a.test", "x.a.test")
    specs = [
        listener(f"l{n}", 443, "HTTPS", hostname=name, tls={"certificateRefs": [{"name": f"c{n}"}]})
        for n, name in enumerate(names)
    ]
    ears = [Listener(gateway(), spec) for spec in specs]
    assert [gateways.certificate(ears, host) for host in ("b", "y.a.test", "x.a.test")] == [
        ("demo", "c0"),
        ("demo", "c1"),
        ("demo", "c2"),
    ]


def test_a_route_matches_queries_and_expressions_and_changes_headers() -> None:
    match = {
        "queryParams": [{"name": "v", "value": "2"}],
        "headers": [{"name": "x", "type": "RegularExpression", "value": "a+"}],
    }
    filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["Cookie"]}},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "y", "value": "1"}]}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "inner.test"}},
    ]
    (one,) = routes.of_http_route(route(rules=[{"matches": [match], "filters": filters}]), ["a"])
    assert one.fits("a", "/", "GET", {"x": "aa"}, {"v": "2"})
    assert not one.fits("a", "/", "GET", {"x": "aab"}, {"v": "2"}) and not one.fits("a", "/", "GET", {"x": "a"}, {})
    assert (one.drop_headers, one.answer_headers, one.set_headers) == (
        ("cookie",),
        (("y", "1"),),
        (("Host", "inner.test"),),
    )


@pytest.fixture
def kinds_there(store: Store) -> Iterator[Store]:
    router.ensure_class(store)
    yield store


def test_the_kinds_are_there_from_the_start_and_refuse_what_they_do_not_know(kinds_there: Store) -> None:
    made = gateway({"name": "http", "port": 80, "protocol": "HTTP"})
    made["metadata"] = {"name": "gateway", "namespace": "demo"}
    stored = kinds_there.create(router.GATEWAYS, made)
    assert stored["spec"]["listeners"][0]["allowedRoutes"] == {"namespaces": {"from": "Same"}}
    bad = {"metadata": {"name": "bad", "namespace": "demo"}, "spec": {"gatewayClassName": "nginx", "listeners": []}}
    with pytest.raises(ApiError, match=r"spec.listeners"):
        kinds_there.create(router.GATEWAYS, bad)
    plain = kinds_there.create(router.HTTP_ROUTES, {"metadata": {"name": "r", "namespace": "demo"}, "spec": {}})
    assert plain["spec"]["rules"] == [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]


def test_definitions_that_somebody_brought_stay(store: Store) -> None:
    own = json.loads((files("embedded") / "data/gateway.json").read_text())[1]
    own["spec"]["versions"][0]["additionalPrinterColumns"] = []
    store.create("customresourcedefinitions.apiextensions.k8s.io", own)
    router.ensure_class(store)
    found = store.get("customresourcedefinitions.apiextensions.k8s.io", "", own["metadata"]["name"])
    assert found and found["spec"]["versions"][0]["additionalPrinterColumns"] == []


async def test_a_port_that_somebody_has_is_said_and_the_others_are_served(kinds_there: Store, tmp_path: Path) -> None:
    """The statuses are written by the router itself, on an address of this machine."""
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    free = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (taken, free)]
    free.close()
    await free.wait_closed()
    made = gateway(*(listener(f"l{n}", port) for n, port in enumerate(ports)))
    made["metadata"] = {"name": "gateway", "namespace": "demo"}
    kinds_there.create(router.GATEWAYS, made)
    served = router.Router(kinds_there, "127.0.0.1", tmp_path)
    await served.sync()
    await served.stop()
    taken.close()
    status = (kinds_there.get(router.GATEWAYS, "demo", "gateway") or {})["status"]
    told = [{one["type"]: one["reason"] for one in item["conditions"]} for item in status["listeners"]]
    assert [one["Accepted"] for one in told] == ["PortUnavailable", "Accepted"]
    assert {one["type"]: one["status"] for one in status["conditions"]} == {"Accepted": "True", "Programmed": "True"}
    accepted = (kinds_there.get(router.GATEWAY_CLASSES, "", "nginx") or {})["status"]["conditions"][0]
    assert (accepted["type"], accepted["status"]) == ("Accepted", "True")
