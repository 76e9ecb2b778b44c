"""Which backend a request goes to."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.node import routes
from embedded.node.routes import Backend, Route


def path(value: str, service: str, kind: str = "Prefix", port: Any = 80) -> dict:
    named = {"name": port} if isinstance(port, str) else {"number": port}
    return {"path": value, "pathType": kind, "backend": {"service": {"name": service, "port": named}}}


def ingress(host: str, *paths: dict, annotations: dict | None = None, **spec: Any) -> dict:
    rules = [{"host": host, "http": {"paths": list(paths)}}]
    meta = {"name": "i", "namespace": "demo", "annotations": annotations or {}}
    return {"metadata": meta, "spec": {"rules": rules} | spec}


def asked(found: list[Route], host: str, where: str, **headers: str) -> str:
    route = routes.choose(found, host, where, "GET", headers)
    return route.backends[0].service + " " + route.target(where) if route else "nothing"


@pytest.mark.parametrize(
    ("host", "where", "service"),
    [
        ("app.test", "/", "web /"),
        ("app.test", "/api", "api /api"),
        ("app.test", "/api/v1", "api /api/v1"),
        ("app.test", "/apis", "web /apis"),
        ("app.test", "/api/exact", "exact /api/exact"),
        ("app.test", "/api/exact/", "api /api/exact/"),
        ("x.wild.test", "/", "wild /"),
        ("x.y.wild.test", "/", "rest /"),
        ("other.test", "/any", "rest /any"),
    ],
)
def test_the_narrowest_rule_wins(host: str, where: str, service: str) -> None:
    found = routes.of_ingress(
        ingress("app.test", path("/", "web"), path("/api", "api"), path("/api/exact", "exact", "Exact"))
    )
    found += routes.of_ingress(ingress("*.wild.test", path("/", "wild")))
    found += routes.of_ingress(ingress("", path("/", "rest")))
    assert asked(found, host, where) == service


def test_without_a_rule_there_is_nothing() -> None:
    assert asked(routes.of_ingress(ingress("app.test", path("/", "web"))), "other.test", "/") == "nothing"


def test_one_expression_makes_expressions_of_all_paths_of_its_host() -> None:
    """As ingress-nginx does, whatever their Ingress and type: only their start counts, without regard to case."""
    notes = {f"{routes.NGINX}use-regex": "true", f"{routes.NGINX}rewrite-target": "/$2"}
    found = routes.of_ingress(ingress("a", path("/api(/|$)(.*)", "api", "ImplementationSpecific"), annotations=notes))
    for host in ("a", "b"):
        found += routes.of_ingress(ingress(host, path("/", "web"), path("/one", "one", "Exact")))
    found = routes.enforced(found)
    assert [asked(found, "a", where) for where in ("/api/x", "/apis", "/onetwo", "/ONE")] == [
        "api /x", "web /apis", "one /onetwo", "one /ONE",
    ]  # fmt: skip
    assert asked(found, "b", "/onetwo") == "web /onetwo"


def test_a_rewritten_path_loses_its_prefix() -> None:
    notes = {f"{routes.NGINX}use-regex": "true", f"{routes.NGINX}rewrite-target": "/$2"}
    found = routes.of_ingress(ingress("a", path("/api(/|$)(.*)", "api", "ImplementationSpecific"), annotations=notes))
    assert asked(found, "a", "/api/todos") == "api /todos"
    assert asked(found, "a", "/api") == "api /"


def test_hosts_with_a_certificate_are_sent_to_https() -> None:
    (route,) = routes.of_ingress(ingress("a", path("/", "web"), tls=[{"hosts": ["a"], "secretName": "s"}]))
    assert route.to_https
    notes = {f"{routes.NGINX}ssl-redirect": "false", f"{routes.NGINX}backend-protocol": "HTTPS"}
    (route,) = routes.of_ingress(ingress("a", path("/", "web"), tls=[{"hosts": ["a"]}], annotations=notes))
    assert (route.to_https, route.backends[0].scheme) == (False, "https")


@pytest.mark.parametrize(
    ("name", "note", "ours"),
    [("nginx", "", True), ("other", "", False), ("", "nginx", True), ("", "", True), ("nobody", "", False)],
)
def test_only_ingresses_of_our_class_are_served(name: str, note: str, ours: bool) -> None:
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    classes = {
        "nginx": {"metadata": {"annotations": default}, "spec": {"controller": "us"}},
        "other": {"metadata": {}, "spec": {"controller": "them"}},
    }
    notes = {routes.CLASS_NOTE: note} if note else {}
    made = ingress("a", annotations=notes, **({"ingressClassName": name} if name else {}))
    assert routes.is_ours(made, classes, "us") is ours


def test_an_http_route_matches_rewrites_redirects_and_weighs() -> None:
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": "/v2"}, "headers": [{"name": "x", "value": "1"}]}],
            "backendRefs": [{"name": "new", "port": 80, "weight": 9}, {"name": "newer", "port": 80, "weight": 1}],
            "filters": [
                {
                    "type": "URLRewrite",
                    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
                }
            ],
        },
        {"matches": [{"path": {"type": "Exact", "value": "/old"}}], "filters": [
            {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
        ]},
        {"backendRefs": [{"name": "web", "port": 80}]},
    ]  # fmt: skip
    made = {"metadata": {"name": "r", "namespace": "demo"}, "spec": {"hostnames": ["a"], "rules": rules}}
    found = routes.of_http_route(made, ["a"])
    assert asked(found, "a", "/v2/todos", x="1") == "new /todos"
    assert asked(found, "a", "/v2/todos") == "web /v2/todos"
    assert found[0].backends[1] == Backend("demo", "newer", 80, weight=1)
    old = routes.choose(found, "a", "/old", "GET", {})
    assert old and old.redirect
    assert routes.location(old.redirect, "http", "a", "/old", "?q") == (301, "https://a/old?q")
