"""The cluster itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scripts.tasks.options import command
from scripts.tasks.support import confirm, print_table, remove_cluster, start_cluster

if TYPE_CHECKING:
    from scripts.context.session import Session
    from scripts.settings.model import Outcome


@command()
def up(s: Session) -> None:
    """Start the cluster, or make it."""
    from scripts.context.release_lock import hold_release_lock

    with hold_release_lock(s):
        _show(s, start_cluster(s))


@command(yes="do not ask")
def down(s: Session, yes: bool = False) -> None:
    """Remove the cluster with everything in it."""
    from scripts.context.release_lock import hold_release_lock
    from scripts.release.operate import data_at_stake

    with hold_release_lock(s):
        if lost := data_at_stake(s):  # a script that removes clusters is not stopped, and says what went
            confirm("this deletes, with all data:", lost, yes or s.shell.dry or not sys.stdin.isatty())
        _show(s, remove_cluster(s))


@command()
def status(s: Session) -> None:
    """Say whether the cluster runs, and where."""
    print_table(list(s.cluster.status().items()))


def _show(s: Session, outcome: Outcome) -> None:
    status = "planned" if s.shell.dry and outcome.status == "done" else outcome.status
    print(f"{outcome.target}: {status}, {outcome.detail}")
