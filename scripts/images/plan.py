"""From settings and sources to a plan: what has to be true in the end. No command is run, no network is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.images import build_context
from scripts.settings.model import Image, Plan, Release, Service, Settings

REPOSITORY = "todo-chatbot"


def make_plan(settings: Settings, base_ids: Mapping[str, str], *, target: str, standin: bool) -> Plan:
    """The images and releases of this configuration.

    `base_ids` maps base names to image ids, `standin` says whether the local database is part of it.
    Raises UserError if a build context cannot be read.
    """
    services = (*settings.services, settings.database) if standin else settings.services
    releases = (settings.database_release, settings.release) if standin else (settings.release,)
    registry = settings.registry if target == "context" else ""
    return Plan(tuple(_image(service, base_ids) for service in services), releases, target, registry)


def _image(service: Service, base_ids: Mapping[str, str]) -> Image:
    ids = {argument: base_ids[base] for argument, base in service.bases.items()}
    try:
        tag = build_context.build_digest(service.context, service.dockerfile, service.build_args, ids)
    except OSError as error:
        raise UserError(
            f"{service.name}: {error.filename} cannot be read: {error.strerror}",
            "make it readable, or name it in .dockerignore",
        ) from None
    return Image(service.name, f"{REPOSITORY}/{service.name}", tag)


def image_values(plan: Plan, release: Release, database: Release) -> dict[str, Any]:
    """The values that name the images of a release, laid over the chart's own."""
    own = release.name == database.name
    images = {image.service: {"repository": image.repository, "tag": image.tag} for image in plan.images}
    values = {"global": {"imageRegistry": plan.registry}} if plan.registry else {}
    if own:
        return values | {"image": images["database"]}
    return values | {name: {"image": image} for name, image in images.items() if name != "database"}


def inputs_digest(release: Release, values: Mapping[str, Any], extra: Sequence[Path] = ()) -> str:
    """A digest of all that decides what helm would deploy: chart, values files and generated values."""
    total = hashlib.sha256()
    for name, path in build_context.context_files(release.chart, build_context.IgnoreRules()):
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        total.update(f"{name}\0".encode() + hashlib.sha256(content).digest())
    for file in (*release.values, *extra):
        total.update(hashlib.sha256(file.read_bytes()).digest())
    total.update(json.dumps(values, sort_keys=True).encode())
    return total.hexdigest()[:16]
