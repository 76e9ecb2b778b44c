"""Read a release's values: node ports and addons that they ask of a cluster, and the names of its services."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.settings.model import Release, Settings
from scripts.settings.reading import overlay, read

FRONTEND_PORT = 30000  # the frontend's node port, fixed by the specification
FULLNAME = re.compile(r'\{\{-?\s*include "common\.fullname" \.\s*-?\}\}')


@dataclass(frozen=True)
class Names:
    """The library chart's names of a service: the label of its pods, its Deployment, and its Service."""

    label: str
    deployment: str
    address: str


def merged(settings: Settings, release: Release) -> dict[str, Any]:
    """Return a chart's values with the release's own files on top, as helm lays them, subcharts' defaults below.

    Raises SettingsError naming a file that cannot be read.
    """
    return of_files(lambda file: read(file, settings.root), release.chart, release.values)


def of_files(read_file: Callable[[Path], Mapping[str, Any]], chart: Path, files: Iterable[Path]) -> dict[str, Any]:
    """Return a chart's values with `files` on top. Raises SettingsError naming one that cannot be read."""
    values: dict[str, Any] = {}
    for file in sorted(chart.glob("charts/*/values.yaml")):
        values[file.parent.name] = read_file(file)
    for file in (chart / "values.yaml", *files):
        if file.is_file():
            values = overlay(values, read_file(file))
    return values


def names(values: Mapping[str, Any], place: str, address: str) -> Names:
    """Return how the library chart calls the service whose values stand at a dotted place.

    `address` is its Service while nothing overrides a name, and where it is a template of somebody's own.
    """
    *_, key = path = place.split(".")
    own = at(values, path)
    label = str(own.get("nameOverride") or key)
    prefix = at(values, ["global"]).get("fullnameOverride")
    fullname = str(own.get("fullnameOverride") or (f"{prefix}-{label}" if prefix else label))
    service = FULLNAME.sub(fullname, str(at(own, ["service"]).get("name") or fullname))
    return Names(label, fullname, address if fullname == key or "{{" in service else service)


def at(values: Mapping[str, Any], path: Iterable[str]) -> Mapping[str, Any]:
    """Return the mapping that stands at a place in values, an empty one where there is none."""
    for key in path:
        part = values.get(key)
        values = part if isinstance(part, Mapping) else {}
    return values


def nested(path: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that stand at a place."""
    laid = dict(values)
    for key in reversed(path):
        laid = {key: laid}
    return laid


# Values of a service that name what its pods read, as the library chart's `common.secretsChecksum` has them.
_READING = ("secretEnv", "env", "extraEnv", "extraEnvFrom", "extraVolumes", "initContainers", "extraContainers")
_SECRETS = (("secretRef", "name"), ("secretKeyRef", "name"), ("secret", "secretName"), ("secret", "name"))
_CONFIGMAPS = (("configMapRef", "name"), ("configMapKeyRef", "name"), ("configMap", "name"))


def secrets_read(values: Mapping[str, Any]) -> set[str]:
    """Return the names of the Secrets that values have pods read, but for those that the chart makes itself."""
    parts = [values, *_mappings(values)]
    made = {name for part in parts if isinstance(own := part.get("secrets"), Mapping) for name in own}
    short = {one.get("secret") for part in parts for one in _listed(part.get("secretEnv")) if isinstance(one, Mapping)}
    return (_named(parts, _SECRETS) | {name for name in short if isinstance(name, str) and "{{" not in name}) - made


def configmaps_read(values: Mapping[str, Any]) -> set[str]:
    """Return the names of the ConfigMaps that values have pods read, which no chart of ours makes."""
    return _named([values, *_mappings(values)], _CONFIGMAPS)


def _named(parts: Iterable[Mapping[str, Any]], places: Iterable[tuple[str, str]]) -> set[str]:
    found = {name for part in parts for key in _READING for name in _referred(part.get(key), tuple(places))}
    return {name for name in found if "{{" not in name}


def _listed(part: Any) -> Sequence[Any]:
    return part if isinstance(part, list) else ()


def _mappings(part: Any) -> Iterator[Mapping[str, Any]]:
    for inner in part.values() if isinstance(part, Mapping) else ():
        if isinstance(inner, Mapping):
            yield inner
            yield from _mappings(inner)


def _referred(part: Any, places: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the names that a piece of a pod's specification refers to at these places (key, key below it)."""
    for key, below in places if isinstance(part, Mapping) else ():
        holder = part.get(key)
        if isinstance(holder, Mapping) and isinstance(name := holder.get(below), str) and name:
            yield name
    for inner in part.values() if isinstance(part, Mapping) else _listed(part):
        yield from _referred(inner, places)


def node_ports(values: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the node ports that the values fix, the lowest first; the specification's where they fix none."""
    return fixed_node_ports(values) or (FRONTEND_PORT,)


def fixed_node_ports(values: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the node ports that the values fix, the lowest first."""
    found = {
        service["nodePort"]
        for part in _enabled(values)
        if isinstance(service := part.get("service"), Mapping)
        and service.get("type", "NodePort") == "NodePort"
        and isinstance(service.get("nodePort"), int)
        and 0 < service["nodePort"] < 65536
    }
    return tuple(sorted(found))


def addons(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addons that the release makes use of, by minikube's names."""
    used = set()
    for part in _enabled(values):
        if _is_on(part.get("autoscaling")):
            used.add("metrics-server")
        if _is_on(part.get("ingress")):
            used.add("ingress")
    return tuple(sorted(used))


def _enabled(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    services = values.get("services")
    parts = [*values.values(), *(services.values() if isinstance(services, Mapping) else ())]
    return (part for part in parts if isinstance(part, Mapping) and part.get("enabled") is not False)


def _is_on(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("enabled") is True
