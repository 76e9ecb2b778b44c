"""List what an app's file says without effect, or against itself: a line for each, `key: problem`. Pure.

The schema judges one key at a time; here are those that only another one makes wrong. What stands in a file and does
nothing is worse than a mistake that is told.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

PIPELINE = "config/pipeline.yaml"
DATABASE = "database"  # what the local one is called: its image, its Deployment and its Service
OWN_SECRETS = ("database-credentials", "todo-chatbot-versions")
CHARTS_KEYS = (  # what becomes a value of the library chart, and of no other
    "environment", "replicas", "resources", "command", "args", "home", "writablePaths", "user", "group", "probes",
    "persistence", "values",
)  # fmt: skip
_MADE = ("same", "generate", "placeholder")  # sources that always give a value
_SOURCES = ("from", "file", "database", *_MADE)
_OWN = "has no effect, since release.chart is your own; say it under values, by that chart's keys"
_FILLED = ("email", "password", "name", "todo")  # what a journey's person brings along

Spec = Mapping[str, Any]


def of_app(data: Spec) -> list[str]:
    """Return what is wrong within an app's file, whatever chart deploys it."""
    services: Spec = data["services"]
    problems = [f"services.{name}.{line}" for name, spec in services.items() for line in _of_service(spec)]
    if DATABASE in services:
        problems.append(f"services.{DATABASE}: is the name of the local database; give the service another one")
    problems += _twice(services, "service", lambda name, spec: spec.get("service", name) if "port" in spec else None)
    problems += _twice(services, "deployment", lambda name, spec: spec.get("deployment", name))
    problems += _ports(data.get("addresses", []))
    problems += _of_secrets(data.get("secrets", {}))
    problems += _of_database(data)
    return problems + list(_of_journey(data.get("journey") or []))


def twice(data: Spec, derived: Callable[[str, Spec], Spec], place: Callable[[str, Spec], str]) -> Iterator[str]:
    """Yield what the file says of a service by a key of its own, and otherwise in values, which win.

    `derived` makes values of a service's own keys, which lie at `place` in the chart's.
    """
    for name, spec in data["services"].items():
        above: Any = data.get("values", {})
        for part in place(name, spec).split("."):
            above = above.get(part, {}) if isinstance(above, Mapping) else {}
        above = above if isinstance(above, Mapping) else {}  # which the chart refuses
        for where, given in (
            (f"services.{name}.values", spec.get("values", {})),
            (f"values.{place(name, spec)}", above),
        ):
            for key in (*CHARTS_KEYS[:-1], "port"):
                if key in spec:
                    own = derived(name, {key: spec[key], **({"user": spec["user"]} if key == "group" else {})})
                    for leaf in _overruled(own, given):
                        yield f"services.{name}.{key}: has no effect, since {where}.{leaf} says otherwise; remove one"


def _overruled(own: Any, given: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the dotted keys at which `given` has another value than `own`."""
    if isinstance(own, Mapping) and isinstance(given, Mapping):
        for key in own:
            if key in given:
                yield from _overruled(own[key], given[key], (*path, str(key)))
    elif own != given:
        yield ".".join(path)


def of_chart(data: Spec, *, library: bool) -> list[str]:
    """Return what the chart does not take: one on the library chart, or one of somebody's own."""
    if library:
        return [
            f"services.{name}.{key}: is for a chart of your own; remove it"
            for name, spec in data["services"].items()
            for key in ("deployment", "imageValues")
            if key in spec and spec[key] != name
        ]
    problems = [
        f"services.{name}.{key}: {_OWN}"
        for name, spec in data["services"].items()
        for key in CHARTS_KEYS
        if key in spec
    ]
    return problems + (["jobs: have no effect, since release.chart is your own"] if data.get("jobs") else [])


def of_decided(values: Spec, images: Mapping[str, Mapping[str, str]], namespace: str) -> Iterator[str]:
    """Yield what values say and the pipeline decides: images, in the places that `images` has, their registry, and the
    release's namespace.
    """
    for place in (place for places in images.values() for place in places.values()):
        found: Any = values
        for key in place.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is not None:
            yield f"{place}: {found} has no effect, since an image is named by what goes into it; remove it"
    given = values.get("global")
    given = given if isinstance(given, Mapping) else {}
    if registry := given.get("imageRegistry"):
        yield f"global.imageRegistry: {registry}: images come from where registry in {PIPELINE} says; set that"
    if (home := given.get("namespace")) and home != namespace:
        yield f"global.namespace: {home}: the release's is {namespace}; set release.namespace in {PIPELINE}"


def of_unknown(values: Spec, places: Collection[str]) -> Iterator[str]:
    """Yield what values say of services that the app lacks, by where in the chart's values its own ones stand.

    One with an image is somebody's own addition to the chart.
    """
    services = values.get("services")
    for name, spec in services.items() if isinstance(services, Mapping) else ():
        lost = isinstance(spec, Mapping) and spec.get("enabled") is not False and not spec.get("image")
        if lost and f"services.{name}" not in places:
            there = ", ".join(places)
            yield f"services.{name}: the app has no service there; correct the name, or remove it (there are: {there})"


def _of_service(spec: Spec) -> Iterator[str]:
    if "group" in spec and "user" not in spec:
        yield "group: has no effect without user; add it"
    if "persistence" in spec and spec.get("replicas", 1) != 1:
        yield f"replicas: {spec['replicas']} beside persistence, but such a service runs as one pod; remove one of them"
    if "port" not in spec:
        probes = spec.get("probes", {})
        asked = [f"probes.{key}" for key in ("readiness", "liveness") if isinstance(probes.get(key), str)]
        asked += (
            ["probes.startSeconds"] if "startSeconds" in probes and not {"readiness", "liveness"} & set(probes) else []
        )
        for key in [*asked, *(["service"] if "service" in spec else [])]:
            yield f"{key}: has no effect without port; add it, or remove this"


def _twice(services: Spec, key: str, name_of: Callable[[str, Spec], str | None]) -> Iterator[str]:
    """Yield the services of which two would make an object of one name."""
    seen: dict[str, str] = {}
    for name, spec in services.items():
        made = name_of(name, spec)
        if made in seen:
            yield f"services.{name}.{key}: {made} is that of {seen[made]} already; name another one"
        if made:
            seen[made] = name


def _of_database(data: Spec) -> Iterator[str]:
    secrets: Spec = data.get("secrets", {})
    if not any("database" in source for spec in secrets.values() for source in spec["keys"].values()):
        for key, wanted in data.get("database", {}).items():
            if wanted:
                yield f"database.{key}: has no effect, since no secret has a key with `database`; remove it"
    for name in data.get("database", {}).get("aliases", ()):
        if name == DATABASE or name in data["services"]:
            whose = "its own name" if name == DATABASE else "the name of a service"
            yield f"database.aliases: {name}: is {whose}; remove it"


def _ports(addresses: Iterable[Spec]) -> Iterator[str]:
    seen: dict[int, int] = {}
    for number, item in enumerate(addresses):
        if item["port"] in seen:
            other = f"that of addresses.{seen[item['port']]}"
            yield f"addresses.{number}.port: {item['port']} is {other}; one port leads to one service"
        seen.setdefault(item["port"], number)


def _of_secrets(secrets: Spec) -> list[str]:
    keys = {f"{name}.{key}": source for name, spec in secrets.items() for key, source in spec["keys"].items()}
    problems = [f"secrets.{name}: is the product's own; name another one" for name in secrets if name in OWN_SECRETS]
    for name, spec in secrets.items():
        for key, source in spec["keys"].items():
            lines = [*_of_source(source), *_of_reference(f"{name}.{key}", source, keys)]
            problems += [f"secrets.{name}.keys.{key}{line}" for line in lines]
    return problems


def _of_source(source: Spec) -> Iterator[str]:
    made = [key for key in _MADE if key in source]
    if not set(source) & set(_SOURCES):
        yield f": has no source; give it one of: {', '.join(_SOURCES)}"
    for key in made[1:]:
        yield f".{key}: has no effect, since {made[0]} always gives a value; remove one of them"
    if "rotate" in source and "generate" not in source:
        yield ".rotate: has no effect without generate, which makes the new value; add it, or remove this"
    if "encoding" in source and "generate" not in source:
        yield ".encoding: has no effect without generate, whose bytes it writes; add it, or remove this"
    if "database" in source:
        for key in ("generate", "placeholder"):
            if key in source and "part" not in source["database"]:
                yield f".{key}: is no URL of a database; remove it, or `database`"
    form = source.get("database", {})
    for key in ("scheme", "parameters") if "part" in form else ():
        if key in form:
            yield f".database.{key}: has no effect on the part {form['part']}; remove it"
    least = source.get("minLength", 0)
    each = 2 if source.get("encoding") == "hex" else 4 / 3  # characters a byte, but for padding
    if "generate" in source and (length := math.ceil(source["generate"] * each)) < least:
        yield f".generate: {source['generate']} bytes make {length} characters, minLength asks {least}; generate more"
    if "placeholder" in source and len(source["placeholder"]) < least:
        yield f".placeholder: is shorter than minLength, {least}; write a longer one"


def _of_reference(name: str, source: Spec, keys: Spec) -> Iterator[str]:
    """Yield what is wrong with the key that this one has the value of."""
    path = [name]
    while "same" in source:
        target = source["same"]
        if target not in keys:
            yield f".same: there is no key {target}; there is {', '.join(keys)}"
            return
        if target in path:
            yield f".same: leads back to itself: {' → '.join([*path, target])}; give one of them a source of its own"
            return
        path.append(target)
        source = keys[target]


def _of_journey(steps: Iterable[Spec]) -> Iterator[str]:
    kept = set(_FILLED)
    for number, step in enumerate(steps):
        bodies = [key for key in ("json", "form") if key in step]
        if len(bodies) > 1:
            yield f"journey.{number}.form: has no effect beside json; remove one of them"
        if bodies and step.get("method") == "GET":
            yield f"journey.{number}.{bodies[0]}: a GET has no body; remove it, or use POST"
        if "bearer" in step and step["bearer"] not in kept - set(_FILLED):
            name = step["bearer"]
            yield f"journey.{number}.bearer: no step before keeps {name}; keep it there, as keep: {{{name}: PATH}}"
        for key in ("method", "json", "form", "expect", "keep") if "from" in step else ("under",):
            if key in step:
                beside = "beside from, which tells it" if "from" in step else "without from: openapi"
                yield f"journey.{number}.{key}: has no effect {beside}; remove it"
        for name in _placeholders([step.get(key) for key in ("path", "json", "form", "expect")]):
            if name not in kept:
                known = ", ".join(_FILLED)
                yield f"journey.{number}: {{{name}}} is filled by nothing; keep it in a step before, or use {known}"
        kept |= set(step.get("keep", {}))


def _placeholders(value: Any) -> list[str]:
    """Return the names in braces in any text of a value, each once."""
    return list(dict.fromkeys(re.findall(r"\{(\w+)\}", json.dumps(value))))
