"""The Secrets that the app reads, brought up to date in the cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.pipeline import live
from scripts.secrets import proofs, sync, vault
from scripts.secrets.sync import Change
from scripts.settings.model import Outcome


def refuse_unfit(session: Session) -> None:
    """Raise UserError naming each value that a run would refuse, whatever the cluster holds."""
    sync.refuse_unfit(sync.configured(session.settings), session.settings.root, session.variables)


def sync_secrets(session: Session, say: Callable[[str], None]) -> list[Change]:
    """Write the Secrets that are not as their sources say, and return them. Raises UserError for a value that cannot
    be meant, has no source, or is lost while something still needs it.
    """
    settings, kubectl = session.settings, session.kubectl
    namespace = settings.release.namespace
    if not session.shell.dry:
        vault.migrate(settings.root, say)
    return sync.sync(
        kubectl, settings.root, namespace, session.variables, sync.configured(settings),
        lambda: proofs.healthy_secrets(kubectl, namespace),
    )  # fmt: skip


def told_once(session: Session) -> list[str]:
    """Return what a person is told of the sources once a run: names in `.env` that hardly are meant as they stand."""
    return list(sync.mistyped(session.settings.root, sync.configured(session.settings), session.variables))


def complete_secrets(run: Run) -> Generator[Outcome, None, dict[str, str]]:
    """Return the version of each Secret that pods read, after one that somebody has deleted was made again.

    The stage before has just seen to them, unless the deploy is asked for alone.
    """
    session = run.session
    current = live.versions_now(session)
    if run.dry or _needed(session) <= current.keys():
        return current
    if written := sync_secrets(session, run.display.line):
        told = ", ".join(change.told for change in written)
        yield Outcome("deploy", "secrets", "done", 0.0, f"written: {told}; one that the app needs was gone")
        return live.versions_now(session)
    return current


def _needed(session: Session) -> set[str]:
    """Return the names of the Secrets that a release of these settings cannot do without."""
    return set(sync.needed(sync.configured(session.settings), local_database=session.local_database))
