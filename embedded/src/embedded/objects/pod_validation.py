"""Wrong values in the specification of a pod."""

from __future__ import annotations

import re
from typing import Any

from embedded.errors import Cause
from embedded.objects import checks, quantity
from embedded.objects.checks import duplicate, missing, required, wrong
from embedded.objects.values import clone

ENV_NAME = re.compile(r"[ -<>-~]+")
ENV_RULE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '=' "
    "(e.g. 'MY_ENV_VAR', regex used for validation is '^[ -<>-~]+$')"
)
MUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
STANDARD = ("cpu", "memory", "ephemeral-storage")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
PROBE_MINIMA = {
    "initialDelaySeconds": 0,
    "timeoutSeconds": 1,
    "periodSeconds": 1,
    "successThreshold": 1,
    "failureThreshold": 1,
}


def pod_spec(spec: dict[str, Any], path: str) -> list[Cause]:
    """Return every wrong field of a pod spec at `path`."""
    found: list[Cause] = []
    volumes = _volumes(spec, path, found)
    names: set[str] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            where = f"{path}.{kind}[{index}]"
            name = container.get("name") or ""
            if name:
                found += checks.label(f"{where}.name", name)
            if name and name in names:
                found.append(duplicate(f"{where}.name", name))
            names.add(name)
            found += _container(container, where, volumes)
    if not spec.get("containers"):
        found.append(required(f"{path}.containers"))
    grace = spec.get("terminationGracePeriodSeconds")
    found += checks.not_negative(f"{path}.terminationGracePeriodSeconds", grace)
    deadline = spec.get("activeDeadlineSeconds")
    if isinstance(deadline, int) and deadline < 1:
        found.append(wrong(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"))
    if spec.get("serviceAccountName"):
        found += checks.subdomain(f"{path}.serviceAccountName", spec["serviceAccountName"])
    found += checks.labels(f"{path}.nodeSelector", spec.get("nodeSelector") or {})
    security = spec.get("securityContext") or {}
    for field in ("runAsUser", "runAsGroup", "fsGroup"):
        found += _user(f"{path}.securityContext.{field}", security.get(field))
    return found


def _user(path: str, value: Any) -> list[Cause]:
    if isinstance(value, int) and not 0 <= value <= 2147483647:
        return [wrong(path, value, "must be between 0 and 2147483647, inclusive")]
    return []


def _volumes(spec: dict[str, Any], path: str, found: list[Cause]) -> set[str]:
    names: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        where = f"{path}.volumes[{index}]"
        name = volume.get("name") or ""
        if not name:
            found.append(required(f"{where}.name"))
        else:
            found += checks.label(f"{where}.name", name)
        if name in names:
            found.append(duplicate(f"{where}.name", name))
        names.add(name)
        sources = sorted(set(volume) - {"name"})
        if len(sources) > 1:
            found += [checks.forbidden(f"{where}.{s}", "may not specify more than 1 volume type") for s in sources[1:]]
        for source, field in (("configMap", "name"), ("secret", "secretName"), ("persistentVolumeClaim", "claimName")):
            if source in volume and not (volume[source] or {}).get(field):
                found.append(required(f"{where}.{source}.{field}"))
    return names


def _container(container: dict[str, Any], path: str, volumes: set[str]) -> list[Cause]:
    found: list[Cause] = []
    if not container.get("name"):
        found.append(required(f"{path}.name"))
    image = container.get("image") or ""
    if not image:
        found.append(required(f"{path}.image"))
    elif image != image.strip():
        found.append(wrong(f"{path}.image", image, "must not have leading or trailing whitespace"))
    found += _ports(container, path)
    found += _env(container, path)
    mounts: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        if not mount.get("name"):
            found.append(required(f"{where}.name"))
        elif mount["name"] not in volumes:
            found.append(missing(f"{where}.name", mount["name"]))
        target = mount.get("mountPath") or ""
        if not target:
            found.append(required(f"{where}.mountPath"))
        elif target in mounts:
            found.append(wrong(f"{where}.mountPath", target, "must be unique"))
        mounts.add(target)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe):
            found += _probe(container[probe], f"{path}.{probe}", once=probe != "readinessProbe")
    for hook, action in sorted((container.get("lifecycle") or {}).items()):
        if hook in ("postStart", "preStop") and not action:
            found.append(required(f"{path}.lifecycle.{hook}", "must specify a handler type"))
    found += resources(container.get("resources") or {}, f"{path}.resources")
    security = container.get("securityContext") or {}
    for field in ("runAsUser", "runAsGroup"):
        found += _user(f"{path}.securityContext.{field}", security.get(field))
    added = (security.get("capabilities") or {}).get("add") or ()
    contradicted = ["`privileged` to true"] if security.get("privileged") else []
    contradicted += ["`capabilities.Add` CAP_SYS_ADMIN"] * list(added).count("CAP_SYS_ADMIN")
    if security.get("allowPrivilegeEscalation") is False:
        text = "cannot set `allowPrivilegeEscalation` to false and {}"
        found += [wrong(f"{path}.securityContext", security, text.format(other)) for other in contradicted]
    return found


def _ports(container: dict[str, Any], path: str) -> list[Cause]:
    found: list[Cause] = []
    names: set[str] = set()
    for index, item in enumerate(container.get("ports") or ()):
        where = f"{path}.ports[{index}]"
        name = item.get("name")
        if name:
            found += checks.port_name(f"{where}.name", name)
            if name in names:
                found.append(duplicate(f"{where}.name", name))
            names.add(name)
        if not item.get("containerPort"):
            found.append(required(f"{where}.containerPort"))
        else:
            found += checks.port(f"{where}.containerPort", item["containerPort"])
        if item.get("hostPort"):
            found += checks.port(f"{where}.hostPort", item["hostPort"])
    return found


def _env(container: dict[str, Any], path: str) -> list[Cause]:
    found: list[Cause] = []
    for index, item in enumerate(container.get("env") or ()):
        where = f"{path}.env[{index}]"
        name = item.get("name") or ""
        if not name:
            found.append(required(f"{where}.name"))
        elif not ENV_NAME.fullmatch(name):
            found.append(wrong(f"{where}.name", name, ENV_RULE))
        source = item.get("valueFrom")
        if source is None:
            continue
        if not source:
            text = (
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            )
            found.append(wrong(f"{where}.valueFrom", "", text))
        elif item.get("value"):
            found.append(wrong(f"{where}.valueFrom", "", "may not be specified when `value` is not empty"))
        elif len(source) > 1:
            found.append(wrong(f"{where}.valueFrom", "", "may not have more than one field specified at a time"))
        for kind in ("configMapKeyRef", "secretKeyRef"):
            reference = source.get(kind)
            if reference is not None:
                found += [required(f"{where}.valueFrom.{kind}.{f}") for f in ("name", "key") if not reference.get(f)]
    for index, item in enumerate(container.get("envFrom") or ()):
        if not {"configMapRef", "secretRef"} & item.keys():
            found.append(wrong(f"{path}.envFrom[{index}]", "", "must specify one of: `configMapRef` or `secretRef`"))
        for kind in ("configMapRef", "secretRef"):
            if kind in item and not (item[kind] or {}).get("name"):
                found.append(required(f"{path}.envFrom[{index}].{kind}.name"))
    return found


def _probe(probe: dict[str, Any], path: str, *, once: bool) -> list[Cause]:
    found: list[Cause] = []
    given = [handler for handler in HANDLERS if probe.get(handler) is not None]
    if not given:
        found.append(required(path, "must specify a handler type"))
    found += [checks.forbidden(f"{path}.{h}", "may not specify more than 1 handler type") for h in given[1:]]
    for handler in given:
        action = probe[handler]
        where = f"{path}.{handler}"
        if handler == "exec" and not action.get("command"):
            found.append(required(f"{where}.command"))
        if handler in ("httpGet", "tcpSocket"):
            target = action.get("port")
            if isinstance(target, str) and target:
                found += checks.port_name(f"{where}.port", target)
            else:
                found += checks.port(f"{where}.port", target if target is not None else 0)
    for field, least in PROBE_MINIMA.items():
        value = probe.get(field)
        if isinstance(value, int) and value < least:
            text = checks.NOT_NEGATIVE if least == 0 or value < 0 else "must be greater than 0"
            found.append(wrong(f"{path}.{field}", value, text))
    if once and probe.get("successThreshold", 1) != 1:
        found.append(wrong(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return found


def resources(values: dict[str, Any], path: str) -> list[Cause]:
    """Return wrong amounts in the requests and limits of a container."""
    found: list[Cause] = []
    limits = values.get("limits") or {}
    for side in ("limits", "requests"):
        for name, amount in sorted((values.get(side) or {}).items()):
            if quantity.parse(amount) < 0:
                found.append(wrong(f"{path}.{side}[{name}]", str(amount), checks.NOT_NEGATIVE))
            if name not in STANDARD and not name.startswith("hugepages-") and "/" not in name:
                where = f"{path}.{side}[{name}]"
                found.append(wrong(where, name, "must be a standard resource type or fully qualified"))
                found.append(wrong(where, name, "must be a standard resource for containers"))
    for name, amount in sorted((values.get("requests") or {}).items()):
        lent = "/" not in name and not name.startswith("hugepages-")  # more of it than there is
        if name in limits and not lent and quantity.parse(amount) != quantity.parse(limits[name]):
            text = f"must be equal to {name} limit of {limits[name]}"
            found.append(wrong(f"{path}.requests", str(amount), text))
        elif name in limits and quantity.parse(amount) > quantity.parse(limits[name]):
            text = f"must be less than or equal to {name} limit of {limits[name]}"
            found.append(wrong(f"{path}.requests", str(amount), text))
        elif name not in limits and not lent:
            found.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))
    return found


def pod_update(new: dict[str, Any], old: dict[str, Any]) -> list[Cause]:
    """Return wrong changes of the spec of a pod that exists."""

    def fixed(spec: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = clone(spec)
        for field in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"):
            kept.pop(field, None)
        for kind in ("containers", "initContainers"):
            for container in kept.get(kind) or ():
                container.pop("image", None)
        return kept

    moved = old.get("nodeName") and new.get("nodeName") != old["nodeName"]
    if moved or fixed(new) != fixed(old):
        return [checks.forbidden("spec", MUTABLE + "\n")]
    return []
