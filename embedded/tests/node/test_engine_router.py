"""Ingresses and HTTPRoutes are served on the machine's address in the pods' network, with their own certificates."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path

import aiohttp
import pytest

from embedded import certificates, pki

pytestmark = pytest.mark.engine
NAMESPACE = "demo"
HOST = "app.test"
GATEWAYS, HTTP_ROUTES = "gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io"
WEB = "mkdir -p /tmp/w; echo $(hostname) > /tmp/w/index.html; exec busybox httpd -f -p 8080 -h /tmp/w"
# Ready is who listens: a shell that has begun does not yet.
READY = {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}}


def certificate(folder: Path) -> dict[str, str]:
    """A certificate for localhost and its key, as a Secret holds them."""
    folder.mkdir()
    certificates.make(folder)
    certificates.make_server(folder, ())
    return {
        name: base64.b64encode((folder / f"server.{name[4:]}").read_bytes()).decode() for name in ("tls.crt", "tls.key")
    }


async def test_an_ingress_is_served_over_http_and_https(cluster, tmp_path):
    await asyncio.to_thread(pki.ensure, cluster.state / "pki")
    cluster.pod("web", WEB, main=READY)
    address = (await cluster.ready("web"))["status"]["podIP"]
    cluster.service("web", 8080, [address])
    data = await asyncio.to_thread(certificate, tmp_path / "theirs")
    cluster.store.create("secrets", {"metadata": {"name": "tls", "namespace": NAMESPACE}, "data": data})
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rules = [
        {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        for host in (HOST, "localhost")
    ]
    spec = {"ingressClassName": "nginx", "rules": rules, "tls": [{"hosts": ["localhost"], "secretName": "tls"}]}
    cluster.store.create(
        "ingresses.networking.k8s.io", {"metadata": {"name": "web", "namespace": NAMESPACE}, "spec": spec}
    )

    def served() -> list:
        found = cluster.store.get("ingresses.networking.k8s.io", NAMESPACE, "web")
        return (found.get("status", {}).get("loadBalancer") or {}).get("ingress") or []

    async with asyncio.timeout(300):
        while not served():  # noqa: ASYNC110 - the store is asked, not listened to
            await asyncio.sleep(0.02)
    (where,) = served()
    router = f"http://{where['ip']}"
    async with aiohttp.ClientSession() as client:
        async with client.get(router, headers={"Host": HOST}) as answer:
            assert (answer.status, await answer.text()) == (200, "web\n")
        async with client.get(router, headers={"Host": "other.test"}) as answer:
            assert answer.status == 404
        async with client.get(router, headers={"Host": "localhost"}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (308, "https://localhost/")
        trusted = ssl.create_default_context(cafile=str(tmp_path / "theirs" / "ca.crt"))
        resolver = aiohttp.TCPConnector(ssl=trusted)
        async with (
            aiohttp.ClientSession(connector=resolver) as secure,
            secure.get(f"https://{where['ip']}", headers={"Host": "localhost"}, server_hostname="localhost") as answer,
        ):
            assert (answer.status, await answer.text()) == (200, "web\n")
        cluster.endpoints("web", 8080, [])
        async with client.get(router, headers={"Host": HOST}) as answer:
            assert answer.status == 503


async def test_a_route_on_a_gateway_is_served_on_its_listeners(cluster, tmp_path):
    """By http on a port of its own and by https with the certificate it names; what is missing is said, and comes."""
    await asyncio.to_thread(pki.ensure, cluster.state / "pki")
    cluster.pod("web", WEB, main=READY)
    address = (await cluster.ready("web"))["status"]["podIP"]
    data = await asyncio.to_thread(certificate, tmp_path / "theirs")
    cluster.store.create("secrets", {"metadata": {"name": "tls", "namespace": NAMESPACE}, "data": data})
    ears = [
        {"name": "http", "port": 8080, "protocol": "HTTP"},
        {"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "tls"}]}},
    ]
    meta = {"name": "gateway", "namespace": NAMESPACE}
    cluster.store.create(GATEWAYS, {"metadata": meta, "spec": {"gatewayClassName": "nginx", "listeners": ears}})
    match = {"path": {"type": "PathPrefix", "value": "/site"}}
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    rule = {"matches": [match], "filters": [rewrite], "backendRefs": [{"name": "web", "port": 80}]}
    spec = {"parentRefs": [{"name": "gateway"}], "hostnames": [HOST, "localhost"], "rules": [rule]}
    cluster.store.create(HTTP_ROUTES, {"metadata": {"name": "web", "namespace": NAMESPACE}, "spec": spec})

    async def told(reason: str) -> None:
        async with asyncio.timeout(120):
            while reason not in str(cluster.store.get(HTTP_ROUTES, NAMESPACE, "web").get("status")):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    await told("BackendNotFound")
    cluster.service("web", 8080, [address])
    await told("'reason': 'ResolvedRefs'")
    status = cluster.store.get(GATEWAYS, NAMESPACE, "gateway")["status"]
    assert [one["attachedRoutes"] for one in status["listeners"]] == [1, 1]
    where = status["addresses"][0]["value"]
    async with aiohttp.ClientSession() as client:
        async with client.get(f"http://{where}:8080/site/", headers={"Host": HOST}) as answer:
            assert (answer.status, await answer.text()) == (200, "web\n")
        async with client.get(f"http://{where}:8080/", headers={"Host": HOST}) as answer:
            assert answer.status == 404
        trusted = ssl.create_default_context(cafile=str(tmp_path / "theirs" / "ca.crt"))
        headers = {"Host": "localhost"}
        url = f"https://{where}/site"
        async with client.get(url, headers=headers, server_hostname="localhost", ssl=trusted) as answer:
            assert (answer.status, await answer.text()) == (200, "web\n")
    cluster.store.delete(GATEWAYS, NAMESPACE, "gateway")
    await told("{'parents': []}")
