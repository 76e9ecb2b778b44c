"""After a failed deploy: back to the newest revision that a health check passed, and proof that it is healthy."""

from __future__ import annotations

import time
from collections.abc import Iterator

from scripts.context.run import Run
from scripts.errors import UserError
from scripts.kube import releases
from scripts.pipeline import verify
from scripts.settings.model import Outcome, Release


def roll_back(run: Run, *, keep: bool) -> Iterator[Outcome]:
    """Undo what this run deployed of the app's release; the database is never touched.

    A first install has nothing to go back to: it is removed, unless `keep` leaves it for inspection.
    """
    release = run.session.settings.release
    history = _history(run, release)
    verified = releases.verified(run.session.kubectl, run.namespace, release.name)
    if not history or history[-1].number in verified:
        return
    target = releases.newest_good(history, verified, below=history[-1].number)
    if target is None:
        yield _first_install(run, release, keep=keep)
        return
    yield from return_to(run, target)


def previous(run: Run) -> int:
    """The newest revision before the live one that a health check passed. Raises UserError if there is none."""
    release = run.session.settings.release
    history = _history(run, release)
    verified = releases.verified(run.session.kubectl, run.namespace, release.name)
    target = releases.newest_good(history, verified, below=history[-1].number if history else 0)
    if target is None:
        raise UserError("no earlier revision was ever proved healthy", "see: invoke history, then rollback --to N")
    return target


def return_to(run: Run, revision: int) -> Iterator[Outcome]:
    """Roll the app's release back to a revision, wait for it, and prove it healthy."""
    started = time.monotonic()
    release = run.session.settings.release
    run.session.helm.rollback(release, revision, run.session.settings.timeouts.deploy)
    services = [service.name for service in run.session.settings.services]
    yield from (_as_rollback(outcome) for outcome in verify.await_deployments(run, services))
    yield from (_as_rollback(outcome) for outcome in verify.await_healthy(run, dict.fromkeys(services, "")))
    history = _history(run, release)
    if history:
        run.revisions[release.name] = history[-1].number
        releases.mark_verified(run.session.kubectl, run.namespace, {release.name: history[-1].number})
    text = f"back at the state of revision {revision}, proved healthy"
    yield Outcome("rollback", release.name, "done", time.monotonic() - started, text)


def _first_install(run: Run, release: Release, *, keep: bool) -> Outcome:
    if keep:
        return Outcome("rollback", release.name, "skipped", 0.0, "first install, left for inspection (--keep)")
    started = time.monotonic()
    run.session.helm.uninstall(release, run.session.settings.timeouts.deploy)
    text = "first install, removed; use --keep to leave it for inspection"
    return Outcome("rollback", release.name, "done", time.monotonic() - started, text)


def _history(run: Run, release: Release) -> list[releases.Revision]:
    secrets = run.session.kubectl.items("secrets", run.namespace, "--selector", f"owner=helm,name={release.name}")
    return releases.revisions(secrets).get(release.name, [])


def _as_rollback(outcome: Outcome) -> Outcome:
    text = f"{outcome.stage}: {outcome.detail}"
    return Outcome("rollback", outcome.target, outcome.status, outcome.seconds, text, outcome.hint)
