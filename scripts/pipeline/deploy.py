"""Releases: install or upgrade what changed, mend what a killed run left."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.context.ready import Ready
from scripts.context.release_lock import settle_unfinished_run
from scripts.context.run import Run, outcomes_of, threads
from scripts.errors import UserError
from scripts.host.files import write_whole
from scripts.host.paths import generated_folder
from scripts.images import plan
from scripts.kube import manifest_diff, objects, releases
from scripts.kube.kubectl import replace_pods
from scripts.kube.manual_changes import ManualChange
from scripts.kube.releases import Revision
from scripts.kube.workloads import Workload
from scripts.pipeline import lent, live, put_back
from scripts.pipeline.app_secrets import complete_secrets
from scripts.pipeline.busy import refuse_while_busy
from scripts.pipeline.hooks import hooks_watched
from scripts.pipeline.images import refuse_unbuilt
from scripts.pipeline.live import Live
from scripts.secrets import versions
from scripts.settings.model import Outcome, Plan, Release, Settings
from scripts.settings.reading import overlay


@dataclass(frozen=True)
class _Done:
    """One release after its deploy."""

    revision: int
    changes: tuple[str, ...]
    installed: bool = False  # by this run, which made all its pods
    there: tuple[objects.Object, ...] = ()  # its live objects, where it was not changed


def deploy(run: Run, ready: Ready) -> Generator[Outcome, None, Live]:
    """Install or upgrade the releases whose inputs changed, and return them as they are now."""
    session = run.session
    history = live.histories(session)
    for planned in ready.plan.releases:
        refuse_while_busy(run, planned.name, history.get(planned.name, []))
    yield from lent.take_back(run)
    if session.target != "context":  # whose nodes take them from a registry
        refuse_unbuilt(run, ready)
    current = yield from complete_secrets(run)
    done: dict[str, _Done] = {}

    def one(release: Release) -> Outcome:
        outcome, done[release.name] = _deploy_one(run, ready.plan, release, history.get(release.name, []), current)
        return outcome

    with threads(run) as pool:
        for group in _groups(run, ready.plan):
            if run.deployed and not run.dry:  # what came before may have made a Secret that these read
                current = live.versions_now(session)
            yield from outcomes_of([pool.submit(one, release) for release in group])
    if run.dry:
        return Live()
    settle_unfinished_run(session)
    numbers = {release.name: done[release.name].revision for release in ready.plan.releases}
    run.about.update(numbers)
    found = live.of_revisions(session, numbers, [text for item in done.values() for text in item.changes])
    current = live.versions_now(session) if run.deployed else current  # helm may have changed what pods read
    for release in numbers:
        for name in versions.renew(session.kubectl, found.of(release), current, first=done[release].installed):
            yield Outcome("deploy", name, "done", 0.0, "pods replaced: a Secret or ConfigMap they read has changed")
        for name in _restart_holders(run, found, release, done[release].there):
            yield Outcome(
                "deploy", name, "done", 0.0, "pods replaced: they may have been started with what is put back"
            )
    return found


def _restart_holders(run: Run, found: Live, release: str, there: Sequence[objects.Object]) -> Iterator[str]:
    """Replace the pods that may hold what was put back in a ConfigMap since, and yield whose they are."""
    session = run.session
    seen = there or live.objects_of(session, found.records.values())
    for kind, namespace, name in put_back.holders(session, release, found.of(release), seen):
        replace_pods(session.kubectl, [f"{kind.lower()}/{name}"], namespace)
        yield name


def _groups(run: Run, planned: Plan) -> Iterator[list[Release]]:
    """Yield releases that may be deployed side by side: all, or the database, once it runs, before the others."""
    settings = run.session.settings
    first = [one for one in planned.releases if one.name == settings.database_release.name]
    if not (first and settings.app.database_first):
        yield list(planned.releases)
        return
    yield first
    run.session.kubectl.await_rollout("deployment/database", run.namespace, settings.timeouts.deploy)
    yield [one for one in planned.releases if one not in first]


def _deploy_one(
    run: Run, planned: Plan, release: Release, history: list[Revision], secrets: Mapping[str, str]
) -> tuple[Outcome, _Done]:
    started = time.monotonic()
    session, settings = run.session, run.session.settings
    values = release_values(planned, release, settings, secrets)
    inputs = plan.inputs_digest(release, values)
    newest = history[-1] if history else None
    record = live.record_of(session, {release.name: newest.number})[release.name] if newest else {}
    there = live.objects_of(session, [record]) if newest else []
    undone = [one for one in _manual_changes(run, record, there) if one.stated] if newest and not run.dry else []
    gone = live.gone(session, record) if newest and not run.dry else []
    same = newest and newest.status == "deployed" and newest.inputs == inputs and not undone and not gone
    if newest and same and _runs_as_recorded(record, there):
        text = f"revision {newest.number}"
        done = _Done(newest.number, (), there=tuple(there))
        return Outcome("deploy", release.name, "unchanged", time.monotonic() - started, text), done
    run.deployed.add(release.name)
    _end_killed_operation(run, release, history)
    before = _manifest(run, release, newest.number) if newest else ""
    file = write_values(settings, release, values)
    run.display.waiting("deploy", release.name, "helm upgrade --install")
    # helm hands labels on from revision to revision, until one is taken away.
    ended = {"dev": "null"} if newest and newest.dev else {}
    argv = session.helm.upgrade_command(
        release, (file,), {"inputs": inputs, **ended, **release.labels}, settings.timeouts.deploy,
        uninstalled=newest is not None and newest.status == "uninstalled",
    )  # fmt: skip
    with nullcontext() if run.dry else hooks_watched(session, release.namespace):
        session.shell.effect(argv, timeout=settings.timeouts.deploy + 30)
    number = newest.number + 1 if newest else 1
    changes: tuple[str, ...] = ()
    if not run.dry:
        number = _made(release, live.histories(session).get(release.name, []), newest)
        changes = tuple(manifest_diff.between(before, _manifest(run, release, number))) if before else ()
        changes += tuple(f"{one.label}: put back, it was {one.who}" for one in undone)
        changes += tuple(f"{one}: made again, somebody had deleted it" for one in gone)
    outcome = Outcome("deploy", release.name, "done", time.monotonic() - started, f"revision {number}")
    return outcome, _Done(number, changes, installed=number == 1)


def _made(release: Release, history: Sequence[Revision], before: Revision | None) -> int:
    """Return the revision that helm made. Raises UserError where it says to have made one, and there is none."""
    if not history or (before and history[-1].number <= before.number):
        still = f"its newest revision is still {history[-1].number}" if history else "it has no revision"
        raise UserError(
            f"helm reported that {release.name} was deployed, but {still}",
            "does that helm work on this cluster? invoke doctor; helm version",
        )
    return history[-1].number


def _manual_changes(run: Run, record: Mapping[str, Any], there: Sequence[objects.Object]) -> list[ManualChange]:
    """Return the fields of a release's objects that are not as its revision has them, and tell of each."""
    found = live.manual_changes(record, there)
    for line in live.describe_changes(run.session, found):
        run.display.line(line)
    return found


def _manifest(run: Run, release: Release, number: int) -> str:
    """Return a revision's manifest by helm's record of it; it may hold Secrets, and is never shown."""
    record = live.record_of(run.session, {release.name: number})[release.name]
    return str(releases.contents(record).get("manifest", ""))


def _runs_as_recorded(record: Mapping[str, Any], there: Iterable[objects.Object]) -> bool:
    """Return whether all that a revision runs is there and has the images that it asks for."""
    wanted = [one for one in live.of_record(record) if one.kind != "Job"]  # one that ended may be tidied away
    kinds = {one.kind for one in wanted}
    run = {objects.place(item): objects.images_of(objects.template(item)) for item in there if item["kind"] in kinds}
    return all(_same(one, run.get((one.kind, one.namespace, one.name))) for one in wanted)


def _same(wanted: Workload, images: Mapping[str, str] | None) -> bool:
    return images is not None and dict(wanted.images).items() <= images.items()


def _end_killed_operation(run: Run, release: Release, history: list[Revision]) -> None:
    remedy = releases.repair(history)
    if not remedy:
        return
    run.display.line(f"release {release.name} was left {history[-1].status} by a run that was killed: mending it")
    verb, revision = remedy
    limit = run.session.settings.timeouts.deploy
    if verb == "rollback":
        run.session.helm.rollback(release, revision, limit)
    else:
        run.session.helm.uninstall(release.name, release.namespace, limit)


def release_values(planned: Plan, release: Release, settings: Settings, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return the generated values of a release: the planned images, and the versions of Secrets where it takes them."""
    values = plan.image_values(planned, release, settings.database_release)
    known = secrets and versions.takes_versions(release.chart)
    made: dict[str, Any] = overlay(values, {"global": {versions.VALUE: dict(secrets)}}) if known else values
    return made


def write_values(settings: Settings, release: Release, values: Mapping[str, Any]) -> Path:
    """Write the generated values of a release to a file that helm reads, and return it."""
    file = generated_folder(settings.root) / f"{release.name}.images.yaml"
    # JSON is YAML in which a tag like 12e34567 cannot be read as a number.
    write_whole(file, json.dumps(values, indent=2) + "\n")
    return file


def current_versions(run: Run) -> dict[str, str]:
    """Return the versions of what pods read in the cluster. Raises UserError where it does not answer."""
    return live.versions_now(run.session)
