"""Build the bodies of the requests by which the Engine creates a pod's containers. Pure."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from embedded.node import pause
from embedded.node.environment import ConfigError, expand
from embedded.objects import quantity
from embedded.objects.pod_resources import quality_of_service

CLUSTER = "io.kubernetes.cluster"
POD, NAMESPACE, UID = "io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid"
CONTAINER, ATTEMPT = "io.kubernetes.container.name", "io.kubernetes.container.restartCount"
SANDBOX = "POD"  # the container name of a sandbox
LOGS = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
PERIOD = 100_000  # microseconds in which a cpu quota is counted


def labels(cluster: str, pod: dict[str, Any], container: str, attempt: int) -> dict[str, str]:
    """Return what marks a container as ours and tells whose it is."""
    meta = pod["metadata"]
    own = {CLUSTER: cluster, POD: meta["name"], NAMESPACE: meta["namespace"], UID: meta["uid"]}
    return own | {CONTAINER: container, ATTEMPT: str(attempt)}


def name(pod: dict[str, Any], container: str, attempt: int) -> str:
    """Return the Engine's name of a container."""
    meta = pod["metadata"]
    return f"k8s_{container}_{meta['name']}_{meta['namespace']}_{meta['uid']}_{attempt}"


def title(pod: dict[str, Any]) -> str:
    """Return a pod as the kubelet's messages call it."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


def sandbox(cluster: str, pod: dict[str, Any], network: str, address: str, attempt: int) -> dict[str, Any]:
    """Return the container that owns the namespaces of a pod. `address` is "" on the host's network."""
    spec = pod["spec"]
    security = spec.get("securityContext") or {}
    host: dict[str, Any] = {"IpcMode": "host" if spec.get("hostIPC") else "shareable", "LogConfig": {"Type": "none"}}
    host |= {"CpuShares": 2, "SecurityOpt": ["no-new-privileges"], "ReadonlyRootfs": True}
    body: dict[str, Any] = {"Image": pause.IMAGE, "Entrypoint": ["/pause"], "HostConfig": host}
    body["Labels"] = labels(cluster, pod, SANDBOX, attempt)
    if spec.get("hostNetwork"):
        host["NetworkMode"] = "host"
    else:
        body["Hostname"] = (spec.get("hostname") or pod["metadata"]["name"])[:63].rstrip("-.")
        host["NetworkMode"] = network
        body["NetworkingConfig"] = {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": address}}}}
        host["PortBindings"] = _host_ports(spec)
        host["Sysctls"] = {"net.ipv4.ip_unprivileged_port_start": "0"}
        host["Sysctls"] |= {item["name"]: item["value"] for item in security.get("sysctls") or ()}
        body["ExposedPorts"] = {port: {} for port in host["PortBindings"]}
    if spec.get("hostPID"):
        host["PidMode"] = "host"
    host["ExtraHosts"] = [f"{n}:{a['ip']}" for a in spec.get("hostAliases") or () for n in a.get("hostnames") or ()]
    return body


def _host_ports(spec: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    return {
        f"{port['containerPort']}/{port.get('protocol', 'TCP').lower()}": [
            {"HostIp": port.get("hostIP", ""), "HostPort": str(port["hostPort"])}
        ]
        for container in spec["containers"]
        for port in container.get("ports") or ()
        if port.get("hostPort")
    }


def user(pod: dict[str, Any], container: dict[str, Any], image: dict[str, Any]) -> str:
    """Return who the container runs as ("" for the image's choice); raises ConfigError when that may not
    be root and is.
    """
    chosen = (pod["spec"].get("securityContext") or {}) | (container.get("securityContext") or {})
    own, group = chosen.get("runAsUser"), chosen.get("runAsGroup")
    theirs = (image.get("Config") or {}).get("User") or ""
    if chosen.get("runAsNonRoot"):
        who = f'(pod: "{title(pod)}", container: {container["name"]})'
        if own == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {who}")
        if own is None:
            them = theirs.partition(":")[0]
            if them and not them.isdigit():
                why = f"image has non-numeric user ({them}), cannot verify user is non-root"
                raise ConfigError(f"container has runAsNonRoot and {why} {who}")
            if not them or int(them) == 0:
                raise ConfigError(f"container has runAsNonRoot and image will run as root {who}")
    if own is not None:
        return str(own) if group is None else f"{own}:{group}"
    return theirs if group is None else f"{theirs.partition(':')[0] or 0}:{group}"


def app(
    cluster: str,
    pod: dict[str, Any],
    container: dict[str, Any],
    image: dict[str, Any],
    environment: dict[str, str],
    mounts: list[dict[str, Any]],
    sandbox_id: str,
    attempt: int,
    memory: int,
) -> dict[str, Any]:
    """Return a container of a pod. `memory` is what the node has, in bytes. Raises ConfigError."""
    shared = f"container:{sandbox_id}"
    host = {"NetworkMode": shared, "IpcMode": shared, "LogConfig": LOGS, "Mounts": mounts}
    host |= _process_namespace(pod["spec"], shared) | _privileges(pod, container) | _resources(pod, container, memory)
    body: dict[str, Any] = {
        "Image": image["Id"],
        "Labels": labels(cluster, pod, container["name"], attempt),
        "HostConfig": host,
    }
    body["User"] = user(pod, container, image)
    body["Env"] = [f"{key}={value}" for key, value in environment.items()]
    if container.get("command"):
        body["Entrypoint"] = [expand(word, environment) for word in container["command"]]
    if container.get("args"):
        body["Cmd"] = [expand(word, environment) for word in container["args"]]
    if container.get("workingDir"):
        body["WorkingDir"] = container["workingDir"]
    body["Healthcheck"] = {"Test": ["NONE"]}
    body |= {"Tty": bool(container.get("tty")), "OpenStdin": bool(container.get("stdin"))}
    body["StdinOnce"] = bool(container.get("stdinOnce"))
    return body


def _process_namespace(spec: dict[str, Any], shared: str) -> dict[str, Any]:
    """Return whose processes a container sees: the node's, those of its pod, which are the sandbox's, or its own."""
    if spec.get("hostPID"):
        return {"PidMode": "host"}
    return {"PidMode": shared} if spec.get("shareProcessNamespace") else {}


def _privileges(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """Return what a container may do, by its own security context and its pod's."""
    own, whole = container.get("securityContext") or {}, pod["spec"].get("securityContext") or {}
    capabilities = own.get("capabilities") or {}
    groups = [*(whole.get("supplementalGroups") or ()), *([whole["fsGroup"]] if "fsGroup" in whole else ())]
    return {
        "CapAdd": capabilities.get("add") or [],
        "CapDrop": capabilities.get("drop") or [],
        "Privileged": bool(own.get("privileged")),
        "ReadonlyRootfs": bool(own.get("readOnlyRootFilesystem")),
        "GroupAdd": [str(group) for group in groups],
        "SecurityOpt": _security_options(own, whole),
    }


def _security_options(security: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    options = []
    if security.get("allowPrivilegeEscalation") is False:
        options.append("no-new-privileges")
    profile = security.get("seccompProfile") or whole.get("seccompProfile") or {}
    if profile.get("type") == "Unconfined":
        options.append("seccomp=unconfined")
    return options


def _resources(pod: dict[str, Any], container: dict[str, Any], memory: int) -> dict[str, Any]:
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    cpu = quantity.parse(requests.get("cpu") or limits.get("cpu") or "0")
    made: dict[str, Any] = {"CpuShares": max(2, int(cpu * 1024)), "OomScoreAdj": oom_score(pod, container, memory)}
    if "cpu" in limits:
        made |= {"CpuPeriod": PERIOD, "CpuQuota": max(1000, int(quantity.parse(limits["cpu"]) * PERIOD))}
    if "memory" in limits:
        limit = int(quantity.parse(limits["memory"]))
        made |= {"Memory": limit, "MemorySwap": limit}
    return made


def oom_score(pod: dict[str, Any], container: dict[str, Any], memory: int) -> int:
    """Return how soon the kernel kills the container when the node runs out of memory: 0 last, 1000 first.

    A kubelet uses -997 where this says 0: a machine may forbid negative scores, and the order is the same without.
    """
    quality = quality_of_service(pod["spec"])
    if quality == "Guaranteed":
        return 0
    if quality == "BestEffort":
        return 1000
    request = quantity.parse(((container.get("resources") or {}).get("requests") or {}).get("memory", "0"))
    return min(max(2, int(1000 - Decimal(1000) * request / memory)), 999)


def bind(source: Path, target: str, *, read_only: bool = False, propagation: str = "rprivate") -> dict[str, Any]:
    """Return a mount of a host path."""
    made = {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}
    return made | {"BindOptions": {"Propagation": propagation}}
