"""The charts."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, plan_only, session

ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}


@task
def lint(c: Context) -> None:
    """Lint every chart, for every environment."""
    with errors_explained():
        from scripts.release import charts

        print(f"{charts.lint(session(c, 'dev', ''))} times linted, nothing wrong")


@task(help=ENVIRONMENT | {"folder": "where to write <environment>.yaml"})
def render(c: Context, environment: str = "dev", target: str = "", folder: str = "reports/manifests") -> None:
    """Write the manifests of an environment."""
    with errors_explained():
        from scripts.release import charts

        planned = plan_only(session(c, environment, target))
        print(charts.write(planned, planned.session.settings.root / folder))


@task(help=ENVIRONMENT)
def diff(c: Context, environment: str = "dev", target: str = "") -> None:
    """Show what a deploy would change on the live release."""
    with errors_explained():
        from scripts.release import charts

        print(charts.pending_changes(plan_only(session(c, environment, target))) or "nothing")


@task(help=ENVIRONMENT)
def test(c: Context, environment: str = "dev", target: str = "") -> None:
    """Run the release's own tests in the cluster."""
    with errors_explained():
        from scripts.release import charts

        charts.test(session(c, environment, target))
