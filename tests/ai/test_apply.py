# ruff: noqa: E501 tables are read along their lines
"""A change: tried on the server, shown, approved, made with few rights, proved, or undone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.ai import access, answers, apply, consult, recipes
from scripts.ai import change as change_flow
from scripts.ai.commands import ServedKinds, judge
from scripts.ai.consult import Connection
from scripts.errors import UserError
from scripts.host.paths import ROOT

NAMESPACE = "chatbot-dev"
SERVED = ServedKinds.default(NAMESPACE)
Maker = Callable[..., Connection]
Calls = Callable[[], list[dict[str, Any]]]
BACKEND = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "backend", "uid": "1", "resourceVersion": "7", "labels": {}},
    "spec": {"replicas": 2},
    "status": {"readyReplicas": 2},
}
SCALE = "```sh\nkubectl scale deployment/backend --replicas=4\n```"
TRIED = {"starts": "scale", "has": ["--dry-run=server"], "out": json.dumps(BACKEND | {"spec": {"replicas": 4}})}
PATCHED = {"starts": "patch", "has": ["--dry-run=server"], "out": json.dumps(BACKEND)}
DIFF = {"starts": "diff --filename", "out": "-  replicas: 2\n+  replicas: 4\n", "code": 1}


def change(
    connection: Connection,
    text: str,
    *,
    approve: bool = True,
    prove: Callable[[Sequence[str]], None] = lambda names: None,
    shown: list[str] | None = None,
) -> bool:
    answer = answers.read(text, SERVED)
    steps = apply.plan(answer.commands, answer.manifests, NAMESPACE)
    limited = replace(connection.kubectl, kubeconfig=Path("/limited"))
    lines = shown if shown is not None else []
    return apply.carry_out(
        connection.kubectl, limited, NAMESPACE, steps, show=lines.append, approve=lambda: approve, prove=prove
    )


def verbs(calls: Calls) -> list[str]:
    return [call["words"][0] + (" (dry)" if "--dry-run=server" in call["words"] else "") for call in calls()]


def test_a_change_is_tried_shown_made_and_proved(make_desk: Maker, calls: Calls) -> None:
    proved: list[str] = []
    shown: list[str] = []
    connection = make_desk({"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF])
    assert change(connection, SCALE, prove=proved.extend, shown=shown)
    assert verbs(calls) == ["get", "scale (dry)", "diff", "scale"]
    assert "+  replicas: 4" in shown[0] and proved == ["backend"]
    assert [call["kubeconfig"] for call in calls()][1:] == ["/limited"] * 3


def test_what_is_diffed_is_bare_of_what_the_server_keeps(make_desk: Maker, calls: Calls) -> None:
    change(make_desk({"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF]), SCALE)
    body = json.loads(next(call["stdin"] for call in calls() if call["words"][0] == "diff"))
    assert body["spec"] == {"replicas": 4} and body["metadata"] == {"name": "backend", "labels": {}}


def test_nothing_happens_without_approval(make_desk: Maker, calls: Calls) -> None:
    assert not change(make_desk({"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF]), SCALE, approve=False)
    assert verbs(calls) == ["get", "scale (dry)", "diff"]


def test_a_change_that_the_server_refuses_is_not_made(make_desk: Maker, calls: Calls) -> None:
    refused = {"starts": "scale", "err": "forbidden: exceeded quota", "code": 1}
    with pytest.raises(UserError, match="refuses the change: forbidden: exceeded quota"):
        change(make_desk({"items": [BACKEND], "logs": {}}, answers=[refused]), SCALE)
    assert verbs(calls) == ["get", "scale (dry)"]


def test_a_change_that_cannot_be_proved_is_undone(make_desk: Maker, calls: Calls) -> None:
    def prove(names: Sequence[str]) -> None:
        raise UserError("backend does not become ready", "see: invoke diagnose")

    connection = make_desk({"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF])
    with pytest.raises(UserError, match=r"does not become ready\nthe change was undone"):
        change(connection, SCALE, prove=prove)
    last = calls()[-1]
    assert last["words"][0] == "replace" and json.loads(last["stdin"])["spec"] == {"replicas": 2}
    assert last["kubeconfig"] != "/limited"  # the rights to undo are the user's own


def test_an_interrupt_undoes_too(make_desk: Maker, calls: Calls) -> None:
    def prove(names: Sequence[str]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        change(make_desk({"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF]), SCALE, prove=prove)
    assert calls()[-1]["words"][0] == "replace"


CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"a": "b"}}
MANIFEST = f"```json\n{json.dumps(CONFIG)}\n```"


def test_what_was_not_there_is_removed_again(make_desk: Maker, calls: Calls) -> None:
    failing = {"starts": "apply --server-side --field-manager=todo-ai --namespace chatbot-dev --filename -", "code": 1}
    tried = {"starts": "apply", "has": ["--dry-run=server"], "out": json.dumps(CONFIG)}
    with pytest.raises(UserError, match="the change was undone"):
        change(make_desk(answers=[tried, failing]), MANIFEST)
    assert calls()[-1]["words"][:2] == ["delete", "configmap/extra"]


def test_a_manifest_does_not_take_over_what_helm_keeps(make_desk: Maker, calls: Calls) -> None:
    held = CONFIG | {"metadata": {"name": "extra", "labels": {"app.kubernetes.io/managed-by": "Helm"}}}
    with pytest.raises(UserError, match="belongs to a helm release"):
        change(make_desk({"items": [held], "logs": {}}), MANIFEST)
    assert verbs(calls) == ["get"]


def test_a_new_autoscaler_is_what_is_undone(make_desk: Maker) -> None:
    answer = answers.read("`kubectl autoscale deployment/backend --min=2 --max=4`", SERVED)
    (step,) = apply.plan(answer.commands, (), NAMESPACE)
    assert step.target == "horizontalpodautoscaler/backend"
    assert apply.deployment_of(step, [apply.Before(step.target, None)]) == "backend"


def test_a_kubeconfig_of_least_rights_is_private_and_short_lived(make_desk: Maker, calls: Calls) -> None:
    connection = make_desk()
    with access.kubeconfig(connection.kubectl, NAMESPACE, ROOT, "writer") as file:
        held = json.loads(file.read_text())
        assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    assert not file.exists()
    assert held["users"] == [{"name": "todo-ai-writer", "user": {"token": "a.token.of.the.tests"}}]
    assert "YWRtaW4=" not in json.dumps(held)
    token = next(call["words"] for call in calls() if call["words"][0] == "create")
    assert token == ["create", "token", "todo-ai-writer", "--namespace", NAMESPACE, "--duration", "15m"]


@pytest.mark.parametrize("words", ["forbidden", "the server could not find the requested resource"])
def test_no_token_no_access(make_desk: Maker, words: str) -> None:
    connection = make_desk(answers=[{"starts": "create token", "err": words, "code": 1}])
    with (
        pytest.raises(UserError, match="no token for todo-ai-reader"),
        access.kubeconfig(connection.kubectl, NAMESPACE, ROOT, "reader"),
    ):
        pass


def test_the_account_is_made_where_it_is_not_as_the_file_says(make_desk: Maker, calls: Calls) -> None:
    connection = make_desk(answers=[{"starts": "diff", "code": 1}])
    with access.kubeconfig(connection.kubectl, NAMESPACE, ROOT, "reader"):
        pass
    made = next(call["words"] for call in calls() if call["words"][0] == "apply")
    assert made[-1].endswith("ai/access/reader.yaml")


LOOK = {"get", "list", "watch"}


@pytest.mark.parametrize(
    ("rights", "verbs_allowed"), [("reader", LOOK), ("writer", LOOK | {"create", "patch", "update"})]
)
def test_the_rights_are_few(rights: str, verbs_allowed: set[str]) -> None:
    import yaml

    objects = list(yaml.safe_load_all((ROOT / f"ai/access/{rights}.yaml").read_text()))
    assert [item["kind"] for item in objects] == ["ServiceAccount", "Role", "RoleBinding"]
    assert objects[0]["metadata"]["name"] == access.account(rights)  # type: ignore[arg-type]
    for rule in objects[1]["rules"]:
        assert set(rule["verbs"]) <= verbs_allowed
        assert not {"secrets", "*", "pods/exec", "roles", "rolebindings", "serviceaccounts/token"} & set(
            rule["resources"]
        )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kubectl scale deployment/backend --replicas=0", "0 replicas stop every one of its pods"),
        ("kubectl scale deployment/backend --replicas 0", "0 replicas"),
        ("kubectl scale deployment/backend --replicas=3 --replicas 0", "0 replicas"),
        ("kubectl scale deployment/backend --replicas=00", "0 replicas"),
        ("kubectl scale deployment/backend --replicas=0x0", "0 replicas"),
        ("kubectl scale deployment/backend --replicas=0_0", "0 replicas"),
        ("kubectl scale deployment/backend --replicas=-0", "0 replicas"),
        ("kubectl -n chatbot-dev scale deployment/backend --replicas=0", "0 replicas"),
        ("kubectl -n chatbot-dev patch deployment/backend -p 'spec: {replicas: 0}'", "0 replicas"),
        ("kubectl patch deployment/backend --patch='spec: {replicas: 0o0}'", "0 replicas"),
        ("kubectl patch deployment/backend --subresource=scale --type=merge -p 'spec: {replicas: 0}'", "0 replicas"),
        ("kubectl -n chatbot-dev set image deployment/backend backend=evil.example/x:1", "comes from evil.example"),
        ("kubectl set image deployment/backend '*=evil.example/x:1'", "comes from evil.example"),
        ("kubectl set image deployment/backend backend=registry.example:5000evil/x:1", "not the release's"),
        ("kubectl set image deployment/backend backend=localhost/x:1", "comes from localhost"),
        ("kubectl set image deployment/backend backend=evil.example/x:1", "comes from evil.example"),
        ("kubectl set image deployment/backend backend=todo/backend:latest", "whatever stands at its tag"),
        ("kubectl set image deployment/backend backend=todo/backend", "whatever stands at its tag"),
        (
            "kubectl patch deploy/backend --patch '{spec: {template: {spec: {containers: [{image: \"a.io/x:1\"}]}}}}'",
            "comes from a.io",
        ),
        ('kubectl patch deploy backend -p \'{"spec":{"replicas":0}}\'', "0 replicas"),
        (
            'kubectl patch deploy backend --type=json -p \'[{"op":"replace","path":"","value":{"spec":{"replicas":0}}}]\'',
            "0 replicas",
        ),
        (
            "kubectl patch deploy backend --type=json "
            '-p=\'[{"op":"test","path":"/x"},{"op":"replace","path":"/spec/replicas","value":0}]\'',
            "0 replicas",
        ),
        (
            "kubectl patch deploy backend -p '{spec: {template: {spec: {volumes: [{name: v, image: {reference: a.io/x:1}}]}}}}'",
            "comes from a.io",
        ),
        (
            "kubectl patch deploy backend --type json "
            '-p \'[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"a.io/x:1"}]\'',
            "comes from a.io",
        ),
    ],
)
def test_what_is_dangerous_is_named_as_what_it_is(line: str, words: str) -> None:
    steps = apply.plan(answers.read(f"`{line}`", SERVED).commands, (), NAMESPACE)
    assert words in " ".join(apply.dangers(steps, "registry.example:5000"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kubectl scale deploy/database --replicas=2", True),
        ("kubectl scale deploy/database --replicas=02", True),  # kubectl reads it in base 8
        ("kubectl scale deployment database --replicas=1", False),
        ("kubectl autoscale deployment database --min=1 --max=3", True),
        ('kubectl patch deployment database -p \'{"spec": {"replicas": 2}}\'', True),
        ("kubectl scale deployment backend --replicas=2", False),
    ],
)
def test_several_pods_on_one_volume_need_a_yes_that_is_typed(line: str, told: bool) -> None:
    found = " ".join(apply.dangers(apply.plan([_judged(line)], (), NAMESPACE), "", (), ["database"]))
    assert ("several pods would write into one volume" in found) == told


def test_an_image_without_a_registry_is_the_releases_or_named() -> None:
    known = {"todo-chatbot/backend"}

    def said(image: str, registry: str = "") -> str:
        line = f"kubectl set image deployment/backend backend={image}"
        return " ".join(apply.dangers(apply.plan([_judged(line)], (), NAMESPACE), registry, known))

    assert said("todo-chatbot/backend:2") == said("todo-chatbot/backend@sha256:" + "a" * 64) == ""
    assert "comes from Docker's registry" in said("evil/backend:2") and "Docker's registry" in said("backend:2")
    assert said("ghcr.io/mine/x:1", "ghcr.io/mine") == ""
    assert "not out of the release's ghcr.io/mine" in said("ghcr.io/mine-evil/x:1", "ghcr.io/mine")


def _judged(line: str) -> Any:
    return answers.judge_line(line, SERVED)


@pytest.mark.parametrize(
    ("patch", "word"),
    [
        ("spec: {template: {spec: {containers: [{name: b, ports: [{hostPort: 1}]}]}}}", "hostPort"),
        ("spec: {template: {spec: {securityContext: {runAsUser: 0}}}}", "runAsUser"),
        ("spec: {template: {spec: {securityContext: {runAsNonRoot: false}}}}", "runAsNonRoot"),
        ("spec: {template: {spec: {securityContext: {seccompProfile: {type: Unconfined}}}}}", "type"),
        ("spec: {template: {spec: {automountServiceAccountToken: true}}}", "automountServiceAccountToken"),
        ("spec: {template: {spec: {volumes: [{name: a, projected: {sources: [{secret: {name: x}}]}}]}}}", "secret"),
        ("spec: {template: {spec: {nodeName: n1}}}", "nodeName"),
        ('[{"op":"copy","from":"/spec/minReadySeconds","path":"/spec/replicas"}]', "copy in a JSON patch"),
        ('[{"op":"move","from":"/metadata/annotations/a","path":"/spec/x"}]', "move in a JSON patch"),
        ('[{"path":"/spec/x"}]', "in a JSON patch"),
        ("metadata: {ownerReferences: [{apiVersion: v1, kind: Pod, name: x, uid: u}]}", "ownerReferences"),
        ("metadata: {finalizers: [x/y]}", "finalizers"),
        ("spec: {template: {spec: {containers: [{name: b, $patch: delete}]}}}", "patch is not for an answer"),
        ("spec: {template: {spec: {containers: [{name: b, securityContext: null}]}}}", "securityContext is a bound"),
        ("spec: {template: {spec: {securityContext: {}}}}", "securityContext is a bound"),
        ("spec: {template: {spec: {securityContext: {runAsNonRoot: null}}}}", "runAsNonRoot is a bound"),
        ("spec: {template: {spec: {securityContext: {runAsUser: 0.0}}}}", "runAsUser is a bound"),
        (
            "spec: {template: {spec: {containers: [{name: b, securityContext: {readOnlyRootFilesystem: false}}]}}}",
            "is a bound",
        ),
        (
            "spec: {template: {spec: {containers: [{name: b, securityContext: {capabilities: {drop: []}}}]}}}",
            "drop is a bound",
        ),
        (
            '{"spec":{"template":{"spec":{"containers":[{"name":"b","securityContext":{"capabilities":'
            '{"$deleteFromPrimitiveList/drop":["ALL"]}}}]}}}}',
            "deleteFromPrimitiveList/drop is not for",
        ),
        ('[{"op":"remove","path":"/spec/template/spec/containers/0/securityContext"}]', "securityContext is a bound"),
        ('[{"op":"replace","path":"","value":{"spec":{"template":{"spec":{"hostNetwork":true}}}}}]', "hostNetwork"),
        ("spec: {template: {spec: {volumes: [{name: v, nfs: {server: x, path: /}}]}}}", "nfs is not for"),
        ("a: b\n---\nspec: {replicas: 0}", "cannot be read"),
        ("{", "cannot be read"),
        ("just words", "cannot be read"),
        ('{"spec":{"template":{"spec":{"hostNetwork":true}}}}', "hostNetwork"),
        ("spec: {template: {spec: {volumes: [{name: a, hostPath: {path: /}}]}}}", "hostPath"),
        ("spec: {template: {spec: {containers: [{name: b, securityContext: {privileged: true}}]}}}", "privileged"),
        (
            '[{"op":"add","path":"/spec/template/spec/serviceAccountName","value":"todo-ai-writer"}]',
            "serviceAccountName",
        ),
        (
            '[{"op":"add","path":"/spec/template/spec/containers/0/envFrom","value":[{"secretRef":{"name":"x"}}]}]',
            "secret",
        ),
        ("spec: {type: LoadBalancer}", "type"),
        ("spec: {template: {spec: {containers: [{name: b, resources: null}]}}}", "resources is a bound"),
        (
            "spec: {template: {spec: {containers: [{name: b, resources: {limits: {memory: null}}}]}}}",
            "limits is a bound",
        ),
        (
            "spec: {template: {spec: {containers: [{name: b, resources: {limits: {memory: 0Mi}}}]}}}",
            "limits is a bound",
        ),
        ('[{"op":"remove","path":"/spec/template/spec/containers/0/resources/limits"}]', "limits is a bound"),
    ],
)
def test_a_patch_gives_no_more_power_than_a_manifest_may(patch: str, word: str) -> None:
    verdict = judge(["kubectl", "patch", "deployment", "backend", "-p", patch], SERVED)
    with pytest.raises(UserError, match=word):
        apply.plan([verdict], (), NAMESPACE)
    elsewhere = judge(["kubectl", "-n", NAMESPACE, "patch", "deployment", "backend", "-p", patch], SERVED)
    with pytest.raises(UserError, match=word):
        apply.plan([elsewhere], (), NAMESPACE)


@pytest.mark.parametrize("limits", ["memory=0", "cpu=1,memory=0Mi", "memory="])
def test_a_flag_takes_no_limit_away_either(limits: str) -> None:
    with pytest.raises(UserError, match="limits is a bound"):
        apply.plan([_judged(f"kubectl set resources deployment/backend --limits={limits}")], (), NAMESPACE)
    apply.plan([_judged("kubectl set resources deployment/backend --limits=memory=1Gi,cpu=0.5")], (), NAMESPACE)


@pytest.mark.parametrize(
    "line",
    [
        "kubectl scale deployment backend frontend --replicas=3",
        "kubectl scale deployment/backend deployment/frontend --replicas=3",
        "kubectl scale deployments,statefulsets backend --replicas=3",
        "kubectl rollout restart deployment backend frontend",
        "kubectl set image deployment backend frontend '*=todo-chatbot/x:1'",
        "kubectl patch deployment backend frontend -p 'spec: {paused: true}'",
    ],
)
def test_one_command_changes_one_object(line: str) -> None:
    """What is not looked at before could not be brought back."""
    with pytest.raises(UserError, match="one object at a time"):
        apply.plan([_judged(line)], (), NAMESPACE)


def test_a_manifest_does_not_decide_what_is_deleted() -> None:
    meta = {"name": "x", "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u"}]}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    (manifest,) = answers.read(f"```json\n{json.dumps(body)}\n```", SERVED).manifests
    assert "ownerReferences" in manifest.problem


@pytest.mark.parametrize(
    "patch",
    [
        "spec: {replicas: 2}",
        "spec: {template: {spec: {containers: [{name: b, resources: {limits: {memory: 1Gi, cpu: 0.5}}}]}}}",
        "spec: {template: {metadata: {annotations: {secret: none, add: x}}}}",
        '[{"op":"test","path":"/spec/replicas","value":2},{"op":"replace","path":"/spec/replicas","value":3}]',
        '[{"op":"remove","path":"/spec/template/metadata/annotations/a~1b"}]',
        "spec: {template: {spec: {securityContext: {runAsNonRoot: true, runAsUser: 10001}}}}",
    ],
)
def test_a_harmless_patch_is_a_step(patch: str) -> None:
    harmless = judge(["kubectl", "patch", "deployment", "backend", "-p", patch], SERVED)
    assert len(apply.plan([harmless], (), NAMESPACE)) == 1


@pytest.mark.parametrize(
    ("pod", "word"),
    [
        ({"volumes": [{"name": "a", "secret": {"secretName": "api-keys"}}]}, "secret"),
        ({"volumes": [{"name": "a", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}, "Token"),
        ({"automountServiceAccountToken": True}, "automountServiceAccountToken"),
        ({"serviceAccount": "todo-ai-writer"}, "serviceAccount"),
        ({"containers": [{"name": "a", "image": "x:1", "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]}, "secretKeyRef"),
        ({"containers": [{"name": "a", "image": "x:1", "securityContext": {"allowPrivilegeEscalation": True}}]}, "allowPrivilegeEscalation"),
        ({"containers": [{"name": "a", "image": "x:1", "ports": [{"hostPort": 80}]}]}, "hostPort"),
    ],
)  # fmt: skip
def test_a_manifest_gives_no_more_power_than_a_patch_may(pod: dict[str, Any], word: str) -> None:
    spec = {"containers": [{"name": "a", "image": "x:1"}]} | pod
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": spec}},
    }
    (manifest,) = answers.read(f"```json\n{json.dumps(body)}\n```", SERVED).manifests
    assert word in manifest.problem


def test_an_image_of_the_own_registry_with_a_version_is_no_danger() -> None:
    line = "kubectl set image deployment/backend backend=registry.example:5000/todo/backend:1.2"
    steps = apply.plan(answers.read(f"`{line}`", SERVED).commands, (), NAMESPACE)
    assert apply.dangers(steps, "registry.example:5000") == []


@pytest.fixture
def at_work(make_desk: Maker, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, Any]]:
    """A session and its connection, with nobody else at work."""

    def make(answer: str | None, **more: Any) -> tuple[Any, Any]:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: answer is not None))
        monkeypatch.setattr("builtins.input", lambda prompt: answer)
        monkeypatch.setattr(change_flow, "hold_release_lock", lambda session: nullcontext())
        connection = make_desk(**more)
        return SimpleNamespace(settings=connection.settings, shell=connection.kubectl.shell), connection

    return make


TO_ZERO = answers.judge_line("kubectl scale deployment/backend --replicas=0", SERVED)


def test_in_a_conversation_a_yes_makes_the_change_with_the_writers_rights(at_work: Any, calls: Calls) -> None:
    shown: list[str] = []
    session, connection = at_work("yes", state={"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF])
    said = change_flow.at_the_terminal(session, connection, shown.append)(TO_ZERO)
    assert said.startswith("Done: kubectl scale") and "careful: deployment/backend: 0 replicas" in "\n".join(shown)
    assert [call for call in calls() if call["words"][0] == "scale" and "--dry-run=server" not in call["words"]]


def test_what_the_model_writes_cannot_pass_for_our_own_words_on_the_terminal(at_work: Any) -> None:
    """A command of many lines, and an image whose name would erase the warning about it."""
    shown: list[str] = []
    session, connection = at_work("no", state={"items": [BACKEND], "logs": {}}, answers=[PATCHED, DIFF])
    body = r'{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"evil.example/x\u001b[2K\u001b[1A:1"}]}}}}'
    patch = f"{body}\n# no difference\n# careful: nothing"
    line = f"kubectl patch deployment backend -p '{patch}'"
    change_flow.at_the_terminal(session, connection, shown.append)(answers.judge_line(line, SERVED))
    assert "\n  | # careful: nothing" in shown[0]
    assert not any("\x1b" in text or text.startswith("# careful") for text in shown)
    assert any(text.startswith("careful: deployment/backend: the image evil.example/x:1") for text in shown)


@pytest.mark.parametrize(("answer", "words"), [("no", "the person said no"), (None, "no person at a terminal")])
def test_in_a_conversation_nothing_is_changed_without_a_yes(
    at_work: Any, calls: Calls, answer: str | None, words: str
) -> None:
    session, connection = at_work(answer, state={"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF])
    assert words in change_flow.at_the_terminal(session, connection, lambda line: None)(TO_ZERO)
    assert not [call for call in calls() if call["words"][0] == "scale" and "--dry-run=server" not in call["words"]]


@pytest.mark.parametrize(
    ("asked", "proposed", "done"),
    [
        ("todo-chatbot/echo:1", "todo-chatbot/echo:1", True),
        ("mine/echo:1", "mine/echo:1", True),  # of no registry, and asked for by name
        ("mine/echo:1", "evil/echo:1", False),  # the model's own idea
        ("evil.example/echo:1", "evil.example/echo:1", False),
        ("mine/echo:latest", "mine/echo:latest", False),
    ],
)
def test_yes_on_the_command_line_is_enough_for_the_image_that_was_asked_for(
    at_work: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch, asked: str, proposed: str, done: bool
) -> None:
    monkeypatch.setattr(change_flow, "prove", lambda session, names: None)
    spec = {"replicas": 1, "template": {"spec": {"containers": [{"name": "echo", "image": proposed}]}}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "echo"}, "spec": spec}
    tried = {"starts": "apply", "has": ["--dry-run=server"], "out": json.dumps(body)}
    session, connection = at_work(None, state={"items": [BACKEND], "logs": {}}, answers=[tried, DIFF])
    answer = answers.read(f"```json\n{json.dumps(body)}\n```", SERVED)
    found = consult.Consultation(recipes.pick(ROOT, "deploy"), {"name": "echo", "image": asked}, "api", answer)
    if done:
        assert change_flow.apply_answer(session, connection, found, yes=True, show=lambda line: None)
    else:
        with pytest.raises(UserError, match="nothing was changed"):
            change_flow.apply_answer(session, connection, found, yes=True, show=lambda line: None)
    made = [call for call in calls() if call["words"][0] == "apply" and "--dry-run=server" not in call["words"]]
    assert bool([call for call in made if "echo" in call["stdin"]]) is done


def test_yes_on_the_command_line_is_not_enough_for_what_is_dangerous(at_work: Any, calls: Calls) -> None:
    session, connection = at_work(None, state={"items": [BACKEND], "logs": {}}, answers=[TRIED, DIFF])
    answer = answers.read("`kubectl scale deployment/backend --replicas=0`", SERVED)
    recipe = recipes.pick(ROOT, "scale")
    found = consult.Consultation(recipe, {}, "api", answer)
    with pytest.raises(UserError) as raised:
        change_flow.apply_answer(session, connection, found, yes=True, show=lambda line: None)
    assert "a yes that is typed" in raised.value.hint
    assert not [call for call in calls() if call["words"][0] == "scale" and "--dry-run=server" not in call["words"]]
