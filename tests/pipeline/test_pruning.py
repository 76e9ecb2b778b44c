"""Old images go once new ones are there; what is asked for stays, and where nobody can tell all do."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.ready import Ready
from scripts.context.run import Run
from scripts.errors import UserError
from scripts.host.shell import CommandError, Result
from scripts.images import docker, made
from scripts.pipeline import pruning
from scripts.reporting.display import PlainDisplay
from scripts.settings.model import Image, Outcome, Plan

NAME = "todo-chatbot/backend"
BUILT = [f"{NAME}:{number:016x}" for number in range(20, 0, -1)]  # the newest first


def record(image: str) -> dict[str, Any]:
    """Helm's record of a revision that runs an image."""
    container = {"name": "backend", "image": image}
    template = {"spec": {"containers": [container]}}
    manifest = json.dumps({"kind": "Deployment", "metadata": {"name": "backend"}, "spec": {"template": template}})
    packed = gzip.compress(json.dumps({"manifest": manifest, "namespace": "shop"}).encode())
    return {"data": {"release": base64.b64encode(base64.b64encode(packed)).decode()}}


@pytest.fixture(autouse=True)
def _client_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://nobody@nowhere")  # no engine of this machine
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made.note(BUILT)


class World:
    """An engine, a cluster and what is asked for in it."""

    def __init__(self, *, dry: bool = False, silent: bool = False) -> None:
        self.dry, self.silent = dry, silent
        self.removed: list[str] = []
        self.in_use = ""
        self.node_silent = False
        self.on_node = [f"docker.io/{ref}" for ref in BUILT]
        self.out = io.StringIO()

    def probe(self, argv: list[str], **_: Any) -> Result:
        return Result(0, "\n".join(BUILT))

    def effect(self, argv: list[str], **_: Any) -> Result:
        self.removed += [word for word in argv if word.startswith(NAME)]
        if self.in_use in argv:
            raise CommandError(["docker", "image", "rm"], Result(1, "", "container is using its referenced image"))
        return Result(0, "")

    def items(self, kind: str, namespace: str, *words: str) -> list[dict[str, Any]]:
        if self.silent:
            raise UserError("kubectl get secrets: the server did not answer\nmore")
        return [record(f"{NAME}:{3:016x}")] if "owner=helm" in words else []

    def get(self, *words: str) -> dict[str, Any]:
        assert words == ("pods,replicasets", "--all-namespaces")
        pod = {"kind": "Pod", "spec": {"containers": [], "ephemeralContainers": [{"image": f"{NAME}:{5:016x}"}]}}
        template = {"spec": {"initContainers": [{"image": f"{NAME}:{4:016x}"}], "containers": [{"image": "db:17"}]}}
        return {"items": [pod, {"kind": "ReplicaSet", "spec": {"template": template}}]}

    def prune(self, old: Any) -> int:
        if self.node_silent:
            raise UserError("node n does not tell which images it has: no\nmore")
        doomed = old(self.on_node)
        self.on_node = [ref for ref in self.on_node if ref not in doomed]
        return len(doomed)

    def run(self, *, loaded: bool = True) -> list[Outcome]:
        settings = SimpleNamespace(registry="", release=SimpleNamespace(namespace="shop"))
        world: Any = self
        session: Any = SimpleNamespace(settings=settings, shell=world, kubectl=world, cluster=world)
        client: Any = SimpleNamespace(binary="docker")
        plan = Plan((Image("backend", NAME, f"{1:016x}"),), (), "kind")
        return list(pruning.prune(Run(session, PlainDisplay(self.out)), Ready(client, {}, plan), loaded=loaded))


STAY = {*range(11, 21), 1, 3, 4, 5}  # the ten newest, the planned one, a revision's, a ReplicaSet's, a pod's


def test_what_nobody_asks_for_goes_from_engine_and_nodes_alike() -> None:
    world = World()
    (outcome,) = world.run()
    gone = [f"{NAME}:{number:016x}" for number in range(20, 0, -1) if number not in STAY]
    assert world.removed == gone
    assert world.on_node == [f"docker.io/{ref}" for ref in BUILT if ref not in gone]
    assert outcome.detail == "6 taken from the engine, 6 from the nodes"


def test_the_tags_of_a_person_and_the_moving_one_take_no_place_of_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = [f"{NAME}:{tag}" for tag in ("latest", "mine", *(f"{number:016x}" for number in range(100, 120)))]
    listed = docker.references
    monkeypatch.setattr(docker, "references", lambda *words: [*theirs, *listed(*words)])
    world = World()
    (outcome,) = world.run()
    assert outcome.detail.startswith("6 taken from the engine")
    assert {f"{NAME}:{number:016x}" for number in range(11, 21)}.isdisjoint(world.removed)


def test_what_a_container_of_another_cluster_is_made_of_is_left_to_the_engine() -> None:
    world = World()
    world.in_use = f"{NAME}:{2:016x}"
    assert world.run()


def test_a_node_that_does_not_tell_what_it_has_keeps_it_and_fails_no_run() -> None:
    world = World()
    world.node_silent = True
    (outcome,) = world.run()
    assert outcome.status == "done" and "0 from the nodes" in outcome.detail and len(world.on_node) == len(BUILT)
    assert world.out.getvalue() == "old images stay on the nodes: node n does not tell which images it has: no\n"


def test_where_nobody_can_tell_what_is_needed_all_stay() -> None:
    world = World(silent=True)
    assert world.run() == [] and world.removed == [] and len(world.on_node) == 20
    assert "old images stay" in world.out.getvalue() and "more" not in world.out.getvalue()


def test_a_dry_run_and_a_run_that_loaded_nothing_new_among_few_ask_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(dry=True).run() == []
    monkeypatch.setattr(pruning.pruning, "KEEP", 99)
    monkeypatch.setattr(pruning.pruning, "too_many", lambda refs: False)
    world = World(silent=True)
    assert world.run(loaded=False) == [] and world.out.getvalue() == ""


def test_an_image_that_a_person_tagged_like_ours_stays_and_so_do_all_where_the_record_is_lost() -> None:
    theirs = f"{NAME}:{2:016x}"
    (file,) = (path for path in Path(os.environ["XDG_STATE_HOME"]).rglob("made"))
    file.write_text("\n".join(ref for ref in BUILT if ref != theirs))
    world = World()
    world.run()
    assert world.removed and theirs not in world.removed and f"docker.io/{theirs}" in world.on_node
    file.unlink()
    world = World()
    assert world.run() == [] and world.removed == []


def test_what_was_made_is_noted_once_whoever_asks() -> None:
    made.note([BUILT[0], "todo-chatbot/mcp:1"])
    (file,) = (path for path in Path(os.environ["XDG_STATE_HOME"]).rglob("made"))
    assert sorted(file.read_text().split()) == sorted([*BUILT, "todo-chatbot/mcp:1"])
