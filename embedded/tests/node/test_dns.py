"""Cluster DNS from the store."""

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from embedded.node import dns as cluster_dns
from embedded.store import Store

SLICES = "endpointslices.discovery.k8s.io"


@pytest.fixture
def store():
    made = Store()
    made.create("namespaces", {"metadata": {"name": "demo"}})
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]

    def service(name, **spec):
        made.create("services", {"metadata": {"name": name, "namespace": "demo"}, "spec": {"ports": ports} | spec})

    service("web", clusterIP="10.96.0.9")
    service("peers", clusterIP="None")
    service("out", type="ExternalName", externalName="example.org", ports=[])
    found = [
        {"addresses": ["10.0.0.1"], "hostname": "one", "conditions": {"ready": True}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.3"], "conditions": {"ready": False}},
    ]
    meta = {"name": "peers", "namespace": "demo", "labels": {"kubernetes.io/service-name": "peers"}}
    body = {"addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": found}
    made.create(SLICES, {"metadata": meta} | body)
    yield made
    made.close()


def ask(store, name, kind="A"):
    reply = cluster_dns.respond(store, dns.message.make_query(name, kind))
    if reply is None:
        return None
    if reply.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(reply.rcode())
    return sorted(record.to_text() for rrset in reply.answer for record in rrset)


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("web.demo.svc.cluster.local", "A", ["10.96.0.9"]),
        ("WEB.Demo.svc.cluster.local", "A", ["10.96.0.9"]),
        ("web.demo.svc.cluster.local", "AAAA", []),
        ("web.far.svc.cluster.local", "A", "NXDOMAIN"),
        ("x.web.demo.svc.cluster.local", "A", "NXDOMAIN"),
        ("peers.demo.svc.cluster.local", "A", ["10.0.0.1", "10.0.0.2"]),
        ("one.peers.demo.svc.cluster.local", "A", ["10.0.0.1"]),
        ("10-0-0-2.peers.demo.svc.cluster.local", "A", ["10.0.0.2"]),
        ("three.peers.demo.svc.cluster.local", "A", "NXDOMAIN"),
        ("out.demo.svc.cluster.local", "A", ["example.org."]),
        ("_http._tcp.web.demo.svc.cluster.local", "SRV", ["0 100 80 web.demo.svc.cluster.local."]),
        ("_nope._tcp.web.demo.svc.cluster.local", "SRV", "NXDOMAIN"),
        ("10-0-0-9.demo.pod.cluster.local", "A", ["10.0.0.9"]),
        ("nonsense.demo.pod.cluster.local", "A", "NXDOMAIN"),
        ("demo.svc.cluster.local", "A", []),
        ("svc.cluster.local", "A", []),
        ("cluster.local", "A", []),
        ("other.cluster.local", "A", "NXDOMAIN"),
        ("9.0.96.10.in-addr.arpa", "PTR", ["web.demo.svc.cluster.local."]),
        ("9.9.9.9.in-addr.arpa", "PTR", None),
        ("example.org", "A", None),
        ("notcluster.local", "A", None),
    ],
)
def test_answers(store, name, kind, wanted):
    assert ask(store, name, kind) == wanted


def test_headless_srv_names_every_endpoint(store):
    reply = cluster_dns.respond(store, dns.message.make_query("_http._tcp.peers.demo.svc.cluster.local", "SRV"))
    hosts = {record.target.to_text().split(".")[0] for record in reply.answer[0]}
    assert hosts == {"one", "10-0-0-2"}
    assert {rrset.rdtype for rrset in reply.additional} == {dns.rdatatype.A}


def test_resolvers_of_the_machine():
    assert cluster_dns.resolvers("# x\nnameserver 1.1.1.1\nnameserver fd00::1\noptions x\n") == ["1.1.1.1"]


async def test_name_of_others_fails_soon_when_nobody_answers(store, tmp_path):
    nobody = tmp_path / "resolv.conf"
    nobody.write_text("")
    server = cluster_dns.Server(store, "127.0.0.1", nobody)
    reply = dns.message.from_wire(await server.reply(dns.message.make_query("example.org", "A").to_wire(), tcp=False))
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert await server.reply(b"nonsense", tcp=False) is None
