"""The node as the rest of the cluster sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from embedded.errors import ApiError
from embedded.node import claims, containers, dialing, pause, policies, registration, resolvconf, router, rules
from embedded.node.dns import Server, slices_by_service
from embedded.node.docker import Docker, EngineError
from embedded.node.logs import lines
from embedded.node.network import PAUSE, Network, NetworkError, remove_rules
from embedded.node.node_services import Exits, NodeServices
from embedded.node.oom import Kills
from embedded.node.session import ExecSession, open_session
from embedded.node.stats import Statistics
from embedded.node.volumes import Volumes, unmount_all
from embedded.node.worker import PodWorker
from embedded.store import Event, Store
from embedded.tokens import Issuer

log = logging.getLogger(__name__)
LEASE = 10.0  # seconds between renewals of the node's lease
HEARTBEAT = 300.0  # seconds between renewals of its status
SAMPLE = 5.0  # seconds between samples of what containers use
REMOVAL = 60.0  # seconds without a container less after which a removal has failed
RETRY_SECONDS = 1.0  # seconds before something that failed is tried again
PARALLEL_REMOVALS = 4  # sandboxes removed side by side: an Engine that takes down many at once can lose count of them
NETWORK_RELEASE_SECONDS = 10.0  # seconds the Engine is given to let go of a network none of whose containers is left
RULED = ("services", "endpointslices.discovery.k8s.io", "networkpolicies.networking.k8s.io", "namespaces")
MOUNTED = ("configmaps", "secrets")
CLAIMED = ("persistentvolumeclaims", "persistentvolumes")
HOST_RESOLVERS = Path("/etc/resolv.conf")


class Node:
    """One node on the local Docker engine. `start` after the store is open, `stop` leaves the pods running."""

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        state_dir: Path,
        pod_cidr: str,
        service_cidr: str,
        clock: Callable[[], float] = time.time,
        issuer: Issuer | None = None,
    ) -> None:
        self.store = store
        self._issuer = issuer or Issuer()
        self.name = name
        self._state = state_dir
        self._docker = Docker()
        self._network = Network(self._docker, name, pod_cidr)
        self._workers: dict[tuple[str, str], PodWorker] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._statistics = Statistics()
        self._changed = asyncio.Event()
        self._open = False
        self._dns = Server(store, self._network.gateway)
        self._router = router.Router(store, self._network.gateway, state_dir)
        self._host = NodeServices(
            store=store,
            docker=self._docker,
            network=self._network,
            volumes=Volumes(state_dir / "pods", store.get, self._token),
            exits=Exits(self._docker, name),
            kills=Kills(),
            cluster=name,
            node=name,
            address=registration.host_address(),
            cpus=os.cpu_count() or 1,
            memory=registration.memory_bytes(),
            clock=clock,
            protect=self._protect,
            resolve=self._resolve,
        )

    # life

    async def start(self) -> None:
        """Register the node, take over the containers there are, and keep all in step from now on."""
        await self._docker.__aenter__()
        engine = await self._docker.call("GET", "/version")
        self._root = Path((await self._docker.call("GET", "/info"))["DockerRootDir"])
        await pause.ensure(self._docker)
        await self._network.ensure()
        self._network.prepare_kernel()
        self._network.let_return()
        wanted = registration.node(self.name, self._host.address, str(self._network.subnet), engine, self._state)
        registration.register(self.store, wanted, self._host.clock())
        claims.ensure_class(self.store)
        await self._dns.start()
        router.ensure_class(self.store)
        self._host.exits.on_return = self._engine_returned
        self._open = True
        self.store.on_event(self._on_event)
        await self._take_over()
        self._changed.set()
        for endless in (
            self._host.exits.follow(),
            self._keep_rules(),
            self._keep_alive(wanted),
            self._keep_statistics(),
        ):
            self._spawn(endless)
        claims.bind_all(self.store, self._state / "volumes")
        await self._router.sync()

    async def stop(self) -> None:
        """Let go of everything; containers, network and rules stay."""
        self._open = False
        await self._dns.stop()
        await self._router.stop()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._host.kills.close()
        await self._docker.__aexit__()

    def _engine_returned(self) -> None:
        """Set right what an Engine that starts changes of the machine's network."""
        self._network.prepare_kernel()
        self._network.forget_rules()
        self._changed.set()

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _take_over(self) -> None:
        """Begin a worker for every pod there is, and remove containers of pods there are none of."""
        pods = [pod for pod in self.store.list("pods") if pod["spec"].get("nodeName") == self.name]
        known = {pod["metadata"]["uid"] for pod in pods}
        found = await self._docker.containers(f"{containers.CLUSTER}={self.name}")
        strays = [item["Id"] for item in found if item["Labels"].get(containers.UID) not in known]
        await asyncio.gather(*(self._docker.remove(container) for container in strays))
        for item in found:  # addresses in use are known before the first new one is given
            network = (item["NetworkSettings"]["Networks"] or {}).get(self._network.name) or {}
            if item["State"] == "running" and network.get("IPAddress") and item["Id"] not in strays:
                self._network.take(item["Labels"][containers.UID], network["IPAddress"])
        for pod in pods:
            self._begin(pod, fresh=False)

    # events of the store

    def _on_event(self, resource: str, event: Event) -> None:
        if not self._open:
            return
        if resource == "pods":
            self._pod_changed(event)
        elif resource in RULED:
            self._changed.set()
        elif resource in MOUNTED:
            self._mounted_changed(event.object["metadata"])
        elif resource in CLAIMED:
            asyncio.get_running_loop().call_soon(claims.bind_all, self.store, self._state / "volumes")

        if resource in router.ROUTED or (resource in router.LED_TO and self._router.has_gateways):
            self._spawn(self._router.sync())

    def _pod_changed(self, event: Event) -> None:
        pod = event.object
        if pod["spec"].get("nodeName") != self.name:
            return
        key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        worker = self._workers.get(key)
        if worker is not None and worker.uid != pod["metadata"]["uid"]:
            worker = None
        if event.type == "DELETED":
            if worker is not None:
                worker.removed()
                self._workers.pop(key)
        elif worker is None:
            self._begin(pod, fresh=True)
        else:
            worker.update(pod)
        if event.old is None or event.type == "DELETED" or _addressed(event.old) != _addressed(pod):
            self._changed.set()

    def _mounted_changed(self, meta: dict[str, Any]) -> None:
        for (namespace, _), worker in self._workers.items():
            if namespace == meta["namespace"]:
                worker.refresh_volumes()

    def _begin(self, pod: dict[str, Any], *, fresh: bool) -> None:
        worker = PodWorker(self._host, pod)
        self._workers[worker.key] = worker
        self._spawn(self._work(worker, fresh=fresh))

    async def _work(self, worker: PodWorker, *, fresh: bool) -> None:
        """Run a pod to its end; a worker that breaks is replaced by one that takes over its containers."""
        try:
            await worker.run(fresh=fresh)
        except Exception:  # whatever broke one pod must not end the others
            log.exception("pod %s/%s", *worker.key)
            await asyncio.sleep(RETRY_SECONDS)
            pod = self.store.get("pods", *worker.key)
            if pod is not None and pod["metadata"]["uid"] == worker.uid:
                self._begin(pod, fresh=False)
                return
        if self._workers.get(worker.key) is worker:
            self._workers.pop(worker.key)

    # what has to be kept in step

    async def _keep_rules(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(PAUSE)
            self._changed.clear()
            try:
                await self._apply_rules()
            except NetworkError as error:
                log.error("packet filter rules: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                self._changed.set()

    async def _apply_rules(self) -> None:
        services = self.store.list("services")
        slices = slices_by_service(self.store)
        peers = [policies.resolver(self._network.gateway)]
        for worker in self._workers.values():
            if worker.record.sandbox and worker.record.ip and not worker.pod["spec"].get("hostNetwork"):
                peers.append(policies.peer(worker.pod, worker.record.ip))
        spaces = {ns["metadata"]["name"]: ns["metadata"].get("labels") or {} for ns in self.store.list("namespaces")}
        found = self.store.list("networkpolicies.networking.k8s.io")
        bridge = self._network.bridge
        refused = rules.refused(services, slices)
        await self._network.apply(
            {
                "nat": rules.services(self.name, bridge, services, slices),
                "filter": policies.table(self.name, bridge, found, peers, spaces, refused),
            }
        )

    async def _protect(self, pod: dict[str, Any]) -> None:
        """Bring the rules up to date before a pod starts, where policies may speak of it."""
        self._changed.set()
        if self.store.list("networkpolicies.networking.k8s.io"):
            try:
                await self._apply_rules()
            except NetworkError as error:
                log.error("packet filter rules of pod %s: %s", pod["metadata"]["name"], error)

    def _token(self, pod: dict[str, Any], projection: dict[str, Any]) -> str:
        name = pod["spec"].get("serviceAccountName", "default")
        account = self.store.get("serviceaccounts", pod["metadata"]["namespace"], name)
        return self._issuer.of_pod(pod, account, projection)

    def _resolve(self, pod: dict[str, Any], sandbox: str) -> None:
        """Write the resolv.conf that the pod's containers share with their sandbox."""
        text = resolvconf.render(pod, self._network.gateway, HOST_RESOLVERS.read_text())
        (self._root / "containers" / sandbox / "resolv.conf").write_text(text)

    async def _keep_alive(self, wanted: dict[str, Any]) -> None:
        told = time.monotonic()
        while True:
            registration.renew(self.store, self.name, self._host.clock())
            if time.monotonic() - told >= HEARTBEAT:
                told = time.monotonic()
                registration.register(self.store, wanted, self._host.clock())
                for worker in self._workers.values():  # tokens end
                    worker.refresh_volumes()
            await asyncio.sleep(LEASE)

    async def _keep_statistics(self) -> None:
        while True:
            self._statistics.sample([container for found in self._ids().values() for container in found.values()])
            await asyncio.sleep(SAMPLE)

    def _ids(self) -> dict[tuple[str, str], dict[str, str]]:
        return {
            key: {c.name: c.container_id.removeprefix("docker://") for c in worker.record.all if c.running}
            for key, worker in self._workers.items()
        }

    # what the API asks for

    def usage(self) -> dict[str, Any]:
        """Return use of cpu (cores) and memory (bytes).

        {"pods": {(namespace, pod): {container: {"cpu", "memory"}}}, "nodes": {name: {"cpu", "memory"}}}
        """
        return self._statistics.usage(self.name, self._ids())

    def _container(self, namespace: str, pod: str, container: str, *, previous: bool = False) -> str:
        worker = self._workers.get((namespace, pod))
        record = next((c for c in worker.record.all if c.name == container), None) if worker else None
        if record is None:
            raise ApiError(404, f'container "{container}" of pod "{pod}" not found', reason="NotFound")
        found = record.last.get("terminated", {}).get("containerID", "") if previous else record.container_id
        if not found:
            which = "previous terminated container" if previous else "container"
            raise ApiError(400, f'{which} "{container}" in pod "{pod}" not found')
        return found.removeprefix("docker://")

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since_seconds: float | None = None,
        previous: bool = False,
        timestamps: bool = False,
        limit_bytes: int | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield the log of a container as lines or parts of lines; raises ApiError when there is none."""
        found = self._container(namespace, pod, container, previous=previous)
        params = {"follow": "1"} if follow else {}
        params |= {"tail": str(tail)} if tail is not None else {}
        params |= {"timestamps": "1"} if timestamps else {}
        if since_seconds is not None:
            params["since"] = f"{self._host.clock() - since_seconds:.9f}"
        async for piece in lines(self._docker, found, params, limit_bytes):
            yield piece

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of a pod as from inside of it; raises OSError."""
        worker = self._workers.get((namespace, pod))
        if worker is None or not worker.sandbox_id:
            raise OSError(f"pod {pod} has no sandbox")
        try:
            state = (await self._docker.inspect(worker.sandbox_id))["State"]
        except EngineError as error:
            raise OSError(error.message) from error
        return await dialing.dial(state["Pid"], port)

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: list[str],
        *,
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        tty: bool = False,
    ) -> ExecSession:
        """Start a command in a container; raises ApiError when it cannot run."""
        found = self._container(namespace, pod, container)
        try:
            return await open_session(self._docker, found, command, stdin=stdin, stdout=stdout, stderr=stderr, tty=tty)
        except EngineError as error:
            raise ApiError(500, f"error executing command in container: {error.message}") from error


def _addressed(pod: dict[str, Any]) -> tuple[Any, ...]:
    """Return what of a pod matters to the packet filter."""
    status = pod.get("status") or {}
    return pod["metadata"].get("labels"), status.get("podIP"), status.get("phase") in ("Succeeded", "Failed")


async def delete(name: str, state_dir: Path) -> str:
    """Remove every container, network, packet filter rule and folder of the cluster `name`; needs no store.

    Returns why the Engine keeps the network, or nothing: Docker 20.10 can lose count of a network's endpoints, and
    holds it until it is restarted. Raises NetworkError when containers do not come to an end.
    """
    async with Docker() as docker:
        await _remove_containers(docker, name)
        kept = await _remove_network(docker, name)
        if not await _other_clusters(docker, name):
            with contextlib.suppress(EngineError):
                await docker.call("DELETE", f"/images/{pause.IMAGE}")
    await remove_rules(rules.prefix(name))
    await unmount_all(state_dir / "pods")
    for folder in ("pods", "volumes"):
        await asyncio.to_thread(shutil.rmtree, state_dir / folder, True)
    return kept


async def _other_clusters(docker: Docker, name: str) -> list[str]:
    """Return the names of the other clusters on this Engine, by their networks."""
    filters = json.dumps({"label": [containers.CLUSTER]})
    found = await docker.call("GET", "/networks", params={"filters": filters})
    return [network["Name"] for network in found if network["Labels"].get(containers.CLUSTER) != name]


async def _remove_containers(docker: Docker, name: str) -> None:
    """Remove the containers of the pods, then their sandboxes, until the Engine lists none.

    What the Engine refuses is tried again: a busy one loses an exit event, or finds a file system in use, for a moment.
    Raises NetworkError with its words when none goes for REMOVAL seconds.
    """
    gate = asyncio.Semaphore(PARALLEL_REMOVALS)
    refused: dict[str, str] = {}
    ended: set[str] = set()
    found: list[dict[str, Any]] = []

    async def remove(item: dict[str, Any]) -> None:
        try:
            await docker.remove(item["Id"])
        except EngineError as error:
            refused[item["Id"]] = error.message
        else:
            if item["Id"] not in ended:  # once each: one whose removal is under way is no progress
                limit.reschedule(asyncio.get_running_loop().time() + REMOVAL)
            ended.add(item["Id"])

    async def remove_sandbox(item: dict[str, Any]) -> None:
        async with gate:
            await remove(item)

    try:
        async with asyncio.timeout(REMOVAL) as limit:
            while found := await docker.containers(f"{containers.CLUSTER}={name}"):
                sandboxes = [item for item in found if item["Labels"].get(containers.CONTAINER) == containers.SANDBOX]
                await asyncio.gather(*(remove(item) for item in found if item not in sandboxes))
                await asyncio.gather(*(remove_sandbox(item) for item in sandboxes))
                await asyncio.sleep(RETRY_SECONDS / 5)
    except TimeoutError as error:
        names = ", ".join(item["Names"][0].removeprefix("/") for item in found)
        why = "; ".join(dict.fromkeys(refused[item["Id"]] for item in found if item["Id"] in refused))
        raise NetworkError(
            f"containers that do not end within {REMOVAL:.0f} s: {names}{why and f' ({why})'}"
        ) from error


async def _remove_network(docker: Docker, name: str) -> str:
    """Remove the network; why the Engine still keeps it after a while, or nothing."""
    deadline = time.monotonic() + NETWORK_RELEASE_SECONDS
    while True:
        try:
            await docker.call("DELETE", f"/networks/k8s-{name}")
        except EngineError as error:
            if error.status == 404:
                return ""
            if time.monotonic() > deadline:
                return error.message
        else:
            return ""
        await asyncio.sleep(RETRY_SECONDS / 5)
