"""One change at a time: whatever changes a release or its cluster, by whichever command, holds the same lock."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from scripts.context.session import Session
from scripts.host import lock
from scripts.host.paths import state_folder


def hold_release_lock(session: Session) -> AbstractContextManager[None]:
    """Return the lock to hold while the cluster is changed. A dry run changes nothing and needs none.

    Entering it raises UserError saying who holds it, since when, and by which command.
    """
    return nullcontext() if session.shell.dry else lock.hold(_file(session))


def unfinished_run(session: Session) -> bool:
    """Return whether a run before this one was killed or failed, and what it left may not be mended yet."""
    return lock.was_left(_file(session))


def leave_unfinished(session: Session) -> None:
    """Note that this run fails, for the next one to mend what it leaves."""
    lock.leave(_file(session))


def settle_unfinished_run(session: Session) -> None:
    """Note that what a run before this one had left is mended."""
    lock.settle(_file(session))


def _file(session: Session) -> Path:
    settings = session.settings
    name = settings.context if session.wanted == "context" else settings.cluster
    return state_folder("locks", f"{re.sub(r'[^-.A-Za-z0-9]', '_', name)}.lock")
