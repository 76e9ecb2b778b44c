"""A node on the real engine over a store of its own, and pods to run on it."""

from __future__ import annotations

import asyncio
import pathlib
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable

import busybox
import pytest

from embedded.cluster import claim_network
from embedded.node import agent
from embedded.node.agent import Node
from embedded.store import Store

DOCKER = "/usr/bin/docker"
NAMESPACE = "demo"


@pytest.fixture(scope="session")
def image(tmp_path_factory) -> str:
    """The image bb:1: busybox from scratch, no command, root."""
    return busybox.ensure_image(tmp_path_factory.mktemp("busybox"))


class Cluster:
    """A store and a node, with what tests do to them."""

    def __init__(self, state: pathlib.Path, number: int) -> None:
        self.name = f"node-test-{uuid.uuid4().hex[:6]}"
        self.state = state
        self.pods, self.services = f"10.244.{number}.0/24", f"10.96.{number}.0/24"
        self.store = Store(state / "state.db")
        for name in (NAMESPACE, "kube-system", "kube-node-lease"):
            self.store.create(
                "namespaces", {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
            )
        self.node = self._node()

    def _node(self) -> Node:
        nets = {"pod_cidr": self.pods, "service_cidr": self.services}
        return Node(self.store, name=self.name, state_dir=self.state, **nets)

    async def restart(self, between: Callable[[], None] = lambda: None) -> None:
        """Stop the node, do something, and start another one on what is left."""
        await self.node.stop()
        between()
        self.store.close()
        self.store = Store(self.state / "state.db")
        self.node = self._node()
        await self.node.start()

    def pod(self, name: str, script: str = "exec sleep 1000", *, labels: dict | None = None, **spec) -> dict:
        """Create a pod bound to the node, of one container `main`; `main` in the spec adds to that container."""
        main = {"name": "main", "image": "bb:1", "command": ["/bin/sh", "-c", script]} | spec.pop("main", {})
        whole = {"nodeName": self.name, "terminationGracePeriodSeconds": 1, "containers": [main]} | spec
        meta = {"name": name, "namespace": NAMESPACE, "labels": labels or {}}
        return self.store.create("pods", {"metadata": meta, "spec": whole})

    def get(self, name: str) -> dict | None:
        return self.store.get("pods", NAMESPACE, name)

    async def until(self, name: str, condition: Callable[[dict], bool], seconds: float = 300.0) -> dict:
        """The pod once it meets a condition on it ({} when it is gone); fails after some seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self.get(name) or {}):  # noqa: ASYNC110 - a test that may be slow
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"pod {name} never got there: {(self.get(name) or {}).get('status')} {self.events(name)}")
        return self.get(name) or {}

    async def ready(self, name: str) -> dict:
        return await self.until(name, lambda pod: condition(pod, "Ready") == "True")

    async def gone(self, name: str) -> None:
        await self.until(name, lambda pod: not pod)

    def events(self, name: str) -> list[tuple[str, str]]:
        found = [e for e in self.store.list("events", NAMESPACE) if e["involvedObject"]["name"] == name]
        return [(event["reason"], event["message"]) for event in found]

    async def run(self, name: str, script: str, container: str = "main") -> tuple[int, str]:
        """Run a script in a container: exit code and output."""
        session = await self.node.exec(NAMESPACE, name, container, ["/bin/sh", "-c", script])
        output = b""
        while (piece := await session.read()) is not None:
            output += piece[1]
        code = await session.exit_code()
        await session.close()
        return code, output.decode()

    async def log(self, name: str, container: str = "main", **options) -> str:
        pieces = [piece async for piece in self.node.logs(NAMESPACE, name, container, **options)]
        return b"".join(pieces).decode()

    async def begins(self, name: str, text: str) -> None:
        """Wait for the first words of a pod's log: a container runs before its program has said anything."""
        async with asyncio.timeout(300):
            while not (await self.log(name)).startswith(text):  # noqa: ASYNC110 - a test that may be slow
                await asyncio.sleep(0.02)

    def service(self, name: str, target: int, addresses: list[str], *, port: int = 80, **spec) -> dict:
        """A Service and the slice of its endpoints."""
        ports = [{"port": port, "targetPort": target, "protocol": "TCP", "name": "http"}]
        if "nodePort" in spec:
            ports[0]["nodePort"] = spec.pop("nodePort")
        meta = {"name": name, "namespace": NAMESPACE}
        whole = {"clusterIP": f"10.96.{self.pods.split('.')[2]}.{50 + len(self.store.list('services'))}"}
        made = self.store.create("services", {"metadata": meta, "spec": whole | {"ports": ports} | spec})
        self.store.create("endpointslices.discovery.k8s.io", endpoint_slice(name, target, addresses))
        return made

    def endpoints(self, name: str, target: int, addresses: list[str]) -> None:
        """Change the endpoints of a Service."""
        wanted = endpoint_slice(name, target, addresses)
        resource = "endpointslices.discovery.k8s.io"
        self.store.modify(resource, NAMESPACE, name, lambda obj: obj.update(endpoints=wanted["endpoints"]))

    def packet_rules(self) -> str:
        """All rules of the machine's packet filter."""
        return subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout

    def docker(self, *words: str) -> str:
        """What a docker command prints."""
        return subprocess.run([DOCKER, *words], capture_output=True, text=True, check=True).stdout

    async def settled(self) -> None:
        """Wait until the packet filter has heard of the last change."""
        await self.node._apply_rules()


def endpoint_slice(name: str, target: int, addresses: list[str]) -> dict:
    ready = {"ready": True, "serving": True, "terminating": False}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": target, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": dict(ready)} for address in addresses],
    }


def condition(pod: dict, name: str) -> str:
    return next((c["status"] for c in pod.get("status", {}).get("conditions", []) if c["type"] == name), "")


@pytest.fixture
async def cluster(image, tmp_path) -> AsyncIterator[Cluster]:
    """A running node; everything it made is gone afterwards."""
    number, claim = claim_network(tmp_path.name)
    made = Cluster(tmp_path, number)
    try:
        with claim:  # until it has a route
            await made.node.start()
        yield made
    finally:
        try:
            await made.node.stop()
            await agent.delete(made.name, made.state)
        finally:
            made.store.close()


@pytest.fixture
def containers_of(cluster) -> Callable[..., list[str]]:
    """Gives the ids of the cluster's containers, running or not, that match more filters of the engine."""

    def find(*filters: str) -> list[str]:
        label = f"label=io.kubernetes.cluster={cluster.name}"
        chosen = [word for text in (label, *filters) for word in ("--filter", text)]
        found = subprocess.run([DOCKER, "ps", "--all", "--quiet", *chosen], capture_output=True, text=True, check=True)
        return found.stdout.split()

    return find
