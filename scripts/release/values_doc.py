"""Writes the umbrella chart's `values.schema.json` and `docs/values.md` from the comments beside the charts' values.

`# --` above a key explains it, `# @schema` says what it may be where its default does not; a mapping without `# --` is
a section. Run `python -m scripts.release.values_doc` after a change; a test fails while a file is out of date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.paths import ROOT
from scripts.kube.schemas import KINDS
from scripts.reporting import pages

PAGE = Path(__file__).with_name("values.md.jinja")
UMBRELLA = "charts/todo-chatbot-umbrella"
OTHERS = {
    "The local PostgreSQL: `charts/database`": "charts/database",
    "For Prometheus and Grafana: `charts/monitoring`": "charts/monitoring",
}
INHERITED = ("global", "common")
"""What helm adds to the values of a subchart: the shared values, and the library chart's, which has none."""

UNSET = object()
Schema = dict[str, Any]


class Row(NamedTuple):
    """A value: its dotted key, its default (UNSET where it has none) and its meaning."""

    key: str
    default: Any
    meaning: str


def definition(text: str, name: str) -> str:
    """Return the YAML between `define "NAME"` and its end in a template without actions of its own.

    Raises UserError where there is no such definition.
    """
    found = re.search(rf'{{{{- define "{re.escape(name)}" -}}}}\n(.*?){{{{- end }}}}', text, re.DOTALL)
    if not found:
        raise UserError(f"no definition {name} in the library chart", "see charts/common/templates/_defaults.tpl")
    return found.group(1)


def comment_above(lines: list[str], line: int) -> tuple[str, Schema]:
    """Return what the comment that ends above a line (from 0) says: its meaning after `# --`, and its `@schema`."""
    start = line
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    meaning: list[str] = []
    extra: Schema = {}
    for text in (text.lstrip().removeprefix("#").strip() for text in lines[start:line]):
        if text.startswith("--"):
            meaning = [text.removeprefix("--").strip()]
        elif text.startswith("@schema"):
            extra = parsing.from_yaml(text.removeprefix("@schema"))
        elif meaning:
            meaning.append(text)
    return " ".join(meaning), extra


def described(text: str) -> Schema:
    """Return the schema of commented values. Raises UserError naming a value that nothing explains."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return _section({})
    return _mapping(root, text.splitlines(), "")


def _mapping(node: Any, lines: list[str], prefix: str) -> Schema:
    properties = {}
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        meaning, extra = comment_above(lines, key.start_mark.line)
        if meaning:
            properties[key.value] = _leaf(_plain(value), meaning, extra)
        elif isinstance(value, yaml.MappingNode) and value.value:
            properties[key.value] = _mapping(value, lines, f"{name}.")
        else:
            raise UserError(f"{name}: nothing explains it", "write a comment `# -- …` above it")
    return _section(properties)


def _plain(node: Any) -> Any:
    return parsing.from_yaml(yaml.serialize(node))


def _section(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _leaf(default: Any, meaning: str, extra: Schema) -> Schema:
    own = _references(extra)
    if not own.keys() & {"$ref", "type", "enum", "anyOf"}:
        own = {"type": KINDS[type(default)], **own}
    return {"description": meaning, **own}


def _references(part: Any) -> Any:
    """Return a schema without references: `$ref: name` stands for `#/$defs/name`, wherever it is."""
    if isinstance(part, list):
        return [_references(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: f"#/$defs/{value}" if key == "$ref" and not value.startswith("#") else _references(value)
        for key, value in part.items()
    }


def _or_null(part: Schema) -> Schema:
    """Return a schema whose values may all be null, which the charts take for their defaults."""
    found = dict(part)
    if "properties" in part:
        found["properties"] = {key: _or_null(value) for key, value in part["properties"].items()}
    if "enum" in part:
        found["enum"] = [*part["enum"], None]
    elif "type" in part:
        kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
        found["type"] = [*kinds, *([] if "null" in kinds else ["null"])]
    return found


class Sources(NamedTuple):
    """The files of the umbrella chart's folder."""

    service: str  # commented values of every service
    shared: str  # of `global`
    job: str  # of a job
    umbrella: str  # the umbrella's values.yaml
    parts: Schema  # what `$ref` names


def sources(umbrella: Path) -> Sources:
    """Read the commented values. Raises UserError where a definition is missing."""
    common = umbrella / "charts/common"
    defaults = (common / "templates/_defaults.tpl").read_text(encoding="utf-8")
    jobs = (common / "templates/_jobs.tpl").read_text(encoding="utf-8")
    return Sources(
        definition(defaults, "common.defaults"),
        definition(defaults, "common.globals"),
        definition(jobs, "common.jobDefaults"),
        (umbrella / "values.yaml").read_text(encoding="utf-8"),
        parsing.from_yaml((common / "schema.yaml").read_text(encoding="utf-8")),
    )


def subcharts(umbrella: Path) -> list[str]:
    """Return the names of the services that have charts of their own, in the order of Chart.yaml."""
    chart = parsing.from_yaml((umbrella / "Chart.yaml").read_text(encoding="utf-8"))
    return [item["name"] for item in chart["dependencies"] if "condition" in item]


def umbrella_schema(umbrella: Path) -> Schema:
    """Return the schema of the umbrella chart's values."""
    found = sources(umbrella)
    names = subcharts(umbrella)
    own = "\n".join(_without(found.umbrella, {"global", *names}))
    service = _or_null(described(found.service))
    root = described(own)
    root["properties"] = {
        "global": {**_or_null(described(found.shared)), "description": "What all services share."},
        **root["properties"],
        **{name: {"$ref": "#/$defs/service"} for name in names},
        "common": {"type": "object", "description": "Of the library chart, which has no values."},
    }
    service["properties"] |= {name: {"type": "object"} for name in INHERITED}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart todo-chatbot-umbrella",
        **root,
        "$defs": {"service": service, "job": _or_null(described(found.job)), **_references(found.parts)},
    }


def chart_schema(chart: Path, parts: Schema) -> Schema:
    """Return the schema of a chart whose values.yaml is commented, with those of `parts` that it names."""
    root = described((chart / "values.yaml").read_text(encoding="utf-8"))
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": f"Values of the chart {chart.name}"}
    return {**head, **root, "$defs": _named(root, _references(parts))}


def _named(part: Any, parts: Schema) -> Schema:
    """Return the parts that a schema names, and those that they name in turn."""
    found: Schema = {}
    for name in re.findall(r"#/\$defs/(\w+)", json.dumps(part)):
        found |= {name: parts[name], **_named(parts[name], parts)}
    return found


def _without(text: str, keys: set[str]) -> Iterator[str]:
    """Yield the lines of YAML without those of some keys at the top."""
    kept = True
    for line in text.splitlines():
        if re.match(r"[A-Za-z]", line):
            kept = line.partition(":")[0] not in keys
        elif line.startswith("#"):
            kept = True
        if kept:
            yield line


def rows(schema: Schema, part: Mapping[str, Any], values: Any, prefix: str = "") -> Iterator[Row]:
    """Yield the values that a part of a schema describes, depth first, in its order."""
    for name, found in part.get("properties", {}).items():
        if found is False or (name in INHERITED and "properties" not in found):
            continue
        one = {**_resolved(schema, found), **{k: v for k, v in found.items() if k == "description"}}
        key = f"{prefix}{name}"
        value = values.get(name, UNSET) if isinstance(values, Mapping) else UNSET
        if "properties" in found:
            yield from rows(schema, one, value, f"{key}.")
        else:
            yield Row(key, value, meaning(one))
            yield from rows(schema, _resolved(schema, one.get("items", {})), UNSET, f"{key}[].")
            if "$ref" in found:
                yield from rows(schema, one, UNSET, f"{key}.")


def _resolved(schema: Schema, part: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(part.get("$ref", "")).rpartition("/")[2]
    return schema["$defs"][name] if name else part


def meaning(part: Mapping[str, Any]) -> str:
    """Return what a schema says of a value, with what it may be."""
    text = str(part.get("description", ""))
    if "enum" in part:
        text += " One of: " + ", ".join(str(value) for value in part["enum"] if value is not None) + "."
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None and high is not None:
        text += f" {low} to {high}."
    elif low is not None:
        text += f" At least {low}."
    return text


def shown(value: Any) -> str:
    """Return a default as it would be written in YAML, on one line."""
    return "" if value is UNSET or value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def cells(found: Iterable[Row]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a table of values."""
    for row in found:
        yield f"`{row.key}`", shown(row.default), row.meaning.replace("|", chr(92) + "|")


def own_defaults(umbrella: Path) -> Iterator[tuple[str, ...]]:
    """Yield what the charts of the services set otherwise than all services."""
    for name in subcharts(umbrella):
        values = _values(umbrella / "charts" / name)
        for key, value in leaves({k: v for k, v in values.items() if k not in ("config", "secretEnv")}):
            yield name, f"`{key}`", shown(value)


def variables(umbrella: Path) -> Iterator[tuple[str, ...]]:
    """Yield what each service finds in its environment, from its ConfigMap and from Secrets."""
    for name in subcharts(umbrella):
        values = _values(umbrella / "charts" / name)
        for key, value in values["config"].items():
            yield name, f"`{key}`", shown(value)
        for entry in values.get("secretEnv", []):
            optional = ", may be missing" if entry.get("optional") else ""
            yield name, f"`{entry['key']}`", f"Secret `{entry['secret']}`{optional}"


def overlays(umbrella: Path) -> Iterator[tuple[str, ...]]:
    """Yield what each environment lays over the defaults."""
    for file in sorted((umbrella / "environments").glob("*.yaml")):
        overlay = parsing.from_yaml(file.read_text(encoding="utf-8"))
        for key, value in leaves(overlay):
            yield file.stem, f"`{key}`", shown(value)


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and values of nested mappings."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _values(chart: Path) -> Any:
    return parsing.from_yaml((chart / "values.yaml").read_text(encoding="utf-8"))


def document(root: Path = ROOT) -> str:
    """Return the whole page. Raises UserError naming a value that nothing explains."""
    umbrella = root / UMBRELLA
    found = sources(umbrella)
    schema = umbrella_schema(umbrella)
    names = {*subcharts(umbrella), "common"}
    shared = {"properties": {key: part for key, part in schema["properties"].items() if key not in names}}
    defaults = parsing.from_yaml(found.umbrella) | {"global": parsing.from_yaml(found.shared)}
    service, job = schema["$defs"]["service"], schema["$defs"]["job"]
    three = ("default", "meaning")
    sections = [
        ("Shared: `todo-chatbot-umbrella`", ("key", *three), cells(rows(schema, shared, defaults))),
        (
            "Each service",
            ("key, below the service's name", *three),
            cells(rows(schema, service, parsing.from_yaml(found.service))),
        ),
        (
            "Each job: `<service>.jobs.<job>`",
            ("key, below the job", *three),
            cells(rows(schema, job, parsing.from_yaml(found.job))),
        ),
        ("The four services: what is their own", ("service", "key", "value"), own_defaults(umbrella)),
        (
            "Settings: `<service>.config` and Secrets",
            ("service", "variable", "default, or where it comes from"),
            variables(umbrella),
        ),
        (
            "Environments: `charts/todo-chatbot-umbrella/environments/`",
            ("environment", "key", "value"),
            overlays(umbrella),
        ),
    ]
    for title, chart in OTHERS.items():
        one = chart_schema(root / chart, found.parts)
        sections.append((title, ("key", *three), cells(rows(one, one, _values(root / chart)))))
    return pages.render(PAGE, subcharts=subcharts(umbrella), sections=sections)


def files(root: Path = ROOT) -> dict[Path, str]:
    """Return the generated files, by path."""
    umbrella = root / UMBRELLA
    parts = sources(umbrella).parts
    schemas = {umbrella: umbrella_schema(umbrella)}
    schemas |= {root / chart: chart_schema(root / chart, parts) for chart in OTHERS.values()}
    texts = {chart / "values.schema.json": json.dumps(schema, indent=2) + "\n" for chart, schema in schemas.items()}
    return {**texts, root / "docs/values.md": document(root)}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
