"""Hold the values that a person wrote, file by file, against all that the release gets: what has no effect is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.errors import SettingsError
from scripts.host.paths import generated_folder, relative
from scripts.settings import app_values, values
from scripts.settings.idle import of_other_apps, of_values
from scripts.settings.model import Release

Given = tuple[str, Mapping[str, Any]]
"""Values, and how a line about one of their keys begins."""


def idle(
    read: Callable[[Path], Mapping[str, Any]],
    root: Path,
    app: Mapping[str, Any],
    file: str,
    release: Release,
    laid: Mapping[str, Any],
    subcharts: Sequence[str],
) -> tuple[str, ...]:
    """Return what a person's values say without effect in this environment, though they have one in another.

    `laid` are all values of the release, none of a chart without the library; `subcharts` are the chart's own services.
    Raises SettingsError for what has an effect in no environment that the chart knows.
    """
    folder = release.chart / "environments"
    above = [path for path in release.values if not path.is_relative_to(folder)]
    own, files = [*_of_app(app, file)], [*_of_files(read, root, above)]
    if not laid or not (own or files):
        return ()
    places = [app_values.place(name, spec) for name, spec in app["services"].items()]
    unused = [name for name in subcharts if name not in places]

    def told(merged: Mapping[str, Any]) -> dict[str, None]:
        void = [(start, of_values(given, merged, places)) for start, given in (*own, *files)]
        void += [(start, of_other_apps(given, merged, unused)) for start, given in own]
        return _lines(void)

    here = told(laid)
    never = set(here)
    for other in sorted(folder.glob("*.yaml")) if here else ():
        never &= told(values.of_files(read, release.chart, (other, *above))).keys()
    if never:
        raise SettingsError("\n".join(line for line in here if line in never))
    return (*here, *_lines((start, of_other_apps(given, laid, unused)) for start, given in files))


def _lines(void: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> dict[str, None]:
    """Return a line each, in order and once, of keys that have no effect and why, by how their lines begin."""
    return dict.fromkeys(f"{start}{key}: {why}" for start, found in void for key, why in found)


def _of_app(app: Mapping[str, Any], file: str) -> Iterator[Given]:
    if own := app.get("values"):
        yield f"{file}: values: ", own
    for name, spec in app["services"].items():
        place = app_values.place(name, spec).split(".")
        if "replicas" in spec:
            yield f"{file}: services.{name}.replicas: ", values.nested(place, {"replicaCount": spec["replicas"]})
        if given := spec.get("values"):
            yield f"{file}: services.{name}.values: ", values.nested(place, given)


def _of_files(read: Callable[[Path], Mapping[str, Any]], root: Path, files: Sequence[Path]) -> Iterator[Given]:
    for path in files:
        if path.parent != generated_folder(root):
            yield f"{relative(path, root)}: ", read(path)
