"""Write an archive of the live release."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.backup import archive, database, key, objects
from scripts.backup.archive import Part
from scripts.backup.database import Database
from scripts.backup.manifest import DUMP, Manifest, Member
from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.kube import releases
from scripts.kube.kubectl import not_listed
from scripts.kube.objects import app_container, template
from scripts.reporting import audit
from scripts.secrets import lost_password, sync
from scripts.settings.model import Outcome

FOLDER = "backups"
HISTORY = "helm/history.json"
CONFIGURATION = "objects.json"
KEPT = ("configmaps", "secrets", "services", "deployments")  # what an archive is made of
DESCRIBED = ("pods", "persistentvolumeclaims")  # what it tells of beside that


@dataclass(frozen=True)
class ReleaseState:
    """The live release as the cluster holds it. `objects` and `history` hold Secrets, and never show in the repr;
    `volumes` are claims whose content no archive holds, `hidden` the kinds that this account may not list.
    """

    history: list[dict[str, Any]]
    objects: list[dict[str, Any]]
    revisions: Mapping[str, int]
    images: Mapping[str, str]
    image_ids: Mapping[str, str]
    database: Database
    volumes: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ReleaseState(revisions={dict(self.revisions)}, database={self.database})"


def create(run: Run, output: str = "") -> Path:
    """Back up the live release, alone on its cluster. Returns the archive.

    Raises UserError if there is no release, the database does not answer or the archive cannot be written.
    """
    session = run.session
    now, clock = datetime.now(UTC), time.monotonic()
    file = archive_path(session.settings.root, session.settings.cluster, session.settings.release.name, now, output)
    if session.shell.dry:
        live = read_release(run)
        what = ", ".join(f"{name} at revision {number}" for name, number in sorted(live.revisions.items()))
        data = "no database" if live.database.where == "none" else f"the database {live.database.name}"
        session.say(f"would write {what}, and {data}, to {file}")
        return file
    with hold_release_lock(run.session):
        run.display.begin("backup")
        live = read_release(run)
        made = archive.write(
            file,
            key.find_or_make(session.say, key.encrypted_files(session.settings.root)),
            parts(run, live),
            lambda members: _manifest(run, live, now, members),
        )
    text = f"{len(made.members)} parts, {file.stat().st_size:,} bytes"
    run.display.outcome(Outcome("backup", "archive", "done", time.monotonic() - clock, text))
    return file


def archive_path(root: Path, cluster: str, release: str, now: datetime, output: str) -> Path:
    """Return where the archive goes: a name that sorts by time, in `backups/` or the folder or file that was asked for.

    Raises UserError if something is there already.
    """
    name = f"{cluster}-{release}-{now:%Y%m%dT%H%M%SZ}{archive.SUFFIX}"
    file = Path(output).expanduser() if output else root / FOLDER
    if not output or file.is_dir() or output.endswith("/"):
        file = file / name
    if file.exists():
        raise UserError(f"{file}: exists already", "choose another name: --output")
    return file


def read_release(run: Run) -> ReleaseState:
    """Return the live release. Raises UserError if there is none, or not all of it may be seen."""
    session, namespace = run.session, run.namespace
    kubectl = session.kubectl
    found, hidden = kubectl.visible(",".join((*KEPT, *DESCRIBED)), namespace)
    if lost := [kind for kind in KEPT if kind in hidden]:  # half an archive is found out when it is needed
        raise not_listed(lost, namespace)
    kinds: dict[str, list[dict[str, Any]]] = {}
    for item in found:
        kinds.setdefault(item["kind"], []).append(item)
    history, kept = objects.split([*kinds.get("ConfigMap", ()), *kinds.get("Secret", ())])
    revisions = {
        name: deployed[-1].number
        for name, items in releases.revisions(history).items()
        if (deployed := [item for item in items if item.status == "deployed"])
    }
    if session.settings.release.name not in revisions:
        raise UserError(f"there is no release {session.settings.release.name} to back up", "run: invoke pipeline")
    base = _database(session, kept, {item["metadata"]["name"] for item in kinds.get("Service", ())}, revisions)
    claims = {item["metadata"]["name"] for item in kinds.get("PersistentVolumeClaim", ())}
    return ReleaseState(
        history=history,
        objects=kept,
        revisions=revisions,
        images={
            item["metadata"]["name"]: app_container(template(item))["image"] for item in kinds.get("Deployment", ())
        },
        image_ids=_image_ids(kinds.get("Pod", [])),
        database=base,
        hidden=tuple(hidden),
        volumes=tuple(sorted(claims - ({lost_password.VOLUME} if base.where == "cluster" else set()))),
    )


def _database(
    session: Session, kept: list[dict[str, Any]], services: Collection[str], revisions: Mapping[str, int]
) -> Database:
    """Return the database of the app, where its Secrets lead. Raises UserError for one that cannot be dumped."""
    app, own = session.settings.app, session.settings.database_release.name
    if not app.wants_database:
        return database.NONE
    keys = sync.database_keys(app.secrets)
    url = objects.first_value(kept, keys)
    url = url or ("" if keys else session.variables.get("DATABASE_URL", ""))
    where = "cluster" if not keys and not url and own in revisions else database.where_is(url, services)
    if where == "external":
        return database.external(url)
    if own not in revisions:
        raise UserError(
            f"the database runs in the cluster, but not by the release {own}",
            "back it up by its own means, or move its data to the database that this project deploys",
        )
    return database.in_cluster(session.kubectl, session.settings.release.namespace)


def _image_ids(pods: list[dict[str, Any]]) -> dict[str, str]:
    """Return image reference → what the node's runtime calls it."""
    statuses = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", ())]
    return {status["image"]: status["imageID"] for status in statuses if status.get("imageID")}


def parts(run: Run, live: ReleaseState) -> Iterator[Part]:
    """Yield the members of the archive but the manifest: history, values, objects, and the database as it is dumped."""
    display, session = run.display, run.session
    yield HISTORY, objects.encode(live.history)
    for name in live.revisions:
        argv = session.helm.command("get", "values", name, "--namespace", run.namespace, "--output", "json")
        answer = session.shell.probe(argv)
        if not answer:
            raise UserError(f"helm get values {name}: {answer.err.strip()}", "see: invoke history")
        yield f"helm/values/{name}.json", answer.out.encode()
    display.outcome(Outcome("backup", "release", "done", 0.0, f"{len(live.history)} revisions with their values"))
    yield CONFIGURATION, objects.encode(live.objects)
    display.outcome(Outcome("backup", "objects", "done", 0.0, f"{len(live.objects)} ConfigMaps and Secrets"))
    if live.volumes:
        display.outcome(Outcome("backup", "volumes", "skipped", 0.0, f"not in the archive: {', '.join(live.volumes)}"))
    if live.hidden:
        text = f"cannot be told: this account may not list {', '.join(live.hidden)}"
        display.outcome(Outcome("backup", "what is not in the archive", "skipped", 0.0, text))
    if live.database.where == "none":
        display.outcome(Outcome("backup", "database", "skipped", 0.0, "the app reads no PostgreSQL"))
        return
    started = time.monotonic()
    size = 0

    def progress(total: int) -> None:
        nonlocal size
        size = total
        display.waiting("backup", "database", f"{total / 1e6:.0f} MB")

    display.waiting("backup", "database", f"pg_dump in {live.database.name}")
    for number, piece in enumerate(database.dump(session.shell, live.database, progress)):
        yield f"{DUMP}{number:06}", piece
    seconds = time.monotonic() - started
    display.outcome(Outcome("backup", "database", "done", seconds, f"{size:,} bytes from {live.database.name}"))


def _manifest(run: Run, live: ReleaseState, now: datetime, members: Mapping[str, Member]) -> Manifest:
    settings = run.session.settings
    return Manifest(
        cluster=settings.cluster,
        environment=settings.environment,
        namespace=settings.release.namespace,
        release=settings.release.name,
        created=now.isoformat(timespec="seconds"),
        commit=audit.commit(run.session.shell, settings.root),
        database=live.database.where,
        revisions=live.revisions,
        images=live.images,
        image_ids=live.image_ids,
        members=members,
    )
