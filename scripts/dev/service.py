"""One service while it is worked on: its sync rules, what runs in its containers, and the chart values that say so."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from scripts.dev import rules
from scripts.dev.rules import Rule
from scripts.dockerfiles import reading
from scripts.dockerfiles.ignore import ignore_rules
from scripts.errors import UserError
from scripts.kube import releases
from scripts.settings.assemble import app_file
from scripts.settings.model import Release, Service
from scripts.settings.reading import overlay

LABEL = releases.DEV

PATIENT = 100_000
"""Probes that may fail in a row: a program that a person is mending is not started anew by the cluster."""

SIZE = "2Gi"
"""The most that a writable copy of source folders may hold."""

RELOADER = Path(__file__).with_name("reload.py")
PYTHON = re.compile(r"python[\d.]*")
PYTHON_PROGRAMS = frozenset(
    {"celery", "daphne", "fastapi", "flask", "granian", "gunicorn", "hypercorn", "streamlit", "uvicorn"}
)
WATCHING = ("--watch", "--watch-preserve-output")

Reload = Literal["signal", "itself", "none"]


@dataclass(frozen=True)
class Program:
    """The program in the containers, and how it comes to run what was synced: by a signal, by itself, or not at all."""

    command: tuple[str, ...]
    reload: Reload


@dataclass(frozen=True)
class DevService:
    """A service with how it is worked on. `rules` are empty where every change is built."""

    service: Service
    rules: tuple[Rule, ...]
    program: Program

    @property
    def name(self) -> str:
        """Return the service's name."""
        return self.service.name

    @property
    def roots(self) -> tuple[str, ...]:
        """Return the container's folders with a writable copy."""
        return rules.roots(self.rules)


def with_dev_stage(service: Service) -> Service:
    """Return the same service with the stage of its Dockerfile for working on it. Raises UserError if there is none."""
    names = {stage.name for stage in reading.stages(_text(service))}
    target = service.dev.stage or ("dev" if "dev" in names else "")
    if target and target not in names:
        known = ", ".join(sorted(names - {""})) or "none"
        where = f"{app_file(service.project)}: services.{service.name}.dev.stage"
        file = service.recipe
        raise UserError(f"{where}: {file} has no stage {target!r}", f"its stages: {known}")
    return replace(service, stage=target or service.stage)


def sync_rules(service: Service) -> tuple[Rule, ...]:
    """Return the rules of a staged service: those of the configuration, else those that its Dockerfile's COPY lines
    give.

    Raises SettingsError for a rule that leads out of the build context.
    """
    if not service.dev.sync:
        return rules.of_dockerfile(_text(service), service.stage, service.context)
    given = tuple(_rule(source, target, service.context) for source, target in service.dev.sync)
    ignored = ignore_rules(service.context, service.recipe, service.ignore)
    rules.check(given, service.context, ignored, f"{app_file(service.project)}: services.{service.name}.dev.sync")
    return given


def _rule(source: str, target: str, context: Path) -> Rule:
    name = posixpath.normpath(source)
    folder = not (context / name).is_file()
    return Rule("" if name == "." else name, posixpath.normpath(target), folder)


def _text(service: Service) -> str:
    return service.recipe.read_text(encoding="utf-8", errors="surrogateescape")


def sources(service: Service) -> list[str] | None:
    """Return what the image of a service takes from its build context; None where that cannot be told."""
    files = [file for file in (service.source, service.dockerfile) if file]
    try:
        found = [reading.context_sources(file.read_text("utf-8", errors="surrogateescape")) for file in files]
    except OSError:
        return None
    return None if None in found else [source for one in found for source in one or ()]


def program(service: Service, argv: Sequence[str]) -> Program:
    """Return what runs instead of `argv`, the image's entry point and command, so that changed sources are
    used at once.
    """
    if service.dev.command:
        return Program(service.dev.command, "itself")
    name = posixpath.basename(argv[0]) if argv else ""
    if PYTHON.fullmatch(name):
        return _reloaded(argv[0], argv[1:])
    if name in PYTHON_PROGRAMS:
        return _reloaded("python3", argv)
    if name == "node":
        extra = () if any(word.startswith("--watch") for word in argv) else WATCHING
        return Program((argv[0], *extra, *argv[1:]), "itself")
    return Program((), "itself" if service.stage else "none")


def _reloaded(interpreter: str, argv: Sequence[str]) -> Program:
    """Return the words that start it by our reloader. Options of the interpreter stay with it; `-c` programs have no
    source that could be synced.
    """
    options: list[str] = []
    rest = list(argv)
    while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c"):
        options.append(rest.pop(0))
        if options[-1] in ("-W", "-X") and rest:
            options.append(rest.pop(0))
    if not rest or rest[0] == "-c":
        return Program((), "none")
    # Bytecode that was compiled into the image says of itself that it need not be checked.
    checked = ("--check-hash-based-pycs", "always")
    return Program((interpreter, *options, *checked, "-c", RELOADER.read_text(encoding="utf-8"), *rest), "signal")


def dev_service(service: Service, argv: Sequence[str], release: Release) -> DevService:
    """Return how a staged service is worked on, its image starting `argv`.

    What reloads nothing is not synced to, nor what a chart deploys whose values are not known: every change is built.
    """
    runs = program(service, argv)
    synced = runs.reload != "none" and place(release, service.name)
    return DevService(service, sync_rules(service) if synced else (), runs)


def place(release: Release, name: str) -> tuple[str, ...]:
    """Return where the values of a service are in a chart made with the library chart; nowhere in another one."""
    path = release.images.get(name, {}).get("repository", "").split(".")
    return tuple(path[:-2]) if release.has_library and path[-2:] == ["image", "repository"] else ()


def values(one: DevService, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the chart values of a service that is worked on, to be laid over `current`, those it has otherwise."""
    given: dict[str, Any] = {
        "podLabels": {LABEL: "true"},
        "startupProbe": {"failureThreshold": PATIENT},
        "livenessProbe": {"failureThreshold": PATIENT},
    }
    if one.program.command:
        given |= {"command": [one.program.command[0]], "args": list(one.program.command[1:])}
    laid: dict[str, Any] = overlay(given, one.service.dev.values)
    own = [{"path": root, "seed": True, "size": SIZE} for root in one.roots]
    writable = [*current.get("writablePaths", ()), *one.service.dev.values.get("writablePaths", ()), *own]
    return laid | ({"writablePaths": writable} if writable else {})
