"""One pod from its binding to its removal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from embedded.errors import ApiError
from embedded.node import containers, pause, status
from embedded.node.docker import EngineError
from embedded.node.network import NetworkError
from embedded.node.node_services import NodeServices, first, task
from embedded.node.runner import Runner
from embedded.node.status import ContainerRecord, PodRecord
from embedded.node.volumes import VolumeError
from embedded.objects.pod_resources import containers_of, is_sidecar
from embedded.objects.values import clone, parse_timestamp, timestamp

log = logging.getLogger(__name__)
RETRY = 2.0  # seconds between attempts to set up a pod
FIRST_MOUNT_PAUSE, LONGEST_MOUNT_PAUSE = 0.5, 122.0  # seconds between attempts to mount, twice as long each time
CHANGED = "Pod sandbox changed, it will be killed and re-created."
DEADLINE = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


class PodWorker:
    """Runs one pod. `run` lasts until the pod is gone; `update` tells it of changes."""

    def __init__(self, host: NodeServices, pod: dict[str, Any]) -> None:
        self.host = host
        self.pod = pod
        spec, meta = pod["spec"], pod["metadata"]
        self.key = (meta["namespace"], meta["name"])
        self.uid = meta["uid"]
        waiting = "PodInitializing" if spec.get("initContainers") else "ContainerCreating"
        self.record = PodRecord(
            init=[_fresh(c, waiting) for c in spec.get("initContainers") or ()],
            main=[_fresh(c, waiting) for c in spec["containers"]],
            host_ip=host.address,
            started_at=(pod.get("status") or {}).get("startTime") or timestamp(host.clock()),
            initialized=not spec.get("initContainers"),
        )
        self.volumes: dict[str, Path] = {}
        self.sandbox_id = ""
        self.deadline = float("inf")  # by time.monotonic(), when everything has to have ended
        self.stopping = asyncio.Event()
        self.progress = asyncio.Event()
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hurry: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._deleted = asyncio.Event()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._removed = False
        self._tasks: set[asyncio.Task[Any]] = set()
        policy = spec.get("restartPolicy", "Always")
        once = "OnFailure" if policy == "Always" else policy
        self._init = [Runner(self, c, "Always" if is_sidecar(c.spec) else once, init=True) for c in self.record.init]
        self._main = [Runner(self, c, policy, init=False) for c in self.record.main]

    # what others tell

    def update(self, pod: dict[str, Any]) -> None:
        """Take the pod as it is now: it may have to end, or to end sooner, or a container has a new image."""
        before, self.pod = self.pod, pod
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()
            self._stop(float(pod["metadata"].get("deletionGracePeriodSeconds") or 0))
            self.write()
        elif before["spec"] != pod["spec"]:
            specs = {c["name"]: c for c in containers_of(pod["spec"])}
            for runner in [*self._init, *self._main]:
                changed = specs[runner.record.name]["image"] != runner.record.spec["image"]
                runner.record.spec = specs[runner.record.name]
                if changed:
                    self.spawn(runner.replace())
            self.write()

    def removed(self) -> None:
        """End without grace: the pod is gone from the store."""
        self._removed = True
        self._deleted.set()
        self._stop(0.0)

    def _stop(self, grace: float) -> None:
        deadline = time.monotonic() + grace
        if self.stopping.is_set() and deadline >= self.deadline:
            return
        self.deadline = deadline
        self.stopping.set()
        for future in (self.stopped, self._hurry):
            if not future.done():
                future.set_result(None)

    def hurry(self) -> asyncio.Future[None]:
        """Return what is done when less time is left than was."""
        if self._hurry.done():
            self._hurry = asyncio.get_running_loop().create_future()
        return self._hurry

    async def pause(self, seconds: float) -> None:
        """Sleep, but not past the moment the pod has to stop."""
        await first(self.stopped, timeout=max(0.0, seconds))

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something beside, for as long as the pod lives."""
        made = asyncio.ensure_future(coroutine)
        self._tasks.add(made)
        made.add_done_callback(self._tasks.discard)

    def refresh_volumes(self) -> None:
        """Take what the pod mounts as it is now."""
        if self.volumes:
            self.host.volumes.refresh(self.pod, self.host.place(self.record.ip))
        self.progress.set()  # a pod that waits for it need not wait longer

    def write(self) -> None:
        """Write the status, if it differs from what the store holds."""

        def change(pod: dict[str, Any]) -> None:
            if pod["metadata"]["uid"] == self.uid:
                pod["status"] = clone(status.build(pod, self.record, self.host.clock()))

        with contextlib.suppress(ApiError):  # the pod is gone, or about to be
            self.host.store.modify("pods", *self.key, change, subresource="status", manager="kubelet")

    # the life of the pod

    async def run(self, *, fresh: bool) -> None:
        """Run the pod to its end. `fresh` pods have no containers; those of others are taken over."""
        if self.pod["metadata"].get("deletionTimestamp"):
            self.update(self.pod)
        told = self.pod.get("status") or {}
        try:
            if not fresh:
                recall(self.pod, self.record)
                await self._adopt()
            if told.get("phase") in ("Succeeded", "Failed"):
                self.record.finished = True
                self.record.failure = (told["reason"], told.get("message", "")) if told.get("reason") else None
                await self._remove_sandbox()
            else:
                await self._live()
            await self._deleted.wait()
            await self._clear()
        finally:
            for made in self._tasks:
                made.cancel()

    async def _live(self) -> None:
        """Do everything up to the end of the last container; begin anew when the sandbox is lost."""
        anew = True
        while anew:
            self._lost = asyncio.get_running_loop().create_future()
            async with task(self._run_containers()) as living, task(self._expire()) as expiry:
                await first(living, expiry, self.stopped, self._lost)
                anew = self._lost.done() and not (living.done() or expiry.done() or self.stopping.is_set())
                if not anew:
                    await self._stop_containers()
                    await living
            if anew:
                self.host.record(self.pod, "Normal", "SandboxChanged", CHANGED)
                await self._adopt()
        self._finish()
        await self._remove_sandbox()
        self.write()

    async def _run_containers(self) -> None:
        """Run init containers one after the other, then the others together; done when none runs any more."""
        self.write()
        await self._set_up()
        async with asyncio.TaskGroup() as group:
            for runner in self._init:
                if is_sidecar(runner.record.spec):
                    group.create_task(runner.run())
                    await self._until_started(runner.record)
                elif runner.record.exit_code != 0 and await runner.run() != 0:
                    break
            else:
                self.record.initialized = True
                if not self.stopping.is_set():
                    self.write()
                    await asyncio.gather(*(runner.run() for runner in self._main))
            await self._retire_sidecars()

    async def _until_started(self, record: ContainerRecord) -> None:
        while not record.started and not self.stopping.is_set():
            self.progress.clear()
            async with task(self.progress.wait()) as moved:
                await first(moved, self.stopped)

    async def _retire_sidecars(self) -> None:
        if self.stopping.is_set():
            return
        self.deadline = time.monotonic() + self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        for runner in reversed(self._init):
            runner.retired = True
            await runner.stop()

    async def _stop_containers(self) -> None:
        """End what runs: the others first, then the sidecars, last started first."""
        await asyncio.gather(*(runner.stop() for runner in self._main))
        for runner in reversed(self._init):
            await runner.stop()

    async def _expire(self) -> None:
        """Fail the pod when it is active longer than it may be."""
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if not seconds:
            await asyncio.Event().wait()
        await asyncio.sleep(max(0.0, parse_timestamp(self.record.started_at) + seconds - self.host.clock()))
        self.record.failure = DEADLINE
        self.host.record(self.pod, "Normal", *DEADLINE)
        self._stop(float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    def _finish(self) -> None:
        """Note how the containers that do not run ended."""
        self.record.finished = True
        for record in self.record.main:
            if "waiting" in record.state and record.last:
                record.state, record.last = record.last, {}
            elif "waiting" in record.state and self.stopping.is_set():
                ended = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": status.LOST}
                record.state = {"terminated": ended | {"startedAt": None, "finishedAt": None}}
            record.ready = record.started = False

    # what the containers need

    async def _set_up(self) -> None:
        """Make volumes and sandbox, until both are there or the pod is stopped."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._set_up_volumes())
            group.create_task(self._set_up_sandbox())
        if not self.stopping.is_set():
            await self.host.protect(self.pod)
            self.write()

    async def _set_up_volumes(self) -> None:
        pause = FIRST_MOUNT_PAUSE
        while not self.stopping.is_set():
            try:
                self.volumes = await self.host.volumes.prepare(self.pod, self.host.place(self.record.ip))
                return
            except VolumeError as error:
                self.host.record(self.pod, "Warning", "FailedMount", str(error))
            self.progress.clear()
            async with task(self.progress.wait()) as moved:
                await first(moved, self.stopped, timeout=pause)
            pause = min(2 * pause, LONGEST_MOUNT_PAUSE)

    async def _set_up_sandbox(self) -> None:
        while not self.stopping.is_set() and not self.sandbox_id:
            try:
                await self._make_sandbox()
                return
            except (EngineError, NetworkError) as error:
                if await self._has_made_image(error):
                    continue
                text = f"Failed to create pod sandbox: {error}"
                self.host.record(self.pod, "Warning", "FailedCreatePodSandBox", text)
            await self.pause(RETRY)

    async def _has_made_image(self, error: Exception) -> bool:
        """Make the sandbox's image again where somebody has removed it, and return whether that was why."""
        with contextlib.suppress(EngineError):
            return isinstance(error, EngineError) and error.status == 404 and await pause.ensure(self.host.docker)
        return False

    async def _make_sandbox(self) -> None:
        host, network = self.host, self.host.network
        on_host = bool(self.pod["spec"].get("hostNetwork"))
        address = "" if on_host else network.take(self.uid)
        name = containers.name(self.pod, containers.SANDBOX, 0)
        body = containers.sandbox(host.cluster, self.pod, network.name, address, 0)
        await host.docker.remove(name)
        sandbox_id = await host.docker.create(name, body)
        ended = host.exits.expect(sandbox_id)
        await host.docker.start(sandbox_id)
        host.resolve(self.pod, sandbox_id)
        network.let_return()
        self._settle(sandbox_id, host.address if on_host else address, ended)

    def _settle(self, sandbox_id: str, address: str, ended: asyncio.Future[None]) -> None:
        self.sandbox_id = sandbox_id
        self.record.sandbox, self.record.ip = True, address

        def lose(_: asyncio.Future[Any]) -> None:
            self.host.exits.forget(sandbox_id)
            if self.sandbox_id == sandbox_id and not self._lost.done():
                self.sandbox_id = ""
                self._lost.set_result(None)

        ended.add_done_callback(lose)

    async def _adopt(self) -> None:
        """Take over the containers the Engine has of this pod; what cannot go on counts as ended."""
        host = self.host
        found: dict[str, list[dict[str, Any]]] = {}
        for item in await host.docker.containers(f"{containers.UID}={self.uid}"):
            if item["State"] == "running":  # lists lag behind events, inspection does not
                host.exits.expect(item["Id"])  # before it is looked at: of a later end an event comes
                with contextlib.suppress(EngineError):
                    item["State"] = (await host.docker.inspect(item["Id"]))["State"]["Status"]
            if item["State"] == "created":
                await host.docker.remove(item["Id"])
            else:
                found.setdefault(item["Labels"][containers.CONTAINER], []).append(item)
        self.sandbox_id, self.record.sandbox = "", False
        died, dead = None, []
        for item in found.pop(containers.SANDBOX, []):
            if item["State"] != "running":
                with contextlib.suppress(EngineError):
                    ended = (await host.docker.inspect(item["Id"]))["State"]["FinishedAt"]
                    died = parse_timestamp(status.seconds(ended))
                dead.append(item["Id"])
                continue
            networks = item["NetworkSettings"]["Networks"]
            address = (networks.get(host.network.name) or {}).get("IPAddress") or host.address
            if address != host.address:
                host.network.take(self.uid, address)
            self._settle(item["Id"], address, host.exits.expect(item["Id"]))
        for runner in [*self._init, *self._main]:
            made = sorted(found.get(runner.record.name, []), key=lambda c: int(c["Labels"][containers.ATTEMPT]))
            await runner.adopt(made[-1] if made else None, alive=bool(self.sandbox_id), died=died)
        self.write()
        for container in dead:  # only now: until its containers' ends are noted it tells how they ended
            await host.docker.remove(container)
        if any(record.container_id for record in self.record.main) and self.sandbox_id:
            self.record.initialized = True
        elif not self.sandbox_id:
            self.record.initialized = not self.record.init

    async def _remove_sandbox(self) -> None:
        sandbox, self.sandbox_id = self.sandbox_id, ""
        if sandbox:
            self.host.exits.forget(sandbox)
            await self.host.network.end_connections(self.uid)
            await self.host.docker.remove(sandbox)
        self.host.network.release(self.uid)
        self.record.sandbox = False

    async def _clear(self) -> None:
        """Take away everything of the pod, its object last."""
        docker = self.host.docker
        left = await docker.containers(f"{containers.UID}={self.uid}")
        await asyncio.gather(*(docker.remove(item["Id"]) for item in left))
        await self.host.volumes.remove(self.uid)
        if not self._removed:
            with contextlib.suppress(ApiError):
                self.host.store.delete("pods", *self.key, grace=0, uid=self.uid)


def _fresh(container: dict[str, Any], waiting: str) -> ContainerRecord:
    return ContainerRecord(container, {"waiting": {"reason": waiting}})


def recall(pod: dict[str, Any], record: PodRecord) -> None:
    """Fill a record from the status that was written last."""
    told = pod.get("status") or {}
    known = [*(told.get("initContainerStatuses") or ()), *(told.get("containerStatuses") or ())]
    by_name = {found["name"]: found for found in known}
    for container in record.all:
        found = by_name.get(container.name)
        if found is None:
            continue
        container.state, container.last = clone(found["state"]), clone(found.get("lastState") or {})
        container.restarts, container.ready = found["restartCount"], found["ready"]
        container.started, container.image_id = bool(found.get("started")), found["imageID"]
        container.container_id = found.get("containerID", "")
        container.image = found["image"]
