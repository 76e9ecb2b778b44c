"""The live view. Its own module, so that rich is loaded for nobody else."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, session

OPTIONS = {
    "environment": HELP["environment"],
    "target": HELP["target"],
    "interval": "seconds between two looks",
    "once": "print a single view and end",
    "json": "print a single view as JSON",
}


@task(help=OPTIONS)
def monitor(
    c: Context,
    interval: float = 2.0,
    once: bool = False,
    json: bool = False,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Watch pods, load, errors and latency live."""
    with errors_explained():
        from scripts.monitor import live

        live.run(session(c, environment, target), interval=float(interval), once=once, as_json=json)
