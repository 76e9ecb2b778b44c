"""After a failed deploy: back to the newest revision that a health check passed, and proof that it is healthy."""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scripts.context.run import Run
from scripts.errors import UserError
from scripts.kube import releases
from scripts.kube.releases import Revision
from scripts.pipeline import health, live, rollout
from scripts.pipeline.busy import refuse_while_busy
from scripts.pipeline.live import Live
from scripts.secrets import proofs, sync, versions
from scripts.secrets.proofs import Proof
from scripts.secrets.versions import Data
from scripts.settings.model import Outcome


@dataclass(frozen=True)
class RolledBack:
    """The result of a rollback: the revision that failed, 0 for none, with helm's record of it, which may hold
    Secrets, and the one that took its place; or whether another run's has taken it.
    """

    failed: int = 0
    live: Live = field(default_factory=Live)
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    overtaken: bool = False


def roll_back(run: Run, *, keep: bool) -> Generator[Outcome, None, RolledBack]:
    """Undo what this run deployed of the app's release; the database is never touched.

    A first install has nothing to go back to: it is removed, unless `keep` leaves it for inspection. What this run did
    not make stays, where no earlier revision was proved; and what somebody else has made since always does.
    """
    history = _history(run)
    if not history:
        return RolledBack()
    newest, name = history[-1], run.session.settings.release.name
    about = run.about.get(name, 0)
    if 0 < about < newest.number:
        text = f"revision {newest.number} stays: another run made it, after revision {about} that this one was about"
        yield Outcome("rollback", name, "skipped", 0.0, text)
        return RolledBack(about, overtaken=True)
    known = _proofs(run, history)
    if newest.number in known and newest.status == "deployed":
        return RolledBack(0, (yield from _with_proved_secrets(run, known[newest.number], history)))
    target = releases.newest_good(history, known, below=newest.number)
    record = live.record_of(run.session, {name: newest.number})[name]
    if target is None:
        before = releases.live_before(history)
        if why := _stays(run, before, keep=keep):
            text = f"revision {newest.number} stays: {why}"
            yield Outcome("rollback", name, "skipped", 0.0, text)
            return RolledBack(newest.number, record=record)
        if before is None:
            yield _remove(run)
            return RolledBack(newest.number, record=record)
        target = before.number
        run.display.line(f"no earlier revision was proved healthy: back to revision {target}, which was live before")
    return RolledBack(newest.number, (yield from _return_to(run, target, history, known)), record)


def last_verified_revision(run: Run) -> int:
    """Return the newest revision before the live one that a health check passed. Raises UserError if there is none."""
    history = _history(run)
    if not history and not run.dry:
        release = run.session.settings.release
        raise UserError(f"release {release.name} is not deployed in {release.namespace}", "run: invoke pipeline")
    target = releases.newest_good(history, _proofs(run, history), below=history[-1].number if history else 0)
    if target is None:
        raise UserError("no earlier revision is proved healthy", "see: invoke history, then rollback --to N")
    return target


def return_to(run: Run, revision: int) -> Generator[Outcome, None, Live]:
    """Roll the app's release back to a revision with the Secrets it was proved with, wait, and prove it healthy."""
    history = _history(run)
    known = _proofs(run, history)
    if history or not run.dry:  # a dry run before the first deploy has none to name
        _refuse_unknown(run, revision, {*known, *(item.number for item in history)})
    if not run.dry:
        refuse_while_busy(run, run.session.settings.release.name, history)
        if revision not in known:
            run.display.line(f"nothing readable proves revision {revision} healthy: no Secrets come back with it")
    return (yield from _return_to(run, revision, history, {} if run.dry else known))


def _refuse_unknown(run: Run, revision: int, known: Collection[int]) -> None:
    """Raise UserError for a revision that the release does not have."""
    if revision not in known:
        name = run.session.settings.release.name
        there = f"choose one of: {', '.join(map(str, sorted(known)))}" if known else "run: invoke pipeline"
        raise UserError(f"{name} has no revision {revision}", f"{there} (invoke history)" if known else there)


def put_back(run: Run, revision: int, secrets: Mapping[str, Data]) -> Generator[Outcome, None, Live]:
    """Give the app's release the revision back and the Secrets that it had before a proof, and prove it healthy.

    Nothing is done where it has them, and its pods were started with them.
    """
    history = _history(run)
    if not history:
        return Live()
    name = run.session.settings.release.name
    before = _proofs(run, history).get(revision, Proof(name, revision, "", "", {}, {}))
    proof = replace(before, secrets=secrets)
    if history[-1].number == revision:
        return (yield from _with_proved_secrets(run, proof, history))
    return (yield from _return_to(run, revision, history, {revision: proof}))


def _return_to(
    run: Run, revision: int, history: list[Revision], known: Mapping[int, Proof]
) -> Generator[Outcome, None, Live]:
    started = time.monotonic()
    session, release = run.session, run.session.settings.release
    if revision in known:
        yield from _bring_back(run, known[revision], history)
    session.helm.rollback(release, revision, session.settings.timeouts.deploy)
    if run.dry:
        return Live()
    number = _history(run)[-1].number
    run.returned[release.name] = number
    found = live.of_revisions(session, {release.name: number})
    _renew(run, found)
    yield from _settle(run, found)
    text = f"revision {number}: back at the state of revision {revision}, proved healthy"
    yield Outcome("rollback", release.name, "done", time.monotonic() - started, text)
    return found


def _with_proved_secrets(run: Run, proof: Proof, history: list[Revision]) -> Generator[Outcome, None, Live]:
    """Give a proved revision, which is live, the Secrets back that it was proved with; nothing where it has them.

    Its pods may have been started with others even so, where whoever changed them was ended before all were replaced.
    """
    found = live.of_revisions(run.session, {proof.release: proof.revision})
    changed = list(_bring_back(run, proof, history))
    yield from changed
    renewed = _renew(run, found)
    if not (changed or renewed):
        return Live()
    yield from _settle(run, found)
    return found


def _bring_back(run: Run, proof: Proof, history: list[Revision]) -> Iterator[Outcome]:
    numbers = [item.number for item in history]
    rotating = sync.rotating(sync.with_database(run.session.settings.app.secrets))
    text = f"the value it had with revision {proof.revision}"
    for name in proofs.bring_back(run.session.kubectl, run.namespace, proof, numbers, rotating):
        more = "; tokens signed since stay valid after a rotation" if rotating.get(name) else ""
        yield Outcome("rollback", name, "done", 0.0, f"{text}{more}")


def _settle(run: Run, found: Live) -> Iterator[Outcome]:
    """Wait until pods are what the release says, and prove them healthy."""
    yield from map(_as_rollback, rollout.await_workloads(run, found.workloads))
    yield from map(_as_rollback, health.await_healthy(run, found.workloads))
    health.keep_proof(run, found)


def _renew(run: Run, found: Live) -> list[str]:
    return versions.renew(run.session.kubectl, found.workloads, live.versions_now(run.session))


def _stays(run: Run, before: Revision | None, *, keep: bool) -> str:
    """Return why a revision that failed stays, where none before it was proved; nothing where it is to go."""
    if run.session.settings.release.name not in run.deployed:
        return "this run did not make it, and no earlier one was proved healthy"
    if keep:
        return "left for inspection (--keep)" + ("; no earlier one was proved healthy" if before else "")
    return "before it there is only what invoke dev made" if before and before.dev else ""


def _remove(run: Run) -> Outcome:
    release = run.session.settings.release
    started = time.monotonic()
    run.session.helm.uninstall(release.name, release.namespace, run.session.settings.timeouts.deploy)
    text = "first install, removed; use --keep to leave it for inspection"
    return Outcome("rollback", release.name, "done", time.monotonic() - started, text)


def _history(run: Run) -> list[Revision]:
    return live.histories(run.session).get(run.session.settings.release.name, [])


def _proofs(run: Run, history: list[Revision]) -> dict[int, Proof]:
    """Return the proofs of the release's revisions, and tell of those that cannot be read."""
    if not history:
        return {}
    unread = proofs.damaged(run.session.kubectl, run.namespace, run.session.settings.release.name)
    for revision, name in sorted(unread.items()):
        run.display.line(f"revision {revision} was proved healthy, but secret/{name} cannot be read: it is passed over")
    return live.proofs_of(run.session, history)


def _as_rollback(outcome: Outcome) -> Outcome:
    return replace(outcome, stage="rollback", detail=f"{outcome.stage}: {outcome.detail}")
