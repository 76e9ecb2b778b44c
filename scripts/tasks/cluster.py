"""The cluster itself."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, print_table, session

TARGET = {"target": HELP["target"]}


@task(help=TARGET)
def up(c: Context, target: str = "") -> None:
    """Start the cluster, or make it."""
    with errors_explained():
        outcome = session(c, "dev", target).cluster.up()
        print(f"{outcome.target}: {outcome.status}, {outcome.detail}")


@task(help=TARGET)
def down(c: Context, target: str = "") -> None:
    """Remove the cluster with everything in it."""
    with errors_explained():
        outcome = session(c, "dev", target).cluster.down()
        print(f"{outcome.target}: {outcome.status}, {outcome.detail}")


@task(help=TARGET)
def status(c: Context, target: str = "") -> None:
    """Say whether the cluster runs, and where."""
    with errors_explained():
        print_table(list(session(c, "dev", target).cluster.status().items()))
