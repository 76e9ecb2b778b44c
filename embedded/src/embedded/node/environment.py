"""The environment of a container: references resolved, $(NAME) expanded, Services of the namespace announced."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from embedded.objects import quantity
from embedded.objects.pod_resources import containers_of

REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")
SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")

Get = Callable[[str, str, str], dict[str, Any] | None]
"""Read an object: resource, namespace, name."""


class ConfigError(Exception):
    """The container cannot be configured (CreateContainerConfigError); the text is the kubelet's."""


@dataclasses.dataclass(frozen=True)
class Place:
    """The node that a pod runs on, for the downward API. Memory in bytes."""

    node: str
    host_ip: str
    pod_ip: str
    cpus: int
    memory: int


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value where there is one; $$ stands for $."""
    return REFERENCE.sub(lambda m: "$" if m[1] == "$" else values.get(m[2], m[0]), text)


def field(pod: dict[str, Any], path: str, place: Place) -> str:
    """Return the value of a downward API fieldPath; raises ConfigError when there is no such field."""
    meta, spec = pod["metadata"], pod["spec"]
    subscript = SUBSCRIPT.fullmatch(path)
    if subscript:
        entries: dict[str, str] = meta.get(subscript[1]) or {}
        return entries.get(subscript[2], "")
    if path in ("metadata.labels", "metadata.annotations"):
        items = sorted((meta.get(path.split(".")[1]) or {}).items())
        return "\n".join(f'{key}="{_quoted(value)}"' for key, value in items)
    values: dict[str, str] = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": place.node,
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": place.host_ip,
        "status.hostIPs": place.host_ip,
        "status.podIP": place.pod_ip,
        "status.podIPs": place.pod_ip,
    }
    if path not in values:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return values[path]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_field(
    pod: dict[str, Any], ref: dict[str, Any], place: Place, container: dict[str, Any] | None = None
) -> str:
    """Return the value of a resourceFieldRef, in units of its divisor, rounded up; an unset limit is what
    the node has.
    """
    if ref.get("containerName"):
        everyone = containers_of(pod["spec"])
        container = next((c for c in everyone if c["name"] == ref["containerName"]), None)
    if container is None:
        raise ConfigError(f"container {ref.get('containerName', '')} not found")
    group, _, name = ref["resource"].partition(".")
    resources = container.get("resources") or {}
    text = (resources.get(group) or {}).get(name) or (resources.get("limits") or {}).get(name)
    if text is None:
        whole = {"cpu": Decimal(place.cpus), "memory": Decimal(place.memory)}
        amount = whole.get(name, Decimal(0)) if group == "limits" else Decimal(0)
    else:
        amount = quantity.parse(text)
    divisor = quantity.parse(ref.get("divisor") or "0") or Decimal(1)
    return str(int((amount / divisor).to_integral_value(ROUND_CEILING)))


def build(
    pod: dict[str, Any], container: dict[str, Any], get: Get, services: list[dict[str, Any]], place: Place
) -> dict[str, str]:
    """Return the environment of a container; raises ConfigError when something it refers to is missing."""
    announced = service_variables(pod, services)
    values = dict(announced)
    for source in container.get("envFrom") or ():
        for key, text in _from_all(pod, source, get).items():
            values[source.get("prefix", "") + key] = text
    for entry in container.get("env") or ():
        if "valueFrom" in entry:
            value = _from_one(pod, container, entry["valueFrom"], get, place)
            if value is None:
                continue
        else:
            value = expand(entry.get("value", ""), values)
        values[entry["name"]] = value
    return values


def _data(kind: str, obj: dict[str, Any]) -> dict[str, str]:
    if kind == "ConfigMap":
        return obj.get("data") or {}
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in (obj.get("data") or {}).items()}


def _object(pod: dict[str, Any], kind: str, ref: dict[str, Any], get: Get) -> dict[str, Any] | None:
    """Return the ConfigMap or Secret referred to; None when it is missing and may be."""
    name = ref.get("name", "")
    found = get(kind.lower() + "s", pod["metadata"]["namespace"], name)
    if found is None and not ref.get("optional"):
        raise ConfigError(f'{kind.lower()} "{name}" not found')
    return found


def _from_all(pod: dict[str, Any], source: dict[str, Any], get: Get) -> dict[str, str]:
    kind, ref = ("ConfigMap", source["configMapRef"]) if "configMapRef" in source else ("Secret", source["secretRef"])
    found = _object(pod, kind, ref, get)
    return _data(kind, found) if found else {}


def _from_one(
    pod: dict[str, Any], container: dict[str, Any], source: dict[str, Any], get: Get, place: Place
) -> str | None:
    if "fieldRef" in source:
        return field(pod, source["fieldRef"]["fieldPath"], place)
    if "resourceFieldRef" in source:
        return resource_field(pod, source["resourceFieldRef"], place, container)
    kind, ref = (
        ("ConfigMap", source["configMapKeyRef"]) if "configMapKeyRef" in source else ("Secret", source["secretKeyRef"])
    )
    found = _object(pod, kind, ref, get)
    if found is None:
        return None
    data = _data(kind, found)
    if ref["key"] in data:
        return data[ref["key"]]
    if ref.get("optional"):
        return None
    meta = found["metadata"]
    raise ConfigError(f"couldn't find key {ref['key']} in {kind} {meta['namespace']}/{meta['name']}")


def service_variables(pod: dict[str, Any], services: list[dict[str, Any]]) -> dict[str, str]:
    """Return NAME_SERVICE_HOST and its kin for the Services of the namespace, and for the API server's."""
    namespace = pod["metadata"]["namespace"]
    links = pod["spec"].get("enableServiceLinks", True)
    values: dict[str, str] = {}
    for service in services:
        meta, spec = service["metadata"], service["spec"]
        address = spec.get("clusterIP", "")
        api = meta["name"] == "kubernetes" and meta["namespace"] == "default"
        if address in ("", "None") or not spec.get("ports") or not (api or (links and meta["namespace"] == namespace)):
            continue
        prefix = meta["name"].upper().replace("-", "_")
        values[f"{prefix}_SERVICE_HOST"] = address
        values[f"{prefix}_SERVICE_PORT"] = str(spec["ports"][0]["port"])
        values[f"{prefix}_PORT"] = _url(address, spec["ports"][0])
        for port in spec["ports"]:
            if port.get("name"):
                values[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
            protocol = port.get("protocol", "TCP")
            one = f"{prefix}_PORT_{port['port']}_{protocol}"
            values[one] = _url(address, port)
            values[f"{one}_PROTO"] = protocol.lower()
            values[f"{one}_PORT"] = str(port["port"])
            values[f"{one}_ADDR"] = address
    return values


def _url(address: str, port: dict[str, Any]) -> str:
    return f"{port.get('protocol', 'TCP').lower()}://{address}:{port['port']}"
