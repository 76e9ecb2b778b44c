"""What a change asks for, and that nothing that goes wrong ends the session."""

import io
import os
import signal
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.ready import Ready
from scripts.dev import command, release, sources, tree
from scripts.dev import loop as looping
from scripts.dev.command import checked, plan
from scripts.dev.loop import Ended, Event, Loop, Replaced
from scripts.dev.rules import Rule
from scripts.dev.screen import PlainScreen
from scripts.dev.service import DevService, Program
from scripts.dev.sources import Source
from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.images import build_context
from scripts.kube.kubectl import Kubectl
from scripts.settings.configuration import read_settings
from scripts.settings.model import Image, Plan, Release, Service
from scripts.tasks.support import errors_explained
from tests.dev.test_pods import pod


class Shell:
    """Takes what is sent into containers."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []

    def feed(self, argv: list[str], chunks: Iterable[bytes], *, quiet: bool) -> Result:
        self.sent.append(argv)
        return Result(0, "")


class World:
    """A session with one service and one pod, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.context = folder / "shop"
        self.context.mkdir()
        (self.context / "app.py").write_text("one")
        (self.context / "requirements.txt").write_text("flask\n")
        (self.context / "Dockerfile").write_text("FROM python\nCOPY . /app\n")
        (folder / "config").mkdir()
        (folder / "chart").mkdir()
        self.shell, self.out = Shell(), io.StringIO()
        release = Release("shop", "ns", folder / "chart")
        self.service = Service("shop", self.context, self.context / "Dockerfile", deployment="shop")
        settings = SimpleNamespace(release=release, root=folder, services=(self.service,), environment="dev")
        settings.target, settings.cluster, settings.app = "embedded", "shop", SimpleNamespace(page="")
        kubectl = Kubectl(Path("kubectl"), Path("config"), "context", self.shell)  # type: ignore[arg-type]
        session: Any = SimpleNamespace(kubectl=kubectl, settings=settings, shell=self.shell)
        self.loop = Loop(session, ["shop"], PlainScreen(self.out))
        dev_service = DevService(self.service, (Rule("", "/app"),), Program(("x",), "signal"))
        entries = sources.entries_of(self.service)
        wanted = tree.wanted(entries.values(), dev_service.rules)
        self.loop._sources = {"shop": Source(dev_service, entries, wanted)}
        self.loop._release.images = {"shop:1": wanted}
        self.loop._pods.saw({"type": "ADDED", "object": pod("a")})
        self.rebuilt: list[list[str]] = []
        self.builds = True  # whether a build ends well

    def configured(self, text: str, *beside: str) -> None:
        """Save the configuration, and what else is saved with it."""
        file = self.context.parent / "config/pipeline.yaml"
        file.write_text(text)
        self.saved(str(file), *beside)

    def saved(self, *names: str) -> None:
        """What the watch tells."""
        event = Event("files", frozenset(self.context / name for name in names))
        with self.loop._going_on():
            self.loop._handle(event)

    @property
    def said(self) -> str:
        return self.out.getvalue()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(made.loop, "_rebuild", lambda names: made.rebuilt.append(names) or made.builds)
    return made


def test_a_source_is_synced_and_a_lock_file_is_built(world: World) -> None:
    (world.context / "app.py").write_text("two")
    world.saved("app.py")
    assert len(world.shell.sent) == 1 and not world.rebuilt
    assert "shop: app.py: synced to 1 pod in " in world.said
    world.saved("app.py")
    assert len(world.shell.sent) == 1, "touched, and the same as before"
    (world.context / "requirements.txt").write_text("fastapi\n")
    world.saved("requirements.txt")
    assert world.rebuilt == [["shop"]]
    assert "shop: requirements.txt has changed: it is built" in world.said


def test_a_build_that_fails_keeps_no_source_back_and_is_not_tried_again_before_its_repair(world: World) -> None:
    world.builds = False
    lock, app = world.context / "requirements.txt", world.context / "app.py"
    lock.write_text("no such package\n")
    app.write_text("two")
    world.saved("requirements.txt", "app.py")
    assert len(world.rebuilt) == 1 and "shop: app.py: synced to 1 pod in " in world.said
    app.write_text("three")
    world.saved("app.py")
    assert len(world.rebuilt) == 1 and len(world.shell.sent) == 2
    lock.write_text("nor this one\n")
    world.saved("requirements.txt")
    assert len(world.rebuilt) == 2
    lock.write_text("flask\n")
    world.saved("requirements.txt")
    assert len(world.rebuilt) == 2 and "shop: build: not needed any more: all is as it was built" in world.said
    lock.write_text("nor this one\n")
    world.saved("requirements.txt")
    assert len(world.rebuilt) == 3, "wrong again, and told again"


def test_a_build_that_fails_because_something_was_saved_meanwhile_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(names: list[str]) -> bool:
        world.rebuilt.append(names)
        (world.context / "app.py").write_text(f"saved during build {len(world.rebuilt)}")
        return len(world.rebuilt) > 1

    monkeypatch.setattr(world.loop, "_rebuild", interrupted)
    (world.context / "requirements.txt").write_text("flask\nredis\n")
    world.saved("requirements.txt")
    world.saved("app.py")
    assert world.rebuilt == [["shop"], ["shop"]]


def test_a_name_that_holds_the_end_of_a_line_is_told_in_one(world: World) -> None:
    (world.context / "odd\nname.py").write_text("two")
    world.saved("odd\nname.py")
    assert "shop: odd?name.py: synced to 1 pod in " in world.said


def test_a_service_that_moves_is_watched_where_it_is_now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[list[Path]] = []
    stops: list[Any] = []

    def watch(folders: list[Path], on_batch: Any, say: Any, stop: Any, ready: Any) -> None:
        watched.append(folders)
        stops.append(stop)

    monkeypatch.setattr(looping.watching, "watch", watch)
    monkeypatch.setattr(world.loop._background, "start", lambda work: work())
    monkeypatch.setattr(looping, "read_settings", lambda root, environment: world.loop._settings)
    monkeypatch.setattr(world.loop, "_bring_up", lambda settings, wait: None)
    world.loop._watch_anew()
    world.loop._reconfigure()
    assert len(watched) == 1 and world.context in watched[0]
    elsewhere = world.context.parent / "elsewhere"
    source = world.loop._sources["shop"]
    moved = replace(source.dev_service, service=replace(world.service, context=elsewhere))
    world.loop._sources["shop"] = replace(source, dev_service=moved)
    world.loop._reconfigure()
    assert elsewhere in watched[1] and [stop.is_set() for stop in stops] == [True, False]


def test_while_paused_changes_wait(world: World) -> None:
    world.loop._pressed("p")
    (world.context / "app.py").write_text("two")
    world.saved("app.py")
    assert not world.shell.sent
    world.loop._pressed("p")
    assert len(world.shell.sent) == 1


def test_a_mistake_in_the_configuration_keeps_no_source_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when another branch is checked out: many files at once, of all kinds."""

    def wrong(*_: object) -> Any:
        raise UserError("config/pipeline.yaml: nonsense: unknown key", "take it out")

    monkeypatch.setattr(looping, "read_settings", wrong)
    (world.context / "app.py").write_text("two")
    world.configured("nonsense: 1", "app.py")
    assert "nonsense: unknown key" in world.said and "shop: app.py: synced to 1 pod" in world.said


def test_a_changed_configuration_holds_for_every_later_build(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    brought: list[Any] = []
    monkeypatch.undo()
    monkeypatch.setattr(world.loop, "_bring_up", lambda settings, wait: brought.append(settings))
    new = SimpleNamespace(**vars(world.loop._settings))
    monkeypatch.setattr(looping, "read_settings", lambda *_: new)
    world.configured("a: 1")
    (world.context / "requirements.txt").write_text("fastapi\n")
    world.saved("requirements.txt")
    assert brought == [new, new]
    moved = SimpleNamespace(**vars(new) | {"release": replace(new.release, namespace="elsewhere")})
    monkeypatch.setattr(looping, "read_settings", lambda *_: moved)
    world.configured("a: 2")
    assert "another release.namespace: elsewhere instead of ns" in world.said and brought == [new, new]


def test_a_configuration_that_is_saved_as_it_was_upgrades_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Editors write files anew that nobody has changed, and keep others beside them while they are open."""
    read: list[str] = []
    monkeypatch.setattr(world.loop, "_reconfigure", lambda: read.append("read"))
    world.configured("a: 1")
    world.configured("a: 1")
    chart = world.context.parent / "chart"
    (chart / ".values.yaml.swp").write_text("open")
    (world.context.parent / "config/.#pipeline.yaml").symlink_to("me@host.1")
    world.saved(str(chart / ".values.yaml.swp"), str(world.context.parent / "config/.#pipeline.yaml"))
    assert read == ["read"]
    (chart / "values.yaml").write_text("a: 1")
    world.saved(str(chart / "values.yaml"))
    assert read == ["read", "read"]
    (chart.parent / "config/pipeline.yaml").write_text("a: 2")  # in a folder that was away for a moment
    world.loop._changed(world.loop._whole())  # watching has begun anew
    assert read == ["read", "read", "read"]


@pytest.mark.parametrize(
    "name",
    [".app.py.swp", ".app.py.swx", "4913", "app.py~", "#app.py#", ".Dockerfile.swp", "requirements.txt~", ".DS_Store",
     "app.py___jb_tmp___", ".goutputstream-X1Y2Z3", ".app.py.kate-swp"],
)  # fmt: skip
def test_what_an_editor_keeps_beside_an_open_file_is_neither_synced_nor_built(world: World, name: str) -> None:
    (world.context / name).write_text("half of it")
    world.saved(name)
    assert not world.shell.sent and not world.rebuilt
    (world.context / "app.py").write_text("two")
    world.saved("app.py", name)
    assert "shop: app.py: synced to 1 pod in " in world.said


@pytest.mark.parametrize(
    ("recipe", "built"),
    [
        ("COPY src /app/src\nCOPY requirements.txt *.toml /\n", False),
        ("COPY src /app/src\nCOPY . /all\n", True),
        ("COPY src /app/src\nADD cach* /x/\n", True),
        ("COPY src /app/src\nRUN --mount=type=bind,target=/x true\n", True),
        ("COPY src /app/src\nCOPY $WHERE /x/\n", True),
    ],
)
def test_what_no_line_of_the_dockerfile_takes_into_the_image_needs_no_build(
    world: World, recipe: str, built: bool
) -> None:
    """As a folder that tests or a package manager leave in the sources."""
    (world.context / "Dockerfile").write_text(f"FROM python\n{recipe}")
    source = world.loop._sources["shop"]
    narrow = replace(source.dev_service, rules=(Rule("src", "/app/src"),))
    world.loop._sources["shop"] = Source(narrow, sources.entries_of(world.service), {})
    (world.context / "cache").mkdir()
    (world.context / "cache/x").write_text("1")
    world.saved("cache", "cache/x")
    assert bool(world.rebuilt) is built and not world.shell.sent
    (world.context / "requirements.txt").write_text("fastapi\n")
    world.saved("requirements.txt")
    assert world.rebuilt
    (world.context / "Dockerfile").write_text("FROM python:3\n")
    world.saved("Dockerfile")
    assert len(world.rebuilt) == 2 + built


def test_ports_follow_the_configuration(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def ports() -> set[int]:
        return {one.port for one in world.loop._forwards}

    monkeypatch.setattr(world.loop._background, "start", lambda work: None)
    for wanted in ((8000, 9000), (9000, 9100), ()):
        given = replace(world.service, port=0, dev=replace(world.service.dev, ports=wanted))
        world.loop._settings.services = (given,)  # type: ignore[misc]  # a stand-in
        before = list(world.loop._forwards)
        world.loop._forward_anew()
        assert ports() == set(wanted)
        for gone in set(before) - set(world.loop._forwards):
            gone.run()  # ends at once


@pytest.mark.parametrize(
    ("names", "answering"),
    [
        (["backend"], {("backend", 8000), ("frontend", 3000), ("mcp", 9000), ("mcp", 9001)}),
        (["frontend"], {("frontend", 3000), ("mcp", 9000), ("mcp", 9001)}),
        (["mcp"], {("frontend", 3000), ("mcp", 9000), ("mcp", 9001)}),
    ],
)
def test_the_page_answers_whatever_is_worked_on_and_so_does_what_asks_for_it(
    names: list[str], answering: set[tuple[str, int]]
) -> None:
    given = read_settings()
    services = tuple(
        replace(one, dev=replace(one.dev, ports=(9000, 9001))) if one.name == "mcp" else one for one in given.services
    )
    assert looping.ports(replace(given, services=services), names) == answering


def test_what_is_saved_while_images_are_planned_is_synced_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sources are looked at before anything is made of them: what changes from then on differs."""
    order: list[str] = []

    def prepared(_: object) -> Any:
        order.append("prepare")
        raise UserError("no engine")

    monkeypatch.setattr(release, "replace", lambda settings, **_: settings)
    monkeypatch.setattr(sources, "entries_of", lambda one: order.append("entries") or {})
    monkeypatch.setattr(release, "prepare", prepared)
    monkeypatch.setattr(world.loop._release, "_run_of", lambda settings: None)
    monkeypatch.setattr(world.loop._release, "_images_worked_on", lambda: {})
    with pytest.raises(UserError):
        world.loop._release.bring_up(world.loop._settings)
    assert order == ["entries", "prepare"]


def test_what_is_saved_while_an_image_is_built_is_not_deployed_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release names the image that was built, not the one that the sources of now would make."""
    image = Image("shop", "shop", "built")
    planned: list[Any] = []

    def prepared(_: object) -> Any:
        yield from ()
        return Ready(None, {}, Plan((image,), (), "embedded"))  # type: ignore[arg-type]

    monkeypatch.setattr(release, "replace", lambda settings, **_: settings)
    monkeypatch.setattr(release, "prepare", prepared)
    monkeypatch.setattr(release, "build", lambda *_: (world.context / "app.py").write_text("saved") and iter(()))
    for name in ("load", "deploy"):
        monkeypatch.setattr(release, name, lambda *_: iter(()))
    monkeypatch.setattr(release, "make_plan", lambda run, bases, images: planned.append(images) or Plan(images, (), ""))
    monkeypatch.setattr(release, "_write_values", lambda *_: world.context)
    monkeypatch.setattr(world.loop._release, "_argv", lambda *_: ["python", "-m", "shop"])
    monkeypatch.setattr(world.loop._release, "_run_of", lambda settings: None)
    monkeypatch.setattr(world.loop._release, "_images_worked_on", lambda: {})
    found, _, _ = world.loop._release.bring_up(world.loop._settings)
    assert planned == [(image,)]
    assert sources.different(found["shop"].entries, sources.entries_of(world.service)) == ["app.py"], "it comes next"


def test_every_key_does_what_the_screen_says(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(looping.webbrowser, "open", opened.append)
    world.loop._pressed("o")
    assert opened == [], "there is no page yet"
    world.loop._url = "http://localhost:30000"
    for key in "ors?":
        world.loop._pressed(key)
    assert opened == ["http://localhost:30000"] and world.rebuilt == [["shop"]]
    (sent,) = world.shell.sent
    assert any("kill -HUP 1" in word for word in sent) and "shop: restart: started anew" in world.said


def test_a_link_out_of_the_sources_is_told_and_left_out(world: World) -> None:
    (world.context / "secret").symlink_to("/etc/passwd")
    world.saved("secret")
    assert "shop: secret links to /etc/passwd, out of the sources: left out" in world.said


def test_a_large_file_is_told_and_the_rest_is_synced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_BYTES", 100)
    (world.context / "model.bin").write_bytes(b"x" * 101)
    (world.context / "app.py").write_text("two")
    world.saved("model.bin", "app.py")
    assert "/app/model.bin 0 MB is more than is synced" in world.said
    assert "synced to 1 pod" in world.said
    (world.context / "app.py").write_text("three")
    world.saved("app.py")
    assert world.said.count("/app/model.bin") == 1, "told once"


def test_a_file_that_vanishes_while_it_is_read_is_one_that_was_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, vanished = build_context.listing, []

    def listing(context: Path, *more: Any) -> Any:
        if not vanished:
            vanished.append(True)
            raise FileNotFoundError(2, "No such file or directory", str(context / "gone.py"))
        return real(context, *more)

    monkeypatch.setattr(build_context, "listing", listing)
    (world.context / "app.py").write_text("two")
    world.saved("app.py", "gone.py")
    assert len(world.shell.sent) == 1 and "error" not in world.said


def test_whatever_goes_wrong_is_told_and_ends_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise PermissionError(13, "Permission denied", "app.py")

    monkeypatch.setattr(build_context, "listing", refuse)
    world.saved("app.py")
    assert "error: shop: app.py cannot be read: Permission denied" in world.said
    monkeypatch.setattr(build_context, "listing", lambda *_: 1 / 0)
    world.saved("app.py")
    assert "error: ZeroDivisionError" in world.said
    with world.loop._going_on():
        world.loop._handle(Event("problem", UserError("it did not work", "try this")))
    assert "error: it did not work\n  try this" in world.said
    with pytest.raises(Ended), world.loop._going_on():
        world.loop._handle(Event("key", "q"))


def test_a_new_pod_gets_what_its_image_lacks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.loop._background, "start", lambda work: None)
    (world.context / "app.py").write_text("two")
    world.saved("app.py")
    for name in ("b", "c"):
        world.loop._handle(Event("pod", {"type": "ADDED", "object": pod(name, running=False)}))
    assert len(world.shell.sent) == 1, "nothing can be sent yet"
    world.loop._handle(Event("pod", {"type": "MODIFIED", "object": pod("b")}))
    assert len(world.shell.sent) == 2 and "b" in world.shell.sent[1]


def test_a_release_that_somebody_deployed_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = {"spec": {"template": {"metadata": {"labels": {}}}}}
    monkeypatch.setattr(Kubectl, "get", lambda *_: deployment)
    with pytest.raises(Replaced), world.loop._going_on():
        world.loop._handle(Event("pod", {"type": "DELETED", "object": pod("a")}))
    assert "another command has deployed the release" in world.said


def test_a_program_that_ended_is_explained(world: World) -> None:
    said = (
        "Traceback\nModuleNotFoundError: No module named 'flask'\nthe program has ended with status 1; it starts again"
    )
    world.loop._handle(Event("crash", ("shop", said)))
    assert "error: shop" in world.said
    assert "flask" in world.said


def test_what_the_program_before_writes_in_between_is_no_cause(world: World) -> None:
    calm = '{"level": "DEBUG", "message": "request"}'
    said = f"Traceback\nTodoError: no such list\n{calm}\n{calm}\nthe program has ended with status 1; it starts again"
    world.loop._handle(Event("crash", ("shop", said)))
    assert "error: shop has ended: TodoError: no such list\n" in world.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_session_as_ctrl_c_does_and_says_what_is_live(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Session(Loop):
        deployed = True

        def start(self) -> None:
            pass

        def work(self) -> None:
            os.kill(os.getpid(), number)
            threading.Event().wait(300)

        def close(self) -> None:
            if number != signal.SIGINT:  # a terminal that closes tells its whole group, and each of them tells the rest
                os.kill(os.getpid(), number)

    said: list[str] = []
    session: Any = SimpleNamespace(settings=read_settings(), say=said.append, kubectl=None)
    monkeypatch.setattr(command, "Loop", Session)
    monkeypatch.setattr(command, "session_lock", lambda session: tmp_path / "lock")
    monkeypatch.setattr(command, "_told", lambda session, shown: session)
    with errors_explained():
        assert command.run(session, ["backend"], cleanup=False, may_install=False) is None
    assert said == [f"ended; {command.GO_BACK}"]


def test_unknown_services_and_environments_that_admit_only_signed_images_are_refused() -> None:
    session: Any = SimpleNamespace(settings=read_settings())
    assert checked(session, ["mcp", "mcp"]) == ("mcp",)
    assert len(checked(session, [])) == len(session.settings.services)
    with pytest.raises(UserError, match="--service shop: no such service"):
        checked(session, ["shop"])
    security = replace(session.settings.security, admission=True)
    session.settings = replace(session.settings, security=security, environment="secure")
    with pytest.raises(UserError, match="secure lets in scanned and signed images only"):
        checked(session, [])


def test_a_dry_run_says_what_would_be_watched_and_done() -> None:
    lines = plan(SimpleNamespace(settings=read_settings()), ["frontend", "backend"])  # type: ignore[arg-type]
    assert any(line.endswith("stage dev)") and line.startswith("frontend: watches") for line in lines)
    assert "  sync     backend/todo_backend -> /app/todo_backend" in lines
    assert "ports on localhost: backend 8000, frontend 3000" in lines
    assert any(line.startswith("config: ") for line in lines)
