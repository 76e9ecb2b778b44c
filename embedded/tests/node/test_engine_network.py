"""Services, DNS and policies on the real packet filter."""

import asyncio
import platform
from pathlib import Path

import busybox
import pytest

from embedded.node import agent, conntrack

pytestmark = pytest.mark.engine
NAMESPACE = "demo"
WEB = "mkdir /tmp/w; echo $HOSTNAME > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"


async def web(cluster, *names, **more):
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    for name in names:
        cluster.pod(name, WEB, labels={"app": "web"}, main={"readinessProbe": probe}, **more)
    return [(await cluster.ready(name))["status"]["podIP"] for name in names]


def ask(address, port, seconds=60):
    """The shell's words for one request, which is given up after some seconds."""
    return f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w {seconds} {address} {port} | tail -n 1"


async def from_host(address, port):
    try:
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            answer = (await reader.read()).decode().split()[-1]
            writer.close()
            return answer
    except (TimeoutError, OSError) as error:
        return type(error).__name__


async def test_service_reaches_all_endpoints_from_everywhere(cluster):
    addresses = await web(cluster, "a", "b")
    service = cluster.service("web", 8080, addresses, type="NodePort", nodePort=31877)
    await cluster.settled()
    inside = service["spec"]["clusterIP"]
    own = cluster.node._host.address
    for where in ((inside, 80), ("127.0.0.1", 31877), (own, 31877)):
        assert {await from_host(*where) for _ in range(20)} == {"a", "b"}
    code, said = await cluster.run("a", "; ".join([ask(inside, 80)] * 16 + [ask(own, 31877)] * 8))
    assert (code, set(said.split()), len(said.split())) == (0, {"a", "b"}, 24)


async def test_endpoint_that_goes_keeps_its_connections_and_gets_no_new_ones(cluster):
    first, second = await web(cluster, "a", "b")
    service = cluster.service("web", 8080, [first])
    await cluster.settled()
    reader, writer = await asyncio.open_connection(service["spec"]["clusterIP"], 80)
    cluster.endpoints("web", 8080, [second])
    await cluster.settled()
    assert {await from_host(service["spec"]["clusterIP"], 80) for _ in range(10)} == {"b"}
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await reader.read()).decode().split()[-1] == "a"
    writer.close()
    cluster.endpoints("web", 8080, [])
    await cluster.settled()
    assert await from_host(service["spec"]["clusterIP"], 80) == "ConnectionRefusedError"


async def test_affinity_keeps_a_client_with_one_endpoint(cluster):
    addresses = await web(cluster, "a", "b")
    service = cluster.service("web", 8080, addresses, sessionAffinity="ClientIP")
    await cluster.settled()
    assert len({await from_host(service["spec"]["clusterIP"], 80) for _ in range(12)}) == 1


async def test_names(cluster):
    (address,) = await web(cluster, "a")
    service = cluster.service("web", 8080, [address])
    cluster.service("peers", 8080, [address], clusterIP="None")
    inside = service["spec"]["clusterIP"]
    for name, wanted in {
        "web.demo.svc.cluster.local": inside,
        "peers.demo.svc.cluster.local": address,
        "kube.demo.svc.cluster.local": "NXDOMAIN",
    }.items():
        _, said = await cluster.run("a", f"nslookup {name}")
        assert wanted in said, said
    resolver = (await cluster.run("a", "cat /etc/resolv.conf"))[1]
    assert "search demo.svc.cluster.local svc.cluster.local cluster.local\n" in resolver
    assert "options ndots:5\n" in resolver


def policy(**spec):
    return {"metadata": {"name": "p", "namespace": NAMESPACE}, "spec": spec}


async def test_policies_are_enforced(cluster):
    (server,) = await web(cluster, "server")
    for name in ("friend", "other"):
        cluster.pod(name, labels={"role": name})
        await cluster.ready(name)
    resource = "networkpolicies.networking.k8s.io"

    async def reached(name):
        return (await cluster.run(name, ask(server, 8080, 3)))[1].strip() == "server"

    async def seen():
        await cluster.settled()
        return [await reached(name) for name in ("friend", "other")]

    assert await seen() == [True, True]
    chosen = {"matchLabels": {"app": "web"}}
    cluster.store.create(resource, policy(podSelector=chosen, policyTypes=["Ingress"]))
    assert await seen() == [False, False]
    rule = {
        "from": [{"podSelector": {"matchLabels": {"role": "friend"}}}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }
    cluster.store.modify(resource, NAMESPACE, "p", lambda obj: obj["spec"].update(ingress=[rule]))
    assert await seen() == [True, False]
    assert await from_host(server, 8080) == "server"  # the node itself, as probes do
    cluster.store.delete(resource, NAMESPACE, "p")
    outgoing = policy(podSelector={"matchLabels": {"role": "other"}}, policyTypes=["Egress"])
    cluster.store.create(resource, outgoing)
    assert await seen() == [True, False]
    block = {"to": [{"ipBlock": {"cidr": "10.244.0.0/16", "except": [f"{server}/32"]}}]}
    cluster.store.modify(resource, NAMESPACE, "p", lambda obj: obj["spec"].update(egress=[block]))
    assert await seen() == [True, False]
    block["to"][0]["ipBlock"]["except"] = []
    cluster.store.modify(resource, NAMESPACE, "p", lambda obj: obj["spec"].update(egress=[block]))
    assert await seen() == [True, True]


async def test_new_pod_is_isolated_from_its_first_moment(cluster):
    (server,) = await web(cluster, "server")
    caged = policy(podSelector={"matchLabels": {"role": "caged"}}, policyTypes=["Egress"])
    cluster.store.create("networkpolicies.networking.k8s.io", caged)
    cluster.pod("caged", ask(server, 8080, 3), labels={"role": "caged"}, restartPolicy="Never")
    await cluster.until("caged", lambda pod: pod["status"].get("phase") in ("Succeeded", "Failed"))
    assert "server" not in await cluster.log("caged")


async def test_delete_leaves_nothing(cluster, containers_of):
    (address,) = await web(cluster, "a")
    cluster.service("web", 8080, [address], type="NodePort", nodePort=31878)
    cluster.pod("mem", volumes=[{"name": "m", "emptyDir": {"medium": "Memory"}}])
    await cluster.ready("mem")
    await cluster.settled()
    start = agent.rules.prefix(cluster.name)
    assert start in cluster.packet_rules()
    await cluster.node.stop()
    await agent.delete(cluster.name, cluster.state)
    assert start not in cluster.packet_rules()
    assert containers_of() == []
    assert cluster.name not in cluster.docker("network", "ls")
    assert not (cluster.state / "pods").exists()
    cluster.node = cluster._node()
    await cluster.node.start()  # for the fixture to stop


async def test_delete_tells_why_the_engine_keeps_a_network(cluster, monkeypatch):
    monkeypatch.setattr(agent, "NETWORK_RELEASE_SECONDS", 1.0)
    cluster.pod("a")
    await cluster.ready("a")
    network = f"k8s-{cluster.name}"
    stranger = cluster.docker("run", "--detach", "--network", network, busybox.IMAGE, "sleep", "60").strip()
    await cluster.node.stop()
    assert "active endpoints" in await agent.delete(cluster.name, cluster.state)
    assert network in cluster.docker("network", "ls")
    cluster.docker("rm", "--force", stranger)
    monkeypatch.setattr(agent, "NETWORK_RELEASE_SECONDS", 300.0)
    assert await agent.delete(cluster.name, cluster.state) == ""
    assert network not in cluster.docker("network", "ls")
    cluster.node = cluster._node()
    await cluster.node.start()  # for the fixture to stop


async def test_connections_of_an_address_are_forgotten_and_no_others(cluster):
    if tuple(map(int, platform.release().split(".")[:2])) < (6, 8):
        pytest.skip("this kernel has no filter for deletion")

    def known(address):
        return Path("/proc/net/nf_conntrack").read_text().count(f"dst={address} ")

    servers = [await asyncio.start_server(lambda _, writer: writer.close(), f"127.77.0.{last}", 0) for last in (1, 2)]
    for server in servers:
        address, port = server.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(address, port)
        writer.close()
        assert known(address)
    conntrack.forget("127.77.0.1")
    assert not known("127.77.0.1") and known("127.77.0.2")
    for server in servers:
        server.close()
