"""A release that somebody else's helm is at work on: it is left to that, so nothing is deployed, and nothing undone."""

from __future__ import annotations

import time

from scripts.context.release_lock import unfinished_run
from scripts.context.run import Run
from scripts.errors import UserError
from scripts.kube import releases
from scripts.kube.releases import Revision


class Untouched(UserError):
    """A deploy that was refused before it changed anything: there is nothing to undo."""


class BusyRelease(Untouched):
    """A release is being changed by a helm that no run of ours started."""


def refuse_while_busy(run: Run, name: str, history: list[Revision]) -> None:
    """Raise BusyRelease where a release may be pending because somebody else's helm is at work on it just now."""
    limit = run.session.settings.timeouts.deploy
    settled = run.dry or unfinished_run(run.session)
    since = 0 if settled else releases.at_work(history, run.session.kubectl.now().timestamp(), limit)
    if since:
        begun, over = (time.strftime("%H:%M:%S", time.localtime(moment)) for moment in (since, since + limit))
        raise BusyRelease(
            f"release {name} is {history[-1].status} since {begun}: somebody else's helm is at work on it",
            f"wait for it; if there is none (helm history {name}), a deploy after {over} mends what it left",
        )
