"""Monitoring: whatever the chart names is there: Services, ports, Secrets, metrics, labels, the runbook's chapters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.support import exports
from tests.support.charts import ENVIRONMENTS, MONITORING, ROOT, SERVICES, UMBRELLA, by_name, helm, manifests
from tests.support.promql import groupings, selectors
from tests.support.strict import problems

TLS = ("--set", "tls.enabled=true", "--set", "services.frontend.https=true")
RUNBOOK = ROOT / "docs/runbook.md"


def alerts(*words: str) -> list[dict[str, Any]]:
    """The alerts as they are installed."""
    (rule,) = by_name(manifests(MONITORING, *words), "PrometheusRule").values()
    return [alert for group in rule["spec"]["groups"] for alert in group["rules"]]


def dashboard(*words: str) -> dict[str, Any]:
    """The dashboard as it is installed."""
    (config,) = by_name(manifests(MONITORING, *words), "ConfigMap").values()
    installed: dict[str, Any] = json.loads(config["data"]["todo-chatbot.json"])
    return installed


DASHBOARD = dashboard()
ALERTS = {alert["alert"]: alert for alert in alerts()}
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
EXPRESSIONS = {
    **{name: alert["expr"] for name, alert in ALERTS.items()},
    **{f"{title} {one['refId']}": one["expr"] for title, panel in PANELS.items() for one in panel["targets"]},
}


def chosen(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector chooses what has these labels."""
    same = selector.get("matchLabels", {}).items() <= labels.items()
    return same and all(labels.get(item["key"]) in item["values"] for item in selector.get("matchExpressions", ()))


def left(expression: str) -> set[str]:
    """The labels of its result: those it sums by, else all that its metrics have."""
    if re.search(r"\b(sum|max|min) by\b", expression):
        return groupings(expression)
    return set().union(*(exports.known()[metric] for metric, _ in selectors(expression)))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_service_is_read_through_its_own_service_object(environment: str) -> None:
    app = manifests(UMBRELLA, environment=environment)
    monitors = by_name(manifests(MONITORING), "ServiceMonitor")
    assert set(monitors) == set(SERVICES)
    for name, monitor in monitors.items():
        spec = monitor["spec"]
        (service,) = [item for item in by_name(app, "Service").values()
                      if chosen(spec["selector"], item["metadata"]["labels"])]  # fmt: skip
        assert service["metadata"]["labels"][spec["jobLabel"]] == name
        assert service["metadata"]["namespace"] in spec["namespaceSelector"]["matchNames"]
        assert [one["port"] for one in spec["endpoints"]] == [port["name"] for port in service["spec"]["ports"]]


@pytest.mark.slow
def test_with_tls_it_trusts_the_authority_that_the_app_made() -> None:
    app = manifests(UMBRELLA, "--set", "frontend.tls.serve=true", environment="secure")
    for name, monitor in by_name(manifests(MONITORING, *TLS), "ServiceMonitor").items():
        (endpoint,) = monitor["spec"]["endpoints"]
        authority = endpoint["tlsConfig"]["ca"]["secret"]
        assert endpoint["scheme"] == "https"
        assert authority["key"] in by_name(app, "Secret")[authority["name"]]["data"]
        assert endpoint["tlsConfig"]["serverName"] in by_name(app, "Service") and name in authority["name"]


@pytest.mark.slow
def test_the_frontend_is_read_by_https_only_where_it_serves_it() -> None:
    monitors = by_name(manifests(MONITORING, *TLS[:2]), "ServiceMonitor")
    secure = {name for name, item in monitors.items() if "scheme" in item["spec"]["endpoints"][0]}
    assert secure == set(SERVICES) - {"frontend"}


@pytest.mark.slow
def test_prometheus_may_reach_exactly_the_ports_it_reads() -> None:
    (policy,) = by_name(manifests(MONITORING), "NetworkPolicy").values()
    deployments = by_name(manifests(UMBRELLA), "Deployment")
    pods = {name: item["spec"]["template"] for name, item in deployments.items()}
    assert {n for n, pod in pods.items() if chosen(policy["spec"]["podSelector"], pod["metadata"]["labels"])} == {
        *SERVICES
    }
    (rule,) = policy["spec"]["ingress"]
    assert policy["spec"]["policyTypes"] == ["Ingress"] and len(rule["from"]) == 1
    for pod in pods.values():
        assert [port["port"] for port in rule["ports"]] == [
            one["name"] for one in pod["spec"]["containers"][0]["ports"]
        ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("off", "kind"),
    [("serviceMonitors", "ServiceMonitor"), ("rules", "PrometheusRule"),
     ("networkPolicy", "NetworkPolicy"), ("dashboard", "ConfigMap")],
)  # fmt: skip
def test_each_part_can_be_left_out(off: str, kind: str) -> None:
    kinds = {item["kind"] for item in manifests(MONITORING)}
    assert {item["kind"] for item in manifests(MONITORING, "--set", f"{off}.enabled=false")} == kinds - {kind}


@pytest.mark.slow
@pytest.mark.parametrize("word", ["rules.disabled={TodoNone}", "rule.enabled=true", "serviceMonitors.interval=15"])
def test_what_it_does_not_know_is_refused(word: str) -> None:
    answer = helm("template", "todo-monitoring", MONITORING, "--set", word)
    assert answer.returncode != 0 and word.split("=")[0].split(".")[0] in answer.stderr


@pytest.mark.slow
def test_an_alert_can_be_left_out() -> None:
    assert {one["alert"] for one in alerts("--set", "rules.disabled={TodoSlow}")} == set(ALERTS) - {"TodoSlow"}
    schema = json.loads((MONITORING / "values.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["rules"]["properties"]["disabled"]["items"]["enum"] == list(ALERTS)


def test_unknown_fields_of_the_operators_kinds_are_found() -> None:
    (rule,) = by_name(manifests(MONITORING), "PrometheusRule").values()
    broken = json.loads(json.dumps(rule))
    broken["spec"]["groups"][0]["rules"][0]["expression"] = "1"
    assert any("expression" in problem for problem in problems(broken))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_metric_and_label_is_exported(name: str) -> None:
    known = exports.known()
    asked = list(selectors(EXPRESSIONS[name]))
    assert asked
    for metric, labels in asked:
        assert set(labels) <= known[metric], metric
        assert "namespace" in labels, f"{metric} would be read from every namespace"
    assert all(any(label in known[metric] for metric, _ in asked) for label in groupings(EXPRESSIONS[name]))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_service_it_asks_exports_it(name: str) -> None:
    for metric, matchers in re.findall(r"([a-z_]+)\{([^}]*)\}", EXPRESSIONS[name]):
        asked = re.search(r'job=~?"([^"]*)"', matchers)
        if asked and metric != "up":
            assert all(metric in exports.by_job()[job] for job in asked[1].split("|")), metric


def test_the_services_count_alike() -> None:
    frontend, backend = exports.by_job()["frontend"], exports.by_job()["backend"]
    shared = frontend.keys() & backend.keys()
    assert len(shared) >= 7 and {name: frontend[name] for name in shared} == {name: backend[name] for name in shared}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_means_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]
    texts = alert["annotations"]
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(texts) == {"summary", "description", "runbook_url"} and texts["description"].endswith((".", "`"))
    assert texts["runbook_url"] == f"docs/runbook.md#{name.lower()}"
    used = set(re.findall(r"\$labels\.(\w+)", texts["summary"] + texts["description"]))
    assert used <= left(alert["expr"])


def test_the_runbook_has_a_chapter_for_each_alert_and_for_no_other() -> None:
    chapters = re.findall(r"^### (Todo\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert chapters == list(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_a_chapter_says_what_it_means_how_to_confirm_and_what_to_do(name: str) -> None:
    text = RUNBOOK.read_text(encoding="utf-8").split(f"### {name}\n")[1]
    chapter = re.split(r"^##+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    assert all(f"**{part}**" in chapter for part in ("Means", "Confirm", "Do")), chapter
    assert "```sh\ninvoke " in chapter


def test_the_runbook_is_where_the_values_say() -> None:
    values = yaml.safe_load((MONITORING / "values.yaml").read_text(encoding="utf-8"))
    assert ROOT / values["rules"]["runbook"] == RUNBOOK


def text_of(*allowed: str) -> dict[str, Any]:
    return {"enum": list(allowed)} if allowed else {"type": "string", "minLength": 1}


def fields(_optional: tuple[str, ...] = (), /, **known: Any) -> dict[str, Any]:
    """An object with these fields alone."""
    required = [name for name in known if name not in _optional]
    return {"type": "object", "properties": known, "required": required, "additionalProperties": False}


def items(one: Any, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": one, "minItems": least}


NUMBER, FLAG = {"type": "integer", "minimum": 0}, {"type": "boolean"}
SOURCE = fields(type={"const": "prometheus"}, uid={"const": "$datasource"})
VARIABLE = fields(
    ("datasource", "refresh", "sort", "hide"),
    name=text_of(), label=text_of(), current={"const": {}}, datasource=SOURCE, hide=NUMBER,
    type=text_of("datasource", "query"), refresh={"enum": [1, 2]}, sort=NUMBER,
    query={"oneOf": [text_of(), fields(query=text_of(), refId=text_of())]},
)  # fmt: skip
PANEL = fields(
    id={"type": "integer", "minimum": 1}, type=text_of("timeseries"), title=text_of(), description=text_of(),
    datasource=SOURCE,
    gridPos=fields(h=NUMBER, w=NUMBER, x={"enum": [0, 8, 12, 16]}, y=NUMBER),
    fieldConfig=fields(
        defaults=fields(
            unit=text_of("reqps", "percentunit", "s", "short", "bytes"), min=NUMBER,
            custom=fields(fillOpacity={**NUMBER, "maximum": 100}, showPoints=text_of("auto", "never", "always")),
        ),
        overrides={"const": []},
    ),
    options=fields(
        legend=fields(displayMode=text_of("list", "table"), placement=text_of("bottom", "right"), showLegend=FLAG),
        tooltip=fields(mode=text_of("single", "multi", "none"), sort=text_of("none", "asc", "desc")),
    ),
    targets=items(fields(refId=text_of(), datasource=SOURCE, expr=text_of(), legendFormat=text_of()), 1),
)  # fmt: skip
MODEL = fields(
    uid={"type": "string", "pattern": "^[a-z0-9-]{1,40}$"}, title=text_of(), tags=items(text_of()),
    schemaVersion={"type": "integer", "minimum": 36}, version=NUMBER, editable=FLAG, refresh=text_of("30s"),
    time={"const": {"from": "now-1h", "to": "now"}}, timezone=text_of("browser", "utc"),
    templating=fields(list=items(VARIABLE, 1)), annotations={"const": {"list": []}}, links={"const": []},
    panels=items(PANEL, 1),
)  # fmt: skip
"""The parts of Grafana's dashboard model that are used here."""


def test_the_dashboard_is_what_grafana_reads() -> None:
    assert not [f"{error.json_path}: {error.message}" for error in Draft202012Validator(MODEL).iter_errors(DASHBOARD)]
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "namespace"]
    panels = DASHBOARD["panels"]
    assert len(PANELS) == len(panels) == len({panel["id"] for panel in panels})
    for panel in panels:
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references))


def test_no_two_panels_lie_upon_each_other() -> None:
    def cells(panel: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        yield from ((place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"]))

    assert not [1 for one, other in combinations(DASHBOARD["panels"], 2) if {*cells(one)} & {*cells(other)}]


@pytest.mark.parametrize("title", PANELS)
def test_a_legend_names_labels_that_are_left(title: str) -> None:
    for target in PANELS[title]["targets"]:
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert named and named <= left(target["expr"])
        assert '$namespace"' in target["expr"]


def test_the_dashboard_is_found_by_its_label() -> None:
    (config,) = by_name(manifests(MONITORING), "ConfigMap").values()
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.slow
def test_alerts_and_dashboard_range_over_the_services_of_the_values() -> None:
    """Of another app none of the four is spoken of, and an alert that is about none of its services is left out."""
    values: dict[str, Any] = dict.fromkeys(SERVICES) | {
        "shop-web": {"service": "web"},
        "basket": {"service": "b", "slow": True},
    }
    words = ("--set-json", f"services={json.dumps(values)}")
    found = {alert["alert"]: alert["expr"] for alert in alerts(*words)}
    assert 'job=~"basket|shop-web"' in found["TodoErrors"] and 'job=~"shop-web"' in found["TodoSlow"]
    assert "TodoDatabaseUnreachable" not in found
    assert 'job="basket"' in found["TodoMetricsMissing"]
    text = json.dumps([found, dashboard(*words)])
    assert not [name for name in SERVICES if re.search(rf"[\"|]{name}[\"|\\]", text)]
