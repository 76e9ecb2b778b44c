"""One container of a pod, over all its restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol

from embedded.node import containers, environment, hooks, images, probes, status
from embedded.node.docker import EngineError
from embedded.node.environment import ConfigError
from embedded.node.images import ImageError
from embedded.node.node_services import NodeServices, first, task
from embedded.node.prober import Prober
from embedded.node.status import ContainerRecord, PodRecord
from embedded.node.volumes import VolumeError, sub_path
from embedded.objects.pod_resources import is_sidecar
from embedded.objects.values import parse_timestamp, timestamp

RESYNC = 10.0  # seconds after which a container that could not be configured is tried again
SHOWN = 1.0  # seconds for which a container that ended is shown as such before it is shown as backing off
REMINDER = 12.0  # seconds between the events of one back-off
BACKOFF_RESET_SECONDS = 600.0  # seconds a container has to run for its failures to be forgotten
LEAST_GRACE = 2.0  # seconds a container is left after its preStop hook used up all there were
SHUTDOWN = 20.0  # seconds in which an Engine that stops ends all its containers
MESSAGE = 4096
TAIL_LINES, TAIL_BYTES = 80, 2048


class Pod(Protocol):
    """The part of a pod that the runner of one of its containers needs."""

    host: NodeServices
    pod: dict[str, Any]
    record: PodRecord
    volumes: dict[str, Path]
    sandbox_id: str
    deadline: float
    stopping: asyncio.Event
    progress: asyncio.Event
    stopped: asyncio.Future[None]

    def write(self) -> None:
        """Write the pod's status."""

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something beside, for as long as the pod is there."""

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the pod is stopped."""

    def hurry(self) -> asyncio.Future[None]:
        """Return what is done once the pod has to end sooner."""


class Runner:
    """Starts a container, watches it, and starts it again as its restart policy asks."""

    def __init__(self, pod: Pod, record: ContainerRecord, policy: str, *, init: bool) -> None:
        self._pod = pod
        self._host = pod.host
        self.record = record
        self._policy = policy
        self._init = init
        self._field = f"spec.{'initContainers' if init else 'containers'}{{{record.name}}}"
        self._failures = record.restarts
        self._killing = False
        self._image: dict[str, Any] = {}
        self.retired = False  # ends with the pod's other containers, not to be started again

    @property
    def _over(self) -> bool:
        return self.retired or self._pod.stopping.is_set()

    async def adopt(self, item: dict[str, Any] | None, *, alive: bool, died: float | None = None) -> None:
        """Take over the newest container there is, or none.

        `alive` tells whether its sandbox still runs, `died` when it ended (seconds since the epoch): a sandbox ends by
        itself only with its Engine or machine, and what ended about then ended with them.
        """
        record = self.record
        if item is None:
            if record.container_id and "waiting" not in record.state:
                self._vanished()
            return
        ran = record.running
        container_id, attempt = item["Id"], int(item["Labels"][containers.ATTEMPT])
        new = record.container_id != f"docker://{container_id}"
        record.container_id, record.restarts = f"docker://{container_id}", attempt
        record.image = record.image or images.parse(record.spec["image"]).canonical
        record.image_id = item["ImageID"]
        self._failures = attempt if alive else 0
        self._image = await self._host.docker.image(item["ImageID"]) or {}
        if item["State"] == "running" and alive:
            if new or not record.running:
                found = (await self._host.docker.inspect(container_id))["State"]
                record.state = {"running": {"startedAt": status.seconds(found["StartedAt"])}}
                record.ready, record.started = False, not record.spec.get("startupProbe")
            self._host.kills.started(container_id)
            return
        still_runs = item["State"] == "running"
        if still_runs:
            exited = self._host.exits.expect(container_id)
            await self._host.docker.kill(container_id)
            await first(exited, timeout=LEAST_GRACE * 5)
        ended = record.state.get("terminated") or {}
        if ended.get("reason") != "Unknown" or ended.get("containerID") != record.container_id:
            await self._note_end(container_id, lost=ran and not alive and not still_runs)
        ended = record.state["terminated"]
        if died is not None and not still_runs and abs(parse_timestamp(ended["finishedAt"]) - died) <= SHUTDOWN:
            ended |= {"exitCode": 255, "reason": "Unknown"}
        if self._init and not alive:
            record.last, record.state = record.state, {"waiting": {"reason": "PodInitializing"}}

    def _say(self, kind: str, reason: str, message: str) -> None:
        self._host.record(self._pod.pod, kind, reason, message, self._field)

    def _wait_for(self, reason: str, message: str = "") -> None:
        self.record.state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        self.record.ready = self.record.started = False
        self._pod.write()

    async def run(self) -> int | None:
        """Run to the end: the exit code that is not followed by a restart, or None when the pod is stopped first."""
        while not self._over:
            if self.record.running:
                await self._watch()
            elif self.record.exit_code is None and not await self._start():
                break
            if self.record.running:
                continue
            code = self.record.exit_code or 0
            if self._over or not status.restarts(self._policy, code):
                return code
            await self._back_off()
            if self._over or not await self._start():
                return None
        if self.record.running:  # it started while the pod was told to stop
            if not self._killing:
                self._pod.spawn(self.stop())
            await self._watch()
        return None

    # starting

    async def _start(self) -> bool:
        """Start the container, trying until it can be; False when the pod was stopped before."""
        delay = 10.0
        while not self._pod.stopping.is_set():
            try:
                self._image = await self._ensure_image()
                if self._pod.stopping.is_set():
                    return False
                await self._create_and_start()
                return True
            except ImageError as error:
                await self._image_failed(error, delay)
                delay = min(delay * 2, 300.0)
            except (ConfigError, VolumeError) as error:
                self._say("Warning", "Failed", f"Error: {error}")
                self._wait_for("CreateContainerConfigError", str(error))
                await self._pod.pause(RESYNC)
            except EngineError as error:
                self._say("Warning", "Failed", f"Error: {error.message}")
                self._wait_for("CreateContainerError", error.message)
                await self._pod.pause(RESYNC)
        return False

    async def _ensure_image(self) -> dict[str, Any]:
        spec = self.record.spec
        policy = spec.get("imagePullPolicy", "IfNotPresent")
        async with task(images.ensure(self._host.docker, spec["image"], policy, self._say)) as pulling:
            await first(pulling, self._pod.stopped)
            return pulling.result() if pulling.done() else {}

    async def _image_failed(self, error: ImageError, delay: float) -> None:
        self._say("Warning", "Failed", f"Error: {error.reason}")
        self._wait_for(error.reason, error.message)
        if error.reason != "ErrImagePull":
            await self._pod.pause(RESYNC)
            return
        await self._pod.pause(SHOWN)
        if self._pod.stopping.is_set():
            return
        text = f'Back-off pulling image "{self.record.spec["image"]}"'
        self._say("Normal", "BackOff", text)
        self._say("Warning", "Failed", "Error: ImagePullBackOff")
        self._wait_for("ImagePullBackOff", f"{text}: {error.reason}: {error.message}")
        await self._pod.pause(delay - SHOWN)

    async def _create(self, attempt: int) -> str:
        """Create the container and return its id; one that a process which ended left behind makes room."""
        host, pod, record = self._host, self._pod.pod, self.record
        values = self._environment()
        note = host.volumes.folder(pod["metadata"]["uid"]) / "termination" / f"{record.name}-{attempt}"
        made = containers.app(
            host.cluster,
            pod,
            record.spec,
            self._image,
            values,
            self._mounts(values, note),
            self._pod.sandbox_id,
            attempt,
            host.memory,
        )
        name = containers.name(pod, record.name, attempt)
        try:
            return await host.docker.create(name, made)
        except EngineError as error:
            if error.status != 409:
                raise
            await host.docker.remove(name)
            return await host.docker.create(name, made)

    def _runs(self, begun: dict[str, Any]) -> None:
        """Note that the container runs, and whether it is started and ready before any probe says so."""
        record = self.record
        self._killing = False
        began = timestamp(self._host.clock())
        vars(record).update(begun | {"state": {"running": {"startedAt": began}}})
        record.started = not record.spec.get("startupProbe")
        unprobed = record.started and not record.spec.get("readinessProbe")
        record.ready = unprobed and (self._sidecar or not self._init)

    async def _create_and_start(self) -> None:
        host, pod, record = self._host, self._pod.pod, self.record
        ended = record.state if "terminated" in record.state else record.last
        attempt = record.restarts + 1 if ended else record.restarts
        container_id = await self._create(attempt)
        self._say("Normal", "Created", "Container created")
        exited = host.exits.expect(container_id)
        full_id = f"docker://{container_id}"
        begun: dict[str, Any] = {"image": images.parse(record.spec["image"]).canonical, "image_id": self._image["Id"]}
        begun |= {"container_id": full_id, "restarts": attempt, "last": ended}
        bounded = "memory" in ((record.spec.get("resources") or {}).get("limits") or {})
        if bounded:
            host.kills.prepare(container_id)
        try:
            await host.docker.start(container_id)
        except EngineError as error:
            host.exits.forget(container_id)
            host.kills.forget(container_id)
            await self._not_started(error, begun)
            return
        if bounded:
            host.kills.started(container_id)
        self._say("Normal", "Started", "Container started")
        if not await self._after_start(container_id, exited):
            begun |= {"state": {"waiting": {"reason": "PostStartHookError"}}}
            vars(record).update(begun)
            await self._kill(0.0, "FailedPostStartHook", container_id)
        self._runs(begun)
        self._pod.write()
        self._pod.progress.set()
        if attempt > 1:
            self._pod.spawn(host.docker.remove(containers.name(pod, record.name, attempt - 2)))

    @property
    def _sidecar(self) -> bool:
        return self._init and is_sidecar(self.record.spec)

    async def _not_started(self, error: EngineError, begun: dict[str, Any]) -> None:
        """Note that the Engine made the container but could not start its command."""
        text = f"failed to create containerd task: {error.message}"
        self._say("Warning", "Failed", f"Error: {text}")
        vars(self.record).update(begun)
        self._wait_for("RunContainerError", text)
        await self._pod.pause(SHOWN)
        ended = {"exitCode": 128, "reason": "StartError", "message": text, "startedAt": "1970-01-01T00:00:00Z"}
        ended |= {"finishedAt": timestamp(self._host.clock()), "containerID": self.record.container_id}
        self.record.state = {"terminated": ended}
        self._pod.write()

    async def _after_start(self, container_id: str, exited: asyncio.Future[Any]) -> bool:
        """Run the postStart hook, if there is one; whether the container may go on."""
        handler = (self.record.spec.get("lifecycle") or {}).get("postStart")
        if not handler:
            return True
        docker, ip = self._host.docker, self._pod.record.ip
        async with task(hooks.run(docker, container_id, self.record.spec, handler, ip, float("inf"))) as running:
            await first(running, exited, self._pod.stopped)
            if not running.done() or running.result():
                return True
        self._say("Warning", "FailedPostStartHook", "PostStartHook failed")
        return False

    def _environment(self) -> dict[str, str]:
        store, pod = self._host.store, self._pod.pod
        place = self._host.place(self._pod.record.ip)
        return environment.build(pod, self.record.spec, store.get, store.list("services"), place)

    def _mounts(self, values: dict[str, str], note: Path) -> list[dict[str, Any]]:
        spec = self.record.spec
        made = []
        for mount in spec.get("volumeMounts") or ():
            source = self._pod.volumes.get(mount["name"])
            if source is None:
                raise ConfigError(f'volume mount "{mount["name"]}" refers to no volume')
            inner = mount.get("subPath") or environment.expand(mount.get("subPathExpr", ""), values)
            path = sub_path(source, inner) if inner else source
            spread = {"HostToContainer": "rslave", "Bidirectional": "rshared"}
            propagation = spread.get(mount.get("mountPropagation", ""), "rprivate")
            read_only = bool(mount.get("readOnly"))
            made.append(containers.bind(path, mount["mountPath"], read_only=read_only, propagation=propagation))
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
        note.chmod(0o666)
        made.append(containers.bind(note, spec.get("terminationMessagePath") or "/dev/termination-log"))
        return made

    # watching

    async def _watch(self) -> None:
        """Probe a running container until it ends, then note how."""
        record = self.record
        container_id = record.container_id.removeprefix("docker://")
        exited = self._host.exits.expect(container_id)
        prober = Prober(
            record.spec,
            lambda probe: probes.action(probe, record.spec, self._pod.record.ip, self._host.docker, container_id),
            self._say,
            on_started=self._started,
            on_ready=self._ready,
            on_failed=lambda called: self._pod.spawn(self._restart(called)),
        )
        async with task(prober.run(record.started)):
            await first(exited)  # not the future itself: a cancelled worker must not cancel it for others
        await self._ended(container_id)

    def _started(self) -> None:
        if self.record.running and not self.record.started:
            self.record.started = True
            self._pod.write()
        self._pod.progress.set()

    def _ready(self, ready: bool) -> None:
        if self._init and not self._sidecar:
            return
        if self.record.running and self.record.ready != ready:
            self.record.ready = ready
            self._pod.write()

    async def _restart(self, called: str) -> None:
        """End the container because a probe found it broken; its watcher starts it again."""
        if self._killing or self._pod.stopping.is_set():
            return
        which = "livenessProbe" if called == "liveness" else "startupProbe"
        grace = self.record.spec[which].get("terminationGracePeriodSeconds")
        if grace is None:
            grace = self._pod.pod["spec"].get("terminationGracePeriodSeconds", 30)
        text = f"Container {self.record.name} failed {called} probe, will be restarted"
        await self._kill(float(grace), text, self.record.container_id.removeprefix("docker://"))

    async def _ended(self, container_id: str) -> None:
        await self._note_end(container_id)
        self._pod.write()

    async def _note_end(self, container_id: str, *, lost: bool = False) -> None:
        lost = self._host.exits.is_lost(container_id) or lost
        record = self.record
        try:
            ended = (await self._host.docker.inspect(container_id))["State"]
            message = await self._last_words(container_id, ended["ExitCode"])
            if ended["ExitCode"]:
                ended["OOMKilled"] |= await self._host.kills.ended(container_id)
            record.state = status.terminated(ended, f"docker://{container_id}", message, lost=lost)
        except EngineError:
            self._vanished()
        self._host.kills.forget(container_id)
        self._host.exits.forget(container_id)
        record.ready = record.exit_code == 0 and self._init and not self._sidecar
        record.started = False

    def _vanished(self) -> None:
        now = timestamp(self._host.clock())
        ended = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": status.LOST}
        self.record.state = {"terminated": ended | {"startedAt": now, "finishedAt": now}}

    async def _last_words(self, container_id: str, code: int) -> str:
        """Return the termination message: what the container wrote for it or, where wanted, the end of its log."""
        folder = self._host.volumes.folder(self._pod.pod["metadata"]["uid"])
        note = folder / "termination" / f"{self.record.name}-{self.record.restarts}"
        text = note.read_bytes()[:MESSAGE].decode(errors="replace") if note.exists() else ""
        wanted = self.record.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if text or not wanted or code == 0:
            return text
        pieces = [piece async for _, piece in self._host.docker.logs(container_id, tail=str(TAIL_LINES))]
        return b"".join(pieces)[-TAIL_BYTES:].decode(errors="replace")

    async def _back_off(self) -> None:
        """Wait as long as the failures so far ask for."""
        ended = self.record.state["terminated"]
        if ended["reason"] == "Unknown":  # not the container's own doing
            self._failures = 0
        finished = parse_timestamp(ended["finishedAt"])
        ran = finished - parse_timestamp(ended["startedAt"]) if ended["reason"] != "StartError" else 0.0
        if ran >= BACKOFF_RESET_SECONDS:
            self._failures = 0
        delay = status.back_off(self._failures)
        self._failures += 1
        until = time.monotonic() + delay - min(max(0.0, self._host.clock() - finished - 1), delay)
        if delay:
            await self._pod.pause(min(SHOWN, until - time.monotonic()))
            self.record.last = self.record.state
            title = containers.title(self._pod.pod)
            name = self.record.name
            wait = f"back-off {duration(delay)} restarting failed container={name} pod={title}"
            self._wait_for("CrashLoopBackOff", wait)
        while not self._pod.stopping.is_set() and (left := until - time.monotonic()) > 0:
            self._say("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {title}")
            await self._pod.pause(min(left, REMINDER))

    # ending

    async def stop(self) -> None:
        """End the container because its pod ends."""
        if self.record.running:
            text = f"Stopping container {self.record.name}"
            await self._kill(None, text, self.record.container_id.removeprefix("docker://"))

    async def replace(self) -> None:
        """End the container because its definition changed; its watcher starts the new one."""
        if self.record.running and not self._killing:
            grace = float(self._pod.pod["spec"].get("terminationGracePeriodSeconds", 30))
            text = f"Container {self.record.name} definition changed, will be restarted"
            await self._kill(grace, text, self.record.container_id.removeprefix("docker://"))

    async def _kill(self, grace: float | None, message: str, container_id: str) -> None:
        """End it by preStop hook, the stop signal, then SIGKILL. `grace` None: as long as the pod's own end allows."""
        self._killing = True
        exited = self._host.exits.expect(container_id)
        self._say("Normal", "Killing", message)
        deadline = self._pod.deadline if grace is None else time.monotonic() + grace
        handler = (self.record.spec.get("lifecycle") or {}).get("preStop")
        left = deadline - time.monotonic()
        if handler and left > 0:
            docker, ip = self._host.docker, self._pod.record.ip
            async with task(hooks.run(docker, container_id, self.record.spec, handler, ip, left)) as running:
                await first(running, exited, self._pod.hurry(), timeout=left)
                if running.done() and not running.result():
                    self._say("Warning", "FailedPreStopHook", "PreStopHook failed")
            deadline = max(deadline, time.monotonic() + LEAST_GRACE)
        if exited.done():
            return
        if deadline > time.monotonic():
            signal = (self._image.get("Config") or {}).get("StopSignal") or "SIGTERM"
            signal = (self.record.spec.get("lifecycle") or {}).get("stopSignal") or signal
            await self._host.docker.kill(container_id, signal)
            while not exited.done() and (left := min(deadline, self._pod.deadline) - time.monotonic()) > 0:
                await first(exited, self._pod.hurry(), timeout=left)
        if not exited.done():
            await self._host.docker.kill(container_id)
            await first(exited, timeout=LEAST_GRACE * 5)


def duration(seconds: float) -> str:
    """Return it as Go writes a duration of whole seconds: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
