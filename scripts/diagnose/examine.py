"""Examine what runs now and find the cause of a failure: one look, made when something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.shell import CommandError
from scripts.kube.objects import is_owned
from scripts.kube.workloads import Workload

if TYPE_CHECKING:
    from scripts.diagnose import Finding, Snapshot
    from scripts.diagnose.listening import Listener
    from scripts.settings.model import Service


class Failure(UserError):
    """A deploy that will not become healthy, with what was found out about it, the most likely cause first."""

    def __init__(self, message: str, findings: Sequence[Finding]) -> None:
        from scripts import diagnose  # only a run in trouble needs the rules

        text = f"{message}\n{diagnose.render(findings)}" if findings else message
        super().__init__(text, findings[0].remedy if findings else "see: invoke diagnose")
        self.findings = tuple(findings)


def with_cause(problem: UserError, session: Session, stage: str, service: Service | None = None) -> UserError:
    """Return the same problem with its cause, where a command failed in a way that the catalogue knows.

    `service` is the one whose image was being built.
    """
    if isinstance(problem, Failure) or not isinstance(problem, CommandError):
        return problem
    from scripts import diagnose

    release = session.settings.release
    context = {"program": problem.program, "namespace": release.namespace, "release": release.name, "stage": stage}
    if service:
        context |= {"service": service.name, "context": str(service.context), "app": session.settings.app.file}
        context["dockerfile"] = str(service.recipe)
    said = f"{problem.result.out}\n{problem.result.err}" if service or problem.program == "dockerd" else str(problem)
    finding = diagnose.explain_failure(said, context, diagnose.read_rules())
    return Failure(str(problem).splitlines()[0], [finding]) if finding else problem


def with_findings(problem: UserError, session: Session, services: Sequence[str]) -> UserError:
    """Return the same problem with what is wrong with these services now, where that can be seen."""
    with suppress(UserError):
        if findings := troubles(session, services):
            return Failure(str(problem).splitlines()[0], findings)
    return problem


def troubles(session: Session, services: Sequence[str]) -> list[Finding]:
    """Return what is wrong with these services now, without what is left of pods and Jobs that others stand in for."""
    return [one for one in diagnose_services(session, services) if not one.served]


def diagnose_services(
    session: Session,
    services: Sequence[str],
    on_snapshot: Callable[[Snapshot], None] | None = None,
    since: datetime | None = None,
    namespace: str = "",
    listener: Listener | None = None,
) -> list[Finding]:
    """Return what is wrong with these services now, the most likely cause first. `on_snapshot` is told what was seen.

    `since` is when the change was made that is judged: what is older is no evidence against it. Without a `namespace`
    it is the release's. `listener` is of whoever looks again and again.
    """
    from scripts import diagnose

    state = diagnose.take_snapshot(
        session.kubectl, namespace or session.settings.release.namespace, services, since=since
    )
    if listener:
        state = replace(state, advancing=listener.advancing(state.logs, state.taken))
    if on_snapshot:
        on_snapshot(state)
    return diagnose.diagnose(state, diagnose.read_rules())


def diagnose_workloads(
    session: Session,
    wanted: Iterable[Workload],
    on_snapshot: Callable[[Snapshot], None] | None = None,
    since: datetime | None = None,
    listener: Listener | None = None,
) -> list[Finding]:
    """Return what is wrong with these workloads now, namespace by namespace: a chart may have some in others than its
    own.
    """
    places: dict[str, list[str]] = {}
    for one in wanted:
        places.setdefault(one.namespace, []).append(one.name)
    return [
        item
        for place, names in places.items()
        for item in diagnose_services(session, names, on_snapshot, since, place, listener)
    ]


def workload_names(session: Session) -> list[str]:
    """Return every Deployment of the app, with the database where it is local."""
    own = [service.deployment or service.name for service in session.settings.services]
    return [*own, session.settings.database.name] if session.local_database else own


def unexamined(session: Session, services: Sequence[str]) -> list[str]:
    """Return workloads of the namespace that were not looked at, of the kinds that this account may list.

    Raises UserError if the cluster does not answer.
    """
    kinds = "deployments,statefulsets,daemonsets,cronjobs,jobs,pods,replicasets"
    found, _ = session.kubectl.visible(kinds, session.settings.release.namespace)
    # A pod or a Job that something else has made is told with that.
    alone = (item for item in found if not is_owned(item))
    return sorted({str(item["metadata"]["name"]) for item in alone} - set(services))
