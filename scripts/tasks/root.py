"""The stages, and what is done every day."""

from invoke import Context, task

from scripts.tasks.support import (
    HELP,
    confirm,
    errors_explained,
    examine,
    print_table,
    roll_back,
    run_stages,
    session,
    show_diagnosis,
    whole,
)

STAGE = {name: HELP[name] for name in ("environment", "target", "install", "json")}
ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}
ALL = ("prepare", "build", "tag", "load", "deploy", "rollout", "health", "access")


@task(help=HELP)
def pipeline(
    c: Context,
    environment: str = "dev",
    target: str = "",
    install: bool = True,
    json: bool = False,
    keep: bool = False,
) -> None:
    """Take the app from source to a verified release."""
    options = {"environment": environment, "target": target, "install": install, "as_json": json, "keep": keep}
    run_stages(c, ALL, "pipeline", **options)


@task(help=STAGE)
def prepare(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Ready tools, engine, bases, cluster and Secrets."""
    run_stages(c, ALL[:1], "prepare", environment=environment, target=target, install=install, as_json=json)


@task(help=STAGE)
def build(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Build the images whose sources changed."""
    run_stages(c, ("build",), "build", environment=environment, target=target, install=install, as_json=json)


@task(help=STAGE)
def tag(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Move the alias `latest`, which is for people."""
    run_stages(c, ("tag",), "tag", environment=environment, target=target, install=install, as_json=json)


@task(help=STAGE)
def load(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Bring the images to the cluster's nodes."""
    run_stages(c, ("load",), "load", environment=environment, target=target, install=install, as_json=json)


@task(help=STAGE)
def deploy(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Install or upgrade the releases that changed."""
    run_stages(c, ("deploy",), "deploy", environment=environment, target=target, install=install, as_json=json)


@task(help=STAGE)
def rollout(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Wait until all Deployments are rolled out."""
    run_stages(c, ("rollout",), "rollout", environment=environment, target=target, install=install, as_json=json)


@task(help=STAGE)
def health(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Prove the live release healthy."""
    run_stages(c, ("health",), "health", environment=environment, target=target, install=install, as_json=json)


@task(help=STAGE)
def access(c: Context, environment: str = "dev", target: str = "", install: bool = True, json: bool = False) -> None:
    """Print the app's URL after seeing it answer."""
    run_stages(c, ("access",), "access", environment=environment, target=target, install=install, as_json=json)


@task(help=ENVIRONMENT | {"watch": "go on, showing every change"})
def status(c: Context, watch: bool = False, environment: str = "dev", target: str = "") -> None:
    """Show what runs: ready, restarts, age and image."""
    with errors_explained():
        if watch:
            from scripts.monitor.watch import run

            run(session(c, environment, target))
            return
        from scripts.release import operate

        print_table(operate.status(session(c, environment, target)))


@task(help=ENVIRONMENT | {"service": "which service", "follow": "go on", "tail": "lines to begin with"})
def logs(
    c: Context, service: str, follow: bool = False, tail: int = 100, environment: str = "dev", target: str = ""
) -> None:
    """Show a service's log lines, of all its pods."""
    with errors_explained():
        from scripts.release import operate

        s = session(c, environment, target)
        operate.logs(s, service, follow=follow, tail=tail)


@task(help=ENVIRONMENT | {"service": "which service; all four if not given"})
def restart(c: Context, service: str = "", environment: str = "dev", target: str = "") -> None:
    """Replace the pods of a service without downtime."""
    with errors_explained():
        from scripts.release import operate

        s = session(c, environment, target)
        names = [operate.check_service(s, service)] if service else [item.name for item in s.settings.services]
        operate.restart(s, names)


@task(help=ENVIRONMENT | {"service": "which service", "replicas": "how many pods"})
def scale(c: Context, service: str, replicas: int, environment: str = "dev", target: str = "") -> None:
    """Set a service's replicas until the next deploy."""
    with errors_explained():
        from scripts.release import operate

        operate.scale(session(c, environment, target), service, whole(replicas, "--replicas"))


@task(help=ENVIRONMENT)
def history(c: Context, environment: str = "dev", target: str = "") -> None:
    """List the release's revisions, and which were verified."""
    with errors_explained():
        from scripts.release import operate

        print_table(operate.history(session(c, environment, target)))


@task(help=ENVIRONMENT | {"yes": "do not ask"})
def destroy(c: Context, yes: bool = False, environment: str = "dev", target: str = "") -> None:
    """Remove the app and its namespace; the cluster stays."""
    with errors_explained():
        from scripts.release import operate

        s = session(c, environment, target)
        confirm("this deletes, with all data:", operate.doomed(s), yes or c.config.run.dry)
        operate.destroy(s)


@task(help={"output": "the file to write"})
def report(c: Context, output: str = "reports/index.html") -> None:
    """Render the last runs as one HTML page."""
    with errors_explained():
        from scripts.reporting import report_page
        from scripts.settings.loading import ROOT
        from scripts.verify.scaling import page

        file = ROOT / output
        file.write_text(report_page.render(report_page.read(ROOT), page.newest(ROOT)), encoding="utf-8")
        print(file)


@task(help=ENVIRONMENT | {"to": "the revision; the newest one proved healthy before the live one if not given"})
def rollback(c: Context, to: int = 0, environment: str = "dev", target: str = "") -> None:
    """Return to an earlier revision and prove it healthy."""
    with errors_explained():
        roll_back(c, whole(to, "--to"), environment=environment, target=target)


@task(help=ENVIRONMENT | {"service": "only this one", "json": HELP["json"]})
def diagnose(c: Context, service: str = "", json: bool = False, environment: str = "dev", target: str = "") -> None:
    """Say what is wrong with the release and what to do."""
    with errors_explained():
        show_diagnosis(session(c, environment, target), service, as_json=json)


@task
def install(c: Context) -> None:
    """Get helm, kubectl and a Docker engine where missing."""
    with errors_explained():
        from scripts.host import toolchain
        from scripts.images import engine

        s = session(c, "dev", "")
        found = toolchain.locate(s.shell, s.settings.root, s.say)
        client = engine.ensure(s.shell, may_install=True, say=s.say)
        print_table([("docker", client.binary), *found.items()])


@task(name="open", help=ENVIRONMENT)
def open_page(c: Context, environment: str = "dev", target: str = "") -> None:
    """Open the app's URL in the browser."""
    with errors_explained():
        import webbrowser

        from scripts.release import operate

        url = operate.url(session(c, environment, target))
        print(url)
        webbrowser.open(url)


@task(help=ENVIRONMENT | {"fix": "mend what can be mended safely", "json": HELP["json"]})
def doctor(c: Context, fix: bool = False, json: bool = False, environment: str = "dev", target: str = "") -> None:
    """Check every prerequisite of this machine."""
    with errors_explained():
        examine(session(c, environment, target), target, fix=fix, as_json=json)
