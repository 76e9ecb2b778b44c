"""Every recorded fault of a real cluster is named rightly, from what the cluster said and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts import diagnose
from scripts.diagnose import Finding, Snapshot
from scripts.diagnose.model import moment

FAULTS = Path(__file__).parents[2] / "embedded/tests/recordings/faults"
RULES = diagnose.read_rules()

# fault → the rule, and words that its finding has to hold
EXPECTED = {
    "bad-image": ("image-not-on-node", ["todo-chatbot/backend:does-not-exist", "registry-1.docker.io"]),
    "crash-on-start": ("variable-missing", ["DATABASE_URL", "exit code 3"]),
    "init-container-failing": ("database-unreachable", ["init container migrate", "neon-db", "exit code 1"]),
    "liveness-failing": ("liveness-probe-kills", ["statuscode: 404", "livenessProbe"]),
    "missing-configmap": ("configmap-missing", ["backend-config"]),
    "missing-secret-key": ("key-missing", ["DATABASE_URL", "database-secrets", "Secret"]),
    "never-pulled-image": ("image-never-pulled", ["todo-chatbot/backend:absent", "Never"]),
    "oom-killed": ("out-of-memory", ["24Mi", "OOMKilled"]),
    "psa-restricted-violation": ("pod-security", ["restricted", "allowPrivilegeEscalation", "runAsNonRoot"]),
    "quota-exceeded": ("quota-exceeded", ["chatbot-quota", "requests.cpu=150m", "2 of 3 pods"]),
    "read-only-root-fs": ("read-only-filesystem", ["emptyDir", "can't create directory '/tmp/'"]),
    "readiness-404": ("probe-path-missing", ["/nope", "404"]),
    "readiness-wrong-port": ("probe-wrong-port", ["9999", "8080"]),
    "run-as-root-refused": ("runs-as-root", ["runAsUser"]),
    "service-selector-mismatch": ("selector-mismatch", ["app=back-end", "app=backend", "backend-service"]),
    "unschedulable-cpu": ("insufficient-resources", ["cpu", "Insufficient cpu"]),
}


def logs_of(text: str) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], list[str]] = {}
    for line in text.splitlines():
        if line.startswith("[pod/"):
            where, _, said = line.partition("] ")
            _, pod, container = where.split("/")
            found.setdefault((pod, container), []).append(said)
    return {key: tuple(lines) for key, lines in found.items()}


def taken(items: list[dict[str, Any]]) -> datetime:
    """The recordings were taken 75 seconds after the workload was made."""
    deployment = next(item for item in items if item["kind"] == "Deployment")
    made = moment(deployment["metadata"]["creationTimestamp"])
    assert made
    return made + timedelta(seconds=75)


def recorded(fault: str, **rest: Any) -> Snapshot:
    items = json.loads((FAULTS / f"{fault}.json").read_text())["items"]
    logs = logs_of((FAULTS / f"{fault}.log.txt").read_text())
    return Snapshot.of(items, f"fault-{fault}", rest.pop("taken", taken(items)), logs=logs, **rest)


def whole(finding: Finding) -> str:
    return "\n".join([finding.title, finding.meaning, *finding.evidence, finding.remedy])


def test_every_recorded_fault_is_expected_here() -> None:
    assert {file.name.removesuffix(".manifest.yaml") for file in FAULTS.glob("*.manifest.yaml")} == set(EXPECTED)


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_recorded_fault_is_named(fault: str) -> None:
    rule, words = EXPECTED[fault]
    findings = diagnose.diagnose(recorded(fault, services=("backend",)), RULES)
    assert [(finding.rule, finding.terminal) for finding in findings] == [(rule, True)]
    only = findings[0]
    assert only.service == "backend"
    assert only.command.startswith(f"kubectl --namespace fault-{fault} ")
    assert only.remedy
    for word in words:
        assert word in whole(only)


@pytest.mark.parametrize("fault", EXPECTED)
def test_no_text_has_a_hole(fault: str) -> None:
    for finding in diagnose.diagnose(recorded(fault), RULES):
        for text in (finding.title, finding.meaning, finding.remedy, finding.command, *finding.evidence):
            assert text.strip() and "{}" not in text and "None" not in text


def test_what_is_found_is_rendered_for_people() -> None:
    text = diagnose.render(diagnose.diagnose(recorded("oom-killed"), RULES))
    assert text.splitlines()[0].startswith("backend: container backend was killed for using more memory")
    assert "what to do: raise resources.limits.memory" in text
    assert "look further: kubectl --namespace fault-oom-killed top pod" in text


def test_another_services_trouble_is_left_out() -> None:
    assert not [item for item in diagnose.diagnose(recorded("oom-killed", services=("agent",)), RULES) if item.terminal]


def test_a_service_that_is_not_there_is_told_but_stops_nothing() -> None:
    state = Snapshot.of([], "chatbot-dev", datetime(2026, 1, 1, tzinfo=UTC), services=("backend",))
    (only,) = diagnose.diagnose(state, RULES)
    assert (only.rule, only.terminal) == ("not-deployed", False)


def test_the_command_to_look_further_names_its_cluster() -> None:
    command = ("kubectl", "--kubeconfig", "/a b/config", "--context", "todo")
    (only,) = diagnose.diagnose(recorded("oom-killed", command=command), RULES)
    assert only.command.startswith("kubectl --kubeconfig '/a b/config' --context todo --namespace fault-oom-killed top")


def merged() -> Snapshot:
    """All recorded faults in one namespace, each under a name of its own."""
    items: list[dict[str, Any]] = []
    logs: dict[tuple[str, str], tuple[str, ...]] = {}
    moments = []
    for number, fault in enumerate(EXPECTED):
        name = f"part{number}"
        found = json.loads((FAULTS / f"{fault}.json").read_text().replace("backend", name))["items"]
        moments.append(taken(found))
        items += found
        logs |= logs_of((FAULTS / f"{fault}.log.txt").read_text().replace("backend", name))
    return Snapshot.of(items, "chatbot-dev", max(moments), logs=logs)


def test_all_faults_at_once_are_told_apart_and_ranked() -> None:
    findings = diagnose.diagnose(merged(), RULES)
    assert {finding.service: finding.rule for finding in findings} == {
        f"part{number}": rule for number, (rule, _) in enumerate(EXPECTED.values())
    }
    order = {rule.id: number for number, rule in enumerate(RULES)}
    places = [order[finding.rule] for finding in findings]
    assert len(findings) == len(EXPECTED) and places == sorted(places)


@pytest.mark.parametrize("fault", EXPECTED)
def test_without_events_nothing_wrong_is_said(fault: str) -> None:
    """Events are kept for an hour only; the state alone has to do, if with fewer words."""
    state = recorded(fault)
    objects = {kind: items for kind, items in state.objects.items() if kind != "Event"}
    (only,) = diagnose.diagnose(replace(state, objects=objects), RULES)
    allowed = {"liveness-failing": "killed", "readiness-404": "not-ready"}
    assert only.rule == allowed.get(fault, EXPECTED[fault][0]) and only.terminal


def test_what_was_set_by_hand_is_told_with_the_trouble_it_may_have_made() -> None:
    state = recorded("crash-on-start")
    (deployment,) = state.kind("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["command"] = ["python", "-c", "raise SystemExit(1)"]
    place = {"f:containers": {'k:{"name":"' + container["name"] + '"}': {".": {}, "f:name": {}}}}
    hand = {"f:containers": {'k:{"name":"' + container["name"] + '"}': {"f:command": {}}}}
    deployment["metadata"]["managedFields"] = [
        {"manager": manager, "operation": "Update", "time": "2026-11-26T01:03:00Z",
         "fieldsV1": {"f:spec": {"f:template": {"f:spec": fields}}}}
        for manager, fields in (("helm", place), ("kubectl-patch", hand))
    ]  # fmt: skip
    first = diagnose.diagnose(state, RULES)[0]
    assert first.evidence[0].startswith("changed by hand: deployment/") and ".command, set by kubectl-patch" in whole(
        first
    )
    assert "invoke deploy" in first.remedy and '"op":"remove"' in first.remedy
