"""Finds the chart of a release: a folder, an archive, or what a repository has, as a folder that can be read."""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from scripts.errors import SettingsError
from scripts.host import parsing

Pull = Callable[[str, str, Path], None]
"""Puts the archive of a chart, by reference and version, into a folder. Raises UserError if that cannot be done."""

SCHEME = re.compile(r"(oci|https?)://")


def is_reference(given: str, version: str) -> bool:
    """Return whether a chart is named as a repository has it, by a URL or with a version, and not by a path."""
    return bool(SCHEME.match(given) or version)


def of_reference(given: str, version: str, cache: Path, pull: Pull | None) -> Path:
    """Return the folder of a chart that a repository has, fetched once into `cache`.

    Raises SettingsError for a reference that could be another chart tomorrow, and where it cannot be fetched now.
    """
    if not version and not given.endswith(".tgz"):
        raise SettingsError(f"{given} may be another chart tomorrow", "name its version, as release.version")
    folder = cache / hashlib.sha256(f"{given}@{version}".encode()).hexdigest()[:16]
    if pull is not None and not list(folder.glob("*.tgz")):
        folder.mkdir(parents=True, exist_ok=True)
        pull(given, version, folder)
    found = list(folder.glob("*.tgz"))
    if not found:
        raise SettingsError(f"{given} is not fetched yet", "a run without --dry fetches it")
    return of_archive(found[0], cache)


def of_archive(archive: Path, cache: Path) -> Path:
    """Return the folder of a packaged chart, unpacked once into `cache`. Raises SettingsError if it is none."""
    try:
        folder = cache / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
        if not folder.is_dir():
            _unpack(archive, folder)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise SettingsError(f"{archive} is no packaged chart: {error}", "make one by: helm package") from None
    charts = sorted(folder.glob("*/Chart.yaml"))
    if len(charts) != 1:
        raise SettingsError(
            f"{archive} is no packaged chart: it holds {len(charts)} of them", "make one by: helm package"
        )
    return charts[0].parent


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack whole or not at all; nothing is written outside the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        with tarfile.open(archive, "r:gz") as opened:
            opened.extractall(place, filter="data")
        place.rename(folder)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def missing_dependencies(chart: Path) -> list[str]:
    """Return the charts that a chart needs and does not hold, by name; a chart that cannot be read says helm itself.

    helm goes by the names that the charts below `charts/` have, whatever their folders and archives are called.
    """
    data = _described(chart / "Chart.yaml")
    needed: list[Any] = data.get("dependencies") or []
    names = [str(item.get("name")) for item in needed if isinstance(item, Mapping)]
    held = {_described(file).get("name") for file in (chart / "charts").glob("*/Chart.yaml")} if names else set()
    lacking = [name for name in names if name not in held]
    held = {_packed_name(file) for file in (chart / "charts").glob("*.tgz")} if lacking else held
    return [name for name in lacking if name not in held]


def _described(file: Path) -> Mapping[str, Any]:
    try:
        data = parsing.from_yaml(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, Mapping) else {}


def _packed_name(archive: Path) -> str:
    """Return the name of a packaged chart, which is that of its one folder."""
    try:
        with tarfile.open(archive, "r:gz") as opened:
            return next((PurePosixPath(member.name).parts[0] for member in opened if member.isfile()), "")
    except (OSError, tarfile.TarError, EOFError):
        return ""
