"""What a release's values ask of the cluster that it runs on: node ports, and addons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.settings.model import Release, Settings
from scripts.settings.reading import overlay, read

FRONTEND_PORT = 30000  # the frontend's node port, fixed by the specification


def merged(settings: Settings, release: Release) -> dict[str, Any]:
    """Return a chart's values with the release's own files on top, as helm lays them, subcharts' defaults below.

    Raises SettingsError naming a file that cannot be read.
    """
    values: dict[str, Any] = {}
    for file in sorted(release.chart.glob("charts/*/values.yaml")):
        values[file.parent.name] = read(file, settings.root)
    for file in (release.chart / "values.yaml", *release.values):
        if file.is_file():
            values = overlay(values, read(file, settings.root))
    return values


def node_ports(values: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the node ports that the values fix, the lowest first; the specification's where they fix none."""
    found = {
        service["nodePort"]
        for part in _enabled(values)
        if isinstance(service := part.get("service"), Mapping)
        and service.get("type", "NodePort") == "NodePort"
        and isinstance(service.get("nodePort"), int)
        and 0 < service["nodePort"] < 65536
    }
    return tuple(sorted(found)) or (FRONTEND_PORT,)


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
