"""The cluster itself."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, print_table, session

ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}


@task(help=ENVIRONMENT)
def up(c: Context, environment: str = "dev", target: str = "") -> None:
    """Start the cluster, or make it."""
    with errors_explained():
        outcome = session(c, environment, target).cluster.up()
        print(f"{outcome.target}: {outcome.status}, {outcome.detail}")


@task(help=ENVIRONMENT)
def down(c: Context, environment: str = "dev", target: str = "") -> None:
    """Remove the cluster with everything in it."""
    with errors_explained():
        outcome = session(c, environment, target).cluster.down()
        print(f"{outcome.target}: {outcome.status}, {outcome.detail}")


@task(help=ENVIRONMENT)
def status(c: Context, environment: str = "dev", target: str = "") -> None:
    """Say whether the cluster runs, and where."""
    with errors_explained():
        print_table(list(session(c, environment, target).cluster.status().items()))
