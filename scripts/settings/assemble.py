"""From checked data to Settings: paths looked at, values of the charts and copies of Dockerfiles derived."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from scripts.dockerfiles import derived
from scripts.errors import SettingsError
from scripts.host.files import write_changed
from scripts.host.paths import generated_folder, relative
from scripts.settings import app_values, chart_source, contradictions, given
from scripts.settings import values as chart_values
from scripts.settings.chart_source import Pull
from scripts.settings.contradictions import DATABASE, PIPELINE
from scripts.settings.model import Address, App, Base, Dev, Release, Security, Service, Settings, Timeouts
from scripts.settings.reading import read
from scripts.settings.targets import target_options
from scripts.settings.values import Names

CHART = "charts/todo-chatbot-umbrella"
BUILDERS = Path(__file__).resolve().parents[1] / "dockerfiles" / "builders"
BUILDER_BASES = {
    "nextjs": {"NODE_IMAGE": "node"},
    "static": {"NODE_IMAGE": "node"},
    "node": {"NODE_IMAGE": "node"},
    "python": {"PYTHON_IMAGE": "python"},
    "workspace": {"NODE_IMAGE": "node"},
    "uv-workspace": {"PYTHON_IMAGE": "python"},
    "redis": {"DEBIAN_IMAGE": "debian"},
    "kafka": {"DEBIAN_IMAGE": "debian"},
}

EDITS = ("loosePackages", "dropPackages", "replaceInSources")  # what a build changes in the sources
ALONE = ("redis", "kafka")  # builders that take nothing of the application's folder


def app_file(name: str) -> str:
    """Return where an app is described, relative to the repository's root."""
    return f"config/apps/{name}.yaml"


def settings(
    data: Mapping[str, Any], app: Mapping[str, Any], root: Path, environment: str, pull: Pull | None = None
) -> Settings:
    """Return what the user decided; `pull` fetches a chart from its repository.

    Raises SettingsError naming file, key and remedy of what cannot be used.
    """
    file = app_file(data["app"])
    once = cache(lambda path: read(path, root))
    mine, theirs = Places(root, root, PIPELINE, once, pull), Places(root, root, file, once, pull)
    source = theirs.path(app.get("source", "."), "source")
    if not source.is_dir():
        raise SettingsError(f"{file}: source: no folder {source}", "say where the application's sources are")
    own = Places(root, source, file, once)
    named = {name: Base(name, image) for name, image in data["bases"].items()}
    built = [_service(own, name, spec, data["app"], named) for name, spec in app["services"].items()]
    local = data["database"] | _extended(data["database"], app)
    database, _ = _service(mine, "database", local, data["app"], named, key="database")
    release = _app_release(mine, theirs, data, app, environment)
    laid = chart_values.of_files(once, release.chart, release.values) if release.has_library else {}
    called = _names(app, laid)
    return Settings(
        root=root,
        environment=environment,
        target=data["target"],
        cluster=data["cluster"],
        context=data.get("context", ""),
        registry=data.get("registry", ""),
        allowed_contexts=tuple(data.get("allowedContexts", [])),
        bases=named | {image: Base(image, image) for _, images in built for image in images},
        app=_app(data["app"], file, app),
        services=tuple(_as_called(service, called) for service, _ in built),
        release=release,
        database=database,
        database_release=_database_release(mine, data, app, release, environment, called, laid),
        timeouts=Timeouts(**data["timeouts"]),
        security=_security(mine, data.get("security", {})),
        downloads=dict(data.get("downloads", {})),
        size=data.get("size", "auto"),
        targets=target_options(data.get("targets", {})),
        idle=given.idle(mine.read, root, app, file, release, laid, _subcharts(mine, release)),
    )


def _app(name: str, file: str, spec: Mapping[str, Any]) -> App:
    return App(
        name=name,
        file=file,
        page=spec.get("page", ""),
        under_load=tuple(spec.get("underLoad", [])),
        secrets=spec.get("secrets", {}),
        addresses=tuple(Address(**item) for item in spec.get("addresses", [])),
        journey=tuple(spec.get("journey") or ()),
        plays=spec.get("journey") is not False,
        database_first=spec.get("database", {}).get("first", False),
    )


@dataclass(frozen=True)
class Places:
    """The way to read paths in one file: relative to `base`, and what is wrong with one said by `file` and key.

    `read` returns the mapping that a YAML file holds, read at its first use.
    """

    root: Path
    base: Path
    file: str
    read: Callable[[Path], Mapping[str, Any]]
    pull: Pull | None = None

    def path(self, value: str, key: str) -> Path:
        """Return the path that is meant. Raises SettingsError if it cannot be one."""
        try:
            found = (self.base / Path(value).expanduser()).resolve()
            found.exists()  # asks the system, which refuses a name that is too long or holds a zero byte
        except (OSError, ValueError, RuntimeError) as error:
            shown = value if len(value) <= 60 else value[:57] + "..."
            raise SettingsError(
                f"{self.file}: {key}: {shown!r} is no usable path: {error.__class__.__name__}",
                "give a path that exists",
            ) from None
        return found

    def chart(self, spec: Mapping[str, Any], key: str) -> Path:
        """Return the folder of the chart that a release names: a folder, an archive, or a repository's reference.

        Raises SettingsError where there is none, or where it lacks charts that it needs.
        """
        place = f"{key}.chart"
        given, version, cache = spec["chart"], spec.get("version", ""), generated_folder(self.root) / "charts"
        chart = None if chart_source.is_reference(given, version) else self.path(given, place)
        if chart is None and (here := self.path(given, place)).exists():
            what = f"{version} is for a chart that a repository has, and {here} is here"
            raise self.wrong(f"{key}.version", what, "remove it")
        try:
            if chart is None:
                chart = chart_source.of_reference(given, version, cache, self.pull)
            elif chart.is_file():
                chart = chart_source.of_archive(chart, cache)
        except SettingsError as error:
            raise self.wrong(place, str(error), error.hint) from None
        if not (chart / "Chart.yaml").is_file():
            raise self.wrong(place, f"no chart in {chart}", "name a chart: a folder, an archive or a reference")
        if missing := chart_source.missing_dependencies(chart):
            remedy = f"run: helm dependency build {shlex.quote(str(chart))}"
            raise self.wrong(place, f"{chart} lacks the charts it needs: {', '.join(missing)}", remedy)
        return chart

    def wrong(self, key: str, problem: str, remedy: str) -> SettingsError:
        """Return what is wrong with a key."""
        return SettingsError(f"{self.file}: {key}: {problem}", remedy)


def _service(
    places: Places, name: str, spec: Mapping[str, Any], app: str, named: Mapping[str, Base], key: str = ""
) -> tuple[Service, list[str]]:
    """Return a service, and the base images it is built from by reference."""
    key = key or f"services.{name}"
    context = places.path(spec["context"], f"{key}.context")
    if spec.get("builder") in ALONE:
        context = BUILDERS / spec["builder"]
    if not context.is_dir():
        raise places.wrong(f"{key}.context", f"no folder {context}", "point it at the service's source tree")
    dockerfile, bases = _dockerfile(places, spec, context, key)
    for argument, base in bases.items():
        if base not in named and ":" not in base and "/" not in base:
            raise places.wrong(f"{key}.bases.{argument}", f"{base} is no base image", f"choose: {', '.join(named)}")
    _refuse_idle(places, spec, dockerfile, key)
    copy = derived.derive(
        dockerfile, context, covered=bases, arguments=spec.get("buildArgs", {}),
        variables=spec.get("buildEnvironment", {}), ignore=spec.get("ignore", []), steps=spec.get("buildSteps", []),
        offline_fonts=spec.get("offlineFonts", False), packages=spec.get("addPackages", []),
        loose=spec.get("loosePackages", []), dropped=spec.get("dropPackages", []),
        replaced=spec.get("replaceInSources", {}),
        target=generated_folder(places.root) / f"{app}.{name}.Dockerfile",
    )  # fmt: skip
    bases = {**bases, **copy.bases}
    service = Service(
        name=name,
        context=context,
        dockerfile=copy.file,
        bases=bases,
        build_args={name: _text(value) for name, value in spec.get("buildArgs", {}).items()},
        build_secrets=dict(spec.get("buildSecrets", {})),
        stage=spec.get("stage", ""),
        project=app,
        source=dockerfile if copy.file != dockerfile else None,
        ignore=tuple(spec.get("ignore", ())),
        edited={key: tuple(spec[key]) for key in EDITS if spec.get(key)},
        port=spec.get("port"),
        address=spec.get("service", name) if "port" in spec else "",
        deployment=spec.get("deployment", name),
        dev=_dev(spec.get("dev", {})),
    )
    return service, [base for base in bases.values() if base not in named]


def _refuse_idle(places: Places, spec: Mapping[str, Any], dockerfile: Path, key: str) -> None:
    """Raise SettingsError for packages, texts and fonts that a Dockerfile has no line for."""
    packages = "installs requirements.txt", "put the packages where that file takes them from"
    page = "builds a page"
    for name, taken, (line, remedy) in (
        ("addPackages", derived.takes_packages, packages),
        ("loosePackages", derived.loosens, packages),
        ("dropPackages", derived.loosens, packages),
        ("replaceInSources", derived.builds_a_page, (page, "change the sources, or build by a builder")),
        ("offlineFonts", derived.builds_a_page, (page, "remove it, or build by a builder")),
    ):
        if spec.get(name) and not taken(dockerfile.read_text(encoding="utf-8", errors="replace")):
            raise places.wrong(f"{key}.{name}", f"has no effect: {dockerfile} has no line that {line}", remedy)


def _extended(spec: Mapping[str, Any], app: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the local database is built with, so that it has the extensions that the app wants."""
    wanted = " ".join(app.get("database", {}).get("extensions", ()))
    return {"buildArgs": {"EXTENSIONS": wanted} | spec.get("buildArgs", {})} if wanted else {}


def _dockerfile(places: Places, spec: Mapping[str, Any], context: Path, key: str) -> tuple[Path, dict[str, str]]:
    """Return the Dockerfile of a service, its own or a builder's, and the base images its build arguments name."""
    bases = dict(spec.get("bases", {}))
    if "builder" in spec:
        if "dockerfile" in spec:
            raise places.wrong(f"{key}.builder", "stands beside dockerfile", "keep one of them")
        return BUILDERS / f"{spec['builder']}.Dockerfile", BUILDER_BASES[spec["builder"]] | bases
    file = places.path(spec["dockerfile"], f"{key}.dockerfile") if "dockerfile" in spec else context / "Dockerfile"
    if not file.is_file():
        raise places.wrong(
            f"{key}.dockerfile",
            f"no file {file}",
            f"write a Dockerfile there, name the one of this service as {key}.dockerfile, or one of the product's as "
            f"{key}.builder: {', '.join(BUILDER_BASES)}",
        )
    return file, bases


def _dev(spec: Mapping[str, Any]) -> Dev:
    return Dev(
        stage=spec.get("stage", ""),
        command=tuple(spec.get("command", ())),
        sync=tuple((rule["from"], rule["to"]) for rule in spec.get("sync", ())),
        ports=tuple(spec.get("ports", ())),
        values=dict(spec.get("values", {})),
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _release(places: Places, spec: Mapping[str, Any], namespace: str, key: str, environment: str) -> Release:
    """Return a release with the chart's own values for the environment."""
    chart = places.chart(spec, key)
    own = chart / "environments" / f"{environment}.yaml"
    level = spec.get("podSecurity", "restricted")
    return Release(spec["name"], namespace, chart, (own,) if own.is_file() else (), pod_security=level)


def _values(places: Places, spec: Mapping[str, Any], key: str) -> tuple[Path, ...]:
    files = tuple(places.path(value, f"{key}.values") for value in spec.get("values", []))
    for file in files:
        if not file.is_file():
            raise places.wrong(f"{key}.values", f"no file {file}", "remove it or create it")
    return files


def _app_release(
    mine: Places, theirs: Places, data: Mapping[str, Any], app: Mapping[str, Any], environment: str
) -> Release:
    """Return the app's release: what config/pipeline.yaml says of it over what the app's file says."""
    above, below = data.get("release", {}), app.get("release", {})
    default = {"name": data["app"], "namespace": data["app"], "chart": CHART}
    spec = default | below | above
    _refuse_foreign(mine if {"name", "namespace"} & set(above) else theirs, spec, data["database"]["release"]["name"])
    if "chart" in above and "version" not in above:  # the version below is that of another chart
        spec.pop("version", None)
    chooses = mine if {"chart", "version"} & set(above) else theirs  # whose file is to be corrected
    release = _release(chooses, spec, spec["namespace"], "release", environment)
    subcharts = _subcharts(mine, release)
    if subcharts:
        _check_subcharts(app, subcharts, theirs.file)
    problems = contradictions.of_chart(app, library=release.has_library)
    if problems := [*problems, *contradictions.twice(app, lambda _, keys: app_values.of_keys(keys), app_values.place)]:
        raise SettingsError("\n".join(f"{theirs.file}: {problem}" for problem in problems))
    library = any("subchart" not in spec for spec in app["services"].values()) and release.has_library
    generated = app_values.of_release(app, subcharts, library=library)
    file = write_changed(
        generated_folder(mine.root) / f"{release.name}.app.yaml", json.dumps(generated, indent=2) + "\n"
    )
    given = (*_values(theirs, below, "release"), *_values(mine, above, "release"))
    values = (*release.values, file, *given)
    images = {name: _image_places(name, service) for name, service in app["services"].items()}
    if release.has_library:
        _refuse_decided(mine, {theirs.file: generated}, given, images, release.namespace)
        _refuse_unknown(mine, {theirs.file: app.get("values", {})}, given, app)
    return replace(release, values=values, images=images)


def _refuse_decided(
    places: Places,
    generated: Mapping[str, Mapping[str, Any]],
    files: Sequence[Path],
    images: Mapping[str, Mapping[str, str]],
    namespace: str,
) -> None:
    """Raise SettingsError for what the pipeline decides, in values of apps' files and in a person's own files."""
    _refuse(places, generated, files, lambda values: contradictions.of_decided(values, images, namespace))


def _refuse_unknown(
    places: Places, own: Mapping[str, Mapping[str, Any]], files: Sequence[Path], app: Mapping[str, Any]
) -> None:
    """Raise SettingsError for values of services that the app lacks, which a chart would tell by what those lack."""
    there = [app_values.place(name, spec) for name, spec in app["services"].items()]
    _refuse(places, own, files, lambda values: contradictions.of_unknown(values, there))


def _refuse(
    places: Places,
    own: Mapping[str, Mapping[str, Any]],
    files: Sequence[Path],
    judge: Callable[[Mapping[str, Any]], Iterable[str]],
) -> None:
    """Raise SettingsError for what is wrong with values in apps' files, by their names, and in a person's own files."""
    told = [f"{name}: values: {line}" for name, values in own.items() for line in judge(values)]
    told += [f"{relative(file, places.root)}: {line}" for file in files for line in judge(places.read(file))]
    if told:
        raise SettingsError("\n".join(told))


def is_system_namespace(name: str) -> bool:
    """Return whether a namespace is Kubernetes' own, which a release cannot have to itself."""
    return name == "default" or name.startswith("kube-")


def _refuse_foreign(places: Places, spec: Mapping[str, Any], database: str) -> None:
    """Raise SettingsError for a release in a namespace that is not its own, or of the database's name."""
    name, namespace = spec["name"], spec["namespace"]
    if is_system_namespace(namespace):
        what = f"{namespace} is Kubernetes' own; a release has a namespace to itself, which `invoke destroy` removes"
        raise places.wrong("release.namespace", what, "name another one, which is made where it is not there")
    if name == database:
        what = f"{name} is that of the local database (database.release.name)"
        raise places.wrong("release.name", what, "give one of them another name")


def _image_places(name: str, spec: Mapping[str, Any]) -> dict[str, str]:
    """Return where in the chart's values a service's image goes."""
    place = app_values.place(name, spec)
    return spec.get("imageValues") or {"repository": f"{place}.image.repository", "tag": f"{place}.image.tag"}


def _database_release(
    places: Places, data: Mapping[str, Any], app: Mapping[str, Any], release: Release, environment: str,
    called: Mapping[str, Names], laid: Mapping[str, Any],
) -> Release:  # fmt: skip
    spec = data["database"]["release"]
    found = _release(places, spec, release.namespace, "database.release", environment)
    labels = {name: names.label for name, names in called.items()}
    shared = chart_values.at(laid, ["global"])
    values = app_values.of_database(app, library=release.has_library, labels=labels, shared=shared)
    generated = json.dumps(values, indent=2) + "\n"
    file = write_changed(generated_folder(places.root) / f"{release.name}.{found.name}.yaml", generated)
    given = _values(places, spec, "database.release")
    own = {DATABASE: {"repository": "image.repository", "tag": "image.tag"}}
    _refuse_decided(places, {}, given, own, release.namespace)
    return replace(found, values=(*found.values, file, *given))


def _names(app: Mapping[str, Any], laid: Mapping[str, Any]) -> dict[str, Names]:
    """Return how the chart calls the app's services, by their names in the app's file; of one's own, without values
    that are known, nobody knows.
    """
    return {
        name: chart_values.names(laid, app_values.place(name, spec), spec.get("service", name))
        for name, spec in (app["services"].items() if laid else ())
    }


def _as_called(service: Service, called: Mapping[str, Names]) -> Service:
    if (names := called.get(service.name)) is None:
        return service
    address = names.address if service.port else ""
    return replace(service, label=names.label, deployment=names.deployment, address=address)


def _subcharts(places: Places, release: Release) -> list[str]:
    """Return the services a chart has of its own: what has an `image` in its values, which could be switched off.

    Of a chart without the library nothing is switched off, since nobody knows how.
    """
    file = release.chart / "values.yaml"
    if not file.is_file() or not release.has_library:
        return []
    return [key for key, part in places.read(file).items() if isinstance(part, Mapping) and "image" in part]


def _check_subcharts(app: Mapping[str, Any], subcharts: list[str], file: str) -> None:
    """Raise SettingsError for a subchart that the chart does not have, or that two services claim."""
    problems = []
    claims: dict[str, str] = {}
    for name, spec in app["services"].items():
        subchart = spec.get("subchart")
        if subchart is None:
            continue
        if subchart not in subcharts:
            problems.append(f"services.{name}.subchart: {subchart} is none of the chart's: {', '.join(subcharts)}")
        if subchart in claims:
            problems.append(f"services.{name}.subchart: {subchart} is that of {claims[subchart]} already")
        claims[subchart] = name
    if problems:
        raise SettingsError("\n".join(f"{file}: {problem}" for problem in problems))


def _security(places: Places, spec: Mapping[str, Any]) -> Security:
    default = Security()
    return Security(
        fail_on=spec.get("failOn", default.fail_on),
        required=tuple(spec.get("required", default.required)),
        accepted={item["id"]: item["reason"] for item in spec.get("accepted", [])},
        admission=spec.get("admission", default.admission),
        max_age_days=spec.get("maxAgeDays", default.max_age_days),
        public_key=places.path(spec["publicKey"], "security.publicKey") if spec.get("publicKey") else None,
    )
