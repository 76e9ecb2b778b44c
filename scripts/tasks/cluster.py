"""The cluster itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import command
from scripts.tasks.support import print_table, remove_cluster, start_cluster

if TYPE_CHECKING:
    from scripts.context.session import Session
    from scripts.settings.model import Outcome


@command()
def up(s: Session) -> None:
    """Start the cluster, or make it."""
    from scripts.context.release_lock import hold_release_lock

    with hold_release_lock(s):
        _show(s, start_cluster(s))


@command()
def down(s: Session) -> None:
    """Remove the cluster with everything in it."""
    from scripts.context.release_lock import hold_release_lock

    with hold_release_lock(s):
        _show(s, remove_cluster(s))


@command()
def status(s: Session) -> None:
    """Say whether the cluster runs, and where."""
    print_table(list(s.cluster.status().items()))


def _show(s: Session, outcome: Outcome) -> None:
    status = "planned" if s.shell.dry and outcome.status == "done" else outcome.status
    print(f"{outcome.target}: {status}, {outcome.detail}")
