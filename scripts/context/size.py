"""Choose the release's requests: the specification's, or smaller ones where they do not fit the one node there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from scripts.clusters import capacity
from scripts.errors import UserError
from scripts.settings import values
from scripts.settings.model import Cluster, Release, Settings

SMALL = Path("environments/small.yaml")  # below a chart's folder: values that ask for less


def sized(settings: Settings, cluster: Cluster, say: Callable[[str], None]) -> Settings:
    """Return the settings, with the chart's small values where `size` asks for them or the node is too small for the
    rest.

    Raises UserError where `size` is small and the chart has no such values.
    """
    file = settings.release.chart / SMALL
    if settings.size == "small" and not file.is_file():
        raise UserError(f"config/pipeline.yaml: size: small, but there is no {file}", "write it, or leave size out")
    if settings.size == "full" or not file.is_file():
        return settings
    if settings.size == "auto":
        releases = (settings.release, settings.database_release)
        asked = capacity.requested_cpu([values.merged(settings, release) for release in releases])
        cpus = cluster.cpus()
        if not capacity.is_tight(cluster.target, cpus, asked):
            return settings
        system = capacity.SYSTEM[cluster.target]
        say(
            f"{cpus} CPUs are too few for the {asked:g}m that the release and the {system}m that the system ask for: "
            f"smaller requests, by {SMALL} (size: full in config/pipeline.yaml keeps the table's)"
        )
    return replace(settings, release=_with(settings.release, file))


def _with(release: Release, file: Path) -> Release:
    """Return a release with one more values file: over the chart's own, and below what a person wrote."""
    own = [path for path in release.values if path.parent == file.parent]
    others = [path for path in release.values if path not in own]
    return replace(release, values=(*own, file, *others))
