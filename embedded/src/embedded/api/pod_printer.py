"""The row of a pod in `kubectl get pods`."""

from __future__ import annotations

from typing import Any

from embedded.objects.pod_resources import is_sidecar
from embedded.objects.values import human_duration, parse_timestamp

NONE = "<none>"


def row(pod: dict[str, Any], now: float) -> list[Any]:
    """Return Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates."""
    spec, status = pod["spec"], pod.get("status", {})
    ready, total, restarts, last_restart = _counts(pod)
    text = str(restarts)
    if restarts and last_restart:
        text = f"{restarts} ({human_duration(now - last_restart)} ago)"
    addresses = status.get("podIPs") or ()
    address = addresses[0]["ip"] if addresses else status.get("podIP")
    gates = spec.get("readinessGates") or ()
    shown_gates = NONE
    if gates:
        true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
        shown_gates = f"{sum(gate['conditionType'] in true for gate in gates)}/{len(gates)}"
    created = pod["metadata"].get("creationTimestamp")
    return [
        f"{ready}/{total}",
        phase(pod),
        text,
        human_duration(now - parse_timestamp(created)) if created else "<unknown>",
        address or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        shown_gates,
    ]


def _sidecars(pod: dict[str, Any]) -> set[str]:
    return {c["name"] for c in pod["spec"].get("initContainers") or () if is_sidecar(c)}


def _finished(state: dict[str, Any]) -> float | None:
    text = state.get("lastState", {}).get("terminated", {}).get("finishedAt")
    return parse_timestamp(text) if text else None


def _counts(pod: dict[str, Any]) -> tuple[int, int, int, float | None]:
    """Return Ready containers, all containers, restarts, and when the last restart's container ended."""
    status, sidecars = pod.get("status", {}), _sidecars(pod)
    states = list(status.get("containerStatuses") or ())
    inits = list(status.get("initContainerStatuses") or ())
    total = len(pod["spec"].get("containers", ())) + len(sidecars)
    ready = sum(bool(state.get("ready")) and "running" in state.get("state", {}) for state in states)
    ready += sum(
        bool(state.get("ready")) and bool(state.get("started")) for state in inits if state["name"] in sidecars
    )
    counted = [*states, *(state for state in inits if state["name"] in sidecars)]
    if _initializing(pod) is not None:
        counted = inits
    restarts = sum(state.get("restartCount", 0) for state in counted)
    ends = [end for end in map(_finished, counted) if end is not None]
    return ready, total, restarts, max(ends, default=None)


def _initializing(pod: dict[str, Any]) -> str | None:
    """Return the word for a pod whose init containers have not all done their part."""
    inits = pod.get("status", {}).get("initContainerStatuses") or ()
    sidecars = _sidecars(pod)
    total = len(pod["spec"].get("initContainers") or ())
    for index, state in enumerate(inits):
        current = state.get("state", {})
        terminated, waiting = current.get("terminated"), current.get("waiting")
        if terminated is not None and terminated.get("exitCode") == 0:
            continue
        if state["name"] in sidecars and state.get("started"):
            continue
        if terminated is not None:
            if terminated.get("reason"):
                return f"Init:{terminated['reason']}"
            if terminated.get("signal"):
                return f"Init:Signal:{terminated['signal']}"
            return f"Init:ExitCode:{terminated.get('exitCode', 0)}"
        if waiting and waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return None


def _has(pod: dict[str, Any], condition: str, value: str = "True") -> bool:
    found = pod.get("status", {}).get("conditions") or ()
    return any(item["type"] == condition and item["status"] == value for item in found)


def phase(pod: dict[str, Any]) -> str:
    """Return the one word of the Status column."""
    status = pod.get("status", {})
    reason: str = status.get("reason") or status.get("phase", "")
    gated: dict[str, Any] = next((c for c in status.get("conditions") or () if c["type"] == "PodScheduled"), {})
    if gated.get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    initializing = _initializing(pod)
    if initializing is not None:
        reason = initializing
    else:
        running = False
        for state in reversed(status.get("containerStatuses") or []):
            current = state.get("state", {})
            waiting, terminated = current.get("waiting") or {}, current.get("terminated")
            if waiting.get("reason"):
                reason = waiting["reason"]
            elif terminated is not None:
                if terminated.get("reason"):
                    reason = terminated["reason"]
                elif terminated.get("signal"):
                    reason = f"Signal:{terminated['signal']}"
                else:
                    reason = f"ExitCode:{terminated.get('exitCode', 0)}"
            elif state.get("ready") and "running" in current:
                running = True
        if reason == "Completed" and running:
            reason = "Running" if _has(pod, "Ready") else "NotReady"
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if status.get("phase") not in ("Failed", "Succeeded"):
            return "Terminating"
    return reason
