"""A cluster without containers: the real store, API and controllers, and a node that only says that pods run."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web

from embedded import files, pki
from embedded.admission import plugins
from embedded.api.app import Api, build
from embedded.cluster import Cluster
from embedded.controllers.manager import Manager
from embedded.main import bootstrap, tls
from embedded.objects.values import timestamp
from embedded.store import Event, Store

NODE = "vm"
START_SECONDS = 0.05  # from being bound to being ready


class HollowSession:
    """Stands for a command: says its own words, then what it hears, complains once, and ends with 3."""

    def __init__(self, command: list[str], *, stdin: bool) -> None:
        self._output: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self._output.put_nowait((1, f"{' '.join(command)}\n".encode()))
        self._output.put_nowait((2, b"complaint\n"))
        if not stdin:
            self._output.put_nowait(None)

    async def read(self) -> tuple[int, bytes] | None:
        return await self._output.get()

    async def write(self, data: bytes) -> None:
        await self._output.put((1, data))

    async def close_stdin(self) -> None:
        await self._output.put(None)

    async def resize(self, width: int, height: int) -> None:
        pass

    async def exit_code(self) -> int:
        return 3

    async def close(self) -> None:
        pass


class HollowNode:
    """Says that every pod bound to it runs, or cannot have its image when that ends in ":absent"."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._addresses = iter(range(2, 250))
        amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        info = {
            "kubeletVersion": "v1.36.2",
            "osImage": "Debian GNU/Linux 12 (bookworm)",
            "kernelVersion": "6.1",
            "architecture": "amd64",
            "containerRuntimeVersion": "containerd://1.6.20",
        }
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastTransitionTime": ""}
        status = {
            "capacity": amounts,
            "allocatable": amounts,
            "nodeInfo": info,
            "conditions": [ready | {"lastTransitionTime": timestamp(time.time())}],
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
        }
        store.create("nodes", {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}})
        store.modify("nodes", "", NODE, lambda obj: obj.update(status=status), subresource="status")
        store.on_event(self._on_event)

    def usage(self) -> dict:
        """Every container takes a tenth of a core and 10 MiB."""
        used = {"cpu": 0.1, "memory": 10 * 2**20}
        pods = {
            (pod["metadata"]["namespace"], pod["metadata"]["name"]): {
                c["name"]: used for c in pod["spec"]["containers"]
            }
            for pod in self._store.list("pods")
        }
        return {"pods": pods, "nodes": {NODE: {"cpu": 0.5, "memory": 2**30}}}

    async def logs(self, namespace: str, pod: str, container: str, **options: Any) -> AsyncIterator[bytes]:
        """Three lines, one more for those who follow."""
        lines = [f"line {number}\n".encode() for number in (1, 2, 3)]
        for line in lines[-options["tail"] :] if options["tail"] else lines:
            yield line
        if options["follow"]:
            await asyncio.sleep(0.2)
            yield b"last line\n"

    async def exec(self, namespace: str, pod: str, container: str, command: list[str], **options: Any) -> HollowSession:
        """A command that says what it hears."""
        return HollowSession(command, stdin=options["stdin"])

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to this machine: a hollow pod has no network of its own."""
        return await asyncio.open_connection("127.0.0.1", port)

    def _on_event(self, resource: str, event: Event) -> None:
        if resource != "pods" or event.type == "DELETED" or event.object["spec"].get("nodeName") != NODE:
            return
        pod = event.object["metadata"]
        if pod.get("deletionTimestamp"):
            self._loop.call_later(START_SECONDS, self._gone, pod["namespace"], pod["name"], pod["uid"])
        elif "containerStatuses" not in event.object["status"]:
            self._loop.call_later(START_SECONDS, self._started, pod["namespace"], pod["name"])

    def _gone(self, namespace: str, name: str, uid: str) -> None:
        found = self._store.get("pods", namespace, name)
        if found and found["metadata"]["uid"] == uid:
            self._store.delete("pods", namespace, name, grace=0)

    def _started(self, namespace: str, name: str) -> None:
        now = timestamp(time.time())

        def run(pod: dict) -> None:
            absent = any(c["image"].endswith(":absent") for c in pod["spec"]["containers"])
            ends = pod["spec"]["restartPolicy"] == "Never"
            if absent:
                state: dict = {"waiting": {"reason": "ErrImageNeverPull", "message": ""}}
            elif ends:
                state = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
            else:
                state = {"running": {"startedAt": now}}
            ready = not absent and not ends
            phase = "Pending" if absent else "Succeeded" if ends else "Running"
            kept = [c for c in pod["status"].get("conditions", []) if c["type"] == "PodScheduled"]
            words = {"Initialized": True, "ContainersReady": ready, "Ready": ready}
            conditions = [
                {"type": word, "status": str(value), "lastTransitionTime": now} for word, value in words.items()
            ]
            address = f"10.244.0.{next(self._addresses)}"
            states = [
                {
                    "name": c["name"],
                    "image": c["image"],
                    "imageID": "",
                    "ready": ready,
                    "started": ready,
                    "restartCount": 0,
                    "state": state,
                }
                for c in pod["spec"]["containers"]
            ]
            pod["status"].update(
                phase=phase,
                podIP=address,
                podIPs=[{"ip": address}],
                hostIP="192.0.2.1",
                startTime=now,
                conditions=[*kept, *conditions],
                containerStatuses=states,
            )

        self._store.modify("pods", namespace, name, run, subresource="status", manager="kubelet")


@contextlib.asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Path]:
    """Run a hollow cluster; gives its kubeconfig."""
    made = Cluster("hollow", 0, "10.244.0.0/24", "10.96.0.0/16")
    pki.ensure(folder / "pki")
    store = Store(folder / "state.db", admission=plugins(made.service_cidr))
    bootstrap(store, made, (folder / "pki" / "ca.crt").read_text())
    node = HollowNode(store)
    manager = Manager(store, dict)  # autoscalers see no use, as those of the recorded cluster: nothing scales by itself
    runner = web.AppRunner(build(Api(store, node)), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls(folder / "pki"))
    await site.start()
    port = runner.addresses[0][1]
    kubeconfig = folder / "kubeconfig"
    files.write_private(kubeconfig, pki.kubeconfig(folder / "pki", made.name, port))
    working = asyncio.create_task(manager.run())
    try:
        yield kubeconfig
    finally:
        manager.stop()
        store.end_watches()
        await working
        await runner.cleanup()
        store.close()
