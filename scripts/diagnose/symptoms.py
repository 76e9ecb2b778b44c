"""Symptoms of pods: what in their state is not as it should be. The state decides, events only add words to it.

An event outlives its cause, so no event makes a symptom by itself: a container that runs and is ready has none,
whatever was said of it a minute ago.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from scripts.diagnose.graph import Event, ResourceGraph, containers, created
from scripts.diagnose.model import Object, Symptom, moment
from scripts.kube import room
from scripts.kube.objects import condition, ended_with_node, is_terminating, name_of, passes_probes

RECENT_SECONDS = 180.0  # a crash longer ago than this says nothing of a container that runs
FLAPPING = 2  # restarts from which on a recent one is told even of a container that is ready
QUIET_WAITS = ("", "ContainerCreating", "PodInitializing")
MOUNT_REASONS = (
    "FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "FailedPodSandBoxStatus",
    "NetworkNotReady", "FailedCreatePodContainer",
)  # fmt: skip

COMMON = frozenset({"service", "values", "namespace", "object"})
IN_POD = COMMON | {"pod", "node"}
IN_CONTAINER = IN_POD | {"container", "what", "image", "log"}
# What a symptom of each kind tells, for rules to match and quote.
FIELDS: Mapping[str, frozenset[str]] = {
    "waiting": IN_CONTAINER | {"reason", "message", "policy", "registry"},
    "crash": IN_CONTAINER
    | {"reason", "message", "exit", "signal", "killed", "probe", "failures", "limit", "argv", "readonly", "user"},
    "probe": IN_CONTAINER
    | {"type", "message", "status", "port", "path", "scheme", "ports", "declared", "heard", "heard_port", "mechanism"},
    "create": COMMON | {"message", "owner"},
    "schedule": IN_POD | {"reason", "message", "requests", "stop", "preempted"},
    "mount": IN_POD | {"reason", "message"},
    "pulling": IN_CONTAINER,
    "pod": IN_POD | {"reason", "message"},
    "terminating": IN_POD | {"finalizers", "overdue"},
    "deployment": COMMON | {"reason", "message"},
    "missing": COMMON,
    "claim": COMMON | {"phase", "message", "class", "size"},
    "job": COMMON | {"reason", "message", "log", "hook"},
    "autoscaler": COMMON | {"reason", "message", "metrics"},
    "endpoints": COMMON | {"cause", "selector", "nearest", "workload", "difference", "port", "ports", "k8s_service"},
    "command": frozenset(
        {"program", "namespace", "release", "service", "stage", "context", "dockerfile", "app", "step"}
    ),
}


def lacks_room(pod: Object) -> bool:
    """Return whether the scheduler says that no node has enough left for a pod."""
    return "Insufficient" in str(condition(pod, "PodScheduled").get("message") or "")


def pod_symptoms(graph: ResourceGraph) -> Iterator[Symptom]:
    """Yield everything that is wrong with the pods that matter."""
    for service, pod in graph.pods:
        yield from _Pod(graph, service, pod).symptoms()
    for pod in graph.state.kind("Pod"):
        if is_terminating(pod):
            yield from _terminating(graph, pod)


class _Pod:
    """One pod, and what its symptoms have in common."""

    def __init__(self, graph: ResourceGraph, service: str, pod: Object) -> None:
        self.graph = graph
        self.service = service
        self.pod = pod
        self.name = name_of(pod)
        self.spec: Mapping[str, Any] = pod.get("spec") or {}
        self.status: Mapping[str, Any] = pod.get("status") or {}
        self.deadline_exceeded = graph.deadline_exceeded(service)
        self.outdated = graph.outdated(pod)

    def symptoms(self) -> Iterator[Symptom]:
        phase = self.status.get("phase")
        reason = self.status.get("reason") or ""
        if phase == "Succeeded":
            return
        # A node ends a pod that is to run always for reasons of its own only.
        if phase == "Failed" and reason and (
            reason in ("Evicted", "Shutdown", "Terminated", "DeadlineExceeded", "NodeLost")
            or not self.status.get("containerStatuses")
            or self.spec.get("restartPolicy", "Always") == "Always"
        ):  # fmt: skip
            yield self._symptom("pod", {"reason": reason, "message": str(self.status.get("message") or "")}, ())
            return
        if not self.spec.get("nodeName"):
            yield from self._unscheduled()
            return
        found = list(self._containers())
        yield from found
        if not found and self._creating():
            yield from self._not_created()
        elif not found:
            yield from self._not_heard_of()

    def _not_heard_of(self) -> Iterator[Symptom]:
        """Yield that a pod counts as not ready though all of its containers are: its node says nothing any more."""
        told = condition(self.pod, "Ready")
        statuses = self.status.get("containerStatuses") or ()
        if told.get("status") == "False" and statuses and all(one.get("ready") for one in statuses):
            if self.spec.get("readinessGates"):
                return
            text = "all of its containers are ready, and the pod is not"
            since = moment(told.get("lastTransitionTime"))
            yield self._symptom("pod", {"reason": "NodeNotReady", "message": text}, [text], since=since)

    def _unscheduled(self) -> Iterator[Symptom]:
        scheduled = condition(self.pod, "PodScheduled")
        reason = str(scheduled.get("reason") or "")
        events = self.graph.events(self.pod, "FailedScheduling")
        scaling = self.graph.events(self.pod, "TriggeredScaleUp", "Nominated")  # cluster-autoscaler's, and Karpenter's
        message = str(scheduled.get("message") or (events[-1].message if events else ""))
        since = moment(scheduled.get("lastTransitionTime")) or created(self.pod)
        lines = [f"condition PodScheduled: {message}"] if scheduled.get("message") else []
        lines += [event.line() for event in [*events[-1:], *scaling[-1:]] if event.message != message]
        preempted = self._preempted()
        lines += [event.line() for event in preempted]
        requests = _requests(self.spec)
        if requests:
            lines.append(f"the pod asks for {requests}")
        fields = {"reason": reason, "message": message, "requests": requests or "nothing", "stop": self._stop(message)}
        fields["preempted"] = preempted[-1].message if preempted else ""
        yield self._symptom(
            "schedule", fields, lines, since=since, recovering=bool(scaling) or self._room_may_come(message)
        )

    def _preempted(self) -> list[Event]:
        """Return what is said of the pod whose place this one is to take, where that had to make room for another."""
        before = str(self.pod["metadata"].get("generateName") or "")
        return self.graph.events_before(before, "Pod", "Preempted")[-1:] if before else []

    def _stop(self, message: str) -> str:
        """Return which other release to stop, where such a one holds what the pod lacks."""
        state = self.graph.state
        lacking = next((one for one in room.RESOURCES if f"Insufficient {one}" in message), "")
        others = room.holders(state.elsewhere, lacking, state.namespace) if lacking else []
        return room.stopping(others, state.command) or "stop something else"

    def _room_may_come(self, message: str) -> bool:
        """Return whether what the pod lacks may be freed soon: other pods end, or start and take an old one's place."""
        return "Insufficient" in message and any(
            is_terminating(pod) or (pod["spec"].get("nodeName") and not passes_probes(pod))
            for pod in self.graph.state.kind("Pod")
            if (pod.get("status") or {}).get("phase") in ("Pending", "Running")
        )

    def _creating(self) -> bool:
        statuses = [*(self.status.get("initContainerStatuses") or ()), *(self.status.get("containerStatuses") or ())]
        return self.status.get("phase") == "Pending" and not any(
            (item.get("state") or {}).get("running") for item in statuses
        )

    def _not_created(self) -> Iterator[Symptom]:
        troubles = self.graph.events(self.pod, *MOUNT_REASONS)
        since = moment(self.status.get("startTime")) or created(self.pod)
        if troubles:
            newest = troubles[-1]
            fields = {"reason": newest.reason, "message": newest.message}
            yield self._symptom("mount", fields, [newest.line()], since=troubles[0].first or since)
            return
        pulls = self.graph.events(self.pod, "Pulling")
        pulled = self.graph.events(self.pod, "Pulled")
        if pulls and len(pulled) < len(pulls):
            container = _field_container(pulls[-1]) or name_of_container(self.spec)
            yield self._symptom("pulling", self._container(container), [pulls[-1].line()], since=pulls[-1].first)
        elif not self.status.get("containerStatuses") and not self.status.get("startTime"):
            text = "the node has not begun to run it"
            yield self._symptom("mount", {"reason": "NodeSilent", "message": text}, [text], since=created(self.pod))

    def _containers(self) -> Iterator[Symptom]:
        statuses = [(item, True) for item in self.status.get("initContainerStatuses") or ()]
        statuses += [(item, False) for item in self.status.get("containerStatuses") or ()]
        for item, init in statuses:
            spec = next((one for one in containers(self.spec) if one["name"] == item["name"]), {})
            yield from self._container_symptoms(item, spec, init)

    def _container_symptoms(self, item: Mapping[str, Any], spec: Mapping[str, Any], init: bool) -> Iterator[Symptom]:
        state = item.get("state") or {}
        last = (item.get("lastState") or {}).get("terminated")
        if ended_with_node(last):  # no word on the program: whatever it does now is judged by itself
            last = None
        waiting, ended, running = state.get("waiting"), state.get("terminated"), state.get("running")
        sidecar = init and spec.get("restartPolicy") == "Always"
        restarts = int(item.get("restartCount") or 0)
        if waiting:
            reason = str(waiting.get("reason") or "")
            if reason == "CrashLoopBackOff" and last:
                yield self._crash(item, spec, last, init, restarts + 1)
            elif reason not in QUIET_WAITS:
                yield self._waiting(item, spec, waiting, init)
            elif last and restarts and (last.get("exitCode") or not init):
                yield self._crash(item, spec, last, init, restarts, recovering=True)
        elif ended:
            expected = (init and not sidecar) or self.spec.get("restartPolicy") in ("Never", "OnFailure")
            if ended.get("exitCode") or not expected:
                yield self._crash(item, spec, ended, init, restarts + 1)
        elif running and not item.get("ready") and (not init or sidecar):
            ago = self.graph.age(moment(last.get("finishedAt"))) if last else RECENT_SECONDS
            if last and restarts and ago < RECENT_SECONDS:
                yield self._crash(item, spec, last, init, restarts, recovering=True)
            else:
                yield self._unready(item, spec, running)
        elif (
            running
            and last
            and restarts >= FLAPPING
            and self.graph.age(moment(last.get("finishedAt"))) < RECENT_SECONDS
        ):
            # Ready for now, as a program is between two ends.
            yield self._crash(item, spec, last, init, restarts, recovering=True)

    def _waiting(
        self, item: Mapping[str, Any], spec: Mapping[str, Any], waiting: Mapping[str, Any], init: bool
    ) -> Symptom:
        name = item["name"]
        failed = [
            event for event in self.graph.events(self.pod)
            if event.warning and _field_container(event) in ("", name) and event.reason != "Unhealthy"
        ]  # fmt: skip
        reason, message = str(waiting.get("reason")), str(waiting.get("message") or "")
        # A back-off only says that it waits; the event before it says for what.
        causes = [
            event for event in failed if not re.match(r"Error: \w+BackOff|Error: ErrImage|Back-off", event.message)
        ]
        told = "\n".join(dict.fromkeys([message, *(event.message for event in causes[-2:])])).strip()
        image = str(spec.get("image") or item.get("image") or "")
        fields = self._container(name, init) | {
            "reason": reason,
            "message": told,
            "policy": str(spec.get("imagePullPolicy") or ""),
            "registry": registry_of(image),
        }
        lines = [f"{fields['what']} waits: {reason}" + (f": {message}" if message else "")]
        lines += [event.line() for event in causes[-1:] if event.message.split(": ", 1)[-1] not in message]
        since = failed[0].first if failed else moment(self.status.get("startTime")) or created(self.pod)
        count = max((event.count for event in failed), default=1)
        return self._symptom("waiting", fields, lines, since=since, failures=count)

    def _crash(
        self,
        item: Mapping[str, Any],
        spec: Mapping[str, Any],
        ended: Mapping[str, Any],
        init: bool,
        failures: int,
        recovering: bool = False,
    ) -> Symptom:
        name = item["name"]
        code = int(ended.get("exitCode") or 0)
        started = moment(ended.get("startedAt"))
        killed, probe = self._killed_by_probe(name, started)
        logs = self.graph.state.previous_logs if recovering else self.graph.state.logs
        lines = logs.get((self.name, name)) or self.graph.state.previous_logs.get((self.name, name)) or ()
        message = str(ended.get("message") or "")
        fields = self._container(name, init) | {
            "reason": str(ended.get("reason") or "Error"),
            "exit": str(code),
            "signal": str(code - 128) if 128 < code < 160 else str(ended.get("signal") or ""),
            "message": message,
            "log": "\n".join([*lines, *message.splitlines()]),
            "killed": killed,
            "probe": re.sub(r"^\w+ probe (?:failed|errored):? *", "", probe),
            "failures": str(failures),
            "limit": _memory_limit(spec) or _memory_limit(self.spec) or "no limit",  # a pod may have one as a whole
            "argv": " ".join([*(spec.get("command") or ()), *(spec.get("args") or ())]) or "the image's own command",
            "readonly": "yes" if (spec.get("securityContext") or {}).get("readOnlyRootFilesystem") else "no",
            "user": self._user(spec),
        }
        evidence = [f"{fields['what']} ended with exit code {code} ({fields['reason']}), {times(failures)}"]
        evidence += [line for line in message.splitlines()[-2:] if line]
        if probe:
            evidence.append(f"event Unhealthy: {probe}")
        since = moment(self.status.get("startTime")) or created(self.pod)
        return self._symptom("crash", fields, evidence, since=since, failures=failures, recovering=recovering)

    def _killed_by_probe(self, container: str, started: datetime | None) -> tuple[str, str]:
        """Return which probe made the kubelet kill the container's last instance, and what that probe had met."""
        for event in reversed(self.graph.events(self.pod, "Killing")):
            match = re.search(r"failed (liveness|startup) probe", event.message)
            ours = _field_container(event) in ("", container) and container in event.message
            early = started and event.last and event.last < started - timedelta(seconds=1)
            if match and ours and not early:
                met = [
                    one.message for one in self.graph.events(self.pod, "Unhealthy")
                    if _field_container(one) in ("", container) and one.message.lower().startswith(match[1])
                ]  # fmt: skip
                return match[1], met[-1] if met else ""
        return "", ""

    def _unready(self, item: Mapping[str, Any], spec: Mapping[str, Any], running: Mapping[str, Any]) -> Symptom:
        started = moment(running.get("startedAt"))
        kind = "startup" if item.get("started") is False and spec.get("startupProbe") else "readiness"
        probe = spec.get(f"{kind}Probe") or {}
        told = self._failed_probes(item["name"], kind, started)
        fields = self._probe_fields(item["name"], kind, probe, spec, told[-1].message if told else "")
        ready = condition(self.pod, "Ready")
        changed = moment(ready.get("lastTransitionTime")) if ready.get("status") == "False" else None
        since = max((time for time in (started, changed) if time), default=None)
        if since and kind == "readiness":  # the time that its startup took is no time that it was not ready in
            before = self._failed_probes(item["name"], "startup", started)
            since = max([since, *(one.last for one in before if one.last)])
        evidence = [f"{fields['what']} runs, but has not been ready for {self.graph.age(since):.0f} s"]
        evidence += [event.line() for event in told[-1:]]
        if fields["declared"] == "no":
            evidence.append(f"the probe asks port {fields['port']}; the container declares {fields['ports']}")
        if since:
            since += timedelta(seconds=float(probe.get("initialDelaySeconds") or 0))
        wrong = fields["declared"] == "no" or fields["heard"] or fields["status"].startswith("4")
        patient = kind == "startup" and not wrong and self.graph.age(started) < _startup_seconds(probe)
        failures = told[-1].count if told else 0
        advancing = (self.name, item["name"]) in self.graph.state.advancing
        return self._symptom(
            "probe", fields, evidence, since=since, failures=failures, recovering=patient, advancing=advancing
        )

    def _failed_probes(self, container: str, kind: str, started: datetime | None) -> list[Event]:
        """Return what events say of a container's probe of this kind since it was started, the newest last."""
        return [
            event for event in self.graph.events(self.pod, "Unhealthy", "ProbeWarning", "ProbeError")
            if _field_container(event) in ("", container)
            and event.message.lower().startswith(kind)
            and not (started and event.last and event.last < started - timedelta(seconds=1))
        ]  # fmt: skip

    def _probe_fields(
        self, container: str, kind: str, probe: Mapping[str, Any], spec: Mapping[str, Any], message: str
    ) -> dict[str, str]:
        """Return what rules may ask of a probe: what it asks for, and what the container declares and listens to."""
        get = probe.get("httpGet") or {}
        wanted = get.get("port", (probe.get("tcpSocket") or {}).get("port", (probe.get("grpc") or {}).get("port", "")))
        ports = list(spec.get("ports") or ())
        named = {str(port.get("name")): str(port.get("containerPort")) for port in ports if port.get("name")}
        port = named.get(str(wanted), str(wanted))
        declared = [str(item.get("containerPort")) for item in ports]
        status = re.search(r"statuscode: (\d+)", message)
        lines = self.graph.state.logs.get((self.name, container), ())
        heard, heard_port = _listening(lines, port)
        mechanisms = {"httpGet": "http", "tcpSocket": "tcp", "exec": "exec", "grpc": "grpc"}
        return self._container(container, False) | {
            "type": kind,
            "message": message,
            "status": status[1] if status else "",
            "port": port,
            "path": str(get.get("path") or ""),
            "scheme": str(get.get("scheme") or "HTTP"),
            "ports": ", ".join(declared) or "none",
            "declared": "unknown" if not declared or not port else "yes" if port in declared else "no",
            "heard": heard,
            "heard_port": heard_port,
            "log": "\n".join(lines),
            "mechanism": next((word for key, word in mechanisms.items() if key in probe), "none"),
        }

    def _user(self, spec: Mapping[str, Any]) -> str:
        own = (spec.get("securityContext") or {}).get("runAsUser")
        pods = (self.spec.get("securityContext") or {}).get("runAsUser")
        return str(own if own is not None else pods if pods is not None else "the image's user")

    def _container(self, name: str, init: bool = False) -> dict[str, str]:
        spec = next((one for one in containers(self.spec) if one["name"] == name), {})
        lines = self.graph.state.logs.get((self.name, name), ())
        what = f"init container {name}" if init else f"container {name}"
        return {"container": name, "what": what, "image": str(spec.get("image") or ""), "log": "\n".join(lines)}

    def _symptom(
        self,
        kind: str,
        fields: Mapping[str, str],
        evidence: Sequence[str],
        *,
        since: datetime | None = None,
        failures: int = 0,
        recovering: bool = False,
        advancing: bool = False,
    ) -> Symptom:
        own = {"pod": self.name, "node": str(self.spec.get("nodeName") or "no node")}
        over = self.status.get("phase") == "Failed" and self.graph.served(self.service)
        return Symptom(
            kind, self.service, f"pod/{self.name}", own | dict(fields), tuple(evidence),
            seconds=self.graph.waited(since or created(self.pod)), failures=failures,
            recovering=recovering or self.outdated, deadline_exceeded=self.deadline_exceeded,
            advancing=advancing,
            dependencies=self.graph.dependencies(self.service),
            leftovers=(f"pod/{self.name}",) if over else (),
        )  # fmt: skip


def _memory_limit(spec: Mapping[str, Any]) -> str:
    return str(((spec.get("resources") or {}).get("limits") or {}).get("memory") or "")


def _startup_seconds(probe: Mapping[str, Any]) -> float:
    """Return how long a startup probe gives a program: until then it is the node that decides, and nobody before it."""
    tries, pause = probe.get("failureThreshold") or 3, probe.get("periodSeconds") or 10
    return float(probe.get("initialDelaySeconds") or 0) + float(tries) * float(pause)


def _terminating(graph: ResourceGraph, pod: Object) -> Iterator[Symptom]:
    # The timestamp is when the grace period is over, not when the deletion was asked for.
    overdue = graph.age(moment(pod["metadata"].get("deletionTimestamp")))
    if overdue <= 0:
        return
    service, _ = graph.service_of(pod)
    finalizers = ", ".join(pod["metadata"].get("finalizers") or ())
    lines = [f"deleted, and its grace period has been over for {overdue:.0f} s"]
    lines += [f"finalizers: {finalizers}"] if finalizers else []
    lines += [event.line() for event in graph.events(pod, "FailedKillPod", "FailedPreStopHook")[-1:]]
    fields = {
        "pod": name_of(pod),
        "node": str((pod.get("spec") or {}).get("nodeName") or "no node"),
        "finalizers": finalizers,
        "overdue": f"{overdue:.0f}",
    }
    yield Symptom("terminating", service, f"pod/{name_of(pod)}", fields, tuple(lines), seconds=overdue)


def registry_of(image: str) -> str:
    """Return the registry an image reference means."""
    first = image.split("/")[0]
    named = "/" in image and ("." in first or ":" in first or first == "localhost")
    return first if named else "registry-1.docker.io"


def name_of_container(spec: Mapping[str, Any]) -> str:
    """Return the first container of a pod."""
    return str((spec.get("containers") or [{}])[0].get("name", ""))


def times(number: int) -> str:
    """Return a count in words."""
    return "once" if number == 1 else f"{number} times"


def _field_container(event: Event) -> str:
    match = re.search(r"\{(.+)\}", event.field)
    return match[1] if match else ""


def _requests(spec: Mapping[str, Any]) -> str:
    parts = []
    for container in spec.get("containers") or ():
        wanted = (container.get("resources") or {}).get("requests") or {}
        parts += [f"{key} {value}" for key, value in wanted.items()]
    return ", ".join(parts)


_ADDRESS = re.compile(
    r"(?i)(?:listening|running|started|serving|bound|ready)\b[^\n]*?"
    r"(?P<host>127\.0\.0\.1|localhost|0\.0\.0\.0|\[?::1?\]?|\*)?:(?P<port>\d{2,5})\b"
)


def _listening(lines: Sequence[str], wanted: str) -> tuple[str, str]:
    """Return where the log says that the program listens: `loopback`, `other` than the wanted port, or
    nothing certain.
    """
    found = [match for line in lines if (match := _ADDRESS.search(line))]
    if not found:
        return "", ""
    ports = {match["port"] for match in found}
    if wanted and wanted not in ports:
        return "other", found[-1]["port"]
    hosts = {match["host"] for match in found if match["port"] == wanted}
    if hosts and hosts <= {"127.0.0.1", "localhost", "::1", "[::1]"}:
        return "loopback", wanted
    return "", wanted
