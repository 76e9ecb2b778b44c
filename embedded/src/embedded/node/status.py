"""The status of a pod, from what is known of its containers. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from embedded.objects import quantity
from embedded.objects.pod_resources import is_sidecar, quality_of_service
from embedded.objects.values import timestamp

LOST = "The container could not be located when the pod was terminated"


@dataclasses.dataclass
class ContainerRecord:
    """The node's record of one container of a pod.

    `state` and `last` are the API's container states ({"waiting": …}, {"running": …}, {"terminated": …}); `created`
    tells whether a container of this attempt was ever made.
    """

    spec: dict[str, Any]
    state: dict[str, Any] = dataclasses.field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: dict[str, Any] = dataclasses.field(default_factory=dict)
    restarts: int = 0
    ready: bool = False
    started: bool = False
    image: str = ""
    image_id: str = ""
    container_id: str = ""

    @property
    def name(self) -> str:
        """Return the container's name."""
        name: str = self.spec["name"]
        return name

    @property
    def running(self) -> bool:
        """Return whether the container runs."""
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """Return how the container ended, if it has."""
        return self.state["terminated"]["exitCode"] if "terminated" in self.state else None


@dataclasses.dataclass
class PodRecord:
    """The node's record of one pod. `finished` is set once no container of it will run again."""

    init: list[ContainerRecord]
    main: list[ContainerRecord]
    sandbox: bool = False
    ip: str = ""
    host_ip: str = ""
    started_at: str = ""
    initialized: bool = False
    finished: bool = False
    failure: tuple[str, str] | None = None

    @property
    def all(self) -> list[ContainerRecord]:
        """Return every container."""
        return [*self.init, *self.main]


def restarts(policy: str, exit_code: int) -> bool:
    """Return whether a container that ended is started again."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def back_off(failures: int) -> float:
    """Return seconds to wait before a restart after so many earlier ones: 0, 10, 20, 40, … 300."""
    return min(10.0 * 2 ** min(failures - 1, 10), 300.0) if failures else 0.0


WITH_THE_MACHINE = {"ExitCode": 255, "OOMKilled": False}
"""What is said of a container that ended because its Engine or machine did: nobody saw how."""


def terminated(state: dict[str, Any], container_id: str, message: str, *, lost: bool = False) -> dict[str, Any]:
    """Return the terminated state of a container, from the Engine's State; `lost` if it ended with the
    Engine itself.
    """
    state = state | (WITH_THE_MACHINE if lost else {})
    code = state["ExitCode"]
    reason = (
        "Unknown" if lost else "OOMKilled" if state.get("OOMKilled") and code else "Completed" if code == 0 else "Error"
    )
    ended = {"exitCode": code, "reason": reason}
    if message:
        ended["message"] = message
    times = {"startedAt": seconds(state["StartedAt"]), "finishedAt": seconds(state["FinishedAt"])}
    return {"terminated": ended | times | {"containerID": container_id}}


def seconds(engine_time: str) -> str:
    """Return a time of the Engine (RFC 3339 with nanoseconds) as the API writes it."""
    return engine_time[:19] + "Z"


def phase(pod: dict[str, Any], record: PodRecord) -> str:
    """Return the pod's phase."""
    policy = pod["spec"].get("restartPolicy", "Always")
    if record.failure:
        return "Failed"
    failed_init = any(c.exit_code and not is_sidecar(c.spec) for c in record.init)
    if failed_init and policy == "Never":
        return "Failed"
    if not record.initialized and not record.finished:
        return "Pending"
    waiting = [c for c in record.main if "waiting" in c.state and not c.last]
    running = [c for c in record.main if c.running]
    if waiting:
        return "Pending"
    if running:
        return "Running"
    codes = [c.exit_code if c.exit_code is not None else c.last["terminated"]["exitCode"] for c in record.main]
    if record.finished:
        return "Failed" if any(codes) else "Succeeded"
    if policy == "Always" or any(restarts(policy, code) for code in codes):
        return "Running"
    return "Failed" if any(codes) else "Succeeded"


def build(pod: dict[str, Any], record: PodRecord, now: float) -> dict[str, Any]:
    """Return the whole status; times of conditions that did not change are kept from the pod's present one."""
    old = pod.get("status") or {}
    current = phase(pod, record)
    made: dict[str, Any] = {"observedGeneration": pod["metadata"].get("generation", 1), "phase": current}
    made["conditions"] = _conditions(pod, record, current, now)
    if record.failure:
        made["reason"], made["message"] = record.failure
    made |= {"hostIP": record.host_ip, "hostIPs": [{"ip": record.host_ip}]}
    if record.ip:
        made |= {"podIP": record.ip, "podIPs": [{"ip": record.ip}]}
    made["startTime"] = record.started_at
    if record.init:
        made["initContainerStatuses"] = [container_status(c, record) for c in record.init]
    made["containerStatuses"] = [container_status(c, record) for c in record.main]
    made["qosClass"] = old.get("qosClass") or quality_of_service(pod["spec"])
    return made | _pod_resources(pod)


def _conditions(pod: dict[str, Any], record: PodRecord, current: str, now: float) -> list[dict[str, Any]]:
    old = {c["type"]: c for c in (pod.get("status") or {}).get("conditions", [])}
    unready = [c.name for c in record.all if not c.ready and (c in record.main or is_sidecar(c.spec))]
    ended = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(current, "")
    never_ran = any(c.state.get("terminated", {}).get("reason") == "ContainerStatusUnknown" for c in record.main)
    if ended and not never_ran:
        ready = ("False", ended, "")
    elif unready:
        ready = ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    else:
        ready = ("True", "", "")
    incomplete = [c.name for c in record.init if not _initialized(c)]
    if current == "Succeeded":
        initialized = ("True", "PodCompleted", "")
    elif incomplete and not record.initialized:
        initialized = (
            "False",
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(incomplete)}]",
        )
    else:
        initialized = ("True", "", "")
    wanted = {
        "PodReadyToStartContainers": ("True" if record.sandbox else "False", "", ""),
        "Initialized": initialized,
        "Ready": _gated(pod, old, ready),
        "ContainersReady": ready,
        "PodScheduled": ("True", "", ""),
    }
    generation = pod["metadata"].get("generation", 1)
    made = [_condition(name, value, generation, old.get(name), now) for name, value in wanted.items()]
    return made + [condition for name, condition in old.items() if name not in wanted]


def _gated(
    pod: dict[str, Any], conditions: dict[str, dict[str, Any]], ready: tuple[str, str, str]
) -> tuple[str, str, str]:
    """Return Ready as far as the pod's readiness gates let it be."""
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    for gate in gates if ready[0] == "True" else ():
        found = conditions.get(gate)
        if found is None:
            return (
                "False",
                "ReadinessGatesNotReady",
                f'corresponding condition of pod readiness gate "{gate}" does not exist.',
            )
        if found["status"] != "True":
            text = f'the status of pod readiness gate "{gate}" is not "True", but {found["status"]}'
            return "False", "ReadinessGatesNotReady", text
    return ready


def _initialized(container: ContainerRecord) -> bool:
    return container.started if is_sidecar(container.spec) else container.exit_code == 0


def _condition(
    name: str, value: tuple[str, str, str], generation: int, old: dict[str, Any] | None, now: float
) -> dict[str, Any]:
    status, reason, message = value
    since = timestamp(now) if old is None or old["status"] != status else old["lastTransitionTime"]
    made = {"type": name, "observedGeneration": generation, "status": status, "lastProbeTime": None}
    made["lastTransitionTime"] = since
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def container_status(container: ContainerRecord, record: PodRecord) -> dict[str, Any]:
    """Return the status of one container."""
    spec = container.spec
    made = {"name": container.name, "state": container.state, "lastState": container.last, "ready": container.ready}
    made |= {"restartCount": container.restarts, "image": container.image or spec["image"]}
    made["imageID"] = container.image_id
    if container.container_id:
        made["containerID"] = container.container_id
    made["started"] = container.started
    if container.container_id:
        resources = spec.get("resources") or {}
        if resources.get("requests"):
            made["allocatedResources"] = resources["requests"]
        made["resources"] = {key: resources[key] for key in ("limits", "requests") if resources.get(key)}
    mounts = [_mount(mount) for mount in spec.get("volumeMounts") or ()]
    if mounts:
        made["volumeMounts"] = mounts
    return made


def _mount(mount: dict[str, Any]) -> dict[str, Any]:
    made = {"name": mount["name"], "mountPath": mount["mountPath"]}
    return made | ({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else {})


def _sum(amounts: Iterable[dict[str, str]]) -> dict[str, str]:
    totals: dict[str, tuple[Decimal, str]] = {}
    for some in amounts:
        for name, text in some.items():
            if name in ("cpu", "memory"):
                total, like = totals.get(name, (Decimal(0), str(text)))
                totals[name] = (total + quantity.parse(text), like)
    return {name: quantity.text(total, like) for name, (total, like) in sorted(totals.items())}


def _pod_resources(pod: dict[str, Any]) -> dict[str, Any]:
    everyone = [c for c in pod["spec"].get("initContainers") or () if is_sidecar(c)] + pod["spec"]["containers"]
    resources = [c.get("resources") or {} for c in everyone]
    requests, limits = _sum(r.get("requests") or {} for r in resources), _sum(r.get("limits") or {} for r in resources)
    made = {"allocatedResources": requests} if requests else {}
    return made | {"resources": {name: some for name, some in (("limits", limits), ("requests", requests)) if some}}
