"""Configuration: read, overlay, validate. A wrong file gets `file: key.path: what is wrong, what is allowed`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.errors import SettingsError
from scripts.host import files, parsing
from scripts.host.paths import ROOT
from scripts.settings import assemble, contradictions
from scripts.settings.assemble import app_file
from scripts.settings.chart_source import Pull
from scripts.settings.contradictions import PIPELINE
from scripts.settings.model import Settings
from scripts.settings.reading import check, overlay, read

ENVIRONMENTS = ("dev", "ci", "secure")
TEXTS = ("environment", "buildArgs", "buildEnvironment")  # mappings whose values a program gets as text


def read_settings(root: Path = ROOT, environment: str = "dev", pull: Pull | None = None) -> Settings:
    """Read `config/pipeline.yaml`, the overlay `config/environments/<environment>.yaml` and the app's own file.

    What is derived from them for other programs, charts' values and copies of Dockerfiles, is written to `.pipeline`;
    `pull` fetches a chart that the release names by a repository's reference, where it is not there yet.
    Raises SettingsError naming the file and key of every problem found.
    """
    if environment not in ENVIRONMENTS:
        raise SettingsError(f"environment {environment!r} is unknown: allowed are {', '.join(ENVIRONMENTS)}")
    data = _pipeline(root)
    laid_file = f"config/environments/{environment}.yaml"
    laid = read(root / laid_file, root) if (root / laid_file).is_file() else {}
    data = overlay(data, laid)
    try:
        check(data, _schema("pipeline"), PIPELINE)
    except SettingsError as error:
        told = "\n".join(_by_its_file(line, laid, laid_file) for line in str(error).splitlines())
        raise SettingsError(told, error.hint) from None
    return assemble.settings(data, read_app(root, data["app"]), root, environment, pull)


def _by_its_file(line: str, laid: Mapping[str, Any], file: str) -> str:
    """Return a problem of a key under the name of the `file` that lays it over config/pipeline.yaml, if it does."""
    key = line.removeprefix(f"{PIPELINE}: ").partition(":")[0]
    found: Any = laid
    for part in key.split("."):
        if isinstance(found, list) and part.isdigit():
            return line.replace(PIPELINE, file, 1)
        if not isinstance(found, Mapping) or part not in found:
            return line
        found = found[part]
    return line.replace(PIPELINE, file, 1)


def _pipeline(root: Path) -> dict[str, Any]:
    return read(root / PIPELINE, root)


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = parsing.from_json(
        Path(__file__).with_name(f"{name}.schema.json").read_text(encoding="utf-8")
    )
    return schema


def read_app(root: Path, name: str) -> dict[str, Any]:
    """Return an app's file, checked by its schema and in itself.

    Raises SettingsError naming file and key of every problem.
    """
    file = app_file(name)
    if not (root / file).is_file():
        known = sorted(path.stem for path in (root / "config/apps").glob("*.yaml"))
        raise SettingsError(
            f"{PIPELINE}: app: no file {file}", f"name one that is there ({', '.join(known)}), or make it: invoke adopt"
        )
    data = read(root / file, root)
    check(data, _schema("app"), file)
    text = files.read_text(root / file)
    told = "{}: {} is read as {}: put it in quotes, or write that"
    if problems := [*references(data), *(told.format(*one) for one in parsing.misread(text, TEXTS))]:
        raise SettingsError("\n".join(f"{file}: {problem}" for problem in problems))
    return data


def references(data: Mapping[str, Any]) -> list[str]:
    """Return what an app's file names that it does not define: a line for each, `key: problem`."""
    services = data["services"]
    named = [("page", data["page"])] if "page" in data else []
    named += [(f"underLoad.{i}", name) for i, name in enumerate(data.get("underLoad", []))]
    named += [(f"addresses.{i}.service", item["service"]) for i, item in enumerate(data.get("addresses", []))]
    named += [(f"jobs.{job}.service", spec["service"]) for job, spec in data.get("jobs", {}).items()]
    named += [
        (f"secrets.{secret}.usedBy", user)
        for secret, spec in data.get("secrets", {}).items()
        for user in spec.get("usedBy", [])
    ]
    named += [(f"journey.{i}.service", step["service"]) for i, step in enumerate(data.get("journey") or [])]
    problems = [_no_service(key, name, services) for key, name in named if name not in services]
    talking = [("page", data["page"])] if "page" in data else []
    talking += [(key, name) for key, name in named if key.startswith(("addresses", "journey"))]
    problems += [
        f"{key}: {name} has no port: give it services.{name}.port"
        for key, name in talking
        if "port" not in services.get(name, {"port": 0})
    ]
    return problems + _twice(data) + contradictions.of_app(data)


def _no_service(key: str, name: str, services: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, services, 1, cutoff=0.5)
    return f"{key}: {name} is no service, " + (
        f"did you mean {close[0]}?" if close else f"there is {', '.join(services)}"
    )


def _twice(data: Mapping[str, Any]) -> list[str]:
    """Return a variable that a service gets from two places: one of them would be lost silently."""
    problems = []
    for name, spec in data["services"].items():
        seen = dict.fromkeys(spec.get("environment", {}), f"services.{name}.environment")
        for secret, held in data.get("secrets", {}).items():
            for key in held["keys"] if name in held.get("usedBy", []) else ():
                if key in seen:
                    problems.append(
                        f"secrets.{secret}.keys.{key}: is in the environment of {name} by {seen[key]}: remove one"
                    )
                seen[key] = f"secrets.{secret}"
    return problems
