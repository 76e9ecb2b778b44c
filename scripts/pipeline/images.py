"""Images: build what is missing, name it for people, bring it to the nodes."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager
from math import inf
from pathlib import Path

from scripts.context.ready import Ready
from scripts.context.run import Run, threads
from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.host.shell import CommandError, render
from scripts.images import docker, made, plan
from scripts.images.base_images import ReadyBase
from scripts.images.docker import BUILDKIT, Docker
from scripts.pipeline.busy import Untouched
from scripts.pipeline.pruning import asked_for, prune
from scripts.reporting import report
from scripts.settings.model import Image, Outcome, Service

SHOWN = 70  # characters of a step
STOP_SECONDS = 0.1  # between two attempts to stop what still builds
BESIDE = 1  # builds more than there are cores, as each waits for the network and the disk at times


def build(run: Run, ready: Ready) -> Generator[Outcome, None, None]:
    """Build the images that do not exist yet: as many at once as there are cores and one more, the longest first.

    The first that fails is told at once, and stops the others. Those that were begun already are waited for.
    """
    if ready.begun:
        yield from ready.begun.ended()
        return
    with builders(run) as pool:
        builds = Builds(run, pool)
        builds.begin(ready.client, ready.plan.images, ready.bases)
        yield from builds.ended()


def builders(run: Run) -> AbstractContextManager[ThreadPoolExecutor]:
    """Return threads that build: as many as there are cores, and one more."""
    return threads(run, (os.cpu_count() or 1) + BESIDE)


def longest_first(images: Sequence[Image], seconds: Mapping[str, float]) -> list[Image]:
    """Return the images in the order to build them, by how long each took before; what was never built may
    take long.
    """
    return sorted(images, key=lambda image: -seconds.get(image.service, inf))


class Builds:
    """Builds that go on side by side, and end together where one fails."""

    def __init__(self, run: Run, pool: Executor) -> None:
        settings = run.session.settings
        self._run = run
        self._pool = pool
        self._services = {service.name: service for service in (*settings.services, settings.database)}
        self._refs: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # base images come in several threads
        self._there: list[Image] = []
        self._jobs: dict[Future[Outcome], Image] = {}

    def begin_ready(
        self, client: Docker, services: Sequence[Service], bases: Mapping[str, ReadyBase]
    ) -> tuple[Image, ...]:
        """Begin those of `services` whose base images are all among `bases`, and return the images that were begun so
        far, in the order of the services.

        Raises UserError for sources that cannot be read, and as `begin` does.
        """
        with self._lock:
            known = {image.service: image for image in (*self._there, *self._jobs.values())}
            fit = [one for one in services if one.name not in known and bases.keys() >= set(one.bases.values())]
            ids = {name: base.id for name, base in bases.items()}
            found = known | {one.name: plan.image_of(one, ids) for one in fit}
            self._begin(
                client, [found[one.name] for one in fit], bases, [one for one in services if one.name not in found]
            )
        return tuple(found[one.name] for one in services if one.name in found)

    def begin(self, client: Docker, images: Sequence[Image], bases: Mapping[str, ReadyBase]) -> None:
        """Begin those of `images` that the engine lacks.

        Raises UserError where it does not say, or for a secret of a build that has no value.
        """
        with self._lock:
            self._begin(client, images, bases)

    def _begin(
        self, client: Docker, images: Sequence[Image], bases: Mapping[str, ReadyBase], awaited: Sequence[Service] = ()
    ) -> None:
        if self._stopped.is_set() or not images:
            return
        shell = self._run.session.shell
        have = docker.image_ids(shell, client, [image.ref for image in images])
        missing = [image for image in images if image.ref not in have]
        self._refuse_unknown_secrets([*(self._services[image.service] for image in missing), *awaited])
        self._refs |= {name: base.ref for name, base in bases.items()}
        self._ids |= {name: base.id for name, base in bases.items()}
        self._there += [image for image in images if image.ref in have]
        times = report.build_times(self._run.session.settings.root) if len(missing) > 1 else {}
        for image in longest_first(missing, times):
            self._jobs[self._pool.submit(self.one, client, image)] = image

    @property
    def under_way(self) -> bool:
        """Return whether any image had to be built."""
        return bool(self._jobs)

    def ended(self) -> Iterator[Outcome]:
        """Yield outcomes as they come. The first failure stops what still runs, and is raised."""
        if not self._run.session.shell.dry:
            made.note(image.ref for image in (*self._there, *self._jobs.values()))
        for image in self._there:
            yield Outcome("build", image.service, "unchanged", 0.0, image.tag)
        waiting = dict(self._jobs)
        for job in as_completed(self._jobs):
            image = waiting.pop(job)
            try:
                yield job.result()
            except Exception:
                self._stopped.set()
                for unfinished in waiting.values():
                    yield Outcome("build", unfinished.service, "skipped", 0.0, f"stopped: {image.service} failed")
                self.stop()
                raise

    def stop(self) -> None:
        """Stop all that still runs, and begin no other."""
        with self._lock:
            self._stopped.set()
        for job in self._jobs:
            job.cancel()
        # Again and again: a build that had passed the check may start its process after the first time.
        while wait(self._jobs, timeout=STOP_SECONDS).not_done:
            self._run.session.shell.interrupt()

    def one(self, client: Docker, image: Image) -> Outcome:
        """Build one image. Raises UserError naming the service and the cause."""
        run, service = self._run, self._services[image.service]
        started = time.monotonic()
        run.display.waiting("build", image.service, "building")
        try:
            self._build(client, service, image)
            docker.require(run.session.shell, client, [image.ref], f"the build of {service.name} ended well")
        except CommandError as problem:
            from scripts.diagnose.examine import with_cause  # only a build that failed needs the rules

            raise with_cause(problem, run.session, "build", service) from None
        ended = time.monotonic()
        return Outcome("build", image.service, "done", ended - started, image.tag, ended=ended - run.began)

    def _build(self, client: Docker, service: Service, image: Image) -> None:
        from scripts.secrets.redact import redact  # a run that builds nothing does without its hundred patterns

        run, shell = self._run, self._run.session.shell
        hidden = {name: value for name, value in service.build_args.items() if redact(f"{name}={value}")[1]}

        def command(source: tuple[Path, Path] | None = None) -> list[str]:
            return client.build_command(service, image, self._refs, hidden=hidden, source=source)

        shown = render(command(), env=BUILDKIT)
        if shell.dry:
            shell.effect(command(), shown=shown)
            return
        env = {**BUILDKIT, **hidden, **self._secrets(service)}
        contexts = state_folder("contexts", run.session.settings.cluster)
        contexts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{service.name}-", dir=contexts) as folder:
            source = plan.lay_out(service, image, self._ids, contexts / folder)
            if self._stopped.is_set():
                raise UserError(f"{service.name}: not begun")
            shell.effect(
                command(source), env=env, shown=shown, timeout=run.session.settings.timeouts.build,
                on_line=lambda line: self._show(image, line),
            )  # fmt: skip

    def _refuse_unknown_secrets(self, services: Sequence[Service]) -> None:
        """Raise UserError naming every secret of a build that has no value, before the first one begins."""
        unknown = [(one, *pair) for one in services for pair in one.build_secrets.items() if not self._given(pair[1])]
        if unknown and not self._run.session.shell.dry:
            needs = "{}: its build needs the secret {}, and {} has no value"
            variables = ", ".join(dict.fromkeys(variable for _, _, variable in unknown))
            raise UserError(
                "\n".join(needs.format(service.name, name, variable) for service, name, variable in unknown),
                f"set {variables} in the environment or in .env",
            )

    def _given(self, variable: str) -> str:
        return self._run.session.variables.get(variable, "")

    def _secrets(self, service: Service) -> dict[str, str]:
        """Return what the Dockerfile's secret mounts hold, by variable."""
        return {variable: self._given(variable) for variable in service.build_secrets.values()}

    def _show(self, image: Image, line: str) -> None:
        from scripts.secrets.redact import redact

        if step := _build_step(line):  # as its Dockerfile has it, with the token of somebody's clone
            self._run.display.waiting("build", image.service, redact(step)[0][:SHOWN])


def tag(run: Run, ready: Ready) -> Generator[Outcome, None, None]:
    """Move the alias `latest`, which is for people: nothing is ever deployed by it."""
    shell = run.session.shell
    aliases = {image.ref: f"{image.repository}:latest" for image in ready.plan.images}
    ids = docker.image_ids(shell, ready.client, [*aliases.values(), *aliases])
    _need_built([ref for ref in aliases if ref not in ids and not run.dry])

    def one(image: Image) -> Outcome:
        alias = aliases[image.ref]
        if ids.get(alias) and ids.get(alias) == ids.get(image.ref):
            return Outcome("tag", image.service, "unchanged", 0.0, alias)
        shell.effect([ready.client.binary, "tag", image.ref, alias], timeout=60)
        return Outcome("tag", image.service, "done", 0.0, alias)

    with threads(run) as pool:
        yield from pool.map(one, ready.plan.images)


def load(run: Run, ready: Ready) -> Generator[Outcome, None, None]:
    """Bring the images to the cluster's nodes, whose addons were enabled beside the build.

    Where the run goes on to builds and deploys, old images are taken away while pods start.
    """
    yield from run.session.cluster.addons()
    refuse_unbuilt(run, ready)
    outcomes = run.session.cluster.load(ready.plan.images)
    yield from outcomes
    loaded = any(outcome.status == "done" for outcome in outcomes)
    if run.builders:
        run.later.append(lambda: list(prune(run, ready, loaded=loaded)))
    else:
        yield from prune(run, ready, loaded=loaded)


def refuse_unbuilt(run: Run, ready: Ready) -> None:
    """Raise Untouched where the engine lacks images of the sources as they are, as after a change that nobody built.

    Those that a revision or a pod asks for need not be here any more: the nodes have them.
    """
    if run.builders:  # its build has looked for them, and `tag` again
        return
    lost = docker.lacking(run.session.shell, ready.client, [image.ref for image in ready.plan.images])
    known = asked_for(run) if lost else ()
    _need_built([ref for ref in lost if ref not in known])


def _need_built(lost: Sequence[str]) -> None:
    if lost:
        raise Untouched(f"not built yet, as the sources are now: {', '.join(lost)}", "build them first: invoke build")


def _build_step(line: str) -> str:
    """Return the step that BuildKit's plain progress announces, as in `#12 [builder 3/5] RUN npm ci`; other lines are
    none.
    """
    match = re.match(r"#\d+ (\[(?!internal).*)", line)
    return match[1] if match else ""
