"""Any valid values render to valid objects, which Pod Security lets in, and what it would not is refused by name."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from embedded.admission.podsecurity import violations
from tests.support.chart_values import OFF, PROBES, SERVICE, TABLE, before_and_after, laid_over, objects
from tests.support.charts import UMBRELLA, helm, pods
from tests.support.strict import problems

pytestmark = pytest.mark.slow  # all start programs

FEW = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=40
).filter(
    lambda text: "{{" not in text and text != "="  # templates; a word that PyYAML cannot read and Kubernetes can
)
NAMES = st.one_of(
    st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
    st.sampled_from(["on", "no", "y", "null", "true", "e1", "web", "a-1"]),  # words that YAML takes for something else
)
VARIABLES = st.one_of(st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True), st.sampled_from(["N", "ON", "null", "Y"]))
SCALARS = st.one_of(TEXT, st.booleans(), st.integers(-(10**15), 10**15), st.floats(-1e6, 1e6, allow_nan=False))
LEFT_OUT = {"secrets", "fullnameOverride", "enabled", "nameOverride", "serviceAccount.name", "service.name"}
CHANGES = [(key, case) for key, case in SERVICE.items() if "to" in case and key not in LEFT_OUT]


@st.composite
def service(draw: st.DrawFn) -> dict[str, Any]:
    """A service with some of its values set, and free text wherever a person may write any."""
    values: Any = {"image": {"repository": "some/image", "tag": "1"}}
    if draw(st.booleans()):
        values["service"] = {"port": draw(st.integers(1, 65535))}
    for key, case in draw(st.lists(st.sampled_from(CHANGES), max_size=12, unique_by=lambda change: change[0])):
        values = before_and_after(key, case, values)[1]
    values = json.loads(json.dumps(values).replace("SERVICE", "some"))
    values["config"] = draw(st.dictionaries(VARIABLES.filter(lambda name: name != "PORT"), SCALARS, max_size=4))
    values["env"] = draw(st.dictionaries(VARIABLES.map(lambda name: f"E_{name}"), SCALARS, max_size=4))
    values["args"] = draw(st.lists(SCALARS, max_size=3))
    values["podAnnotations"] = draw(st.dictionaries(NAMES, TEXT, max_size=2))
    return possible(values)


def possible(values: Any) -> Any:
    """The values without what cannot hold together, which the chart refuses."""
    if values.get("persistence", {}).get("enabled"):
        values.pop("autoscaling", None)
        values.pop("strategy", None)  # one pod at a time writes; it is Recreate
    if values.get("strategy", {}).get("type") == "Recreate":
        values["strategy"].pop("rollingUpdate", None)
    if "port" not in values.get("service", {}):
        values["service"] = {key: port for key, port in values.get("service", {}).items() if key == "targetPort"}
        for key in ("ingress", "httpRoute"):
            values.pop(key, None)
        for key in ("from", "fromNamespaces", "fromAnywhere"):
            values.get("networkPolicy", {}).pop(key, None)
    for probe in PROBES:
        for key in sorted({"httpGet", "tcpSocket", "exec", "grpc"} & values.get(probe, {}).keys())[1:]:
            del values[probe][key]
        if "httpGet" in values.get(probe, {}):
            values[probe]["httpGet"]["port"] = 8080
    if "port" not in values.get("service", {}):
        values.pop("probes", None)
    if "extraVolumeMounts" in values:
        values["extraVolumes"] = [{"name": "more", "emptyDir": {}}]
    return values


def names_of_hooks(item: Any) -> bool:
    return "helm.sh/hook" in (item["metadata"].get("annotations") or {})


@FEW
@given(st.dictionaries(NAMES, service(), min_size=4, max_size=10), st.booleans(), st.booleans())
def test_valid_values_render_valid_objects(services: dict[str, Any], tls: bool, policies: bool) -> None:
    for number, (name, values) in enumerate(services.items()):  # of one host each path leads to one service
        if "nodePort" in values.get("service", {}):
            values["service"]["nodePort"] = 30001 + number
        values["ingress"] = {
            "enabled": False,
            **values.get("ingress", {}),
            "host": f"{name}.local",
            "hosts": [f"www.{name}.local"],
        }
    shared = {"tls": {"enabled": tls}, "networkPolicy": {"enabled": policies}}
    rendered = objects(UMBRELLA, {**OFF, "smokeTest": {"service": ""}, "global": shared, "services": services})
    found = [problem for item in rendered for problem in problems(item)]
    assert not found
    assert not [
        (name, violations(pod, "restricted")) for name, pod in pods(tuple(rendered)) if violations(pod, "restricted")
    ]
    deployments = {item["metadata"]["name"]: item for item in rendered if item["kind"] == "Deployment"}
    assert deployments.keys() == services.keys()
    settings_of = {item["metadata"]["name"]: item["data"] for item in rendered if item["kind"] == "ConfigMap"}
    for name, values in services.items():
        container = deployments[name]["spec"]["template"]["spec"]["containers"][0]
        environment = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
        for given_values, seen in ((values["config"], settings_of[f"{name}-config"]), (values["env"], environment)):
            for key, value in given_values.items():
                assert same(value, seen[key]), (name, key, value, seen[key])
        assert all(same(value, word) for value, word in zip(values["args"], container.get("args", []), strict=True))


def same(value: Any, seen: str) -> bool:
    """Whether a program gets what a person wrote."""
    if isinstance(value, bool):
        return seen == str(value).lower()
    if isinstance(value, int):
        return seen == str(value)
    return float(seen) == value if isinstance(value, float) else seen == value


CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "runAsNonRoot": st.booleans(),
        "runAsUser": st.sampled_from([0, 1, 1000]),
        "seccompProfile": st.sampled_from([{"type": "Unconfined"}, {"type": "RuntimeDefault"}]),
        "seLinuxOptions": st.sampled_from(
            [{"type": "spc_t"}, {"type": "container_t"}, {"user": "root"}, {"level": "s0"}]
        ),
    },
)
CONTAINERS = st.builds(
    lambda one, two: one | two,
    CONTEXTS,
    st.fixed_dictionaries(
        {},
        optional={
            "privileged": st.booleans(),
            "allowPrivilegeEscalation": st.booleans(),
            "procMount": st.sampled_from(["Default", "Unmasked"]),
            "readOnlyRootFilesystem": st.booleans(),
            "capabilities": st.fixed_dictionaries(
                {},
                optional={
                    "add": st.lists(
                        st.sampled_from(["CHOWN", "NET_BIND_SERVICE", "SYS_ADMIN"]), max_size=2, unique=True
                    ),
                    "drop": st.sampled_from([["ALL"], ["CHOWN"], []]),
                },
            ),
        },
    ),
)
KINDS: list[dict[str, Any]] = [
    {"emptyDir": {}},
    {"hostPath": {"path": "/"}},
    {"nfs": {"server": "s", "path": "/"}},
    {"secret": {"secretName": "s"}},
]
VOLUMES = st.lists(st.sampled_from(KINDS), max_size=2).map(
    lambda kinds: [{"name": f"more-{number}", **kind} for number, kind in enumerate(kinds)]
)


@settings(FEW, max_examples=30)
@given(
    CONTEXTS,
    CONTAINERS,
    CONTAINERS,
    VOLUMES,
    st.sampled_from([None, 8080]),
    st.sampled_from(["restricted", "baseline"]),
)
def test_what_pod_security_refuses_is_refused_before(
    pod: Any, own: Any, other: Any, volumes: Any, host_port: int | None, level: str
) -> None:
    ports = [{"containerPort": 1, "hostPort": host_port}] if host_port else []
    values = {
        "image": {"repository": "some/image", "tag": "1"},
        "podSecurityContext": pod,
        "containerSecurityContext": own,
        "extraContainers": [{"name": "other", "image": "o:1", "securityContext": other, "ports": ports}],
        "extraVolumes": volumes,
    }
    everything = {**OFF, "smokeTest": {"service": ""}, "services": {"app": values}}
    (spec,) = [
        spec
        for _, spec in pods(tuple(objects(UMBRELLA, laid_over(everything, {"global": {"podSecurity": "privileged"}}))))
    ]
    answer = helm(
        "template", "r", UMBRELLA, "--set-json", json.dumps(laid_over(everything, {"global": {"podSecurity": level}}))
    )
    refused = violations(spec, level)
    assert bool(refused) == (answer.returncode != 0), (refused, answer.stderr)
    for line in answer.stderr.strip().splitlines()[1:-2]:
        assert re.match(
            r"services\.app\.[\w.\[\]]+: .* is refused by Pod Security `\w+`: leave it out, or set global\.podSec", line
        )


def test_the_table_of_jobs_renders_valid_objects() -> None:
    jobs = {}
    for number, (key, case) in enumerate(TABLE["job"].items()):
        job = before_and_after(key, case, {"command": ["run"]})[1]
        jobs[f"j{number}"] = json.loads(json.dumps(job).replace("SERVICE", "some"))
    api = {
        "image": {"repository": "some/image", "tag": "1"},
        "jobs": jobs,
        "networkPolicy": {"to": [{"name": "database", "port": 5432}]},
    }
    rendered = objects(UMBRELLA, {**OFF, "smokeTest": {"service": ""}, "services": {"api": api}})
    assert not [problem for item in rendered for problem in problems(item)]
    assert sum(item["kind"] == "Job" for item in rendered) == len(jobs) - 1
    assert all(names_of_hooks(item) for item in rendered if item["metadata"]["name"].startswith("api-j"))
