"""The stages, and what is done every day."""

from invoke import Context, task

from scripts.tasks.support import HELP, run_stages

ALL = ("prepare", "build", "tag", "load", "deploy", "rollout", "health", "access")


@task(help=HELP)
def pipeline(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Take the app from source to a verified release."""
    run_stages(c, ALL, "pipeline", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def prepare(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Ready tools, engine, bases, cluster and Secrets."""
    run_stages(c, ALL[:1], "prepare", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def build(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Build the images whose sources changed."""
    run_stages(c, ("build",), "build", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def tag(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Move the alias `latest`, which is for people."""
    run_stages(c, ("tag",), "tag", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def load(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Bring the images to the cluster's nodes."""
    run_stages(c, ("load",), "load", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def deploy(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Install or upgrade the releases that changed."""
    run_stages(c, ("deploy",), "deploy", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def rollout(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Wait until all Deployments are rolled out."""
    run_stages(c, ("rollout",), "rollout", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def health(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Prove the live release healthy."""
    run_stages(c, ("health",), "health", environment=environment, target=target, install=install, as_json=json)


@task(help=HELP)
def access(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Print the app's URL after seeing it answer."""
    run_stages(c, ("access",), "access", environment=environment, target=target, install=install, as_json=json)
