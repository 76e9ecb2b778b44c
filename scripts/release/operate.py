"""Daily use of a live release: what runs, its logs, restarts, scale, removal."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from scripts.clusters import states
from scripts.context.release_lock import hold_release_lock
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.paths import audit_file
from scripts.host.shell import CommandError
from scripts.kube import objects, releases, workloads
from scripts.kube.kubectl import (
    CLAIMED,
    MANAGER,
    Unanswered,
    is_forbidden,
    not_listed,
    replace_pods,
    rollout_status,
    unanswered,
)
from scripts.kube.workloads import Workload
from scripts.pipeline import app_secrets, live
from scripts.pipeline import namespace as app_namespace
from scripts.pipeline.access import page_url
from scripts.reporting import audit
from scripts.secrets import proofs, secrecy, sync, versions

LOOK_SECONDS = 20.0  # between two looks whether a rollout is waited for in vain
SERVING = ("Deployment", "StatefulSet", "DaemonSet")

# Kinds of what the cluster notes on what runs, and of what it makes of other objects: nobody misses these.
NOTED = {
    "events", "events.events.k8s.io", "endpoints", "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io",
    "controllerrevisions.apps", "csistoragecapacities.storage.k8s.io",
}  # fmt: skip
FOREIGN = " (made by somebody else)"
# In each namespace anew, where anything of a person's may have the same name.
MADE_BY_THE_CLUSTER = ("configmap/kube-root-ca.crt", "service/kubernetes", "serviceaccount/default")


def status_rows(
    found: Iterable[Mapping[str, Any]],
    now: datetime,
    released: Mapping[str, int] | None = None,
    home: str = "",
    hidden: Collection[str] = (),
) -> list[tuple[str, ...]]:
    """Return a table of what serves: ready, image, restarts, age of the newest pod.

    `released` are the replicas that the release says, by Deployment: another number is told as a drift. `home` is the
    release's namespace, which is not told; empty where all is of one. `hidden` are kinds that could not be read.
    """
    items = list(found)
    pods = [item for item in items if item["kind"] == "Pod"]
    serving = sorted((item for item in items if item["kind"] in SERVING), key=objects.name_of)
    rows = [_status_row(item, objects.pods_of(item, pods), now, released or {}, home) for item in serving]
    if "pods" in hidden:
        rows = [(service, ready, "?", "?", image) for service, ready, _, _, image in rows]
    return [("SERVICE", "READY", "RESTARTS", "AGE", "IMAGE"), *rows]


def _status_row(
    item: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], now: datetime, released: Mapping[str, int], home: str
) -> tuple[str, ...]:
    statuses = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", ())]
    created = max((pod["metadata"]["creationTimestamp"] for pod in pods), default="")
    namespace = item["metadata"].get("namespace", "")
    return (
        workloads.label(Workload(item["kind"], namespace, objects.name_of(item), {}), home or namespace),
        _ready(item) + (_drift(item, released) if item["kind"] == "Deployment" else ""),
        str(sum(status.get("restartCount", 0) for status in statuses)),
        objects.age(created, now) if created else "-",
        objects.app_container(objects.template(item)).get("image", "-") + (" (dev)" if _worked_on(item) else ""),
    )


def _ready(item: Mapping[str, Any]) -> str:
    status = item.get("status", {})
    if item["kind"] == "DaemonSet":
        return f"{status.get('numberReady', 0)}/{status.get('desiredNumberScheduled', 0)}"
    return f"{status.get('readyReplicas', 0)}/{item['spec'].get('replicas', 1)}"


def _drift(deployment: Mapping[str, Any], released: Mapping[str, int]) -> str:
    """Return how its replicas differ from the release's; nothing where they do not, or an autoscaler sets them."""
    name, live = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
    return f" (release: {released[name]})" if released.get(name, live) != live else ""


def _worked_on(deployment: Mapping[str, Any]) -> bool:
    """Return whether its pods may hold other files than their image, since somebody works on them."""
    return releases.DEV in deployment["spec"]["template"].get("metadata", {}).get("labels", {})


def status(session: Session) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the live release as a table, and what is told below it: what somebody changed by hand, and what this
    account may not see. Raises UserError if the cluster does not answer, or shows nothing of what serves.
    """
    home, kinds = session.settings.release.namespace, "deployments,statefulsets,daemonsets,pods"
    items, hidden = session.kubectl.visible(kinds, home)
    if set(hidden) >= {"deployments", "statefulsets", "daemonsets"}:
        raise not_listed(hidden, home)
    told = [f"not looked at: {', '.join(hidden)}, which this account may not list"] if hidden else []
    found = live.Live()
    try:
        found = live.released(session) or found
        told += _manual_changes(session, found.records.values())
        told += map(live.describe_started_otherwise, live.started_otherwise(session, found.workloads))
    except Unanswered as problem:
        if not is_forbidden(problem):
            raise
        told.append(f"what is not as the release says cannot be told: {states.first_line(str(problem))}")
    for namespace in sorted({one.namespace for one in found.workloads} - {home}):
        items = [*items, *session.kubectl.items(kinds, namespace)]
    released = {
        one.name: one.replicas for one in found.workloads if one.kind == "Deployment" and one.replicas is not None
    }
    rows = status_rows(items, session.kubectl.now(), released, home, hidden)
    seen = (one for one in found.workloads if one.kind in SERVING and workloads.PLURAL[one.kind] not in hidden)
    return [*rows, *_missing_rows(seen, items, home)], told


def _missing_rows(
    wanted: Iterable[Workload], items: Iterable[Mapping[str, Any]], home: str
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each part of the release that somebody has deleted."""
    there = {(item["kind"], item["metadata"].get("namespace", home), objects.name_of(item)) for item in items}
    for one in wanted:
        if (one.kind, one.namespace, one.name) not in there:
            yield workloads.label(one, home), "deleted; a deploy makes it again", "-", "-", "-"


def _manual_changes(session: Session, records: Collection[Mapping[str, Any]]) -> list[str]:
    there = live.objects_of(session, records)
    return [line for record in records for line in live.describe_changes(session, live.manual_changes(record, there))]


def check_service(session: Session, service: str) -> str:
    """Return a service's name, checked. Raises UserError naming those there are."""
    names = [item.name for item in (*session.settings.services, session.settings.database)]
    if service not in names:
        raise UserError(f"--service {service}: no such service", f"choose one of: {', '.join(names)}")
    return service


def deployment_name(session: Session, service: str) -> str:
    """Return the name of a service's Deployment, which a chart of somebody's own may call otherwise. Raises UserError
    as `check_service` does.
    """
    named = {item.name: item.deployment or item.name for item in session.settings.services}
    return named.get(check_service(session, service), service)


def workload(session: Session, service: str) -> Workload:
    """Return what runs a service: a Deployment, or in a chart of somebody's own another kind. Raises UserError for no
    service of that name, and where no cluster answers.
    """
    name, namespace = deployment_name(session, service), session.settings.release.namespace
    usual = workloads.deployment(namespace, name)
    if session.settings.release.has_library or session.shell.dry:
        return usual
    found = live.released(session) or live.Live()
    return next((one for one in found.workloads if one.name == name), usual)


def under_load(session: Session) -> tuple[str, ...]:
    """Return the services that the requests of people go through. Raises UserError where the app's file names none."""
    app = session.settings.app
    if not app.under_load:
        raise UserError(
            f"{app.file}: underLoad: missing, so nobody knows which services the requests of people go through",
            "name them there, such as `underLoad: [api]`",
        )
    return app.under_load


def logs(session: Session, service: str, *, follow: bool, tail: int) -> Iterator[str]:
    """Yield the log lines of all pods of a service, without secrets. Raises UserError if there are none."""
    one = workload(session, service)
    namespace = one.namespace
    found = session.kubectl.find(one.kind.lower(), one.name, namespace)
    if found is None:
        raise UserError(f"{service} is not deployed: there is no {one.resource} in {namespace}", "run: invoke pipeline")
    selector = objects.selector_words(found)
    argv = session.kubectl.command(
        "logs", "--namespace", namespace, "--selector", selector, "--all-containers", "--prefix",
        f"--tail={tail}", f"--follow={str(follow).lower()}", "--max-log-requests=20",
    )  # fmt: skip
    if not secrecy.read_once(session.kubectl, namespace):
        session.say(f"# {secrecy.UNREAD}")
    with session.shell.reading(argv) as chunks:
        yield from secrecy.clean_lines(chunks)


def restart(session: Session, services: Sequence[str]) -> None:
    """Replace the pods of services one by one, and wait for the new ones."""
    chosen = [workload(session, service) for service in services]
    names = [one.resource for one in chosen]
    with hold_release_lock(session):
        replace_pods(session.kubectl, names, session.settings.release.namespace, dry=session.shell.dry)
        await_rollouts(session, names)


def _found(session: Session, one: Workload) -> Mapping[str, Any]:
    """Return a workload as the cluster has it, nothing where it has none: what kubectl claims is looked for."""
    return {} if session.shell.dry else session.kubectl.find(one.kind.lower(), one.name, one.namespace) or {}


def await_rollouts(session: Session, names: Sequence[str], limit: float | None = None) -> None:
    """Wait until workloads, as `deployment/backend`, are rolled out, each for `limit` seconds, by default a deploy's.

    Raises UserError with the cause where one is not.
    """
    for name in names:
        try:
            _await_rollout(session, name, limit or session.settings.timeouts.deploy)
        except CommandError as problem:
            from scripts.diagnose.examine import with_findings  # only a rollout in trouble needs the rules

            raise with_findings(problem, session, [name.rpartition("/")[2]]) from None


def _await_rollout(session: Session, name: str, limit: float) -> None:
    """Wait for one, looking from time to time whether that is in vain. Raises CommandError where it is, or late."""
    kubectl, namespace = session.kubectl, session.settings.release.namespace
    ends, since = time.monotonic() + limit, kubectl.now()
    try:
        kubectl.await_rollout(name, namespace, min(limit, LOOK_SECONDS))
        return
    except CommandError as problem:
        late = problem
    while (
        "timed out waiting" in str(late)
        and (left := ends - time.monotonic()) >= 1
        and not _is_lost(session, name, since)
    ):
        words = rollout_status(name, namespace, min(left, LOOK_SECONDS))
        answer = kubectl.ask(*words, timeout=LOOK_SECONDS + 30)
        if answer:
            return
        late = CommandError(kubectl.command(*words), answer)
    raise late


def _is_lost(session: Session, name: str, since: datetime) -> bool:
    """Return whether something that began at `since` or later says that a workload will not get there by itself."""
    from scripts.diagnose.examine import diagnose_services  # only a rollout in trouble needs the rules

    with suppress(UserError):  # a cluster that does not answer for a moment says nothing of it
        return any(one.terminal for one in diagnose_services(session, [name.rpartition("/")[2]], since=since))
    return False


def scale(session: Session, service: str, replicas: int) -> None:
    """Set a service's replicas until the next deploy, and wait for them. Raises UserError for one that cannot be."""
    if replicas < 0:
        raise UserError(f"--replicas {replicas}: must be 0 or more")
    one, namespace = workload(session, service), session.settings.release.namespace
    name = one.resource
    with hold_release_lock(session):
        if replicas > 1 and not session.shell.dry:
            refuse_shared_volume(session, one)
        session.kubectl.effect("scale", name, f"--replicas={replicas}", "--namespace", namespace)
        await_rollouts(session, [name])
        found = (_found(session, one).get("spec") or {}).get("replicas", 0)
        if not session.shell.dry and found != replicas:
            raise UserError(f"kubectl says that it scaled {name}, but it has {found} replicas", CLAIMED)


def refuse_shared_volume(session: Session, one: Workload) -> None:
    """Raise UserError where several pods of a workload would write into a volume that is for one: two servers of a
    database on the same files destroy them.
    """
    if one.kind != "Deployment":  # each pod of a StatefulSet has volumes of its own
        return
    items = session.kubectl.named("deployments", one.namespace, [one.name])
    names = {name for item in items for name in objects.claims_of(item)}
    for claim in session.kubectl.named("persistentvolumeclaims", one.namespace, names):
        if not {"ReadWriteMany", "ReadOnlyMany"} & set((claim.get("spec") or {}).get("accessModes") or ()):
            name = objects.name_of(claim)
            raise UserError(
                f"{one.name}: several pods would write into the volume of its claim {name}, which is for one",
                f"give it more room instead: resources.limits of {one.name} in the values",
            )


def url(session: Session) -> str:
    """Return where the page answers. Raises UserError if there is no release."""
    return page_url(session)


def sync_secrets(session: Session) -> list[str]:
    """Write the Secrets that changed and replace the pods that read them, or others that changed. Returns what is told
    of both.
    """
    with hold_release_lock(session):
        for line in app_secrets.told_once(session):
            session.say(line)
        changes = app_secrets.sync_secrets(session, session.say)
        renewed = renew_pods(session)
        if changes and not session.shell.dry:
            _remember(session)  # pods that became ready with a value have proved it: another checkout keeps it
    told = [change.told for change in changes]
    return [*told, f"pods replaced of {', '.join(renewed)}"] if renewed else told


def rotate_secrets(session: Session, *, all_before: bool = False) -> list[str]:
    """Renew what may be renewed; what was signed before stays valid until the next time. Returns `secret.key`s.

    It takes two steps: all pods accept the new value, and only when none is left that does not, they sign with it.
    `all_before` keeps what was signed earlier valid too. Raises UserError if the cluster holds nothing that may be
    renewed.
    """
    namespace = session.settings.release.namespace
    config = sync.with_database(session.settings.app.secrets)
    with hold_release_lock(session):
        changes = sync.rotated(config, sync.held_by(session.kubectl, namespace, config), all_before=all_before)
        if not changes:
            raise UserError("there is nothing to rotate: the cluster holds no generated secret", "run: invoke pipeline")
        _settle(session, changes)  # a rotation before may have been ended before all its pods were replaced
        for step in (sync.introducing(changes), changes):
            for change in step:
                sync.write(session.kubectl, namespace, change)
            if session.shell.dry:
                session.say(replaced_then(session.kubectl.items(versions.KINDS, namespace), changes))
            _settle(session, changes)
        _remember(session)
    return [f"{change.name}.{key}" for change in changes for key in change.keys]


def replaced_then(items: Iterable[Mapping[str, Any]], changes: Iterable[sync.Change]) -> str:
    """Return what a dry run says in the place of replacing the pods that read Secrets which would be written."""
    names = [change.name for change in changes]
    found = ", ".join(objects.name_of(item) for item in versions.readers(items, names))
    return f"# then the pods of {found or 'nobody'} are replaced, which read {', '.join(names)}"


def _settle(session: Session, changes: Iterable[sync.Change]) -> None:
    """Replace the pods that were started with other Secrets than there are, until no such pod is left.

    One on its way out counts: it still answers on the connections that it has.
    """
    renew_pods(session)
    kubectl, namespace, limit = session.kubectl, session.settings.release.namespace, session.settings.timeouts.deploy
    readers = versions.readers(kubectl.items(versions.KINDS, namespace), [change.name for change in changes])
    await_rollouts(session, [f"{item['kind'].lower()}/{objects.name_of(item)}" for item in readers])
    pods = [pod for pod in kubectl.items("pods", namespace) if objects.is_terminating(pod)]
    ending = sorted({objects.name_of(pod) for item in readers for pod in objects.pods_of(item, pods)})
    if ending:
        words = ("pods", *ending, "--for=delete", "--namespace", namespace, f"--timeout={limit}s")
        kubectl.effect("wait", *words, timeout=limit + 30)


def _remember(session: Session) -> None:
    """Let a rollback to what is live, where that was proved healthy, return to the Secrets as they are now."""
    found = live.released(session) or live.Live()
    kubectl, namespace = session.kubectl, session.settings.release.namespace
    for release, record in found.records.items():
        known = proofs.find(kubectl, namespace, release, releases.installation(record), [record])
        if found.revisions[release] in known:
            proofs.keep(kubectl, namespace, live.secret_names(session), known, record)


def renew_pods(session: Session) -> list[str]:
    """Replace the pods that were started with other Secrets than there are, whoever changed them, and wait for them.

    Returns whose pods they are.
    """
    found = live.released(session)
    current = live.versions_now(session)
    renewed = versions.renew(session.kubectl, found.workloads, current) if found else []
    own = {one.name: one.resource for one in found.workloads} if found else {}
    await_rollouts(session, [own[name] for name in renewed])
    return renewed


def secret_rows(session: Session) -> list[tuple[str, ...]]:
    """Return which keys there are, where they come from, and what is wrong with that."""
    namespace = session.settings.release.namespace
    config = sync.with_database(session.settings.app.secrets)
    held = sync.held_by(session.kubectl, namespace, config)
    return sync.check_rows(
        config, session.variables, held, local_database=session.local_database,
        files=sync.contents(config, session.settings.root), proved=_proved(session, held),
    )  # fmt: skip


def _proved(session: Session, held: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Return the names of the Secrets that a healthy release had as they are now."""
    namespace, kubectl = session.settings.release.namespace, session.kubectl
    now, proved = versions.read(kubectl, namespace, held.keys()), proofs.healthy_secrets(kubectl, namespace)
    return {name for name, data in now.items() if any(one.get(name) == data for one in proved)}


def destroy(session: Session) -> None:
    """Remove the releases and the namespace with everything in it. The cluster stays.

    Where somebody else has put anything there, that stays, and the namespace with it.
    """
    namespace = session.settings.release.namespace
    limit = session.settings.timeouts.deploy
    where = ("--ignore-not-found", f"--timeout={limit}s")
    with hold_release_lock(session):
        goes, stays, _ = removal(session)
        for release in (session.settings.release, session.settings.database_release):
            session.helm.uninstall(release.name, release.namespace, limit)
        if not stays:
            session.kubectl.effect("delete", "namespace", namespace, *where, timeout=limit + 30)
            return
        if goes:
            session.kubectl.effect("delete", *goes, "--namespace", namespace, *where, timeout=limit + 30)
        session.say(f"the namespace {namespace} stays, with what somebody else made there: {', '.join(stays)}")


def removal(session: Session) -> tuple[list[str], list[str], list[str]]:
    """Return what `destroy` deletes, and what stays since nobody here made it, both as `kind/name`; and the kinds that
    this account may not list.
    """
    held, unseen = _held(session)
    stays = [name for name, own in held if not own]
    goes = [name for name, own in held if own]
    if not stays:
        return [_namespace(session), *goes], [], unseen
    return [one for one in goes if one not in MADE_BY_THE_CLUSTER], stays, []


def objects_to_delete(session: Session) -> list[str]:
    """Return the namespace and what it holds, as `kind/name`; what nobody here made is told from the rest."""
    held, _ = _held(session)
    return [_namespace(session), *(name if own else f"{name}{FOREIGN}" for name, own in held)]


def _namespace(session: Session) -> str:
    return f"namespace/{session.settings.release.namespace}"


def _held(session: Session) -> tuple[list[tuple[str, bool]], list[str]]:
    """Return what the namespace holds, as `kind/name`, but for what other objects own, and whether it is ours; and the
    kinds that this account may not list.
    """
    namespace = session.settings.release.namespace
    releases_of_ours = {session.settings.release.name, session.settings.database_release.name}
    items, unseen = session.kubectl.visible(",".join(_kinds(session)), namespace)
    found = [item for item in items if not objects.is_owned(item)]
    limits = app_namespace.read(session.settings.root / app_namespace.FILE, namespace)
    without_label = {_named(item) for item in limits} | _hooks(found, releases_of_ours)

    def own(item: Mapping[str, Any]) -> bool:
        return is_own(item, releases_of_ours) or _named(item) in without_label

    sets = [item for item in found if item["kind"] == "StatefulSet" and own(item)]
    return [(_named(item), own(item) or _is_claim_of(item, sets)) for item in found], unseen


def _kinds(session: Session) -> list[str]:
    """Return the kinds of objects that go with a namespace, those of this cluster alone included, and that a person may
    miss. Raises UserError where the cluster does not say.
    """
    words = ("api-resources", "--namespaced=true", "--verbs=list,delete", "--output=name")
    answer = session.kubectl.ask(*words)
    if not answer or not answer.out.strip():
        raise unanswered(" ".join(words), answer)
    return [kind for kind in answer.out.split() if kind not in NOTED]


def _hooks(found: Iterable[Mapping[str, Any]], releases_of_ours: Collection[str]) -> set[str]:
    """Return the hooks of our releases as `kind/name`: helm notes on none of them whose it is, but in its records."""
    hooks = set()
    for item in found:
        labels = item["metadata"].get("labels") or {}
        if item["kind"] == "Secret" and labels.get("owner") == "helm" and labels.get("name") in releases_of_ours:
            with suppress(UserError):  # what a damaged record says is nobody's, and stays
                told = releases.contents(item).get("hooks") or ()
                hooks |= {f"{one.get('kind')}/{one.get('name')}".lower() for one in told}
    return hooks


def _is_claim_of(item: Mapping[str, Any], sets: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether an object is the claim of a pod of one of these StatefulSets, which says so by its name alone."""
    name, _, number = objects.name_of(item).rpartition("-")
    ends = tuple(f"-{objects.name_of(one)}" for one in sets)
    return item["kind"] == "PersistentVolumeClaim" and number.isdecimal() and name.endswith(ends)


def data_at_stake(session: Session) -> list[str]:
    """Return what is stored in the cluster and would go with it; that it cannot be told, where the cluster does not
    answer. Nothing where there is no cluster, or none that `cluster.down` would remove.
    """
    if not session.cluster.is_removable():
        return []
    try:
        claims = session.kubectl.get("persistentvolumeclaims", "--all-namespaces")["items"]
    except UserError as problem:
        return [f"what is stored in it, which cannot be told now: {states.first_line(str(problem))}"]
    return [f"{item['metadata']['namespace']}: persistentvolumeclaim/{objects.name_of(item)}" for item in claims]


def is_own(item: Mapping[str, Any], releases_of_ours: Collection[str]) -> bool:
    """Return whether one of these releases, this product or the cluster itself made an object."""
    labels, notes = (item["metadata"].get(key) or {} for key in ("labels", "annotations"))
    by = labels.get("app.kubernetes.io/managed-by") or labels.get("owner")
    if by == "helm":  # its record of a revision
        return labels.get("name") in releases_of_ours
    if by == "Helm":  # which notes on no hook whose it is: a label may, and helm's record does
        return (notes.get(objects.RELEASE) or labels.get("app.kubernetes.io/instance")) in releases_of_ours
    if labels.get("app.kubernetes.io/component") == "ai-access":  # who AI tools are in this namespace
        return labels.get("app.kubernetes.io/part-of") == MANAGER
    return by == MANAGER or _named(item) in MADE_BY_THE_CLUSTER


def _named(item: Mapping[str, Any]) -> str:
    return f"{item['kind'].lower()}/{objects.name_of(item)}"


def history(session: Session) -> list[tuple[str, ...]]:
    """Return the release's revisions, oldest first: whether a health check passed them, and who made them from what.

    A damaged proof is named in its place: whether that revision was healthy cannot be told.

    Raises UserError if the audit record was tampered with.
    """
    release = session.settings.release
    revisions = live.histories(session).get(release.name, [])
    rows: list[tuple[str, ...]] = [("REVISION", "STATUS", "VERIFIED", "BY", "COMMIT", "VERDICT", "INPUTS")]
    if not revisions:
        return rows
    installed = live.installations(session, revisions)
    known = live.proofs_in(session, installed)
    unread = proofs.damaged(session.kubectl, release.namespace, release.name)
    entries = audit.read(audit_file(session.settings.cluster))
    made: dict[int, tuple[str, str, str]] = {}
    for record in installed.values():
        made |= audit.made_by(entries, release.name, live.installation(session, record))
    for number in sorted(known.keys() - {item.number for item in revisions}):
        rows.append((str(number), "kept apart", known[number].moment, *made.get(number, ("-", "-", "-")), "-"))
    for item in revisions:
        moment = known[item.number].moment if item.number in known else "-"
        if item.number in unread and item.number not in known:
            moment = f"secret/{unread[item.number]} cannot be read"
        origin = made.get(item.number, ("-", "-", "-"))
        status = item.status + (" (dev)" if item.dev else "")
        rows.append((str(item.number), status, moment, *origin, item.inputs or "-"))
    return rows
