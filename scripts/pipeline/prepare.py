"""Tools, engine, base images, cluster, namespace and Secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor, Future

from scripts.context.ready import Ready, ensure_bases, make_plan
from scripts.context.run import Run, outcomes_of, threads
from scripts.errors import UserError
from scripts.images import engine, plan
from scripts.images.base_images import ReadyBase
from scripts.images.docker import Docker
from scripts.pipeline import namespace
from scripts.pipeline.images import Builds
from scripts.pipeline.lacking import refuse_unready
from scripts.pipeline.refusals import refuse_values
from scripts.secrets import proofs, sync, vault
from scripts.settings.model import Outcome

Work = Callable[[], tuple[bool, str]]  # whether it changed anything, and a few words on it


def prepare(run: Run) -> Generator[Outcome, None, Ready]:
    """Make ready what a release stands on, side by side where order does not matter, and return what images need."""
    refuse_unready(run)
    clients: list[Docker] = []
    bases: dict[str, ReadyBase] = {}
    with threads(run) as pool:
        tools = pool.submit(_timed, "tools", lambda: _tools(run))
        client = pool.submit(_timed, "engine", lambda: _engine(run, clients))
        images = pool.submit(_after, [client], "base images", lambda: _bases(run, clients[0], bases))
        cluster = pool.submit(_cluster, run, [tools, client])
        room = pool.submit(_after, [cluster], "namespace", lambda: namespace.ensure(run.session))
        secrets = pool.submit(_after, [room], "secrets", lambda: sync_secrets(run))
        ahead = run.builders if not run.dry else None
        begun = pool.submit(_builds, run, images, clients, bases, ahead) if ahead else None
        try:
            yield from outcomes_of([tools, client, images, cluster, room, secrets])
            builds = begun.result() if begun else None
            planned = make_plan(run, bases, builds.images if builds else None)
            if builds and builds.under_way:
                refuse_values(run, planned)
            return Ready(clients[0], bases, planned, builds)
        except UserError:
            _stop(begun)
            raise


def _builds(
    run: Run, needed: Future[Outcome], clients: Sequence[Docker], bases: Mapping[str, ReadyBase], pool: Executor
) -> Builds:
    """Begin the builds once the base images are there: none of them needs the cluster."""
    needed.result()
    ids = {name: base.id for name, base in bases.items()}
    images = plan.images_of(run.session.settings, ids, local_database=run.session.local_database)
    return Builds(run, clients[0], bases, images, pool)


def _stop(begun: Future[Builds] | None) -> None:
    """End the builds of a run that has failed."""
    if begun and begun.exception() is None:
        begun.result().stop()


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


def _engine(run: Run, into: list[Docker]) -> tuple[bool, str]:
    answering = engine.find_answering(run.session.shell)
    made = answering or engine.ensure(run.session.shell, may_install=run.may_install, say=run.display.line)
    into.append(made)
    return answering is None, str(made.binary)


def _bases(run: Run, client: Docker, into: dict[str, ReadyBase]) -> tuple[bool, str]:
    into |= ensure_bases(run, client)
    return any(base.made for base in into.values()), ", ".join(base.ref for base in into.values())


def sync_secrets(run: Run) -> tuple[bool, str]:
    """Bring every Secret up to date. Returns whether one was written, and their names."""
    session, kubectl = run.session, run.session.kubectl
    if not run.dry:
        vault.migrate(session.settings.root, run.display.line)
    config = sync.concerning(session.settings.app.secrets, [service.name for service in session.settings.services])
    changes = sync.sync(
        kubectl, session.settings.root, run.namespace, session.variables, config,
        lambda: proofs.healthy_secrets(kubectl, run.namespace),
    )  # fmt: skip
    return bool(changes), ", ".join(change.name for change in changes) or "as their sources say"
