"""Tools, engine, base images, cluster, namespace and Secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future

from scripts.context.ready import Ready, ensure_bases, make_plan
from scripts.context.run import Run, outcomes_of, threads
from scripts.errors import UserError
from scripts.images import engine, plan
from scripts.images.base_images import Early, ReadyBase
from scripts.images.docker import Docker
from scripts.pipeline import namespace
from scripts.pipeline.app_secrets import sync_secrets, told_once
from scripts.pipeline.images import Builds
from scripts.pipeline.lacking import refuse_unready
from scripts.pipeline.refusals import refuse_values
from scripts.settings import idle
from scripts.settings.model import Image, Outcome

Work = Callable[[], tuple[bool, str]]  # whether it changed anything, and a few words on it


def prepare(run: Run) -> Generator[Outcome, None, Ready]:
    """Make ready what a release stands on, side by side where order does not matter, and return what images need."""
    refuse_unready(run)
    for line in idle.told(run.session.settings, run.session.target):
        run.display.line(line)
    clients: list[Docker] = []
    bases: dict[str, ReadyBase] = {}
    with threads(run) as pool:
        tools = pool.submit(_timed, "tools", lambda: _tools(run))
        early = Early(run.session.shell, run.display.line, pool)
        client = pool.submit(_timed, "engine", lambda: _engine(run, clients, early))
        builds = Builds(run, run.builders) if run.builders and not run.dry else None
        images = pool.submit(_after, [client], "base images", lambda: _bases(run, clients[0], bases, builds, early))
        cluster = pool.submit(_cluster, run, [tools, client])
        room = pool.submit(_after, [cluster], "namespace", lambda: namespace.ensure(run.session))
        secrets = pool.submit(_after, [room], "secrets", lambda: _secrets(run))
        try:
            yield from outcomes_of([tools, client, images, cluster, room, secrets])
            planned = make_plan(run, bases, _begun(run, clients[0], bases, builds) if builds else None)
            if run.dry or (builds and builds.under_way):
                refuse_values(run, planned)
            return Ready(clients[0], bases, planned, builds)
        except UserError:
            if builds:
                builds.stop()
            raise


def _begun(run: Run, client: Docker, bases: Mapping[str, ReadyBase], builds: Builds) -> tuple[Image, ...]:
    """Begin the builds that stand on nothing else than these bases, and return the images of all that were begun.

    None of them needs the cluster.
    """
    services = plan.services_of(run.session.settings, local_database=run.session.local_database)
    return builds.begin_ready(client, services, bases)


def _timed(target: str, work: Work) -> Outcome:
    started = time.monotonic()
    changed, detail = work()
    return Outcome("prepare", target, "done" if changed else "unchanged", time.monotonic() - started, detail)


def _after(needed: Sequence[Future[Outcome]], target: str, work: Work) -> Outcome:
    for job in needed:
        job.result()
    return _timed(target, work)


def _cluster(run: Run, needed: Sequence[Future[Outcome]]) -> Outcome:
    for job in needed:
        job.result()
    cluster = run.session.cluster
    return cluster.up(lambda text: run.display.waiting("prepare", f"cluster {cluster.name}", text))


def _tools(run: Run) -> tuple[bool, str]:
    fetched = run.session.fetch_tools()
    return bool(fetched), ", ".join(f"{name} {path}" for name, path in run.session.tools.items())


def _engine(run: Run, into: list[Docker], early: Early) -> tuple[bool, str]:
    answering = engine.find_answering(run.session.shell)
    made = answering or engine.ensure(run.session.shell, may_install=run.may_install, say=run.display.line, early=early)
    into.append(made)
    return answering is None, str(made.binary)


def _bases(
    run: Run, client: Docker, into: dict[str, ReadyBase], builds: Builds | None, early: Early
) -> tuple[bool, str]:
    """Have all base images, and begin each build when those are there that it stands on."""

    def arrived(name: str, base: ReadyBase) -> None:
        into[name] = base
        if builds:
            _begun(run, client, dict(into), builds)

    into |= ensure_bases(run, client, arrived, early)
    if builds:
        _begun(run, client, into, builds)
    return any(base.made for base in into.values()), ", ".join(base.ref for base in into.values())


def _secrets(run: Run) -> tuple[bool, str]:
    for line in told_once(run.session):
        run.display.line(line)
    changes = sync_secrets(run.session, run.display.line)
    return bool(changes), ", ".join(change.told for change in changes) or "as their sources say"
