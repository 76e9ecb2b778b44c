"""One change at a time: whatever changes a release or its cluster, by whichever command, holds the same lock."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext

from scripts.context.session import Session
from scripts.host import lock
from scripts.host.paths import state_folder


def hold_release_lock(session: Session) -> AbstractContextManager[None]:
    """Return the lock to hold while the cluster is changed. A dry run changes nothing and needs none.

    Entering it raises UserError saying who holds it, since when, and by which command.
    """
    if session.shell.dry:
        return nullcontext()
    settings = session.settings
    name = settings.context if session.wanted == "context" else settings.cluster
    return lock.hold(state_folder("locks", f"{re.sub(r'[^-.A-Za-z0-9]', '_', name)}.lock"))
