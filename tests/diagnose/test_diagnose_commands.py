"""What tools print when they fail is explained; and the catalogue is sound, documented, and safe to edit wrongly."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import invoke
import pytest
import yaml

import tasks
from scripts import diagnose
from scripts.diagnose.rules import FILE
from scripts.diagnose.snapshot import KINDS, in_trouble
from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.host.shell import Result, Shell
from scripts.kube.kubectl import Kubectl

WIRE = Path(__file__).parents[2] / "embedded/tests/recordings/wire"

BUILD = """\
#9 [builder 3/5] RUN npm ci
#9 4.211 npm error code E404
#9 4.212 npm error 404 Not Found - GET https://registry.npmjs.org/no-such-package
#9 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
------
failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
"""
CONFLICT = (
    "Error: UPGRADE FAILED: conflict occurred while applying object chatbot-dev/backend apps/v1, Kind=Deployment: "
    'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas'
)
SCHEMA_ERROR = (
    "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nbackend:\n"
    "- at '/replicaCount': got string, want integer"
)
SAID = {
    "engine": (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "engine-down",
        "start it",
    ),
    "disk": ("write /var/lib/docker/tmp/x: no space left on device", "disk-full", "prune"),
    "build step": (BUILD, "build-package-unavailable", "no-such-package"),
    "build step, old engine": (
        "executor failed running [/bin/sh -c pip install -r requirements.txt]: exit code: 1",
        "build-step-failed",
        "pip install",
    ),
    "copy": (
        'failed to solve: failed to compute cache key: failed to calculate checksum of ref x: "/app.py": not found',
        "build-copy-failed",
        "/app.py",
    ),
    "registry": (
        "failed to solve: python:3.13: failed to do request: Head https://registry-1.docker.io/v2: dial tcp: lookup "
        "registry-1.docker.io: no such host",
        "build-network",
        "registry-1.docker.io",
    ),
    "login": (
        "Error response from daemon: pull access denied for x/y, repository does not exist",
        "registry-login",
        "x/y",
    ),
    "port": ("listen tcp4 0.0.0.0:30000: bind: address already in use", "port-taken", "30000"),
    "pending": (
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        "release-pending",
        "todo-chatbot",
    ),
    "never deployed": (
        'Error: UPGRADE FAILED: "todo-chatbot" has no deployed releases',
        "release-never-deployed",
        "destroy",
    ),
    "field conflict": (CONFLICT, "field-conflict", '.spec.replicas is managed by "kubectl"'),
    "schema": (SCHEMA_ERROR, "schema-violation", "/replicaCount"),
    "immutable": (
        'Error: UPGRADE FAILED: cannot patch "backend" with kind Deployment: Deployment.apps "backend" is invalid: '
        'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
        "immutable-field",
        "spec.selector of Deployment backend",
    ),
    "import": (
        'Error: INSTALLATION FAILED: Unable to continue with install: ConfigMap "backend-config" in namespace "x" '
        "exists and cannot be imported into the current release",
        "name-in-use",
        "backend-config",
    ),
    "unreachable": (
        "Error: Kubernetes cluster unreachable: Get https://127.0.0.1:6443/version: dial tcp 127.0.0.1:6443: connect: "
        "connection refused",
        "cluster-unreachable",
        "cluster.up",
    ),
    "unreachable, kubectl": (
        "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?",
        "cluster-unreachable",
        "127.0.0.1:6443",
    ),
    "context": ('error: context "todo" does not exist', "context-missing", "todo"),
    "secret": ('Error from server (NotFound): secrets "api-keys" not found', "secret-command-missing", "api-keys"),
    "forbidden": (
        'Error from server (Forbidden): pods is forbidden: User "eve" cannot list resource "pods" in API group ""',
        "access-forbidden",
        "list pods",
    ),
    "unknown field, helm 4": (
        "Error: server-side apply failed for object default/web apps/v1, Kind=Deployment: failed to create typed patch "
        "object (default/web; apps/v1, Kind=Deployment): errors:\n"
        '  .spec.template.spec.containers[name="a"].readOnly: field not declared in schema',
        "unknown-field",
        '.spec.template.spec.containers[name="a"].readOnly',
    ),
    "values": (
        "Error: execution error at (app/charts/backend/templates/service.yaml:1:4): \n"
        "backend.preStopSeconds: too long\n"
        "backend.probes.livenessPath: there is no port to ask: set backend.service.port\n\n"
        "Use --debug flag to render out invalid YAML",
        "values-refused",
        "too long backend.probes.livenessPath: there is no port to ask",
    ),
    "template": (
        "Error: execution error at (backend/templates/all.yaml:2:4): image.tag: set it",
        "template-error",
        "image.tag",
    ),
    "hook": (
        "Error: UPGRADE FAILED: pre-upgrade hooks failed: job migrate failed",
        "hook-command-failed",
        "pre-upgrade",
    ),
    "hook, its program": (
        "Traceback (most recent call last):\n"
        "ModuleNotFoundError: No module named 'backend'\n"
        "Error: failed pre-install: resource Job/shop/tables not ready. status: Failed, message: Job Failed",
        "hook-module-missing",
        "pre-install hook of the release todo-chatbot misses a part of its program: backend",
    ),
    "hook, started as a module": (
        "/venv/bin/python: No module named alembic\n"
        "Error: failed pre-install: resource Job/shop/tables not ready. status: Failed, message: Job Failed",
        "hook-module-missing",
        "pre-install hook of the release todo-chatbot misses a part of its program: alembic",
    ),
    "in time": ("Error: UPGRADE FAILED: context deadline exceeded", "no-answer-in-time", "invoke diagnose"),
    "missing tool": ("helm: not found", "tool-missing", "helm"),
}


@pytest.mark.parametrize("case", SAID)
def test_what_a_tool_says_is_explained(case: str) -> None:
    text, rule, word = SAID[case]
    found = diagnose.explain_failure(text, {"program": "helm", "release": "todo-chatbot", "service": "backend"})
    assert found is not None and found.rule == rule and found.terminal
    assert word in "\n".join([found.title, found.meaning, *found.evidence, found.remedy])
    assert found.remedy and found.command and found.evidence


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("kubectl-apply-nodeport-taken", "node-port-taken"),
        ("kubectl-apply-serverside-conflict", "field-conflict"),
        ("kubectl-apply-unknown-field", "unknown-field"),
        ("kubectl-apply-invalid", "object-invalid"),
        ("helm-upgrade-fail-rollback", "no-answer-in-time"),
    ],
)
def test_what_a_real_cluster_said_is_explained(name: str, rule: str) -> None:
    found = diagnose.explain_failure((WIRE / f"{name}.out").read_text())
    assert found is not None and found.rule == rule


@pytest.mark.parametrize("text", ["", 'Release "todo" has been upgraded. Happy Helming!', "deployment.apps/x created"])
def test_what_is_no_failure_is_not_explained(text: str) -> None:
    assert diagnose.explain_failure(text) is None


def test_the_step_of_a_build_is_quoted_with_its_last_lines() -> None:
    found = diagnose.explain_failure(BUILD, {"program": "docker", "service": "frontend"})
    assert found is not None and found.service == "frontend"
    assert any("npm error 404" in line for line in found.evidence)


def test_every_rule_has_words_for_everything() -> None:
    rules = diagnose.read_rules()
    assert len({rule.id for rule in rules}) == len(rules) > 100
    for rule in rules:
        assert rule.title and rule.meaning and rule.remedy and rule.look and rule.alternatives


def test_an_entry_of_the_rules_can_be_read_alone(capsys: pytest.CaptureFixture[str]) -> None:
    invoke.Program(namespace=tasks.ns).run("invoke diagnose --explain=out-of-memory", exit=False)
    told = capsys.readouterr().out
    assert told.startswith("out-of-memory (crash): ") and "resources.limits.memory" in told and "OOMKilled" in told


def test_an_entry_that_does_not_exist_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    invoke.Program(namespace=tasks.ns).run("invoke diagnose --explain=out-of-memry", exit=False)
    assert "did you mean out-of-memory" in capsys.readouterr().err


def test_a_diagnosis_names_the_entry_it_comes_from() -> None:
    found = diagnose.explain_failure("helm: not found")
    assert found is not None and diagnose.render([found]).splitlines()[0].endswith("[tool-missing]")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / FILE).parent.mkdir(parents=True)
    shutil.copy(ROOT / FILE, root / FILE)
    return root


SMALL = {
    "crash": {
        "about": "It ends.",
        "problems": {
            "exited": {
                "symptoms": [{"crash": {"exit": "^(?P<code>1)$"}}],
                "title": "{what} {code}",
                "meaning": "m",
                "remedy": "r",
                "look": "logs {pod}",
                "terminal": {"failures": 2},
            }
        },
    }
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": "{nothing}"}, ["crash.problems.exited.title", "{nothing}"]),
        ({"title": "{what"}, ["crash.problems.exited.title"]),
        ({"title": "{what.real}"}, ["crash.problems.exited.title"]),
        ({"symptoms": [{"crash": {"exit": "("}}]}, ["symptoms.0.crash.exit", "regular expression"]),
        ({"symptoms": [{"crash": {"exitt": "1"}}]}, ["exitt", "unknown field"]),
        ({"parts": {"a": "(?&b)", "b": "1"}}, ["parts.a", "no part b before it"]),
        ({"symptoms": [{"crash": {"exit": "(?&c)"}}]}, ["symptoms.0.crash.exit", "no part c"]),
        ({"symptoms": [{"crush": {}}]}, ["symptoms.0.crush", "did you mean crash"]),
        ({"terminal": "soon"}, ["terminal"]),
        ({"remedie": "x"}, ["remedie", "did you mean remedy"]),
        ({"look": "logs 'x"}, ["crash.problems.exited.look"]),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(project: Path, change: dict[str, Any], words: list[str]) -> None:
    data = yaml.safe_load(yaml.safe_dump(SMALL))
    data["crash"]["problems"]["exited"] |= change
    (project / FILE).write_text(yaml.safe_dump(data))
    with pytest.raises(UserError) as refused:
        diagnose.read_rules(project)
    assert str(refused.value).startswith(f"{FILE}: ")
    for word in words:
        assert word in str(refused.value)


@pytest.mark.slow
def test_a_damaged_catalogue_is_read_or_refused_in_words(project: Path) -> None:
    chance = random.Random(4)
    original = yaml.safe_dump(SMALL)
    for _ in range(300):
        raw = bytearray(original.encode())
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randint(0, 3)] = chance.choice(
                [b"\t", b"{", b"\xff", b": :", b"'", b"\0", b"(", b"}", b"[]"]
            )
        (project / FILE).write_bytes(raw)
        try:
            diagnose.read_rules(project)
        except UserError as error:
            assert str(error).startswith(f"{FILE}:")


class Scripted(Shell):
    """Answers kubectl from a table, and remembers what was asked."""

    def __init__(self, answers: dict[str, Result]) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self._answers = answers

    def probe(self, argv: Any, **_: Any) -> Result:
        words = [str(word) for word in argv]
        self.asked.append(words)
        rest = " ".join(words[5:])
        return next((answer for start, answer in self._answers.items() if rest.startswith(start)), Result(1, "", "?"))


POD = """{"items": [{"kind": "Pod", "metadata": {"name": "backend-1"}, "spec": {"containers": [{"name": "backend"}]},
"status": {"containerStatuses": [{"name": "backend", "restartCount": 2, "ready": false,
"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}]}}]}"""


def kubectl(shell: Shell) -> Kubectl:
    return Kubectl(Path("/tools/kubectl"), Path("/state/kubeconfig"), "todo", shell)


def test_gathering_asks_once_for_objects_and_only_for_logs_of_containers_in_trouble() -> None:
    shell = Scripted(
        {
            "get deployments": Result(0, POD),
            "get events": Result(0, '{"items": []}'),
            "get secrets": Result(0, '{"items": []}'),
            "logs": Result(0, "a\n\nb\n"),
        }
    )
    state = diagnose.take_snapshot(kubectl(shell), "chatbot-dev", ["backend"])
    assert state.logs == {("backend-1", "backend"): ("a", "b")}
    assert state.command == ("kubectl", "--kubeconfig", "/state/kubeconfig", "--context", "todo")
    assert sorted(words[5] for words in shell.asked) == ["get", "get", "get", "logs"]
    logs = next(words[5:] for words in shell.asked if words[5] == "logs")
    assert logs == ["logs", "backend-1", "--container", "backend", "--namespace", "chatbot-dev", "--tail=60"]


@pytest.mark.parametrize(("seconds", "asked"), [(2, []), (6, [(("backend-1", "backend"), False)])])
def test_a_container_that_has_just_started_is_not_asked_why_it_is_not_ready(seconds: int, asked: list[Any]) -> None:
    state = {"running": {"startedAt": "2026-01-01T12:00:00Z"}}
    status = {"containerStatuses": [{"name": "backend", "ready": False, "restartCount": 0, "state": state}]}
    pod = {"kind": "Pod", "metadata": {"name": "backend-1"}, "status": status}
    now = datetime(2026, 1, 1, 12, 0, seconds, tzinfo=UTC)
    assert list(in_trouble([pod], now)) == asked


NO_RIGHT = Result(1, "", 'Error from server (Forbidden): x is forbidden: User "eve" cannot list resource "x"')


def test_a_kind_that_is_forbidden_does_not_hide_the_others_and_is_told() -> None:
    answers = {f"get {kind}": Result(0, '{"items": []}') for kind in KINDS}
    answers |= {"get deployments.apps,": NO_RIGHT, "get pods": Result(0, POD)}
    answers |= {"get configmaps": NO_RIGHT, "get events": NO_RIGHT, "get secrets": NO_RIGHT}
    state = diagnose.take_snapshot(kubectl(Scripted(dict(sorted(answers.items(), reverse=True)))), "chatbot-dev")
    assert len(state.kind("Pod")) == 1
    assert state.unseen == ("configmaps", "events", "secrets"), "what their values hide is told beside it"


@pytest.mark.parametrize("kind", ["pods", "deployments.apps"])
def test_without_what_a_diagnosis_stands_on_nothing_is_said_to_be_right(kind: str) -> None:
    answers = {f"get {one}": NO_RIGHT if one == kind else Result(0, '{"items": []}') for one in (*KINDS, "events")}
    answers["get deployments.apps,"] = NO_RIGHT
    with pytest.raises(UserError, match=f"may not list {kind.partition('.')[0]}") as told:
        diagnose.take_snapshot(kubectl(Scripted(dict(sorted(answers.items(), reverse=True)))), "chatbot-dev")
    assert "lacks that right" in told.value.hint


def test_a_cluster_that_does_not_answer_is_a_problem_for_the_caller() -> None:
    with pytest.raises(UserError, match="kubectl get"):
        diagnose.take_snapshot(kubectl(Scripted({})), "chatbot-dev")


@pytest.mark.slow
def test_a_namespace_that_ends_is_the_one_that_the_message_names() -> None:
    """A chart may have some in others than the release's."""
    said = 'deployments.apps "a" is forbidden: unable to create new content{} because it is being terminated'
    for place, name in ((" in namespace own-back", "own-back"), ("", "own")):
        found = diagnose.explain_failure(said.format(place), {"program": "helm", "namespace": "own", "release": "own"})
        assert found and f"namespace {name} is being deleted" in found.title and f"namespace {name} " in found.command


def test_it_is_said_how_many_workloads_were_not_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from types import SimpleNamespace

    from scripts.diagnose import examine
    from scripts.kube.workloads import Workload
    from scripts.pipeline import live
    from scripts.tasks import support

    asked: list[tuple[str, str]] = []
    own = [Workload("StatefulSet", "ns", "store", {}), Workload("Job", "other", "seed", {})]
    monkeypatch.setattr(
        examine,
        "diagnose_workloads",
        lambda session, wanted, _: asked.extend((w.namespace, w.name) for w in wanted) or [],
    )
    monkeypatch.setattr(examine, "workload_names", lambda session: ["backend"])
    monkeypatch.setattr(live, "released", lambda session: SimpleNamespace(workloads=own))
    items: list[Any] = [{"metadata": {"name": name}} for name in ("backend", "store", "stranger", "batch")]
    items.append({"metadata": {"name": "stranger-1", "ownerReferences": [{"kind": "StatefulSet", "name": "stranger"}]}})
    kubectl = SimpleNamespace(visible=lambda kinds, namespace: (items, []))
    session: Any = SimpleNamespace(kubectl=kubectl, settings=SimpleNamespace(release=SimpleNamespace(namespace="ns")))
    support.show_diagnosis(session, "", as_json=False)
    assert "not looked at: 2 of the namespace's workloads (batch, stranger)" in capsys.readouterr().out
    assert asked == [("ns", "backend"), ("ns", "store"), ("other", "seed")], "all that the release has"
    items[:] = items[:1]
    support.show_diagnosis(session, "", as_json=False)
    assert "not looked at" not in capsys.readouterr().out


def test_what_only_was_left_of_a_whole_workload_is_told_and_ends_with_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from types import SimpleNamespace

    from invoke import Exit

    from scripts.diagnose import examine
    from scripts.release import operate
    from scripts.tasks import support

    one = diagnose.Finding("evicted", "backend", "pod/b-1", "evicted", "", (), "delete it", "", False, 0, served=True)
    found = [one]
    monkeypatch.setattr(examine, "diagnose_workloads", lambda session, wanted, on_snapshot: found)
    monkeypatch.setattr(examine, "unexamined", lambda session, names: [])
    monkeypatch.setattr(operate, "deployment_name", lambda session, service: service)
    session: Any = SimpleNamespace(settings=SimpleNamespace(release=SimpleNamespace(namespace="ns")))
    support.show_diagnosis(session, "backend", as_json=False)
    assert "a warning: others have taken its place" in capsys.readouterr().out
    found.append(replace(one, served=False))
    with pytest.raises(Exit):
        support.show_diagnosis(session, "backend", as_json=False)
