"""Bring a release back from an archive: into an empty cluster, or over what is live in the same one.

Every step makes something true whatever was there before, so a restore that was stopped anywhere can be run again.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.backup import archive, catalog, database, key, objects
from scripts.backup.create import CONFIGURATION, HISTORY
from scripts.backup.manifest import Manifest, refuse_foreign
from scripts.context.ready import Ready, get_ready
from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.images import docker, engine
from scripts.pipeline import health, images, live, namespace, rollback, rollout, runner
from scripts.pipeline.access import access
from scripts.pipeline.deploy import deploy
from scripts.pipeline.live import Live, read_live
from scripts.pipeline.stages import Stage
from scripts.release import operate
from scripts.reporting.report import Report
from scripts.secrets import database_url, sync, versions
from scripts.secrets.sync import database_keys
from scripts.settings.model import Image, Outcome, Plan, Release

CREDENTIALS = ("database-credentials", "POSTGRES_PASSWORD")
URL = "DATABASE_URL"


@dataclass(frozen=True)
class Contents:
    """A checked archive. Secrets never show in its repr; `url` leads to the database that the dump goes to."""

    file: Path
    manifest: Manifest
    history: list[dict[str, Any]] = field(repr=False)
    objects: list[dict[str, Any]] = field(repr=False)
    url: str = field(repr=False)

    @property
    def external(self) -> bool:
        """Return whether the database is outside of the cluster."""
        return self.manifest.database == "external"


def open_archive(session: Session, file: Path) -> Contents:
    """Read an archive to its end and check that it may be restored here.

    Raises ArchiveError if it is damaged, foreign or of another key, and UserError if the configured database is of
    another kind than the archive's.
    """
    kept: dict[str, bytes] = {}

    def keep(name: str, content: bytes) -> None:
        if name in (HISTORY, CONFIGURATION):
            kept[name] = content

    manifest = archive.check(file, key.find(), keep)
    refuse_foreign(manifest, session.settings, file.name)
    if not {HISTORY, CONFIGURATION} <= kept.keys():
        raise archive.damaged(file)
    found = objects.decode(kept[CONFIGURATION])
    configured = session.variables.get(URL, "")
    if manifest.database == "cluster" and configured:
        raise UserError(
            f"{file.name}: holds the database that ran in the cluster, but DATABASE_URL is set",
            "unset DATABASE_URL for the restore, here, in .env and in the encrypted file",
        )
    secrets = session.settings.app.secrets
    url = configured or objects.first_value(found, database_keys(secrets))
    if manifest.database == "external":
        found = [_with_url(item, url, secrets) for item in found]
    return Contents(file, manifest, objects.decode(kept[HISTORY]), found, url)


def _with_url(item: dict[str, Any], url: str, secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of the archive; a Secret that holds the database's URL has this one, as its reader takes it."""
    name = item["metadata"]["name"] if item["kind"] == "Secret" else ""
    values = {
        key: database_url.understood(url, secrets[secret]["keys"][key]["database"])[0]
        for secret, key in database_keys(secrets)
        if secret == name
    }
    made = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return item | {"data": item.get("data", {}) | made} if made else item


def reach(run: Run) -> None:
    """Start the cluster, so that what it holds can be seen before it is overwritten."""
    with hold_release_lock(run.session):
        run.session.fetch_tools()
        engine.ensure(run.session.shell, may_install=run.may_install, say=run.display.line)
        run.session.cluster.up()


def overwritten(session: Session, contents: Contents) -> list[str]:
    """Return what a restore would replace: nothing in an empty cluster."""
    namespace = session.settings.release.namespace
    there = session.kubectl.find("namespace", namespace)
    doomed = operate.objects_to_delete(session)[1:] if there else []
    live = [name for name in doomed if name not in operate.MADE_BY_THE_CLUSTER]
    if contents.external:
        live.append(f"every table in the database at {database.external(contents.url).name}")
    return live


def restore(run: Run, contents: Contents) -> Report:
    """Restore, alone on the cluster, with a report and a line in the audit record."""
    if contents.external:  # then no local database is part of the release
        variables = run.session.variables | {URL: contents.url}
        run = replace(run, session=run.session.with_variables(variables))
    return runner.run_stages(run, stages(contents), "backup.restore")


@dataclass(frozen=True)
class Restorable:
    """The images that a restore works with, and whether the tree's took the place of the archived ones."""

    ready: Ready
    from_source: bool = False


def stages(contents: Contents) -> list[Stage]:
    """Return the steps of a restore, in order."""
    work = _Work(contents)
    return [
        Stage("prepare", work.prepare),
        Stage("images", work.images, Ready),
        Stage("stop", work.stop),
        Stage("objects", work.objects),
        Stage("database", work.database, Restorable),
        Stage("release", work.release, Restorable),
        Stage("access", access, Live),
    ]


class _Work:
    """The steps, each on the checked archive."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._manifest = contents.manifest

    def prepare(self, run: Run) -> Generator[Outcome, None, Ready]:
        """Prepare engine, cluster and namespace; Secrets come from the archive."""
        ready = get_ready(run)
        yield Outcome("prepare", "engine", "unchanged", 0.0, str(ready.client.binary))
        yield run.session.cluster.up()
        changed, name = namespace.ensure(run.session)
        yield Outcome("prepare", "namespace", "done" if changed else "unchanged", 0.0, name)
        return ready

    def images(self, run: Run, ready: Ready) -> Generator[Outcome, None, Restorable]:
        """Yield the archived images where the engine has them or the tree still makes them, else those of the tree."""
        settings = run.session.settings
        wanted = archived_images(self._manifest.images, settings.registry)
        archived = replace(ready, plan=self._plan(run, wanted))
        if settings.registry and run.session.cluster.target == "context":
            yield Outcome("images", "all", "skipped", 0.0, f"the nodes pull them from {settings.registry}")
            return Restorable(archived)
        refs = [image.ref for image in wanted]
        missing = set(refs) - docker.image_ids(run.session.shell, ready.client, refs).keys()
        if missing:
            run.display.line(f"not on this engine, so built from source: {', '.join(sorted(missing))}")
            yield from images.build(run, ready)
            missing -= {image.ref for image in ready.plan.images}
        if missing:
            names = ", ".join(sorted(missing))
            text = f"this tree makes others than {names}; for exactly those: git checkout {self._manifest.commit}"
            yield Outcome("images", "all", "done", 0.0, text)
        else:
            yield Outcome("images", "all", "unchanged", 0.0, "as archived")
        made = Restorable(ready, from_source=True) if missing else Restorable(archived)
        yield from images.load(run, made.ready)
        return made

    def _plan(self, run: Run, wanted: tuple[Image, ...]) -> Plan:
        settings = run.session.settings
        known = (settings.database_release, settings.release)
        own = tuple(item for item in known if item.name in self._manifest.revisions)
        target = run.session.cluster.target
        return Plan(wanted, own, target, settings.registry if target == "context" else "")

    def stop(self, run: Run) -> Generator[Outcome, None, None]:
        """End everything that writes to the database. A volume that another password was set up with goes too."""
        started = time.monotonic()
        settings, kubectl, limit = run.session.settings, run.session.kubectl, run.session.settings.timeouts.deploy
        for release in (settings.release, settings.database_release):
            run.session.helm.uninstall(release.name, release.namespace, limit)
        names = f"app.kubernetes.io/instance in ({settings.release.name}, {settings.database_release.name})"
        kubectl.effect(
            "wait", "pods", "--for=delete", "--selector", names, "--namespace", run.namespace, f"--timeout={limit}s",
            timeout=limit + 30,
        )  # fmt: skip
        text = "no pod of the release runs"
        if self._manifest.database == "cluster" and _password(run.session) != objects.value(
            self._contents.objects, *CREDENTIALS
        ):
            words = ("persistentvolumeclaim", "database", "--namespace", run.namespace, "--ignore-not-found")
            kubectl.effect("delete", *words, f"--timeout={limit}s", timeout=limit + 30)
            text += ", no volume with another password is left"
        yield Outcome("stop", "all", "done", time.monotonic() - started, text)

    def objects(self, run: Run) -> Generator[Outcome, None, None]:
        """Write helm's history as it was, and every ConfigMap and Secret that no chart makes."""
        settings, kubectl = run.session.settings, run.session.kubectl
        names = f"owner=helm,name in ({settings.release.name}, {settings.database_release.name})"
        kubectl.effect("delete", "secrets", "--selector", names, "--namespace", run.namespace)
        objects.apply(kubectl, self._contents.history)
        yield Outcome("objects", "history", "done", 0.0, f"{len(self._contents.history)} revisions")
        free = objects.free(self._contents.objects)
        objects.apply(kubectl, free)
        yield Outcome("objects", "configuration", "done", 0.0, f"{len(free)} ConfigMaps and Secrets")

    def database(self, run: Run, made: Restorable) -> Generator[Outcome, None, None]:
        """Yield the database as it was, before anything that could write to it."""
        started = time.monotonic()
        session = run.session
        if self._manifest.database == "none":
            yield Outcome("database", "none", "skipped", 0.0, "the app reads no PostgreSQL")
            return
        if self._contents.external:
            into = database.external(self._contents.url)
        else:
            into = database.in_cluster(session.kubectl, run.namespace)
            yield from self._start_database(run, made)
        run.display.waiting("database", into.name, "pg_restore")
        database.restore(session.shell, into, catalog.dump_of(self._contents.file, self._manifest))
        yield Outcome("database", into.name, "done", time.monotonic() - started, "restored in one transaction")

    def _start_database(self, run: Run, made: Restorable) -> Iterator[Outcome]:
        release = run.session.settings.database_release
        if made.from_source:
            alone = replace(made.ready, plan=replace(made.ready.plan, releases=(release,)))
            found = yield from deploy(run, alone)
        else:
            number = self._manifest.revisions[release.name]
            run.session.helm.rollback(release, number, run.session.settings.timeouts.deploy)
            found = Live() if run.dry else live.of_revisions(run.session, _newest(run, release))
        yield from rollout.await_workloads(run, found.workloads)

    def release(self, run: Run, made: Restorable) -> Generator[Outcome, None, Live]:
        """Yield the release as helm's history has it, or as the tree makes it where its images are gone; then proof."""
        if made.from_source:
            found = yield from deploy(run, made.ready)
            yield from rollout.await_rollout(run, found)
        else:
            yield from rollback.return_to(run, self._manifest.revision)
        found = read_live(run)
        if not run.dry:  # the pods were made with the Secrets as they are now
            session = run.session
            current = live.versions_now(session)
            versions.renew(session.kubectl, found.workloads, current, first=True)
        yield from health.check_health(run, found)
        return found


def _newest(run: Run, release: Release) -> dict[str, int]:
    return {release.name: run.session.helm.history(release)[-1]["revision"]}


def archived_images(refs: Mapping[str, str], registry: str) -> tuple[Image, ...]:
    """Return the images of an archive, by Deployment, without the registry their nodes pulled them from."""
    found = []
    for service, ref in sorted(refs.items()):
        repository, _, tag = ref.removeprefix(f"{registry}/").rpartition(":")
        found.append(Image(service, repository, tag))
    return tuple(found)


def _password(session: Session) -> str:
    """Return the password that the live volume was set up with, as far as the cluster knows."""
    config = sync.with_database(session.settings.app.secrets)
    held = sync.held_by(session.kubectl, session.settings.release.namespace, config)
    return held.get(CREDENTIALS[0], {}).get(CREDENTIALS[1], "")
