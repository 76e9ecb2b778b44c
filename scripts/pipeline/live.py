"""The releases as the cluster holds them: revision, helm's record of it, and what it runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.shell import render
from scripts.kube import manual_changes as manual
from scripts.kube import objects, releases, workloads
from scripts.kube.queries import SHOW_OWNERS, resource_of
from scripts.kube.releases import Revision
from scripts.kube.workloads import Workload
from scripts.secrets import proofs, sync, versions
from scripts.secrets.proofs import Proof
from scripts.settings import values


@dataclass(frozen=True)
class Live:
    """The live releases: their revisions, all they run, what changed, and helm's records, which may hold Secrets."""

    revisions: Mapping[str, int] = field(default_factory=dict)
    workloads: tuple[Workload, ...] = ()
    changes: tuple[str, ...] = ()
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def of(self, release: str) -> list[Workload]:
        """Return what one release runs."""
        return of_record(self.records[release]) if release in self.records else []


def read_live(run: Run) -> Live:
    """Return what of this run's releases is deployed in the cluster. Raises UserError where nothing is."""
    if run.dry:
        return Live()
    found = released(run.session)
    if found is None:
        text = f"release {run.session.settings.release.name} is not deployed in {run.namespace}"
        raise UserError(text, "run: invoke pipeline")
    run.about.update(found.revisions)
    return found


class Overtaken(UserError):
    """A revision is not live any more since another run has made a newer one: how good it was, nobody has seen."""


def refuse_overtaken(run: Run) -> None:
    """Raise Overtaken where somebody else has made a newer revision than the one that this run made: whose pods are
    seen is not known then, and neither is it this run's to undo.
    """
    name = run.session.settings.release.name
    about = run.about.get(name, 0)
    newest = histories(run.session).get(name, [])[-1:] if about and run.deployed else []
    if newest and newest[0].number > about:
        raise Overtaken(
            f"revision {about} of {name} is not live any more: {newest[0].number} was made meanwhile, by another run",
            "see: invoke history; then run it again",
        )


def released(session: Session) -> Live | None:
    """Return what of these settings' releases is deployed, None where the app's is not."""
    history = histories(session)
    names = [session.settings.database_release.name, session.settings.release.name]
    found = {name: item.number for name in names if (item := releases.current(history.get(name, [])))}
    return of_revisions(session, found) if session.settings.release.name in found else None


def of_revisions(session: Session, revisions: Mapping[str, int], changes: Iterable[str] = ()) -> Live:
    """Return these revisions (release → number) as helm's records have them."""
    records = record_of(session, revisions)
    found = [one for name in revisions for one in of_record(records[name])]
    return Live(dict(revisions), tuple(found), tuple(changes), records)


def record_of(session: Session, revisions: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Return helm's records of revisions, by release. Raises UserError naming one that is not there."""
    names = {name: releases.record_name(name, number) for name, number in revisions.items()}
    namespace = session.settings.release.namespace
    items = {objects.name_of(item): item for item in session.kubectl.named("secrets", namespace, names.values())}
    missing = [name for name, record in names.items() if record not in items]
    if missing:
        text = f"revision {revisions[missing[0]]} of {missing[0]} is not in helm's history"
        raise UserError(text, "see: invoke history")
    return {name: items[record] for name, record in names.items()}


def of_record(record: Mapping[str, Any]) -> list[Workload]:
    """Return what a revision runs, by helm's record of it."""
    found = releases.contents(record)
    return workloads.of_manifest(str(found.get("manifest", "")), str(found.get("namespace", "")))


def objects_of(session: Session, records: Iterable[Mapping[str, Any]]) -> list[objects.Object]:
    """Return the live objects that a person may have changed, with who set what, where releases have any."""
    kinds = ",".join(f"{kind.lower()}s" for kind in (*manual.KINDS, manual.AUTOSCALER))
    places = {place for record in records for place in _places(*_stated(record))}
    return [item for place in sorted(places) for item in session.kubectl.items(kinds, place, SHOW_OWNERS)]


def gone(session: Session, record: Mapping[str, Any]) -> list[str]:
    """Return what a revision made and the cluster has no more, as `service frontend-service`.

    A Job may have been tidied away; of a kind that nobody here knows, or may not list, nothing is said.
    """
    manifest, home = _stated(record)
    wanted: dict[tuple[str, str], list[str]] = {}
    for item in manifest:
        kind = str(item.get("kind", "")).lower()
        known = resource_of(kind)
        if known and known.namespaced and kind != "job" and known.api_version == item.get("apiVersion"):
            place = item["metadata"].get("namespace") or home
            wanted.setdefault((kind, place), []).append(objects.name_of(item))
    return [
        f"{kind} {name}" for (kind, place), names in wanted.items() for name in _lacking(session, kind, place, names)
    ]


def _lacking(session: Session, kind: str, namespace: str, names: Collection[str]) -> list[str]:
    # helm's records are Secrets, and read already; all of them would be a lot to ask for.
    kubectl = session.kubectl
    found, hidden = (
        (kubectl.named(kind, namespace, names), []) if kind == "secret" else kubectl.visible(kind, namespace)
    )
    return [] if hidden else sorted(set(names) - {objects.name_of(item) for item in found})


def manual_changes(record: Mapping[str, Any], there: Iterable[objects.Object]) -> list[manual.ManualChange]:
    """Return the fields of a release's objects that somebody else set or took away, by helm's record of it."""
    return manual.of_release(there, *_stated(record))


def _stated(record: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    found = releases.contents(record)
    return workloads.documents(str(found.get("manifest", ""))), str(found.get("namespace", ""))


def _places(manifest: Iterable[Mapping[str, Any]], home: str) -> set[str]:
    return {item["metadata"].get("namespace") or home for item in manifest if item.get("kind") in manual.KINDS}


def describe_changes(session: Session, found: Iterable[manual.ManualChange]) -> list[str]:
    """Return what a person is told of fields changed by hand: who set each, and what a deploy does about it."""
    return [line for one in found for line in _describe_change(session, one)]


def _describe_change(session: Session, one: manual.ManualChange) -> list[str]:
    if one.stated:
        return [f"{one.label}: {one.who}, not by the release; a deploy puts it back"]
    command = render(session.kubectl.command(*one.removal))
    return [f"{one.label}: {one.who}; the chart does not set it, so a deploy leaves it", f"  to remove it: {command}"]


def proofs_of(session: Session, history: Sequence[Revision]) -> dict[int, Proof]:
    """Return the proofs of the revisions that helm knows, and of those before them in the same installations."""
    return proofs_in(session, installations(session, history))


def proofs_in(session: Session, installed: Mapping[str, Mapping[str, Any]]) -> dict[int, Proof]:
    """Return the proofs of all revisions of these installations."""
    kubectl, namespace = session.kubectl, session.settings.release.namespace
    found: dict[int, Proof] = {}
    for name, record in installed.items():
        release = record["metadata"]["labels"]["name"]
        there = kubectl.items("secrets", namespace, "--selector", f"owner=helm,name={release}")
        found |= proofs.find(kubectl, namespace, release, name, releases.numbered(there))
    return found


def installations(session: Session, history: Sequence[Revision]) -> dict[str, Mapping[str, Any]]:
    """Return helm's record of the newest revision of each installation in a release's history, by installation.

    There are several where somebody removed the release and kept its history: revisions count on then. A record that
    cannot be read leaves open whose its revision is. Raises UserError if the newest one cannot be read.
    """
    home = session.settings.release.namespace
    names = [releases.record_name(item.release, item.number) for item in history]
    there = {objects.name_of(item): item for item in session.kubectl.named("secrets", home, names)}
    found: dict[str, Mapping[str, Any]] = {}
    for name in (name for name in names if name in there):
        try:
            found[releases.installation(there[name])] = there[name]
        except UserError:
            if name == names[-1]:
                raise
    return found


def installation(session: Session, record: Mapping[str, Any]) -> str:
    """Return what tells the release from another one of that name: its namespace's own uid, and its first deploy."""
    namespace = session.kubectl.find("namespace", session.settings.release.namespace) or {"metadata": {}}
    return f"{namespace['metadata'].get('uid', '')} {releases.installation(record)}"


def histories(session: Session) -> dict[str, list[Revision]]:
    """Return every release's revisions, oldest first; none in a dry run for which there is no cluster yet."""
    namespace = session.settings.release.namespace
    try:
        return releases.revisions(session.kubectl.items("secrets", namespace, "--selector", "owner=helm"))
    except UserError:
        if session.shell.dry:
            return {}
        raise


def versions_now(session: Session) -> dict[str, str]:
    """Return the version of everything that pods of the releases read, as `versions.renew` takes it; in a dry run none
    where no cluster answers, as it may not have been made yet.

    That is the app's Secrets, and all that values name, whoever made it. What a chart of somebody's own reads, its
    workloads say; pods of the library's charts say themselves what the ConfigMap held that the chart made for them.
    """
    settings, kubectl = session.settings, session.kubectl
    secrets, configmaps = set(secret_names(session)), set[str]()
    try:
        for release in (settings.database_release, settings.release):
            if versions.takes_versions(release.chart):
                given = values.merged(settings, release)
                secrets, configmaps = secrets | values.secrets_read(given), configmaps | values.configmaps_read(given)
                continue
            for item in kubectl.items(versions.KINDS, release.namespace):
                if (item["metadata"].get("annotations") or {}).get(objects.RELEASE) == release.name:
                    secrets |= objects.secrets_read(objects.template(item))
                    configmaps |= objects.configmaps_read(objects.template(item))
        return versions.of_cluster(kubectl, settings.release.namespace, secrets, configmaps)
    except UserError:
        if session.shell.dry:
            return {}
        raise


def started_otherwise(session: Session, wanted: Collection[Workload]) -> list[versions.Outdated]:
    """Return those of these workloads whose pods were started with other Secrets than there are now, or with one that
    is gone; none where no version was ever written down.
    """
    if not session.kubectl.named("secrets", session.settings.release.namespace, [versions.KEY_SECRET]):
        return []
    return versions.outdated_of(session.kubectl, wanted, versions_now(session))


def describe_started_otherwise(one: versions.Outdated) -> str:
    """Return what a person is told of pods that were started with other Secrets than there are."""
    read = ", ".join(sorted(one.secrets)) or "the ConfigMaps that they read"
    return f"{one.kind}/{one.name}: its pods were started with another state of {read}; a deploy replaces them"


def secret_names(session: Session) -> Collection[str]:
    """Return the names of the Secrets that the app's file defines, the local database's own included."""
    return sync.with_database(session.settings.app.secrets).keys()
