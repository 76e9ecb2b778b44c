"""Configuration: load, overlay, validate. A wrong file gets `file: key.path: what is wrong, what is allowed`."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scripts.errors import SettingsError
from scripts.settings.model import Base, Release, Security, Service, Settings, Timeouts

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "ci", "secure")
FALLBACK = "services/frontend/fallback.Dockerfile"  # for a frontend without a Dockerfile: any Next.js application


def load(root: Path = ROOT, environment: str = "dev") -> Settings:
    """Read `config/pipeline.yaml` and the overlay `config/environments/<environment>.yaml`, if there is one.

    Raises SettingsError naming the file and key of every problem found.
    """
    if environment not in ENVIRONMENTS:
        raise SettingsError(f"environment {environment!r} is unknown: allowed are {', '.join(ENVIRONMENTS)}")
    file = root / "config/pipeline.yaml"
    overlay_file = root / "config/environments" / f"{environment}.yaml"
    data = read(file, root)
    if overlay_file.is_file():
        data = overlay(data, read(overlay_file, root))
    schema = json.loads(Path(__file__).with_name("pipeline.schema.json").read_text(encoding="utf-8"))
    check(data, schema, str(file.relative_to(root)))
    return _settings(data, root, environment)


def overlay(base: Any, top: Any) -> Any:
    """`top` laid over `base`: mappings merge key by key, everything else is replaced."""
    if isinstance(base, Mapping) and isinstance(top, Mapping):
        merged = dict(base)
        for key, value in top.items():
            merged[key] = overlay(base[key], value) if key in base else value
        return merged
    return top


class _StrictLoader(yaml.SafeLoader):
    """YAML as SafeLoader reads it, but a key that stands twice is an error: the first would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = (key_node.tag, getattr(key_node, "value", None))
            if isinstance(key_node, yaml.ScalarNode) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key[1]!r} stands twice", key_node.start_mark)
            if isinstance(key_node, yaml.ScalarNode):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read(file: Path, root: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping. Raises SettingsError naming file, line and remedy."""
    name = str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 a SafeLoader
    except FileNotFoundError:
        raise SettingsError(f"{name}: missing", f"restore it: git checkout -- {name}") from None
    except OSError as error:
        raise SettingsError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: not UTF-8 at byte {error.start}", "save the file as UTF-8") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsError(f"{name}:{where} not valid YAML: {problem}", "correct that line") from None
    if not isinstance(data, dict):
        kind = "empty" if data is None else f"a {type(data).__name__}"
        raise SettingsError(f"{name}: must be a mapping of keys, is {kind}", "see the comments in the original file")
    return data


def check(data: Any, schema: Mapping[str, Any], file: str) -> None:
    """Validate `data`, raising one SettingsError that lists every problem as `file: key.path: …`."""
    import jsonschema  # a tenth of a second to import: `invoke --list` does without

    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path])
    if errors:
        lines = dict.fromkeys(f"{file}: {line}" for error in errors for line in _explain(error))
        raise SettingsError("\n".join(lines))


def _explain(error: ValidationError) -> list[str]:
    path = ".".join(str(part) for part in error.absolute_path)
    value: Any = error.instance
    rule: Any = error.validator_value
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    meaning = schema.get("description", "")
    if error.validator == "additionalProperties" and isinstance(value, Mapping) and rule is False:
        known = list(schema.get("properties", {}))
        return [_unknown_key(path, str(key), known) for key in value if key not in known]
    if error.validator == "required":
        missing = [key for key in rule if key not in value]
        return [f"{_join(path, key)}: missing, add it" for key in missing]
    shown = json.dumps(value, default=str, ensure_ascii=False)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    if error.validator == "enum":
        allowed = ", ".join(map(str, rule))
        close = difflib.get_close_matches(str(value), map(str, rule), 1)
        return [
            f"{path}: {shown} is not allowed, choose one of: {allowed}" + (f" (meant {close[0]}?)" if close else "")
        ]
    if error.validator == "type":
        return [f"{path or '(top level)'}: must be {_article(rule)}, is {shown}"]
    if error.validator == "pattern":
        return [f"{path}: {shown} does not fit: {meaning or 'must match ' + rule}"]
    return [f"{path or '(top level)'}: {error.message}" + (f" ({meaning})" if meaning else "")]


def _unknown_key(path: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, 1, cutoff=0.5)
    advice = f"did you mean {close[0]}?" if close else f"allowed are: {', '.join(known)}"
    return f"{_join(path, key)}: unknown key, {advice}"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _article(kind: str | list[str]) -> str:
    names = {"object": "a mapping", "array": "a list", "string": "a text", "integer": "a whole number"}
    kinds = [kind] if isinstance(kind, str) else kind
    return " or ".join(names.get(name, f"a {name}") for name in kinds)


def _settings(data: Mapping[str, Any], root: Path, environment: str) -> Settings:
    def path(value: str, key: str) -> Path:
        try:
            found = (root / Path(value).expanduser()).resolve()
            found.exists()  # asks the system, which refuses a name that is too long or holds a zero byte
        except (OSError, ValueError, RuntimeError) as error:
            shown = value if len(value) <= 60 else value[:57] + "..."
            raise SettingsError(
                f"config/pipeline.yaml: {key}: {shown!r} is no usable path: {error.__class__.__name__}",
                "give a path that exists",
            ) from None
        return found

    def service(name: str, spec: Mapping[str, Any], key: str) -> Service:
        context = path(spec["context"], f"{key}.context")
        if not context.is_dir():
            raise SettingsError(
                f"config/pipeline.yaml: {key}.context: no folder {context}", "point it at the service's source tree"
            )
        bases = dict(spec.get("bases", {}))
        dockerfile = path(spec["dockerfile"], f"{key}.dockerfile") if "dockerfile" in spec else context / "Dockerfile"
        remedy = f"write a Dockerfile there, or name the one of this service as {key}.dockerfile"
        if name == "frontend" and "dockerfile" not in spec and not dockerfile.is_file():
            if (context / "package-lock.json").is_file():
                dockerfile, bases = root / FALLBACK, {"NODE_IMAGE": "node"} | bases
            remedy += "; a Next.js application needs none, but the package-lock.json that npm install writes"
        if not dockerfile.is_file():
            raise SettingsError(f"config/pipeline.yaml: {key}.dockerfile: no file {dockerfile}", remedy)
        return Service(
            name, context, dockerfile, bases, dict(spec.get("buildArgs", {})), dict(spec.get("buildSecrets", {}))
        )

    def release(spec: Mapping[str, Any], key: str) -> Release:
        chart = path(spec["chart"], f"{key}.chart")
        if not (chart / "Chart.yaml").is_file():
            raise SettingsError(f"config/pipeline.yaml: {key}.chart: no chart in {chart}", "name a chart folder")
        own = chart / "environments" / f"{environment}.yaml"
        values: tuple[Path, ...] = (own,) if own.is_file() else ()
        values += tuple(path(value, f"{key}.values") for value in spec.get("values", []))
        for file in values:
            if not file.is_file():
                raise SettingsError(f"config/pipeline.yaml: {key}.values: no file {file}", "remove it or create it")
        return Release(spec["name"], data["release"]["namespace"], chart, values)

    app = release(data["release"], "release")
    app = _check_services(data["services"], app, root)

    def security(spec: Mapping[str, Any]) -> Security:
        default = Security()
        return Security(
            fail_on=spec.get("failOn", default.fail_on),
            required=tuple(spec.get("required", default.required)),
            accepted={item["id"]: item["reason"] for item in spec.get("accepted", [])},
            admission=spec.get("admission", default.admission),
            max_age_days=spec.get("maxAgeDays", default.max_age_days),
            public_key=path(spec["publicKey"], "security.publicKey") if spec.get("publicKey") else None,
        )

    return Settings(
        root=root,
        environment=environment,
        target=data["target"],
        cluster=data["cluster"],
        context=data.get("context", ""),
        registry=data.get("registry", ""),
        allowed_contexts=tuple(data.get("allowedContexts", [])),
        bases={name: Base(name, image) for name, image in data["bases"].items()},
        services=tuple(service(name, spec, f"services.{name}") for name, spec in data["services"].items()),
        release=app,
        database=service("database", data["database"], "database"),
        database_release=release(data["database"]["release"], "database.release"),
        timeouts=Timeouts(**data["timeouts"]),
        security=security(data.get("security", {})),
    )


def _check_services(services: Mapping[str, Any], release: Release, root: Path) -> Release:
    """Return the release, knowing which services stand under `services` in its values.

    The services that are built and the ones the chart deploys are the same: a chart deploys what has an `image` in its
    values, and what stands under `services`, unless `enabled` is false. There a service that names an image of somebody
    else's need not be built. Raises SettingsError naming the others.
    """
    file = release.chart / "values.yaml"
    if not file.is_file():
        return release
    values: dict[str, Any] = {}
    for one in (file, *release.values):
        values = overlay(values, read(one, root))
    more = values.get("services") or {}
    nested = {key: part or {} for key, part in more.items()} if isinstance(more, Mapping) else {}
    deployed = {key: part for key, part in values.items() if isinstance(part, Mapping) and "image" in part} | nested
    problems = [_unknown_key("services", name, list(deployed)) for name in services if name not in deployed]
    problems += [
        f"services.{name}: missing, add it, or set {name}.enabled to false in a file under release.values"
        for name, part in deployed.items()
        if name not in services and part.get("enabled") is not False and not (name in nested and "image" in part)
    ]
    if problems:
        raise SettingsError("\n".join(f"config/pipeline.yaml: {problem}" for problem in problems))
    return dataclasses.replace(release, nested=frozenset(nested))
