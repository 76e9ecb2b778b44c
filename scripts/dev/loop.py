"""A session: the release with its services to be worked on, and the cheapest right thing for every change."""

from __future__ import annotations

import queue
import re
import threading
import time
import webbrowser
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.dev import rules, sources, tree, watching
from scripts.dev.forward import Forward
from scripts.dev.pods import Background, Pod, Pods
from scripts.dev.release import DevRelease
from scripts.dev.screen import Screen
from scripts.dev.service import LABEL
from scripts.dev.sources import Source
from scripts.diagnose.examine import with_cause
from scripts.errors import UserError
from scripts.host.paths import generated_folder, state_folder
from scripts.images.build_context import Entry
from scripts.kube.objects import NAME_LABEL
from scripts.pipeline.access import access
from scripts.pipeline.live import Live
from scripts.pipeline.rollout import await_rollout
from scripts.secrets.secrecy import clean
from scripts.settings.configuration import read_settings
from scripts.settings.model import Service, Settings

ENDED = "the program has ended with status"
"""How our reloader tells that a program has come to its end."""

QUIET = re.compile(r'"level": ?"DEBUG"|^DEBUG\b')
"""Lines that are not shown: probes ask every second."""

LOG_TAIL = 60
"""Lines of a program from which the cause of its end is read."""


class Ended(Exception):
    """A person has ended the session by a key."""


class Replaced(Ended):
    """Another command has deployed the release, which is not worked on any more."""


@dataclass(frozen=True)
class Event:
    """Something that happened: `files` with paths, `pod` with a watch's event, `key`, `crash` or `problem`."""

    kind: str
    value: Any = None


class Loop:
    """One session. `names` are the services to be worked on."""

    def __init__(self, session: Session, names: Sequence[str], screen: Screen, *, may_install: bool = True) -> None:
        self._session = session
        self._settings = session.settings
        self._screen = screen
        self._release = DevRelease(session, names, screen, may_install=may_install)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._sources: dict[str, Source] = {}
        self._forwards: list[Forward] = []
        self._left_out: dict[tuple[str, str], str] = {}
        self._tails: dict[str, deque[str]] = {}  # of pods, by uid
        self._followed: set[str] = set()  # pods whose logs are shown, by uid
        self._watched: list[Path] = []
        self._stop = threading.Event()  # of the watch that goes on
        self._paused = False
        self._kept: set[Path] = set()
        self._configuration: dict[Path, bytes] = {}  # as it was last looked at
        self._url = ""
        self._pods = Pods(session.kubectl, session.settings.release.namespace, self._release.labels)
        self._background = Background(session.kubectl, session.settings.release.namespace)

    @property
    def deployed(self) -> bool:
        """Return whether the release has been touched."""
        return self._release.touched

    def start(self) -> None:
        """Bring the release up with its services to be worked on. Raises UserError if that cannot be done."""
        self._configuration_differs()  # what the release is brought up with
        self._bring_up(self._settings)
        for item in self._session.kubectl.items("pods", self._namespace, "--selector", LABEL):
            self._pod({"type": "ADDED", "object": item})  # before the first change: the watch tells of them later
        self._background.start(partial(self._background.watch_pods, lambda event: self._tell("pod", event)))
        self._forward_anew()
        self._watch_anew()

    def key(self, key: str) -> None:
        """Do what a pressed key asks for."""
        self._tell("key", key)

    def work(self) -> None:
        """Do what every change asks for, until somebody ends it. Nothing that goes wrong ends it."""
        while True:
            event = self._events.get()
            with self._going_on():
                self._handle(event)

    def close(self) -> None:
        """End what goes on beside the session."""
        self._stop.set()
        self._background.stop()

    # Events

    def _tell(self, kind: str, value: Any = None) -> None:
        self._events.put(Event(kind, value))

    @contextmanager
    def _going_on(self, stage: str = "dev", service: Service | None = None) -> Iterator[None]:
        """Tell what goes wrong in the block with its cause, and go on."""
        try:
            yield
        except UserError as problem:
            told = with_cause(problem, self._session, stage, service)
            self._screen.line(clean(f"error: {told}" + (f"\n  {told.hint}" if told.hint else "")))
        except (Ended, KeyboardInterrupt):
            raise
        except Exception as problem:  # whatever it is, a person's work goes on
            self._screen.line(clean(f"error: {type(problem).__name__}: {problem}"))

    def _handle(self, event: Event) -> None:
        if event.kind == "files":
            self._changed(event.value)
        elif event.kind == "pod":
            self._pod(event.value)
        elif event.kind == "key":
            self._pressed(event.value)
        elif event.kind == "crash":
            self._crashed(event.value)
        elif event.kind == "problem":
            raise event.value

    def _pressed(self, key: str) -> None:
        if key == "q":
            raise Ended
        if key == "r":
            self._rebuild(list(self._sources))
        elif key == "s":
            self._restart()
        elif key == "o" and self._url:
            webbrowser.open(self._url)
        elif key == "p":
            self._paused = not self._paused
            self._screen.line("paused: changes wait" if self._paused else "going on")
            if not self._paused and self._kept:
                self._changed(frozenset(self._kept))

    def _forward_anew(self) -> None:
        """Forward the ports of now: the configuration may name others than before."""
        wanted = ports(self._settings, self._sources)
        for forward in [one for one in self._forwards if (one.service, one.port) not in wanted]:
            self._forwards.remove(forward)
            forward.stop()
        for name, port in sorted(wanted - {(one.service, one.port) for one in self._forwards}):
            pods = partial(self._pods.of, released=name not in self._sources)
            forward = Forward(name, port, self._background, pods, self._screen.line)
            self._forwards.append(forward)
            self._background.start(forward.run)

    # Files

    def _watch_anew(self) -> None:
        """Watch the folders of now, where they are others than those that are watched: a service may have moved."""
        folders = self._folders()
        if folders != self._watched:
            self._watched = folders
            self._stop.set()
            self._stop = threading.Event()
            self._background.start(partial(self._watch, folders, self._stop))

    def _watch(self, folders: Sequence[Path], stop: threading.Event) -> None:
        try:
            watching.watch(
                folders, lambda batch: self._tell("files", batch), self._screen.line, stop,
                lambda: self._tell("files", self._whole()),
            )  # fmt: skip
        except (OSError, RuntimeError) as error:
            self._tell("problem", UserError(f"the sources cannot be watched: {error}", "press r after a change"))

    def _whole(self) -> frozenset[Path]:
        """Return what stands for all that is watched: whoever hears of it looks at everything once more."""
        contexts = {source.dev_service.service.context for source in self._sources.values()}
        return frozenset({*contexts, self._settings.release.chart})

    def _folders(self) -> list[Path]:
        settings = self._settings
        contexts = [source.dev_service.service.context for source in self._sources.values()]
        recipes = [source.dev_service.service.dockerfile.parent for source in self._sources.values()]
        derived = generated_folder(settings.root)
        values = [file.parent for file in settings.release.values if file.parent != derived]
        return [*contexts, *recipes, *values, settings.root / "config", settings.release.chart]

    def _changed(self, paths: frozenset[Path]) -> None:
        if self._paused:
            self._kept |= paths
            return
        self._kept.clear()
        started = time.monotonic()
        if any(self._is_config(path) for path in paths) and self._configuration_differs():
            with self._going_on():  # a mistake in it keeps nothing back that was saved beside it
                self._reconfigure()
                return
        built = []
        for source in self._sources.values():
            own = source.dev_service.service
            touched = any(path.is_relative_to(own.context) for path in paths) or own.dockerfile in paths
            if touched and (reason := self._looked_at(source, paths, started)):
                built.append((own.name, reason))
        if built:
            for name, reason in built:
                self._screen.line(f"{name}: {reason} has changed: it is built")
            built_of = {name: sources.entries_of(self._sources[name].dev_service.service) for name, _ in built}
            if not self._rebuild([name for name, _ in built]):
                self._sync_beside_failed(built_of, paths, started)

    def _sync_beside_failed(
        self, built_of: Mapping[str, Mapping[str, Entry]], paths: frozenset[Path], started: float
    ) -> None:
        """Sync what needs no build. What does has failed, and is not built again before it changes."""
        for name, before in built_of.items():
            source = self._sources[name]
            entries = sources.entries_of(source.dev_service.service)
            if entries != before:  # saved while it was built, which may be all that was wrong: it is told of next
                continue
            source.failed = {path: entries.get(path) for path in sources.needing_build(source, entries)}
            self._looked_at(source, paths - {source.dev_service.service.dockerfile}, started)

    def _configuration_differs(self) -> bool:
        """Return whether the configuration is another one than when it was last looked at, or only saved again."""
        settings = self._settings
        folders = (settings.root / "config", settings.release.chart)
        files = {file for folder in folders for file in folder.rglob("*") if self._is_config(file)}
        before, self._configuration = self._configuration, {}
        for file in files.union(settings.release.values):
            with suppress(OSError):  # a folder, or gone meanwhile: it comes again with the next change
                self._configuration[file] = file.read_bytes()
        return before != self._configuration

    def _is_config(self, path: Path) -> bool:
        settings = self._settings
        if rules.is_scratch(path.name):
            return False
        own = path.is_relative_to(settings.root / "config") and path.suffix in (".yaml", ".yml")
        return own or path in settings.release.values or path.is_relative_to(settings.release.chart)

    def _looked_at(self, source: Source, paths: frozenset[Path], started: float) -> str:
        """Sync what has changed, and return in a few words what needs a build besides; nothing where nothing does."""
        own = source.dev_service.service
        entries = sources.entries_of(own)
        needs = sources.needing_build(source, entries)
        known = source.failed == {path: entries.get(path) for path in needs}
        if own.dockerfile in paths and not own.dockerfile.is_relative_to(own.context):
            needs, known = [*needs, own.dockerfile.name], False
        if needs and not known:
            return sources.few(needs)
        if source.failed and not needs:
            source.failed = {}
            self._screen.state(own.name, change="build", done="not needed any more: all is as it was built")
        # What waits for its repair stays as it was, so that it differs until it is built.
        kept = {path: source.entries[path] for path in needs if path in source.entries}
        entries = {path: entry for path, entry in entries.items() if path not in needs} | kept
        different = sources.different(source.entries, entries)
        for path in different:
            if path in entries and tree.leads_out(entries[path]):
                self._screen.line(f"{own.name}: {path} links to {entries[path].content}, out of the sources: left out")
        source.entries, source.wanted = entries, tree.wanted(entries.values(), source.dev_service.rules)
        if placed := [path for path in different if rules.places(path, source.dev_service.rules)]:
            self._sync(source, self._running(own.name), sources.few(placed), started)
        return ""

    def _running(self, name: str) -> list[Pod]:
        return [pod for pod in self._pods.of(name) if pod.running]

    def _sync(self, source: Source, pods: Sequence[Pod], change: str, started: float) -> None:
        name = source.dev_service.name
        if not pods:
            self._screen.line(f"{name}: no pod runs: {change} goes into the next one")
            return
        for pod in pods:
            if pod.tree is None:
                pod.tree = self._release.images.get(pod.image, {})
        done = self._pods.sync(source.dev_service, pods, source.wanted)
        for place, why in done.left_out.items():
            if self._left_out.get((name, place)) != why:  # told once, and not again at every change of another file
                self._screen.line(f"{name}: {place} {why}: left out")
        self._left_out = {key: why for key, why in self._left_out.items() if key[0] != name}
        self._left_out |= {(name, place): why for place, why in done.left_out.items()}
        for pod_name, problem in done.problems.items():
            self._screen.line(f"error: {pod_name}: {problem}")
        reached = len(pods) - len(done.problems)
        milliseconds = 1000 * (time.monotonic() - started)
        self._screen.state(name, change=change, done=f"synced to {_count(reached, 'pod')} in {milliseconds:.0f} ms")

    # Pods

    def _pod(self, event: Mapping[str, Any]) -> None:
        pod = self._pods.saw(event)
        for forward in self._forwards:
            forward.pods_changed()
        label = event["object"].get("metadata", {}).get("labels", {}).get(NAME_LABEL, "")
        name = self._release.labels.get(label, label)
        source = self._sources.get(name)
        if source is None:
            return
        found = self._pods.of(name)
        ready = sum(pod.ready for pod in found)
        self._screen.state(name, pods=f"{ready} of {len(found)} ready")
        if not found and event["type"] == "DELETED":
            self._still_ours(name)
        if pod is not None and pod.worked_on and pod.running and pod.tree is None:
            pod.tree = self._release.images.get(pod.image, {})
            if pod.uid not in self._followed:
                self._followed.add(pod.uid)
                self._background.start(partial(self._logs, pod))
            if tree.between(pod.tree, source.wanted):
                self._sync(source, [pod], f"new pod {pod.name}", time.monotonic())

    def _still_ours(self, name: str) -> None:
        """Raise Ended if the service is not worked on any more, because somebody has deployed it."""
        release = self._settings.release
        own = self._sources[name].dev_service.service
        deployment = self._session.kubectl.get("deployment", own.deployment, "--namespace", release.namespace)
        if LABEL not in deployment["spec"]["template"]["metadata"].get("labels", {}):
            self._screen.line(f"{name} is not worked on any more: another command has deployed the release")
            raise Replaced

    def _logs(self, pod: Pod) -> None:
        """Show what a pod writes, for as long as it is there."""
        since = "--tail=5"
        while not self._background.stopped and any(one.uid == pod.uid for one in self._pods.of(pod.service)):
            words = ("logs", "--follow", since, pod.name, "--container", pod.container)
            self._background.follow(f"logs {pod.uid}", words, partial(self._logged, pod))
            since = "--since=2s"
            if self._background.wait(1.0):
                return

    def _logged(self, pod: Pod, text: str) -> None:
        if not QUIET.search(text):
            self._screen.log(pod.service, clean(text))
        tail = self._tails.setdefault(pod.uid, deque(maxlen=LOG_TAIL))
        tail.append(text)
        if text.startswith(ENDED):
            self._tell("crash", (pod.service, "\n".join(tail)))
            tail.clear()

    def _crashed(self, value: tuple[str, str]) -> None:
        """Say why a program has ended, where its words are known."""
        from scripts import diagnose
        from scripts.diagnose import log_excerpts

        name, said = value
        release = self._settings.release
        context = {"program": name, "service": name, "namespace": release.namespace, "release": release.name}
        finding = diagnose.explain_failure(said, context | {"stage": "rollout"}, diagnose.read_rules())
        if finding:
            self._screen.line(f"error: {name}: {diagnose.render([finding])}")
        else:
            # The one before goes on, and may have written in between.
            own = [line for line in said.splitlines()[:-1] if line.strip() and not log_excerpts.CALM.search(line)]
            last = log_excerpts.cause_lines(own)[-1:] or ["without a word"]
            self._screen.line(
                f"error: {name} has ended: {clean(last[0])}\n  mend it and save: it starts again by itself"
            )

    def _restart(self) -> None:
        for name, source in self._sources.items():
            if source.dev_service.program.reload == "signal":
                self._pods.reload(source.dev_service, self._running(name))
            else:
                self._release.restart(self._settings, [name])
            self._screen.state(name, change="restart", done="started anew")

    # The release

    @property
    def _namespace(self) -> str:
        return self._settings.release.namespace

    def _rebuild(self, names: Sequence[str]) -> bool:
        """Build and deploy what has changed. True if that was done; what went wrong is told."""
        started, done = time.monotonic(), False
        with self._going_on("build", self._sources[names[0]].dev_service.service if len(names) == 1 else None):
            self._bring_up(self._settings, wait=False)
            seconds = time.monotonic() - started
            done = True
            for name in names:
                self._screen.state(name, change="build", done=f"built and deployed in {seconds:.1f} s")
        return done

    def _reconfigure(self) -> None:
        """Take the configuration as it is now, and upgrade the release."""
        started = time.monotonic()
        settings = read_settings(self._settings.root, self._settings.environment)
        old, new = _place(self._settings), _place(settings)
        if moved := [name for name in old if old[name] != new[name]]:
            raise UserError(
                f"the configuration has another {moved[0]}: {new[moved[0]]} instead of {old[moved[0]]}",
                "end this session, and begin one there: invoke dev",
            )
        self._settings = settings
        self._bring_up(settings, wait=False)
        self._forward_anew()
        self._watch_anew()
        self._screen.line(
            f"the configuration has changed: the release is upgraded ({time.monotonic() - started:.1f} s)"
        )

    def _bring_up(self, settings: Settings, *, wait: bool = True) -> None:
        """Build what changed, and deploy it all with the services that are worked on."""
        with hold_release_lock(self._session):
            self._sources, deployed, run = self._release.bring_up(settings)
        for name in self._sources:
            self._screen.state(name, pods="starting")
        if wait:
            with self._going_on("rollout"):
                self._release.show(await_rollout(run, deployed))
            with self._going_on("access"):
                page = self._release.show(access(run, deployed))
                self._url = page.url if page else ""
        else:
            self._background.start(partial(self._await, run, deployed))

    def _await(self, run: Run, deployed: Live) -> None:
        """Wait for a rollout beside the loop, and tell how it went."""
        try:
            self._release.show(await_rollout(run, deployed))
        except UserError as problem:
            self._tell("problem", problem)


def ports(settings: Settings, names: Collection[str]) -> set[tuple[str, int]]:
    """Return which ports answer on localhost while `names` are worked on, each with its service.

    They are those that a service asks for, worked on or not, and where it names none its own: of the page and of what
    is worked on.
    """
    shown = {*names, settings.app.page}
    return {
        (one.name, port)
        for one in settings.services
        for port in one.dev.ports or ((one.port,) if one.name in shown and one.port else ())
    }


def _place(settings: Settings) -> dict[str, str]:
    """Return where a release is: what a session cannot follow."""
    release = settings.release
    return {
        "target": settings.target,
        "cluster": settings.cluster,
        "release.name": release.name,
        "release.namespace": release.namespace,
    }


def session_lock(session: Session) -> Path:
    """Return the lock that one session holds: two would overwrite each other's files."""
    return state_folder("locks", f"{session.settings.cluster}.dev.lock")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
