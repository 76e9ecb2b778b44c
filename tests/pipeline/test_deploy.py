"""What a deploy hands to helm, and whose pods it replaces for a Secret."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.context.run import Run
from scripts.errors import UserError
from scripts.kube.releases import Revision
from scripts.kube.workloads import Workload
from scripts.pipeline import deploy, images
from scripts.pipeline.busy import Untouched
from scripts.pipeline.live import Live
from scripts.reporting.display import PlainDisplay
from scripts.settings.model import Outcome

RELEASE = cast("Any", SimpleNamespace(name="todo", namespace="shop", chart=Path("chart"), labels={}))
READY = cast("Any", SimpleNamespace(client=None, plan=SimpleNamespace(releases=[RELEASE], images=[])))


class Helm:
    """Notes the labels of an upgrade."""

    labels: dict[str, str]
    uninstalled: bool

    def upgrade_command(
        self, release: Any, values: Any, labels: dict[str, str], timeout: int, *, uninstalled: bool
    ) -> list[str]:
        self.labels, self.uninstalled = labels, uninstalled
        return ["helm"]


def run(helm: Helm | None = None) -> Run:
    settings = SimpleNamespace(
        release=RELEASE, timeouts=SimpleNamespace(deploy=60), database_release=SimpleNamespace(name="database")
    )
    shell = SimpleNamespace(dry=True, effect=lambda argv, timeout: None)
    return Run(
        cast("Any", SimpleNamespace(settings=settings, shell=shell, helm=helm, target="kind")),
        PlainDisplay(io.StringIO()),
    )


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what asks a cluster."""
    for name in ("release_values", "write_values", "_manifest", "refuse_while_busy", "settle_unfinished_run"):
        monkeypatch.setattr(deploy, name, lambda *words: "")
    monkeypatch.setattr(deploy.plan, "inputs_digest", lambda release, values: "new")
    monkeypatch.setattr(deploy.lent, "take_back", lambda run: iter(()))
    monkeypatch.setattr(deploy.live, "record_of", lambda session, numbers: {"todo": {}})
    monkeypatch.setattr(deploy.live, "objects_of", lambda session, records: [])


def test_a_deploy_after_work_in_the_pods_is_no_work_in_the_pods() -> None:
    for before, expected in ((True, {"inputs": "new", "dev": "null"}), (False, {"inputs": "new"})):
        helm = Helm()
        deploy._deploy_one(run(helm), READY.plan, RELEASE, [Revision("todo", 1, "deployed", "old", before)], {})
        assert helm.labels == expected  # helm hands on what is not taken away


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (31, [30, 31], "its newest revision is still 31"),
        (None, [], "it has no revision"),
        (31, [31, 32], ""),
        (None, [1], ""),
    ],
)
def test_a_helm_that_says_to_have_deployed_is_believed_by_its_revision(
    before: int | None, after: list[int], said: str
) -> None:
    history = [Revision("todo", number, "deployed", "new", False) for number in after]
    newest = Revision("todo", before, "deployed", "old", False) if before else None
    if not said:
        assert deploy._made(RELEASE, history, newest) == after[-1]
        return
    with pytest.raises(UserError, match=f"helm reported that todo was deployed, but {said}"):
        deploy._made(RELEASE, history, newest)


@pytest.mark.parametrize("status", ["uninstalled", "superseded", "failed"])
def test_a_release_that_was_uninstalled_with_its_history_kept_is_installed_again(status: str) -> None:
    helm = Helm()
    deploy._deploy_one(run(helm), READY.plan, RELEASE, [Revision("todo", 16, status, "old", False)], {})
    assert helm.uninstalled == (status == "uninstalled")


@pytest.mark.parametrize("installed", [True, False])
def test_a_first_revision_that_was_there_before_does_not_hold_the_secret_of_today(
    monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    told: list[bool] = []

    def renew(kubectl: Any, workloads: Any, current: Any, *, first: bool) -> Sequence[str]:
        told.append(first)
        return () if first else ("web",)

    def no_secrets(run: Run) -> Iterator[Outcome]:
        yield from ()
        return {"keys": "2"}  # type: ignore[return-value]

    monkeypatch.setattr(deploy.live, "histories", lambda session: {})
    monkeypatch.setattr(deploy.live, "of_revisions", lambda session, numbers, changes: Live())
    monkeypatch.setattr(deploy, "complete_secrets", no_secrets)
    monkeypatch.setattr(deploy, "_groups", lambda run, plan: [[RELEASE]])
    done = Outcome("deploy", "todo", "done" if installed else "unchanged", 0.0, "revision 1")
    monkeypatch.setattr(deploy, "_deploy_one", lambda *words: (done, deploy._Done(1, (), installed)))
    monkeypatch.setattr(deploy.versions, "renew", renew)
    monkeypatch.setattr(deploy.live, "versions_now", lambda session: {"keys": "2"})
    at_work = run()
    at_work.session.shell.dry = False
    at_work.session.kubectl = None  # type: ignore[misc]
    targets = [outcome.target for outcome in deploy.deploy(at_work, READY)]
    assert told == [installed] and targets == (["todo"] if installed else ["todo", "web"])


def test_what_the_database_release_makes_is_known_when_the_app_that_reads_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its certificate: told only afterwards, the next run would find another version and replace all pods."""
    seen: dict[str, Any] = {}

    def no_secrets(run: Run) -> Iterator[Outcome]:
        yield from ()
        return {"keys": "1"}  # type: ignore[return-value]

    def install(run: Run, planned: Any, release: Any, history: Any, secrets: Any) -> tuple[Outcome, deploy._Done]:
        seen[release.name] = dict(secrets)
        run.deployed.add(release.name)
        return Outcome("deploy", release.name, "done", 0.0), deploy._Done(1, (), installed=True)

    database = cast("Any", SimpleNamespace(**vars(RELEASE) | {"name": "database"}))
    monkeypatch.setattr(deploy.live, "histories", lambda session: {})
    monkeypatch.setattr(deploy.live, "of_revisions", lambda session, numbers, changes: Live())
    monkeypatch.setattr(deploy.live, "versions_now", lambda session: {"keys": "1", "database-tls": "1"})
    monkeypatch.setattr(deploy, "complete_secrets", no_secrets)
    monkeypatch.setattr(deploy, "_groups", lambda run, plan: [[database], [RELEASE]])
    monkeypatch.setattr(deploy, "_deploy_one", install)
    monkeypatch.setattr(deploy.versions, "renew", lambda *words, **how: ())
    at_work = run()
    at_work.session.shell.dry = False
    at_work.session.kubectl = None  # type: ignore[misc]
    monkeypatch.setattr(deploy.put_back, "holders", lambda *words: [])
    ready = cast("Any", SimpleNamespace(client=None, plan=SimpleNamespace(releases=[database, RELEASE], images=[])))
    list(deploy.deploy(at_work, ready))
    assert seen == {"database": {"keys": "1"}, "todo": {"keys": "1", "database-tls": "1"}}


@pytest.mark.parametrize(
    ("engine", "cluster", "lost"),
    [
        ({"web:1", "api:2"}, set(), ""),
        ({"web:1"}, {"api:2"}, ""),
        ({"web:1"}, {"api:1"}, "api:2"),
        (set(), set(), "web:1, api:2"),
    ],
)
def test_a_deploy_of_sources_that_nobody_built_is_refused_before_anything_is_changed(
    monkeypatch: pytest.MonkeyPatch, engine: set[str], cluster: set[str], lost: str
) -> None:
    refs = [SimpleNamespace(ref=ref) for ref in ("web:1", "api:2")]
    ready = cast("Any", SimpleNamespace(client=None, plan=SimpleNamespace(images=refs)))
    monkeypatch.setattr(images.docker, "image_ids", lambda shell, client, refs: dict.fromkeys(engine, "sha256:1"))
    monkeypatch.setattr(images, "asked_for", lambda run: cluster)
    at_work = run()
    at_work.session.shell.dry = False
    if not lost:
        images.refuse_unbuilt(at_work, ready)
        return
    with pytest.raises(Untouched, match=f"not built yet, as the sources are now: {lost}"):
        images.refuse_unbuilt(at_work, ready)


class Shop:
    """A release with one service and its ConfigMap, at moments of one hour."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.written = {"helm": 0}
        self.started, self.phase = 1, "running"
        self.status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
        self.revisions = [("a", "1", 0)]  # what the ConfigMap says, the version of the chart, and when
        self.session: Any = SimpleNamespace(kubectl=self, settings=SimpleNamespace(release=RELEASE))

    @staticmethod
    def at(minute: int) -> str:
        return f"2026-01-01T10:{minute:02}:00Z"

    def items(self, kind: str, *_: str) -> list[dict[str, Any]]:
        records = []
        for number, (value, version, minute) in enumerate(self.revisions, 1):
            meta = {"name": "web-config", "labels": {"helm.sh/chart": version}}
            text = json.dumps({"kind": "ConfigMap", "metadata": meta, "data": {"LEVEL": value}})
            packed = base64.b64encode(base64.b64encode(json.dumps({"manifest": text}).encode())).decode()
            labels = {"name": "todo", "version": str(number)}
            meta = {"name": str(number), "labels": labels, "creationTimestamp": self.at(minute)}
            records.append({"metadata": meta, "data": {"release": packed}})
        return records

    def visible(self, kind: str, *_: str) -> tuple[list[dict[str, Any]], list[str]]:
        state = {self.phase: {"startedAt": self.at(self.started)}}
        meta = {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}, "creationTimestamp": self.at(1)}
        return [{"metadata": meta, "status": {"containerStatuses": [{"state": state}]}}], []

    def find(self, *_: str) -> dict[str, Any]:
        return {"spec": {"told": len(self.told)}}

    def effect(self, *words: str) -> None:
        self.told.append(words)

    def there(self) -> tuple[dict[str, Any], ...]:
        entries = [
            {"manager": who, "time": self.at(minute), "fieldsV1": {"f:data": {}}}
            for who, minute in self.written.items()
        ]
        labelled = {"manager": "kubectl-label", "time": self.at(59), "fieldsV1": {"f:metadata": {}}}
        meta = {"name": "web-config", "namespace": "shop", "managedFields": [*entries, labelled]}
        container = {"name": "web", "envFrom": [{"configMapRef": {"name": "web-config"}}]}
        spec = {"selector": {"matchLabels": {"app": "web"}}, "template": {"spec": {"containers": [container]}}}
        reader = {"name": "web", "namespace": "shop", "generation": 1, "creationTimestamp": self.at(0)}
        workload = {"kind": "Deployment", "metadata": reader, "spec": spec, "status": self.status}
        theirs = workload | {"metadata": reader | {"name": "theirs"}}
        return {"kind": "ConfigMap", "metadata": meta}, workload, theirs

    def replaced(self) -> list[str]:
        live: Any = SimpleNamespace(of=lambda release: [Workload("Deployment", "shop", "web", {})], records={})
        run: Any = SimpleNamespace(session=self.session)
        return list(deploy._restart_holders(run, live, "todo", self.there()))


@pytest.mark.parametrize(
    ("case", "changes", "replaced"),
    [
        ("nobody did anything", {}, False),
        ("put back by helm, its run killed before it replaced them", {"written": {"helm": 9}}, True),
        ("put back by the person", {"written": {"helm": 0, "kubectl-edit": 9}}, True),
        ("changed before they were started", {"written": {"helm": 0, "kubectl-edit": 1}}, False),
        ("started again since, as after a crash", {"written": {"helm": 9}, "started": 10}, False),
        ("none runs", {"written": {"helm": 9}, "phase": "waiting"}, False),
        ("being rolled out", {"written": {"helm": 9}, "status": {"replicas": 2, "updatedReplicas": 1}}, False),
        ("not seen by its controller", {"written": {"helm": 9}, "status": {"observedGeneration": 0}}, False),
        ("another version of the chart", {"written": {"helm": 9}, "revisions": [("a", "1", 0), ("a", "2", 9)]}, False),
        ("and put back after it", {"written": {"helm": 9}, "revisions": [("a", "1", 0), ("a", "1", 8)]}, True),
        (
            "and nothing of it changed since",
            {"written": {"helm": 9}, "revisions": [("a", "1", 0), ("a", "2", 9), ("a", "2", 20)]},
            False,
        ),
    ],
)
def test_pods_that_may_hold_what_was_put_back_since_are_replaced_whoever_did_it(
    case: str, changes: dict[str, Any], replaced: bool
) -> None:
    """`kubectl edit configmap`, and a restart: what the template says of it never changed."""
    shop = Shop()
    if len(changes.get("revisions", ())) == 0 and changes.get("written") == {"helm": 9}:
        changes = changes | {"revisions": [("a", "1", 0), ("a", "1", 9)]}
    vars(shop).update(changes)
    assert shop.replaced() == (["web"] if replaced else [])
    assert shop.told == ([("rollout", "restart", "deployment/web", "--namespace", "shop")] if replaced else [])


def test_a_kubectl_that_only_says_that_it_restarted_them_is_found_out() -> None:
    shop = Shop()
    shop.written["kubectl-edit"] = 9
    shop.session.kubectl = SimpleNamespace(
        visible=shop.visible, effect=lambda *words: None, find=lambda *_: {"spec": {}}
    )
    with pytest.raises(UserError, match="says that it restarted deployment/web, but nothing of it changed"):
        shop.replaced()
