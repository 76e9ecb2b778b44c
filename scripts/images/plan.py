"""From settings and sources to a plan: what has to be true in the end. No command is run, no network is asked."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.dockerfiles.ignore import IgnoreRules
from scripts.dockerfiles.reading import declared, mounted_secrets, stage_names, unknown_arguments
from scripts.errors import SettingsError, UserError
from scripts.host.files import FULL
from scripts.host.paths import relative
from scripts.images import build_context
from scripts.settings.model import Image, Plan, Release, Service, Settings

DATABASE = "database"
_REQUIREMENTS = re.compile(r"require[^/]*\.txt$")
_PAGE = re.compile(r"\.([cm]?[jt]s|[jt]sx|vue|svelte|html)$")  # what dockerfiles/replaced.js reads


def make_plan(
    settings: Settings,
    base_ids: Mapping[str, str],
    *,
    target: str,
    local_database: bool,
    images: Sequence[Image] | None = None,
) -> Plan:
    """Return the images and releases of this configuration.

    `base_ids` maps base names to image ids, `local_database` says whether one is part of it, `images` are those that
    were decided already.
    Raises UserError if a build context cannot be read, and SettingsError naming what a Dockerfile does not use.
    """
    releases = (settings.database_release, settings.release) if local_database else (settings.release,)
    registry = settings.registry if target == "context" else ""
    decided = images_of(settings, base_ids, local_database=local_database) if images is None else images
    return Plan(tuple(decided), releases, target, registry)


def images_of(settings: Settings, base_ids: Mapping[str, str], *, local_database: bool) -> tuple[Image, ...]:
    """Return the images of this configuration, which stand on bases and sources alone. Raises as `make_plan` does."""
    services = services_of(settings, local_database=local_database)
    refuse_unused(settings, services)
    return tuple(image_of(service, base_ids) for service in services)


def services_of(settings: Settings, *, local_database: bool) -> tuple[Service, ...]:
    """Return what is built: the app's services, and the database where it is local."""
    return (*settings.services, settings.database) if local_database else settings.services


def refuse_unused(settings: Settings, services: Sequence[Service]) -> None:
    """Raise SettingsError naming all that is configured for builds and that their Dockerfiles do not use, and UserError
    for a Dockerfile that cannot be read.
    """
    if unused := [line for service in services for line in _unused(service, settings)]:
        raise SettingsError("\n".join(unused))


def _unused(service: Service, settings: Settings) -> Iterator[str]:
    """Yield what is configured for a service's build and has no effect there, as `key: problem, remedy`."""
    try:
        text = service.dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise _unreadable(service, error) from None
    file = relative(service.recipe, settings.root)
    own = service != settings.database
    prefix = f"{settings.app.file}: services.{service.name}" if own else "config/pipeline.yaml: database"
    known = ", ".join(sorted(declared(text))) or "none"
    for key, given in (("buildArgs", service.build_args), ("bases", service.bases)):
        for argument in unknown_arguments(text, set(given)):
            yield f"{prefix}.{key}.{argument}: {file} has no line ARG {argument}; remove it, or use one of: {known}"
    if service.stage and (stages := stage_names(text)) and service.stage.lower() not in stages:
        known = ", ".join(name for name in stages if not name.isdigit()) or "none has a name"
        yield f"{prefix}.stage: {file} has no stage {service.stage}; remove it, or use one of: {known}"
    for secret in sorted(set(service.build_secrets) - mounted_secrets(text)):
        mount = f"--mount=type=secret,id={secret}"
        yield f"{prefix}.buildSecrets.{secret}: {file} has no RUN {mount}; add it, or remove the key"
    for key, text in _found_nowhere(service) if service.edited else ():
        yield f"{prefix}.{key}: {text} is in none of the sources that are built; correct it, or remove it"


def _found_nowhere(service: Service) -> Iterator[tuple[str, str]]:
    """Yield what a build is to change in its sources and that none of them has, each with the key that says so.

    Where no requirements are among the sources, the build makes them itself, and nobody can tell what is in them.
    """
    packages = [text for key in ("loosePackages", "dropPackages") for text in service.edited.get(key, ())]
    required = "\n".join(_texts(service, _REQUIREMENTS)) if packages else ""
    for key, texts in service.edited.items():
        if key == "replaceInSources":
            left = set(texts)
            for source in _texts(service, _PAGE):
                left -= {text for text in left if text in source}
        else:
            left = {text for text in texts if required and not _requires(required, text)}
        yield from ((key, text) for text in texts if text in left)


def _requires(requirements: str, package: str) -> bool:
    name = re.sub(r"[-_.]+", "[-_.]+", package)
    return re.search(rf"(?im)^[ ]*{name}([^a-z0-9._-]|$)", requirements) is not None


def _texts(service: Service, named: re.Pattern[str]) -> Iterator[str]:
    """Yield the texts of what a build is sent, by its name. Raises UserError."""
    try:
        for entry in sent(service):
            if entry.kind == "file" and named.search(entry.path):
                yield (service.context / entry.path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _unreadable(service, error) from None


def image_of(service: Service, base_ids: Mapping[str, str], dockerfile: Path | None = None) -> Image:
    """Return the image of a service as its sources are now; `dockerfile` is a copy of its own. Raises UserError."""
    ids = {argument: base_ids[base] for argument, base in service.bases.items()}
    platform = os.environ.get("DOCKER_DEFAULT_PLATFORM", "")
    try:
        entries = sent(service)
        tag = build_context.build_digest(
            entries, dockerfile or service.dockerfile, service.build_args, ids, platform, service.stage
        )
    except OSError as error:
        raise _unreadable(service, error) from None
    return Image(service.name, f"{service.project}/{service.name}", tag)


def sent(service: Service) -> tuple[build_context.Entry, ...]:
    """Return the list of what a build of the service is sent. Raises OSError and UserError as `listing` does."""
    return build_context.listing(service.context, service.recipe, service.ignore)


def lay_out(service: Service, image: Image, base_ids: Mapping[str, str], folder: Path) -> tuple[Path, Path]:
    """Return the build's input in an empty folder, as (context, Dockerfile): exactly what the image's tag was computed
    from.

    Raises UserError where the sources are not any more what they were when it was planned.
    """
    recipe = folder / service.dockerfile.name
    try:
        recipe.write_bytes(service.dockerfile.read_bytes())
        # The list has left out already what the ignore file names; this one is found first, and leaves out nothing.
        recipe.with_name(recipe.name + ".dockerignore").write_text("# nothing\n", encoding="utf-8")
        if image_of(service, base_ids, recipe) != image:
            raise _changed(service)
        build_context.lay_out(sent(service), service.context, folder / "context")
    except OSError as error:
        raise _not_laid_out(service, error, folder) from None
    return folder / "context", recipe


def _changed(service: Service) -> UserError:
    return UserError(
        f"{service.name}: its sources have changed since the run began",
        "run it again when nothing writes there any more",
    )


def _not_laid_out(service: Service, error: OSError, folder: Path) -> UserError:
    """Return what to say where the copy of the sources cannot be made: it is not always they that cannot be read."""
    if error.errno in FULL or str(error.filename).startswith(str(folder)):
        problem = f"{service.name}: its build context cannot be written to {folder.parent}: {error.strerror}"
        return UserError(problem, "make room there, or let this user write to it; then run it again")
    return _changed(service) if error.errno == errno.ENOENT else _unreadable(service, error)


def _unreadable(service: Service, error: OSError) -> UserError:
    return UserError(
        f"{service.name}: {error.filename} cannot be read: {error.strerror}",
        f"make it readable, or name it in {service.context / '.dockerignore'}",
    )


def image_values(plan: Plan, release: Release, database: Release) -> dict[str, Any]:
    """Return the values that name the images of a release, laid over the chart's own."""
    values: dict[str, Any] = {"global": {"imageRegistry": plan.registry}} if plan.registry else {}
    if release.name == database.name:
        image = plan.image(DATABASE)
        return values | {"image": {"repository": image.repository, "tag": image.tag}}
    for service, places in release.images.items():
        image = plan.image(service)
        parts = {"repository": image.repository, "tag": image.tag, "reference": plan.deployed(image)}
        if "reference" not in places and plan.registry and not release.has_library:
            parts["repository"] = f"{plan.registry}/{image.repository}"
        for part, place in places.items():
            _put(values, place.split("."), parts[part])
    return values


def _put(values: dict[str, Any], keys: Sequence[str], value: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = value


def inputs_digest(release: Release, values: Mapping[str, Any], extra: Sequence[Path] = ()) -> str:
    """Return a digest of all that decides what helm would deploy: chart, values files and generated values."""
    total = hashlib.sha256()
    for name, content in _chart_files(release.chart):
        total.update(os.fsencode(name) + b"\0" + hashlib.sha256(content).digest())
    for file in (*release.values, *extra):
        total.update(hashlib.sha256(file.read_bytes()).digest())
    total.update(json.dumps(values, sort_keys=True).encode())
    return total.hexdigest()[:16]


def _chart_files(folder: Path, prefix: str = "", above: frozenset[Path] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of a chart's files. Links are followed, as helm does: what they lead to is deployed."""
    above |= {folder.resolve()}
    for name, path, status in sorted(build_context.walk(folder, IgnoreRules())):
        file = Path(path)
        if not stat.S_ISLNK(status.st_mode):
            if stat.S_ISREG(status.st_mode):
                yield prefix + name, file.read_bytes()
        elif file.is_dir() and file.resolve() not in above:
            yield from _chart_files(file, f"{prefix}{name}/", above)
        else:
            yield prefix + name, file.read_bytes() if file.is_file() else os.fsencode(file.readlink())
