"""Builds go side by side, end together where one fails, and keep secrets out of sight."""

import os
import shlex
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.ready import Ready
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.images import made, plan
from scripts.images.base_images import Arrived, ReadyBase
from scripts.images.docker import Docker
from scripts.pipeline import prepare
from scripts.pipeline.images import build, builders, longest_first
from scripts.settings.model import Image, Outcome, Plan, Service, Timeouts

# Stands in for the client. It knows the images that it has built, and builds as the Dockerfile's first line says.
CLIENT = """#!/bin/sh
if [ "$1 $2" = "image inspect" ]; then
    grep -sqxF "$5" "{log}.images" && { echo sha256:0; exit; }
    echo "Error: No such image: $5" >&2
    exit 1
fi
for word; do
    [ "$before" = --file ] && file=$word
    [ "$before" = --tag ] && tag=$word
    before=$word
done
read -r _ behaviour < "$file"
echo "$behaviour $*" >> "{log}"
env > "{log}.env"
case $behaviour in
    waits) exec sleep 600 ;;
    fails) echo 'ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1' >&2
           exit 1 ;;
    lies) exit 0 ;;
    clones) echo '#7 [build 2/3] RUN git clone --depth 1 https://oauth2:correct-horse@git.example.org/a' >&2 ;;
esac
echo "$tag" >> "{log}.images"
"""


class World:
    """A run over services, each of which builds as its behaviour says."""

    def __init__(self, folder: Path, behaviours: dict[str, str]) -> None:
        self.log, self.printed, root = folder / "log", [], folder
        client = folder / "docker"
        client.write_text(CLIENT.replace("{log}", str(self.log)))
        client.chmod(0o755)
        self.services = tuple(self._service(root / name, behaviour) for name, behaviour in behaviours.items())
        self.database = self._service(root / "database", "works")
        self.shell = Shell(echo=self.printed.append)
        self.variables: dict[str, str] = {}

    def _service(self, folder: Path, behaviour: str) -> Service:
        folder.mkdir()
        text = f"# {behaviour}\nARG TOKEN\nARG PLAIN\nFROM scratch\nRUN --mount=type=secret,id=npm true\n"
        (folder / "Dockerfile").write_text(text)
        return Service(folder.name, folder, folder / "Dockerfile")

    def run(self) -> SimpleNamespace:
        settings = SimpleNamespace(
            root=self.log.parent, services=self.services, database=self.database, cluster="c",
            app=SimpleNamespace(file="config/apps/a.yaml"),
            environment="", idle=(), target="embedded", context="", registry="",
            timeouts=Timeouts(1200, 1, 1, 1), release=SimpleNamespace(namespace="n", name="r"),
        )  # fmt: skip
        session = SimpleNamespace(settings=settings, shell=self.shell, variables=self.variables)
        self.shown: list[str] = []
        display = SimpleNamespace(waiting=lambda *words: self.shown.append(words[-1]), line=lambda _: None)
        images = tuple(plan.image_of(service, {"a": "sha256:a", "b": "sha256:b"}) for service in self.services)
        self.ready = Ready(
            Docker(self.log.parent / "docker"),
            {"python": ReadyBase("python:3", "sha256:1")},
            Plan(images, (), "x"),
        )
        return SimpleNamespace(session=session, display=display, began=0.0)

    def build(self) -> Iterator[Outcome]:
        run = self.run()
        return build(run, self.ready)

    def only(self, **changes: object) -> None:
        first = self.services[0]
        self.services = (Service(first.name, first.context, first.dockerfile, **changes),)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", "ssh://nobody@nowhere")  # no engine of this machine: only the client is asked


def test_the_longest_goes_first_and_what_was_never_built_before_all() -> None:
    images = [Image(name, name, "1") for name in ("short", "long", "new", "also-new")]
    ordered = longest_first(images, {"short": 2.0, "long": 90.0})
    assert [image.service for image in ordered] == ["new", "also-new", "long", "short"]


@pytest.mark.slow
def test_the_first_failure_is_told_at_once_and_stops_the_rest(tmp_path: Path) -> None:
    world = World(tmp_path, {"slow": "waits", "broken": "fails", "later": "waits"})
    outcomes = []
    with pytest.raises(UserError) as told:
        for outcome in world.build():
            outcomes.append(outcome)
    assert "npm ci" in str(told.value) and "broken" in str(told.value)
    assert {(item.target, item.status) for item in outcomes} == {("slow", "skipped"), ("later", "skipped")}
    assert all(item.detail == "stopped: broken failed" for item in outcomes)


@pytest.mark.slow
def test_every_build_secret_without_a_value_is_told_before_the_first_build(tmp_path: Path) -> None:
    world = World(tmp_path, {"one": "works", "two": "works"})
    world.services = tuple(replace(item, build_secrets={"npm": f"TOKEN_{item.name}"}) for item in world.services)
    with pytest.raises(UserError, match=r"TOKEN_one has no value\ntwo: .*TOKEN_two has no value") as told:
        list(world.build())
    assert told.value.hint == "set TOKEN_one, TOKEN_two in the environment or in .env" and not world.log.exists()


@pytest.mark.slow
def test_a_build_that_ends_well_and_leaves_no_image_is_told_as_one_that_failed(tmp_path: Path) -> None:
    world = World(tmp_path, {"one": "lies"})  # as with a builder of its own, which keeps what it makes
    with pytest.raises(UserError, match=r"the build of one ended well, but the engine lacks .*one:") as told:
        list(world.build())
    assert "buildx ls" in told.value.hint


@pytest.mark.slow
def test_every_image_is_built_from_the_list_and_nothing_stays_behind(tmp_path: Path) -> None:
    world = World(tmp_path, {"one": "works", "two": "works"})
    assert {(item.target, item.status) for item in world.build()} == {("one", "done"), ("two", "done")}
    contexts = {shlex.split(line)[-1] for line in world.log.read_text().splitlines()}
    assert len(contexts) == 2 and all(folder.endswith("/context") for folder in contexts)
    assert {ref.partition(":")[0].rpartition("/")[2] for ref in made.known()} == {"one", "two"}
    assert not list((tmp_path / "state").rglob("context"))


@pytest.mark.slow
def test_the_line_that_is_printed_can_be_pasted(tmp_path: Path) -> None:
    world = World(tmp_path, {"one": "works"})
    list(world.build())
    (line,) = world.printed
    words = shlex.split(line.removeprefix("$ "))
    assert words[-1] == str(tmp_path / "one") and Path(words[words.index("--file") + 1]).is_file()


@pytest.mark.slow
def test_no_credential_stands_in_a_line_or_in_an_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:proxy-pass@proxy:3128")
    world = World(tmp_path, {"one": "works"})
    world.variables = {"NPM_TOKEN": "build-secret-value"}
    token = "ghp_" + "a1B2" * 9
    world.only(build_args={"TOKEN": token, "PLAIN": "1"}, build_secrets={"npm": "NPM_TOKEN"})
    list(world.build())
    seen = world.log.read_text() + "\n".join(world.printed)
    assert not any(secret in seen for secret in ("proxy-pass", token, "build-secret-value"))
    assert "--build-arg PLAIN=1" in seen and "--secret id=npm,env=NPM_TOKEN" in seen
    given = (tmp_path / "log.env").read_text()
    assert f"TOKEN={token}" in given and "NPM_TOKEN=build-secret-value" in given


@pytest.mark.slow
def test_a_step_is_shown_without_the_credentials_in_it(tmp_path: Path) -> None:
    world = World(tmp_path, {"page": "clones"})
    list(world.build())
    assert any("RUN git clone" in line for line in world.shown)
    assert "correct-horse" not in "".join(world.shown) and "oauth2" not in "".join(world.shown)


@pytest.mark.slow
def test_a_build_secret_without_a_value_is_named_before_anything_is_built(tmp_path: Path) -> None:
    world = World(tmp_path, {"one": "works"})
    world.only(build_secrets={"npm": "NPM_TOKEN"})
    with pytest.raises(UserError, match=r"one: its build needs the secret npm, and NPM_TOKEN has no value"):
        list(world.build())
    assert not world.log.exists()


@pytest.mark.slow
def test_a_dry_run_builds_nothing_and_needs_no_secret(tmp_path: Path) -> None:
    world = World(tmp_path, {"one": "works"})
    world.only(build_secrets={"npm": "NPM_TOKEN"})
    world.shell.dry = True
    list(world.build())
    assert world.printed and not world.log.exists() and not os.path.lexists(tmp_path / "state")


@contextmanager
def preparing(
    world: World, monkeypatch: pytest.MonkeyPatch, cluster: Callable[[], None], bases: Any = None
) -> Iterator[Generator[Outcome, None, Ready]]:
    """A run that prepares and builds, whose cluster starts as `cluster` does; all else is ready at once."""
    run = world.run()
    run.session = SimpleNamespace(**vars(run.session), local_database=False, target="embedded", cluster=None)
    unready = SimpleNamespace(session=run.session, display=run.display, began=0.0, dry=False)

    def started(run: object, needed: Sequence[Future[Outcome]]) -> Outcome:
        cluster()
        return Outcome("prepare", "cluster", "done")

    monkeypatch.setattr(prepare, "refuse_unready", lambda run: None)
    monkeypatch.setattr(prepare, "_tools", lambda run: (False, ""))
    monkeypatch.setattr(prepare, "_engine", lambda run, into, early: (into.append(world.ready.client) is None, ""))
    monkeypatch.setattr(prepare, "ensure_bases", bases or (lambda run, client, arrived, early: world.ready.bases))
    monkeypatch.setattr(prepare, "_cluster", started)
    monkeypatch.setattr(prepare.namespace, "ensure", lambda session: (False, ""))
    monkeypatch.setattr(prepare, "_secrets", lambda run: (False, ""))
    monkeypatch.setattr(prepare, "make_plan", lambda run, bases, images: Plan(tuple(images), (), "embedded"))
    with builders(unready) as unready.builders:
        yield prepare.prepare(unready)


def returned(stage: Generator[Outcome, None, Ready]) -> Ready:
    """What a stage returns at its end."""
    while True:
        try:
            next(stage)
        except StopIteration as end:
            return end.value


@pytest.mark.slow
def test_builds_go_on_while_the_cluster_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, {"one": "works", "two": "works"})
    built = threading.Event()

    def cluster() -> None:
        """One that is not there before both images are: it would never be if builds waited for it."""
        assert built.wait(300)

    waiting = threading.Thread(target=lambda: _await_lines(world.log, 2, built))
    waiting.start()
    with preparing(world, monkeypatch, cluster) as stage:
        ready = returned(stage)
        outcomes = list(build(world.run(), ready))
    waiting.join()
    assert {(item.target, item.status) for item in outcomes} == {("one", "done"), ("two", "done")}
    assert all(item.ended for item in outcomes)
    assert {image.service for image in ready.plan.images} == {"one", "two"}


@pytest.mark.slow
def test_a_build_begins_when_its_own_base_images_are_there_and_ends_where_another_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, {"early": "waits", "late": "works"})
    first, second = (replace(item, bases={"IMAGE": base}) for item, base in zip(world.services, "ab", strict=True))
    world.services = (first, second)

    def bases(run: object, client: Docker, arrived: Arrived, early: object) -> dict[str, ReadyBase]:
        arrived("a", ReadyBase("a:1", "sha256:a", True))
        _await_lines(world.log, 1, threading.Event())  # it builds, although the other base image is still awaited
        raise UserError("b cannot be had")

    with preparing(world, monkeypatch, lambda: None, bases) as stage, pytest.raises(UserError, match="cannot be had"):
        returned(stage)
    assert world.log.read_text().count("early:") == 1 and "late:" not in world.log.read_text()
    assert not world.shell._live


@pytest.mark.slow
def test_a_cluster_that_does_not_start_ends_the_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, {"slow": "waits"})

    def cluster() -> None:
        _await_lines(world.log, 1, threading.Event())
        raise UserError("no cluster")

    with preparing(world, monkeypatch, cluster) as stage, pytest.raises(UserError, match="no cluster"):
        returned(stage)
    assert not world.shell._live


@pytest.mark.slow
def test_values_that_a_chart_refuses_end_the_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, {"slow": "waits"})

    def refused(run: object, planned: Plan) -> None:
        _await_lines(world.log, 1, threading.Event())
        raise UserError("values don't meet the specifications")

    monkeypatch.setattr(prepare, "refuse_values", refused)
    with preparing(world, monkeypatch, lambda: None) as stage, pytest.raises(UserError, match="specifications"):
        returned(stage)
    assert not world.shell._live


def _await_lines(file: Path, count: int, reached: threading.Event) -> None:
    """Wait until a file has so many lines, as a program that is started says that it runs by writing one."""
    given_up = time.monotonic() + 300
    while not (file.is_file() and len(file.read_text().splitlines()) >= count):
        assert time.monotonic() < given_up, "nothing of it was ever started"
        time.sleep(0.01)
    reached.set()
