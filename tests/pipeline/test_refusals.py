"""Values that would be refused after the build are refused before it, and nobody is asked where only images changed."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.host.shell import CommandError, Shell
from scripts.images import plan
from scripts.kube.kubectl import Kubectl
from scripts.kube.releases import Revision
from scripts.pipeline import live, refusals
from scripts.secrets import versions
from scripts.settings.model import Image, Plan, Release

CLASH = 'The Service "shop" is invalid: spec.ports[0].nodePort: Invalid value: 80: out of range'
TYPO = 'Error from server (BadRequest): Service in version "v1" cannot be handled: strict decoding error: x'
SHAPE = (
    "Error from server: failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): "
    ".spec.template.spec.tolerations[0].tolerationSeconds: expected numeric (int or float), got string"
)
PLACE = 'Error from server (NotFound): namespaces "other" not found'
KIND = 'error: resource mapping not found for name: "a" namespace: "": no matches for kind "B" in version "c/v1"'
RIGHTS = 'Error from server (Forbidden): services "shop" is forbidden: User "me" cannot patch resource "services"'
SEVERAL = f'{PLACE}\nThe Deployment "a" is invalid: \n* spec.replicas: must not be negative\n* spec.x: y\n{KIND}'


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (CLASH, [CLASH]),
        (TYPO, [TYPO]),
        (SHAPE, [SHAPE]),
        (f"Warning: old\n{PLACE}\n{KIND}\n{RIGHTS}\nerror: You must be logged in to the server", []),
        (SEVERAL, SEVERAL.splitlines()[1:-1]),
    ],
)  # fmt: skip
def test_only_what_is_wrong_in_itself_counts_before_the_build(said: str, counts: list[str]) -> None:
    assert list(refusals.final_refusals(said)) == counts


@dataclass
class World:
    """A release, and programs that note how they were called and what they were given."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    release: Release = field(init=False)
    history: list[Revision] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "chart").mkdir()
        (self.folder / "chart/Chart.yaml").write_text("name: todo\n")
        places = {"web": {"repository": "web.image.repository", "tag": "web.image.tag"}}
        self.release = Release("todo", "shop", self.folder / "chart", images=places)
        self.program("helm", "cat <<'END'\nkind: Service\nEND")
        self.program("kubectl", "cat >> {folder}/objects")
        self.monkeypatch.setattr(live, "histories", lambda _: {"todo": self.history})
        self.monkeypatch.setattr(live, "record_of", lambda *_: {"todo": {}})
        self.monkeypatch.setattr(refusals.releases, "contents", lambda _: {"config": self.given})

    def program(self, name: str, does: str) -> None:
        file = self.folder / name
        file.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.folder}/called\n{does.format(folder=self.folder)}\n')
        file.chmod(0o755)

    def library(self) -> None:
        (self.release.chart / "charts/common").mkdir(parents=True)
        (self.release.chart / "charts/common/Chart.yaml").write_text("name: common\n")

    def deployed(self, tag: str) -> None:
        """Have the release deployed with this tag, a version of a Secret, and what its values files say."""
        generated = {
            "web": {"image": {"repository": "todo/web", "tag": tag}},
            "global": {versions.VALUE: {"api-keys": "12"}},
        }
        self.given = {"other": "value", **generated}
        self.history = [Revision("todo", 1, "deployed", plan.inputs_digest(self.release, generated))]

    def refuse(self, *, dry: bool = False) -> None:
        database = Release("database", "shop", self.folder / "database")
        settings = SimpleNamespace(root=self.folder, database_release=database)
        shell = Shell(echo=lambda _: None, dry=dry)
        kubectl = Kubectl(self.folder / "kubectl", self.folder / "kubeconfig", "here", shell)
        session = SimpleNamespace(settings=settings, tools={"helm": self.folder / "helm"}, shell=shell, kubectl=kubectl)
        planned = Plan((Image("web", "todo/web", "2"),), (self.release,), "embedded")
        refusals.refuse_values(SimpleNamespace(session=session, dry=dry, namespace="shop"), planned)  # type: ignore[arg-type]

    @property
    def called(self) -> list[str]:
        file = self.folder / "called"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.is_file() else []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "library", "refused"),
    [
        ("Error: values don't meet the specifications of the schema(s)", False, True),
        ("Error: execution error at (x.yaml:1:2): no such object", True, True),
        ("Error: execution error at (x.yaml:1:2): no such object", False, False),
    ],
)
def test_what_a_chart_says_without_a_cluster_counts_where_it_needs_none(
    said: str, library: bool, refused: bool, world: World
) -> None:
    world.program("helm", f'echo "{said}" >&2\nexit 1')
    if library:
        world.library()
    with pytest.raises(CommandError, match=r"^helm template") if refused else nullcontext():
        world.refuse()
    assert world.called == ["helm"]  # what was not rendered is shown to nobody


@pytest.mark.slow
def test_what_the_api_server_refuses_is_told_in_its_words(world: World) -> None:
    world.program("kubectl", f"cat > {{folder}}/objects\ncat >&2 <<'END'\n{SEVERAL}\nEND\nexit 1")
    with pytest.raises(CommandError, match=r"must not be negative") as refused:
        world.refuse()
    assert "not found" not in str(refused.value)
    assert (world.folder / "objects").read_text() == "kind: Service\n"
    assert "--dry-run=server" in (world.folder / "called").read_text()


@pytest.mark.slow
def test_what_the_server_cannot_tell_yet_stops_nothing(world: World) -> None:
    world.program("kubectl", f"cat > /dev/null; echo '{PLACE}' >&2; exit 1")
    world.refuse()
    assert world.called == ["helm", "kubectl"]


ASKING = """kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: a, resources: {requests: {cpu: 900m}}}]}}}"""
POD = {
    "metadata": {"name": "a", "namespace": "notes", "labels": {"app.kubernetes.io/part-of": "todo-chatbot"}},
    "spec": {"nodeName": "n", "containers": [{"resources": {"requests": {"cpu": "1200m"}}}]},
}


@pytest.mark.slow
@pytest.mark.parametrize("namespace", ["notes", "shop"])  # its own pods make room for each other
def test_a_cluster_that_another_release_fills_is_told_before_anything_is_built(namespace: str, world: World) -> None:
    pod = POD | {"metadata": {**POD["metadata"], "namespace": namespace}}
    node = {"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "2"}}}
    world.program("helm", f"cat <<'END'\n{ASKING}\nEND".replace("{", "{{").replace("}", "}}"))
    for kind, item in (("nodes", node), ("pods", pod)):
        (world.folder / kind).write_text(json.dumps({"items": [item]}))
    world.program("kubectl", 'case "$*" in *"get nodes"*) cat {folder}/nodes;; *"get pods"*) cat {folder}/pods;; esac')
    if namespace == "shop":
        world.refuse()
        return
    with pytest.raises(UserError, match="ask for 900m cpu, and the cluster has 800m left") as refused:
        world.refuse()
    assert "the release notes in namespace notes asks for 1200m: " in refused.value.hint
    assert "scale deployments,statefulsets --all --replicas=0 --namespace notes" in refused.value.hint


def test_where_only_an_image_is_new_nobody_is_asked(world: World) -> None:
    world.deployed("1")
    world.refuse()
    assert not world.called


@pytest.mark.slow
@pytest.mark.parametrize("what", ["chart", "place", "failed"])
def test_a_changed_chart_other_values_or_a_failed_deploy_are_judged(what: str, world: World) -> None:
    world.deployed("1")
    if what == "chart":
        (world.release.chart / "values.yaml").write_text("a: b\n")
    elif what == "place":
        del world.given["web"]
    else:
        world.history = [Revision("todo", 1, "failed", world.history[0].inputs)]
    world.refuse()
    assert world.called == ["helm", "kubectl"]


@pytest.mark.slow
def test_a_dry_run_asks_no_cluster(world: World) -> None:
    world.refuse(dry=True)
    assert world.called == ["helm"]


DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: a, imagee: x, ports: [{containerPort: '80'}]}]}}}"""


@pytest.mark.slow
def test_a_dry_run_holds_the_objects_against_the_schemas(world: World) -> None:
    world.program("helm", f"cat <<'END'\n{DEPLOYMENT}\nEND".replace("{", "{{").replace("}", "}}"))
    with pytest.raises(UserError) as refused:
        world.refuse(dry=True)
    container = "Deployment/web: spec.template.spec.containers[0]"
    assert str(refused.value).splitlines()[1:] == [
        f"{container}.imagee: Kubernetes 1.36 has no such field",
        f"{container}.ports[0].containerPort: should be integer, not string",
        "Deployment/web: spec: 'selector' is a required property",
    ]
    world.refuse()  # where a server can be asked, it judges


def test_a_dry_run_without_helm_judges_nothing(world: World) -> None:
    (world.folder / "helm").unlink()
    world.refuse(dry=True)
    assert not world.called
