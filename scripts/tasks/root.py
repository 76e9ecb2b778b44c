"""The stages, and what is done every day."""

from invoke import Context, task

from scripts.tasks.support import HELP, confirm, errors_explained, print_table, run_stages, session

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


ENVIRONMENT = {"environment": HELP["environment"], "target": HELP["target"]}


@task(help=ENVIRONMENT)
def status(c: Context, environment: str = "dev", target: str = "") -> None:
    """Show what runs: ready, restarts, age and image of each service."""
    with errors_explained():
        from scripts import operate

        print_table(operate.status(session(c, environment, target)))


@task(help=ENVIRONMENT | {"service": "which service", "follow": "go on", "tail": "lines to begin with"})
def logs(
    c: Context, service: str, follow: bool = False, tail: int = 100, environment: str = "dev", target: str = ""
) -> None:
    """Show a service's log lines, of all its pods."""
    with errors_explained():
        from scripts import operate

        s = session(c, environment, target)
        operate.logs(s, service, follow=follow, tail=tail)


@task(help=ENVIRONMENT | {"service": "which service; all four if not given"})
def restart(c: Context, service: str = "", environment: str = "dev", target: str = "") -> None:
    """Replace the pods of a service without downtime."""
    with errors_explained():
        from scripts import operate

        s = session(c, environment, target)
        names = [operate.check_service(s, service)] if service else [item.name for item in s.settings.services]
        operate.restart(s, names)


@task(help=ENVIRONMENT | {"service": "which service", "replicas": "how many pods"})
def scale(c: Context, service: str, replicas: int, environment: str = "dev", target: str = "") -> None:
    """Set a service's replicas until the next deploy."""
    with errors_explained():
        from scripts import operate

        operate.scale(session(c, environment, target), service, int(replicas))


@task(help=ENVIRONMENT)
def history(c: Context, environment: str = "dev", target: str = "") -> None:
    """List the release's revisions, and which were verified."""
    with errors_explained():
        from scripts import operate

        print_table(operate.history(session(c, environment, target)))


@task(help=ENVIRONMENT | {"yes": "do not ask"})
def destroy(c: Context, yes: bool = False, environment: str = "dev", target: str = "") -> None:
    """Remove the releases and the namespace; the cluster stays."""
    with errors_explained():
        from scripts import operate

        s = session(c, environment, target)
        confirm("this deletes, with all data:", operate.doomed(s), yes or c.config.run.dry)
        operate.destroy(s)
