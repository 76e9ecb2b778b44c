"""No value is accepted and then ignored: every one that docs/values.md names changes what is rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scripts.release import values_doc
from tests.support.chart_values import OFF, SERVICE, TABLE, before_and_after, laid_over, objects, placed
from tests.support.charts import DATABASE, MONITORING, UMBRELLA, helm

CASES = {
    "service": SERVICE,
    "job": TABLE["job"],
    **{name: TABLE[name] for name in ("umbrella", "database", "monitoring")},
}


def documented(name: str) -> list[str]:
    """The keys of a table of docs/values.md."""
    schema = values_doc.umbrella_schema(UMBRELLA)
    found = {
        "service": schema["$defs"]["service"],
        "job": schema["$defs"]["job"],
        "umbrella": {"properties": {k: v for k, v in schema["properties"].items() if "$ref" not in v}},
    }
    if name in found:
        return [row.key for row in values_doc.rows(schema, found[name], {})]
    schema = json.loads(((DATABASE if name == "database" else MONITORING) / "values.schema.json").read_text("utf-8"))
    return [row.key for row in values_doc.rows(schema, schema, {})]


@pytest.mark.parametrize("name", CASES)
def test_the_table_has_every_value_that_is_documented(name: str) -> None:
    assert sorted(CASES[name]) == sorted(documented(name))


def pairs() -> Iterator[tuple[str, Any, Any]]:
    """Values of a service before and after each change of one of its values, or of its job's."""
    base = {
        "image": {"repository": "SERVICE", "tag": "1"},
        "service": {"port": 80},
        "ingress": {"enabled": False, "host": "SERVICE.local"},
    }
    for key, case in SERVICE.items():
        if "to" in case:
            yield (f"service {key}", *before_and_after(key, case, base))
    for key, case in TABLE["job"].items():
        pair = before_and_after(key, case, {"command": ["run"]})
        yield (f"job {key}", *({**base, "jobs": {"it": values}} for values in pair))


@cache
def ignored() -> list[str]:
    """The values of services that change nothing, found by one render of a service before and after each change."""
    services: dict[str, Any] = {}
    names = {}
    for number, (name, *pair) in enumerate(pairs()):
        for side, values in zip(("a", "b"), pair, strict=True):
            service = f"x{number:03}{side}"
            services[service] = json.loads(json.dumps(values).replace("SERVICE", service))
        names[f"x{number:03}"] = name
    tls = {"global": {"tls": {"enabled": True}}}
    values = {**OFF, **tls, "smokeTest": {"service": ""}, "services": services}
    made_anew = ("Secret", "kubernetes.io/tls")  # certificates, which are never the same
    found = [item for item in objects(UMBRELLA, values) if (item["kind"], item.get("type")) != made_anew]
    texts = [json.dumps(item) for item in found]

    def made(service: str) -> list[str]:
        found = sorted(text.replace(service, "SERVICE") for text in texts if service in text)
        assert found or service.endswith("b"), f"{service}: nothing is rendered"
        return found

    return [name for number, name in names.items() if made(f"{number}a") == made(f"{number}b")]


@pytest.mark.slow
def test_every_value_of_a_service_changes_something() -> None:
    assert not ignored()


@pytest.mark.slow
def test_null_stands_for_the_default() -> None:
    """Of each value but of what has none, and of a limit or a request, which null leaves out."""
    keys = [key for key in SERVICE if "[]" not in key and not key.startswith(("image.", "resources."))]
    base = {"image": {"repository": "some/image", "tag": "1"}, "service": {"port": 80}}
    changes = {"x": {}} | {f"x{number}": placed(key, None) for number, key in enumerate(keys) if key != "service.port"}
    services = {name: laid_over(base, change) for name, change in changes.items()}
    found = objects(UMBRELLA, {**OFF, "smokeTest": {"service": ""}, "services": services})
    made: dict[str, list[str]] = {name: [] for name in services}
    for item in found:
        name = item["metadata"]["name"].removesuffix("-config")
        if name in made:
            made[name].append(re.sub(rf"\b{name}\b", "x", json.dumps(item)))
    assert made["x"] and all(texts == made["x"] for texts in made.values())


@pytest.mark.slow
@pytest.mark.parametrize("key", [key for key, case in TABLE["umbrella"].items() if "to" in case])
def test_every_shared_value_changes_something(key: str) -> None:
    case = TABLE["umbrella"][key]
    before, after = before_and_after(key, case)
    if "refused" in case:
        refused = helm("template", "r", UMBRELLA, "--set-json", json.dumps(case["refused"]))
        assert refused.returncode != 0
        assert objects(UMBRELLA, laid_over(case["refused"], after))
    else:
        assert objects(UMBRELLA, before) != objects(UMBRELLA, after)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chart", "key"),
    [(chart, key) for chart in (DATABASE, MONITORING) for key in TABLE[chart.name]],
    ids=lambda part: part.name if isinstance(part, Path) else part,
)
def test_every_value_of_the_other_charts_changes_something(chart: Path, key: str) -> None:
    before, after = before_and_after(key, TABLE[chart.name][key])
    assert objects(chart, before) != objects(chart, after)


@pytest.mark.slow
def test_the_proof_finds_what_is_ignored(tmp_path: Path) -> None:
    """A chart that leaves a value out is found by the same comparison."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: careless\nversion: 0.1.0\n")
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {seen: '{{ .Values.seen }}'}\n"
    (tmp_path / "templates/x.yaml").write_text(text)
    assert objects(tmp_path, {"seen": 1}) != objects(tmp_path, {"seen": 2})
    assert objects(tmp_path, {"unseen": 1}) == objects(tmp_path, {"unseen": 2})
