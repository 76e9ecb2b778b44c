"""Pod Security: namespaces labelled baseline or restricted refuse pods that ask for more, in the real words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from embedded import errors
from embedded.store import Store

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
TEMPLATES = (
    *("deployments.apps", "replicasets.apps", "daemonsets.apps", "statefulsets.apps"),
    *("jobs.batch", "replicationcontrollers"),
)
BASELINE_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
SAFE_SYSCTLS = frozenset(
    (
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    )
)
RESTRICTED_VOLUMES = frozenset(
    (
        *("configMap", "downwardAPI", "emptyDir", "projected", "secret", "csi"),
        *("persistentVolumeClaim", "ephemeral", "image"),
    )
)
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
PROFILES = ("RuntimeDefault", "Localhost")


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(spec.get("initContainers") or ()), *spec.get("containers", ()), *(spec.get("ephemeralContainers") or ())]


def _security(container: dict[str, Any]) -> dict[str, Any]:
    return container.get("securityContext") or {}


def _named(word: str, names: list[str]) -> str:
    return f"{word}{'s' if len(names) > 1 else ''} {_quoted(names)}"


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _such(spec: dict[str, Any], test: Callable[[dict[str, Any]], bool]) -> list[str]:
    return [c["name"] for c in _containers(spec) if test(c)]


def _privileged(spec: dict[str, Any]) -> Iterator[str]:
    names = _such(spec, lambda c: _security(c).get("privileged") is True)
    if names:
        yield f"privileged ({_named('container', names)} must not set securityContext.privileged=true)"


def _host_namespaces(spec: dict[str, Any]) -> Iterator[str]:
    used = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    if used:
        yield f"host namespaces ({', '.join(used)})"


def _host_paths(spec: dict[str, Any]) -> Iterator[str]:
    names = [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]
    if names:
        yield f"hostPath volumes ({_named('volume', names)})"


def _host_ports(spec: dict[str, Any]) -> Iterator[str]:
    names, ports = [], []
    for container in _containers(spec):
        found = [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]
        if found:
            names.append(container["name"])
            ports += found
    if names:
        uses = "uses" if len(names) == 1 else "use"
        plural = "s" if len(ports) > 1 else ""
        yield f"hostPort ({_named('container', names)} {uses} hostPort{plural} {', '.join(ports)})"


def _baseline_capabilities(spec: dict[str, Any]) -> Iterator[str]:
    names, added = [], set()
    for container in _containers(spec):
        extra = set((_security(container).get("capabilities") or {}).get("add") or ()) - BASELINE_CAPABILITIES
        if extra:
            names.append(container["name"])
            added |= extra
    if names:
        listed = _quoted(sorted(added))
        must = f"must not include {listed} in securityContext.capabilities.add"
        yield f"non-default capabilities ({_named('container', names)} {must})"


def _proc_mount(spec: dict[str, Any]) -> Iterator[str]:
    names = _such(spec, lambda c: _security(c).get("procMount", "Default") != "Default")
    if names:
        yield f'procMount ({_named("container", names)} must not set securityContext.procMount to "Unmasked")'


def _selinux(spec: dict[str, Any]) -> Iterator[str]:
    def bad(security: dict[str, Any]) -> bool:
        options = security.get("seLinuxOptions") or {}
        return options.get("type", "") not in SELINUX_TYPES or bool(options.get("user") or options.get("role"))

    names = _such(spec, lambda c: bad(_security(c)))
    owners = (["pod"] if bad(spec.get("securityContext") or {}) else []) + (
        [_named("container", names)] if names else []
    )
    if owners:
        yield f"seLinuxOptions ({' and '.join(owners)} set forbidden securityContext.seLinuxOptions)"


def _baseline_seccomp(spec: dict[str, Any]) -> Iterator[str]:
    def unconfined(security: dict[str, Any]) -> bool:
        return (security.get("seccompProfile") or {}).get("type") == "Unconfined"

    names = _such(spec, lambda c: unconfined(_security(c)))
    owners = ["pod"] if unconfined(spec.get("securityContext") or {}) else []
    owners += [_named("container", names)] if names else []
    if owners:
        must = 'must not set securityContext.seccompProfile.type to "Unconfined"'
        yield f"seccompProfile ({' and '.join(owners)} {must})"


def _sysctls(spec: dict[str, Any]) -> Iterator[str]:
    set_by_pod = (spec.get("securityContext") or {}).get("sysctls") or ()
    names = [item["name"] for item in set_by_pod if item["name"] not in SAFE_SYSCTLS]
    if names:
        yield f"forbidden sysctls ({', '.join(names)})"


def _escalation(spec: dict[str, Any]) -> Iterator[str]:
    names = _such(spec, lambda c: _security(c).get("allowPrivilegeEscalation") is not False)
    if names:
        must = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({_named('container', names)} {must})"


def _restricted_capabilities(spec: dict[str, Any]) -> Iterator[str]:
    keeping, adding, added = [], [], set()
    for container in _containers(spec):
        capabilities = _security(container).get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            keeping.append(container["name"])
        extra = set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}
        if extra:
            adding.append(container["name"])
            added |= extra
    parts = []
    if keeping:
        parts.append(f'{_named("container", keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        listed = _quoted(sorted(added))
        parts.append(f"{_named('container', adding)} must not include {listed} in securityContext.capabilities.add")
    if parts:
        yield f"unrestricted capabilities ({'; '.join(parts)})"


def _restricted_volumes(spec: dict[str, Any]) -> Iterator[str]:
    names, types = [], set()
    for volume in spec.get("volumes") or ():
        kinds = set(volume) - {"name"} - RESTRICTED_VOLUMES
        if kinds:
            names.append(volume["name"])
            types |= kinds
    if names:
        uses = "uses" if len(names) == 1 else "use"
        plural = "s" if len(types) > 1 else ""
        listed = _quoted(sorted(types))
        yield f"restricted volume types ({_named('volume', names)} {uses} restricted volume type{plural} {listed})"


def _non_root(spec: dict[str, Any]) -> Iterator[str]:
    pod = (spec.get("securityContext") or {}).get("runAsNonRoot")
    bad = _such(spec, lambda c: _security(c).get("runAsNonRoot") is False)
    missing = _such(spec, lambda c: _security(c).get("runAsNonRoot") is None) if pod is not True else []
    parts = []
    owners = (["pod"] if pod is False else []) + ([_named("container", bad)] if bad else [])
    if owners:
        parts.append(f"{' and '.join(owners)} must not set securityContext.runAsNonRoot=false")
    elif missing:
        parts.append(f"pod or {_named('container', missing)} must set securityContext.runAsNonRoot=true")
    if parts:
        yield f"runAsNonRoot != true ({parts[0]})"


def _user(spec: dict[str, Any]) -> Iterator[str]:
    names = _such(spec, lambda c: _security(c).get("runAsUser") == 0)
    owners = ["pod"] if (spec.get("securityContext") or {}).get("runAsUser") == 0 else []
    owners += [_named("container", names)] if names else []
    if owners:
        yield f"runAsUser=0 ({' and '.join(owners)} must not set runAsUser=0)"


def _restricted_seccomp(spec: dict[str, Any]) -> Iterator[str]:
    def profile(security: dict[str, Any]) -> str | None:
        return (security.get("seccompProfile") or {}).get("type")

    pod = profile(spec.get("securityContext") or {})
    bad = _such(spec, lambda c: profile(_security(c)) not in (None, *PROFILES))
    missing = _such(spec, lambda c: profile(_security(c)) is None) if pod not in PROFILES else []
    owners = (["pod"] if pod not in (None, *PROFILES) else []) + ([_named("container", bad)] if bad else [])
    if owners:
        must = 'must not set securityContext.seccompProfile.type to "Unconfined"'
        yield f"seccompProfile ({' and '.join(owners)} {must})"
    elif missing:
        must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {_named('container', missing)} {must})"


CHECKS: dict[str, tuple[Callable[[dict[str, Any]], Iterator[str]], ...]] = {
    "privileged": (),
    "baseline": (
        *(_baseline_capabilities, _host_namespaces, _host_paths, _host_ports, _privileged),
        *(_proc_mount, _selinux, _baseline_seccomp, _sysctls),
    ),
    "restricted": (
        *(_escalation, _restricted_capabilities, _host_namespaces, _host_ports, _privileged, _proc_mount),
        *(_restricted_volumes, _non_root, _user, _selinux, _restricted_seccomp, _sysctls),
    ),
}


def violations(spec: dict[str, Any], level: str) -> str:
    """Return everything a pod spec asks for beyond a level, as one text; empty when nothing."""
    return ", ".join(text for check in CHECKS[level] for text in check(spec))


def _level(labels: dict[str, Any], mode: str) -> tuple[str, str]:
    level = labels.get(PREFIX + mode, "privileged")
    return (level if level in LEVELS else "restricted"), labels.get(f"{PREFIX}{mode}-version", "latest")


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> list[str] | None:
    """Refuse pods by the `enforce` label, warn of templates and pods by `warn` (by `enforce` where it is absent)."""
    if subresource or (resource != "pods" and resource not in TEMPLATES):
        return None
    namespace = store.get("namespaces", "", obj["metadata"].get("namespace", ""))
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    if resource == "pods":
        if operation != "CREATE":
            return None
        level, version = _level(labels, "enforce")
        found = violations(obj["spec"], level)
        if found:
            why = f'violates PodSecurity "{level}:{version}": {found}'
            raise errors.forbidden("pods", obj["metadata"]["name"], why)
        spec = obj["spec"]
    else:
        spec = obj["spec"].get("template", {}).get("spec", {})
        if old is not None and old["spec"].get("template", {}).get("spec") == spec:
            return None
    mode = "warn" if PREFIX + "warn" in labels else "enforce"
    level, version = _level(labels, mode)
    found = violations(spec, level)
    return [f'would violate PodSecurity "{level}:{version}": {found}'] if found else None
