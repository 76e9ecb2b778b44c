"""Services and policies as rules: the text the kernel is given."""

import pytest

from embedded.node import policies, rules
from embedded.node.policies import Peer


def service(**spec):
    whole = {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]} | spec
    return {"metadata": {"namespace": "demo", "name": "web"}, "spec": whole}


def piece(*endpoints, port=8080, name="http"):
    found = [{"addresses": [address], "conditions": conditions} for address, conditions in endpoints]
    return {"ports": [{"name": name, "port": port}], "endpoints": found}


READY = {"ready": True, "serving": True, "terminating": False}
UNREADY = {"ready": False, "serving": False, "terminating": False}
LEAVING = {"ready": False, "serving": True, "terminating": True}


@pytest.mark.parametrize(
    ("slices", "addresses"),
    [
        ([piece(("a", READY), ("b", UNREADY), ("c", LEAVING))], ["a"]),
        ([piece(("b", READY)), piece(("a", READY))], ["a", "b"]),
        ([piece(("b", UNREADY), ("c", LEAVING))], ["c"]),
        ([piece(("b", UNREADY))], []),
        ([piece(("a", READY), name="other")], []),
        ([], []),
    ],
)
def test_endpoints_for_new_connections(slices, addresses):
    made = service()
    found = rules.endpoints(made, made["spec"]["ports"][0], slices)
    assert [endpoint.address for endpoint in found] == addresses


def nat(made, *slices):
    return rules.services("c", "br", [made], {("demo", "web"): list(slices)})


def test_every_endpoint_has_the_same_chance():
    table = nat(service(), piece(("1.1.1.1", READY), ("1.1.1.2", READY), ("1.1.1.3", READY)))
    (chain,) = [found for name, found in table.chains.items() if "-S" in name and not name.endswith("SVC")]
    assert ["0.3333333333" in chain[0], "0.5000000000" in chain[1], "probability" in chain[2]] == [True, True, False]
    assert chain[2] == "-p tcp -j DNAT --to-destination 1.1.1.3:8080"


def test_node_port_and_cluster_address_lead_to_the_same_chain():
    ports = [{"name": "http", "port": 80, "nodePort": 30123}]
    table = nat(service(ports=ports), piece(("1.1.1.1", READY)))
    first, second = table.chains[rules.prefix("c") + "SVC"]
    assert first.startswith("-d 10.96.0.9/32 -p tcp --dport 80 -j ")
    assert second.startswith("-m addrtype --dst-type LOCAL -p tcp --dport 30123 -j ")
    assert first.split()[-1] == second.split()[-1]


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"type": "ExternalName", "clusterIP": ""}])
def test_services_without_an_address_have_no_rule(spec):
    assert nat(service(**spec), piece(("1.1.1.1", READY))).chains[rules.prefix("c") + "SVC"] == []


def test_service_without_endpoints_refuses():
    assert nat(service()).chains[rules.prefix("c") + "SVC"] == []
    assert rules.refused([service()], {}) == ["-d 10.96.0.9/32 -p tcp --dport 80 -j REJECT"]


def test_names_of_chains_fit_the_kernel():
    table = nat(service(sessionAffinity="ClientIP"), piece(("1.1.1.1", READY)))
    assert all(len(name) <= 28 for name in table.chains)


def test_script_replaces_what_is_there():
    table = rules.Table({"K8S-X-A": ["-j RETURN"]})
    lines = rules.script("nat", table, {"K8S-X-A", "K8S-X-OLD"}).splitlines()
    assert lines == [
        "*nat",
        ":K8S-X-A - [0:0]",
        ":K8S-X-OLD - [0:0]",
        "-A K8S-X-A -j RETURN",
        "-X K8S-X-OLD",
        "COMMIT",
    ]


WEB = Peer("demo", {"app": "web"}, "10.0.0.1", {("http", "TCP"): 8080})
FRIEND = Peer("demo", {"app": "friend"}, "10.0.0.2", {})
STRANGER = Peer("far", {"app": "friend"}, "10.0.0.3", {})
SPACES = {"demo": {"team": "a"}, "far": {"team": "b"}, "kube-system": {}}


def allowed(direction="Ingress", **spec):
    """The rules of the web pod's chain, less those of every chain."""
    whole = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": [direction]} | spec
    policy = {"metadata": {"namespace": "demo", "name": "p"}, "spec": whole}
    peers = [policies.resolver("10.0.0.254"), WEB, FRIEND, STRANGER]
    table = policies.table("c", "br", [policy], peers, SPACES, [])
    chains = {name: found for name, found in table.chains.items() if name[-12:] == rules.digest("10.0.0.1")}
    ((name, found),) = chains.items()
    assert found[-1] == "-j DROP"
    assert name.split("-")[-1][0] == direction[0]
    return found[1:-1]


def test_no_rule_lets_nothing_through():
    assert allowed() == []


def test_empty_rule_lets_everything_through():
    assert allowed(ingress=[{}]) == ["-j RETURN"]


@pytest.mark.parametrize(
    ("peer", "sources"),
    [
        ({"podSelector": {"matchLabels": {"app": "friend"}}}, ["10.0.0.2/32"]),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, ["10.0.0.3/32"]),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "friend"}}}, ["10.0.0.2/32", "10.0.0.3/32"]),
        ({"podSelector": {"matchLabels": {"app": "none"}}}, []),
        ({"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.0/31"]}}, ["10.0.0.2/31"]),
        ({"ipBlock": {"cidr": "fd00::/8"}}, []),
    ],
)
def test_peers(peer, sources):
    assert allowed(ingress=[{"from": [peer]}]) == [f"-s {source} -j RETURN" for source in sources]


@pytest.mark.parametrize(
    ("port", "match"),
    [
        ({"port": 80}, ["-p tcp --dport 80 -j RETURN"]),
        ({"port": "http"}, ["-p tcp --dport 8080 -j RETURN"]),
        ({"port": "nope"}, []),
        ({"port": 53, "protocol": "UDP"}, ["-p udp --dport 53 -j RETURN"]),
        ({"port": 80, "endPort": 90}, ["-p tcp --dport 80:90 -j RETURN"]),
        ({"protocol": "UDP"}, ["-p udp -j RETURN"]),
    ],
)
def test_ports(port, match):
    assert allowed(ingress=[{"ports": [port]}]) == match


def test_dns_is_allowed_by_the_usual_selector():
    rule = {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]}
    rule["ports"] = [{"port": "dns", "protocol": "UDP"}]
    assert allowed("Egress", egress=[rule]) == ["-d 10.0.0.254/32 -p udp --dport 53 -j RETURN"]


@pytest.mark.parametrize(
    ("spec", "types"),
    [({}, ["Ingress"]), ({"egress": [{}]}, ["Ingress", "Egress"]), ({"policyTypes": ["Egress"]}, ["Egress"])],
)
def test_types(spec, types):
    assert policies.types({"spec": spec}) == types
