"""The table of what runs tells a drift of replicas as one, and takes an autoscaler's number for what it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import yaml

from scripts.diagnose import Finding, examine
from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.host.shell import CommandError, Result
from scripts.kube import objects
from scripts.kube.kubectl import Unanswered
from scripts.kube.workloads import Workload
from scripts.pipeline import live
from scripts.pipeline.live import Live
from scripts.release import operate
from scripts.secrets import sync, versions

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def deployment(replicas: int, ready: int) -> dict[str, Any]:
    template = {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "backend", "image": "todo/backend:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "backend"}}, "template": template}
    metadata = {"name": "backend", "namespace": "shop"}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": {"readyReplicas": ready}}


@pytest.mark.parametrize(
    ("live", "released", "shown"),
    [
        (2, {"backend": 2}, "2/2"),
        (1, {"backend": 2}, "1/1 (release: 2)"),
        (3, {}, "3/3"),
        (0, {"backend": 2}, "0/0 (release: 2)"),
    ],
)
def test_another_number_of_pods_than_the_releases_is_shown_as_a_drift(
    live: int, released: dict[str, int], shown: str
) -> None:
    (_, row) = operate.status_rows([deployment(live, live)], NOW, released)
    assert row[:2] == ("backend", shown)


def test_a_chart_of_ones_own_is_shown_whatever_serves_and_wherever_it_is() -> None:
    store = deployment(1, 1) | {"kind": "StatefulSet", "metadata": {"name": "store", "namespace": "data"}}
    agents = deployment(9, 9) | {"kind": "DaemonSet", "metadata": {"name": "agents", "namespace": "shop"}}
    agents["status"] = {"numberReady": 2, "desiredNumberScheduled": 3}
    _, *rows = operate.status_rows([store, agents], NOW, {"store": 5}, "shop")
    assert [row[:2] for row in rows] == [("daemonset/agents", "2/3"), ("data/statefulset/store", "1/1")]


def test_all_namespaces_of_a_chart_of_ones_own_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def items(kinds: str, namespace: str) -> list[Any]:
        asked.append((kinds, namespace))
        return []

    release = SimpleNamespace(namespace="shop", has_library=False)
    kubectl = SimpleNamespace(items=items, visible=lambda *words: (items(*words), []), now=objects.now)
    session: Any = SimpleNamespace(kubectl=kubectl, settings=SimpleNamespace(release=release))
    found = Live(workloads=(Workload("StatefulSet", "data", "store", {}), Workload("Job", "shop", "load", {})))
    other = versions.Outdated("statefulset", "data", "store", "", frozenset({"auth"}))
    monkeypatch.setattr(operate.live, "released", lambda session: found)
    monkeypatch.setattr(operate.live, "started_otherwise", lambda session, workloads: [other])
    _, told = operate.status(session)
    assert told == ["statefulset/store: its pods were started with another state of auth; a deploy replaces them"]
    assert asked == [(kinds, place) for kinds in {asked[0][0]} for place in ("shop", "data")]
    assert "statefulsets" in asked[0][0] and "daemonsets" in asked[0][0]


def restricted(hidden: Sequence[str], there: Sequence[Any], record: Any = None) -> Any:
    """A session of an account that may not list some kinds."""

    def visible(kinds: str, namespace: str) -> tuple[list[Any], list[str]]:
        return [item for item in there if f"{item['kind'].lower()}s" not in hidden], list(hidden)

    def items(kinds: str, namespace: str, *words: str) -> list[Any]:
        for kind in hidden:
            if kind in kinds:
                said = f'Error from server (Forbidden): {kind} is forbidden: User "eve" cannot list resource "{kind}"'
                raise Unanswered(f"kubectl get {kinds}: {said}")
        return []

    release = SimpleNamespace(namespace="shop", name="todo")
    settings = SimpleNamespace(release=release, database_release=SimpleNamespace(name="database"))
    kubectl = SimpleNamespace(visible=visible, items=items, named=lambda *words: [], now=objects.now)
    return SimpleNamespace(kubectl=kubectl, settings=settings, shell=SimpleNamespace(dry=False))


def test_who_may_not_list_secrets_sees_what_runs_and_is_told_what_cannot_be_told() -> None:
    """As with Kubernetes' own role `view`, which is given to most people who look on."""
    rows, told = operate.status(restricted(["secrets"], [deployment(2, 2)]))
    assert [row[:2] for row in rows[1:]] == [("backend", "2/2")]
    assert any(
        "what is not as the release says cannot be told" in line and "secrets is forbidden" in line for line in told
    )


def test_a_kind_that_may_not_be_listed_is_named_and_its_objects_are_not_called_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = tuple(Workload(kind, "shop", name, {}) for kind, name in (("Deployment", "web"), ("StatefulSet", "store")))
    monkeypatch.setattr(live, "released", lambda session: Live({}, wanted))
    rows, told = operate.status(restricted(["pods", "statefulsets"], [deployment(2, 2)]))
    assert rows[1][:4] == ("backend", "2/2", "?", "?")  # neither "0 restarts" nor "no pod"
    assert [row[:2] for row in rows[2:]] == [("web", "deleted; a deploy makes it again")]
    assert told == ["not looked at: pods, statefulsets, which this account may not list"]


def test_who_may_list_nothing_that_serves_gets_no_empty_table() -> None:
    with pytest.raises(UserError, match=r"may not list deployments, statefulsets, daemonsets in shop") as refused:
        operate.status(restricted(["deployments", "statefulsets", "daemonsets"], []))
    assert "lacks that right" in refused.value.hint


def test_what_a_removal_takes_along_is_named_whole_and_what_nobody_here_made_as_such() -> None:
    def item(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
        return {"kind": kind, "metadata": {"name": name, **metadata}}

    def packed(release: dict[str, Any]) -> str:
        return base64.b64encode(base64.b64encode(json.dumps(release).encode())).decode()

    def helms(release: str) -> dict[str, Any]:
        note = {"meta.helm.sh/release-name": release}
        return {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": note}

    there = [
        item("Deployment", "backend", **helms("todo")),
        item("Secret", "sh.helm.release.v1.todo.v1", labels={"owner": "helm", "name": "todo"})
        | {"data": {"release": packed({"hooks": [{"kind": "Job", "name": "migrate"}]})}},
        item("Job", "migrate", labels={"app.kubernetes.io/managed-by": "Helm"}),
        item("Job", "of-another-chart", labels={"app.kubernetes.io/managed-by": "Helm"}),
        item("StatefulSet", "redis", **helms("redis")),
        item("StatefulSet", "store", **helms("todo")),
        item("PersistentVolumeClaim", "data-store-0"),
        item("PersistentVolumeClaim", "data-redis-0"),
        item("Secret", "sh.helm.release.v1.redis.v1", labels={"owner": "helm", "name": "redis"})
        | {"data": {"release": packed({"hooks": [{"kind": "Job", "name": "of-another-chart"}]})}},
        item("Pod", "a-persons"),
        item("ServiceAccount", "default"),
        item("NetworkPolicy", "default"),
        *yaml.safe_load_all((ROOT / "ai/access/reader.yaml").read_text()),
        item("ResourceQuota", "todo-chatbot"),  # of config/namespace.yaml
        item("ResourceQuota", "a-persons"),
        item("Secret", "auth", labels={"app.kubernetes.io/managed-by": "todo-chatbot"}),
        item("ConfigMap", "kube-root-ca.crt"),
        item("StatefulSet", "my-own-store"),
        item("Job", "of-a-cronjob", ownerReferences=[{"kind": "CronJob", "name": "nightly"}]),
    ]
    asked: list[str] = []
    served = Result(0, "configmaps\nevents\nendpoints\npods\ncertificates.cert-manager.io\n", "")
    kubectl = SimpleNamespace(
        ask=lambda *words: served, visible=lambda kinds, namespace: (asked.append(kinds) or there, []), now=objects.now
    )
    own = SimpleNamespace(name="todo", namespace="shop")
    settings = SimpleNamespace(release=own, database_release=SimpleNamespace(name="database"), root=ROOT)
    session: Any = SimpleNamespace(kubectl=kubectl, settings=settings)
    assert operate.objects_to_delete(session) == [
        "namespace/shop", "deployment/backend", "secret/sh.helm.release.v1.todo.v1",
        "job/migrate", "job/of-another-chart (made by somebody else)",
        "statefulset/redis (made by somebody else)", "statefulset/store", "persistentvolumeclaim/data-store-0",
        "persistentvolumeclaim/data-redis-0 (made by somebody else)",
        "secret/sh.helm.release.v1.redis.v1 (made by somebody else)",
        "pod/a-persons (made by somebody else)", "serviceaccount/default",
        "networkpolicy/default (made by somebody else)",
        "serviceaccount/todo-ai-reader", "role/todo-ai-reader", "rolebinding/todo-ai-reader",
        "resourcequota/todo-chatbot", "resourcequota/a-persons (made by somebody else)",
        "secret/auth",
        "configmap/kube-root-ca.crt", "statefulset/my-own-store (made by somebody else)",
    ]  # fmt: skip
    assert asked == ["configmaps,pods,certificates.cert-manager.io"]  # whatever this cluster serves
    served = Result(1, "pods\n", "error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1")
    with pytest.raises(Unanswered, match=r"kubectl api-resources .*: error: unable to retrieve the complete list"):
        operate.objects_to_delete(session)


@pytest.mark.parametrize("shared", [True, False])
def test_what_somebody_else_put_into_the_namespace_outlives_the_app(
    monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    """A namespace is more than the app's: what nobody was asked about is not deleted, with --yes neither."""
    monkeypatch.setattr(operate, "hold_release_lock", lambda session: nullcontext())
    ours = {"app.kubernetes.io/managed-by": "todo-chatbot"}
    left = [
        {"kind": "Secret", "metadata": {"name": "auth", "labels": ours}},
        {"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}},
    ]
    theirs = {"kind": "PersistentVolumeClaim", "metadata": {"name": "photos"}}
    told: list[str] = []
    kubectl = SimpleNamespace(
        ask=lambda *words: Result(0, "secrets\nconfigmaps\npersistentvolumeclaims\n", ""),
        visible=lambda *_: ([*left, theirs] if shared else left, ["widgets"]),
        effect=lambda *words, **_: told.append(" ".join(words[:3])),
    )
    release = SimpleNamespace(name="todo", namespace="shop")
    settings = SimpleNamespace(release=release, database_release=release, timeouts=SimpleNamespace(deploy=9), root=ROOT)
    helm = SimpleNamespace(uninstall=lambda *_: None)
    session: Any = SimpleNamespace(kubectl=kubectl, helm=helm, settings=settings, say=told.append)
    assert operate.removal(session)[2] == ([] if shared else ["widgets"])
    operate.destroy(session)
    if shared:
        stays = "the namespace shop stays, with what somebody else made there: persistentvolumeclaim/photos"
        assert told == ["delete secret/auth --namespace", stays]
    else:
        assert told == ["delete namespace shop"]


def test_a_rollout_that_is_waited_for_in_vain_names_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(name: str, namespace: str, limit: float) -> None:
        raise CommandError(["kubectl", "rollout", "status"], Result(1, "", "error: timed out waiting"))

    full = Finding(
        "no-room", "backend", "pod/b", "no node has room for a pod of backend", "Insufficient cpu", (), "ask for less",
        "kubectl describe pod b", terminal=True, rank=0,
    )  # fmt: skip
    asked: list[Sequence[str]] = []
    monkeypatch.setattr(examine, "diagnose_services", lambda session, names, **_: asked.append(names) or [full])
    release, timeouts = SimpleNamespace(namespace="shop"), SimpleNamespace(deploy=300)
    session: Any = SimpleNamespace(
        kubectl=SimpleNamespace(await_rollout=late, now=objects.now),
        settings=SimpleNamespace(release=release, timeouts=timeouts),
    )
    with pytest.raises(examine.Failure, match="no node has room for a pod of backend") as told:
        operate.await_rollouts(session, ["deployment/backend"])
    assert told.value.hint == "ask for less" and asked == [["backend"], ["backend"]]


def test_a_rollout_that_is_only_slow_is_waited_for_until_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def late(name: str, namespace: str, limit: float) -> None:
        told.append(f"first {limit:.0f} s")
        raise CommandError(["kubectl", "rollout", "status"], Result(1, "", "error: timed out waiting"))

    def ask(*words: str, timeout: float) -> Result:
        told.append(words[-1])
        return Result(0, "") if len(told) == 3 else Result(1, "", "error: timed out waiting for the condition")

    monkeypatch.setattr(examine, "diagnose_services", lambda *_, **__: [])
    release, timeouts = SimpleNamespace(namespace="shop"), SimpleNamespace(deploy=300)
    kubectl = SimpleNamespace(await_rollout=late, ask=ask, now=objects.now, command=lambda *words: list(words))
    session: Any = SimpleNamespace(kubectl=kubectl, settings=SimpleNamespace(release=release, timeouts=timeouts))
    operate.await_rollouts(session, ["deployment/backend"])
    assert told == ["first 20 s", "--timeout=20s", "--timeout=20s"]


def test_what_somebody_deleted_of_the_release_is_a_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = tuple(Workload(kind, "shop", name, {}) for kind, name in (("Deployment", "backend"), ("Job", "migrate")))
    monkeypatch.setattr(
        live, "released", lambda session: Live({}, (*wanted, Workload("Deployment", "shop", "mcp", {})))
    )
    rows = [row[:2] for row in operate.status(restricted([], [deployment(2, 2)]))[0][1:]]
    assert rows == [("backend", "2/2"), ("mcp", "deleted; a deploy makes it again")]


GONE = """
apiVersion: v1
kind: Service
metadata: {name: page}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, namespace: other}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
---
apiVersion: example.com/v1
kind: Service
metadata: {name: of-another-group}
"""


def test_what_a_revision_made_and_the_cluster_has_no_more_is_named() -> None:
    def visible(kind: str, namespace: str) -> tuple[list[dict[str, Any]], list[str]]:
        if kind == "role":
            return [], ["role"]
        return {"other": [{"metadata": {"name": "kept"}}]}.get(namespace, []), []

    packed = base64.b64encode(json.dumps({"namespace": "shop", "manifest": GONE}).encode())
    record = {"data": {"release": base64.b64encode(packed).decode()}}
    session: Any = SimpleNamespace(kubectl=SimpleNamespace(visible=visible))
    assert live.gone(session, record) == ["service page"]


def test_a_cluster_that_does_not_answer_says_of_nothing_that_it_is_still_there() -> None:
    """Else a deploy would take what somebody deleted for what is there, and change nothing."""

    def visible(kind: str, namespace: str) -> tuple[list[dict[str, Any]], list[str]]:
        raise UserError("kubectl get service: net/http: TLS handshake timeout")

    packed = base64.b64encode(json.dumps({"namespace": "shop", "manifest": GONE}).encode())
    record = {"data": {"release": base64.b64encode(packed).decode()}}
    session: Any = SimpleNamespace(kubectl=SimpleNamespace(visible=visible))
    with pytest.raises(UserError, match="TLS handshake timeout"):
        live.gone(session, record)


def test_the_log_of_what_is_not_deployed_is_answered_by_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    there = SimpleNamespace(kind="Deployment", name="web", resource="deployment/web", namespace="shop")
    monkeypatch.setattr(operate, "workload", lambda *_: there)
    session = Mock()
    session.kubectl.find.return_value = None
    with pytest.raises(UserError, match=r"web is not deployed: there is no deployment/web in shop") as told:
        list(operate.logs(session, "web", follow=False, tail=9))
    assert told.value.hint == "run: invoke pipeline" and not session.shell.reading.called


def _with_a_volume(modes: list[str]) -> Any:
    """A cluster whose database mounts a claim of these modes."""
    item = deployment(1, 1)
    item["spec"]["template"]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "files"}}]
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "files"}, "spec": {"accessModes": modes}}
    kubectl = SimpleNamespace(named=lambda kind, *_: [item] if kind == "deployments" else [claim])
    return SimpleNamespace(kubectl=kubectl)


def test_several_pods_never_write_into_a_volume_that_is_for_one() -> None:
    """Two database servers on the same files destroy them, and each looks ready."""
    one = Workload("Deployment", "shop", "backend", {})
    with pytest.raises(UserError, match="backend: several pods would write into the volume of its claim files"):
        operate.refuse_shared_volume(_with_a_volume(["ReadWriteOnce"]), one)
    operate.refuse_shared_volume(_with_a_volume(["ReadWriteMany"]), one)
    operate.refuse_shared_volume(_with_a_volume(["ReadWriteOnce"]), Workload("StatefulSet", "shop", "backend", {}))


def test_a_dry_run_of_a_rotation_says_whose_pods_it_would_replace() -> None:
    def reading(name: str, secret: str) -> dict[str, Any]:
        container = {"name": name, "envFrom": [{"secretRef": {"name": secret}}]}
        spec = {"template": {"spec": {"containers": [container]}}}
        return {"kind": "Deployment", "metadata": {"name": name}, "spec": spec}

    items = [reading("backend", "auth"), reading("agent", "api-keys"), reading("worker", "auth")]
    change = sync.Change("auth", {"KEY": "new,old"}, False, ("KEY",), ("backend",))
    assert operate.replaced_then(items, [change]) == "# then the pods of backend, worker are replaced, which read auth"


class Claiming:
    """A kubectl that ends with 0 whatever it is told, on a cluster where only some of that happens."""

    def __init__(self, replicas: int, *, obeys: bool) -> None:
        self.item = deployment(replicas, replicas)
        self.obeys = obeys

    def effect(self, *words: str, **_: Any) -> None:
        if self.obeys and words[0] == "scale":
            self.item["spec"]["replicas"] = int(words[2].partition("=")[2])
        elif self.obeys:
            self.item = json.loads(json.dumps(self.item))
            self.item["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}

    def await_rollout(self, *_: Any) -> None: ...

    def now(self) -> datetime:
        return NOW

    def find(self, *_: Any) -> dict[str, Any]:
        return json.loads(json.dumps(self.item))  # type: ignore[no-any-return]


@pytest.mark.parametrize("obeys", [True, False])
@pytest.mark.parametrize("task", ["scale", "restart"])
def test_what_kubectl_says_to_have_done_is_looked_for(monkeypatch: pytest.MonkeyPatch, task: str, obeys: bool) -> None:
    """A wrapper in its place may do nothing, and an autoscaler puts a number back at once."""
    monkeypatch.setattr(operate, "hold_release_lock", lambda session: nullcontext())
    one = SimpleNamespace(name="backend", deployment="")
    release, timeouts = SimpleNamespace(namespace="shop", has_library=True), SimpleNamespace(deploy=9)
    settings = SimpleNamespace(release=release, timeouts=timeouts, services=(one,), database=SimpleNamespace(name="db"))
    session: Any = SimpleNamespace(
        settings=settings, kubectl=Claiming(2, obeys=obeys), shell=SimpleNamespace(dry=False)
    )
    call = (
        partial(operate.scale, session, "backend", 0)
        if task == "scale"
        else partial(operate.restart, session, ["backend"])
    )
    if obeys:
        call()
        return
    with pytest.raises(UserError, match=r"kubectl says that it (scaled|restarted) deployment/backend, but"):
        call()
