"""The cluster itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import command
from scripts.tasks.support import print_table, remove_cluster, start_cluster

if TYPE_CHECKING:
    from scripts.context.session import Session


@command()
def up(s: Session) -> None:
    """Start the cluster, or make it."""
    from scripts.context.release_lock import hold_release_lock

    with hold_release_lock(s):
        outcome = start_cluster(s)
    print(f"{outcome.target}: {outcome.status}, {outcome.detail}")


@command()
def down(s: Session) -> None:
    """Remove the cluster with everything in it."""
    from scripts.context.release_lock import hold_release_lock

    with hold_release_lock(s):
        outcome = remove_cluster(s)
    print(f"{outcome.target}: {outcome.status}, {outcome.detail}")


@command()
def status(s: Session) -> None:
    """Say whether the cluster runs, and where."""
    print_table(list(s.cluster.status().items()))
