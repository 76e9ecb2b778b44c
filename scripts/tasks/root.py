"""The stages, and what is done every day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import INSTALL, JSON, KEEP, command, stage
from scripts.tasks.support import (
    confirm,
    install_programs,
    print_doctor,
    print_table,
    refuse_beside,
    roll_back,
    run_stages,
    show_diagnosis,
)

if TYPE_CHECKING:
    from scripts.context.session import Session

prepare = stage("prepare", "Ready tools, engine, bases, cluster and Secrets.")
build = stage("build", "Build the images whose sources changed.")
tag = stage("tag", "Move the alias `latest`, which is for people.")
load = stage("load", "Bring the images to the cluster's nodes.")
deploy = stage("deploy", "Install or upgrade the releases that changed.")
rollout = stage("rollout", "Wait until all Deployments are rolled out.")
health = stage("health", "Prove the live release healthy.")
access = stage("access", "Print the app's URL after seeing it answer.")
prove = stage("prove", "Use the page as a person would.")


@command(tools=False, install=INSTALL, json=JSON, keep=KEEP)
def pipeline(s: Session, install: bool = True, json: bool = False, keep: bool = False) -> None:
    """Take the app from source to a verified release."""
    from scripts.pipeline.stages import NAMES

    run_stages(s, NAMES, "pipeline", install=install, as_json=json, keep=keep)


@command(watch="go on, showing every change")
def status(s: Session, watch: bool = False) -> None:
    """Show what runs: ready, restarts, age and image."""
    if watch:
        from scripts.monitor.watch import run

        run(s)
        return
    from scripts.release import operate

    rows, told = operate.status(s)
    print_table(rows)
    for line in told:
        print(line)


@command(service="which service", follow="go on", tail="lines to begin with")
def logs(s: Session, service: str, follow: bool = False, tail: int = 100) -> None:
    """Show a service's log lines, of all its pods."""
    from scripts.release import operate

    for line in operate.logs(s, service, follow=follow, tail=tail):
        print(line, flush=True)


@command(service="which service; all of them if not given")
def restart(s: Session, service: str = "") -> None:
    """Replace the pods of a service without downtime."""
    from scripts.release import operate

    names = [operate.check_service(s, service)] if service else [item.name for item in s.settings.services]
    operate.restart(s, names)


@command(service="which service", replicas="how many pods")
def scale(s: Session, service: str, replicas: int) -> None:
    """Set a service's replicas until the next deploy."""
    from scripts.release import operate

    operate.scale(s, service, replicas)


@command()
def history(s: Session) -> None:
    """List the release's revisions, and which were verified."""
    from scripts.release import operate

    print_table(operate.history(s))


@command(yes="do not ask")
def destroy(s: Session, yes: bool = False) -> None:
    """Remove the app and its namespace; the cluster stays."""
    from scripts.release import operate

    goes, stays, unseen = operate.removal(s)
    if stays:
        print("this stays, and its namespace, as somebody else made it:", *(f"  {one}" for one in stays), sep="\n")
    goes += [f"and what there is of {kind}, which this account may not list" for kind in unseen]
    confirm("this deletes, with all data:", goes, yes or s.shell.dry)
    operate.destroy(s)


@command(where=False, output="the file to write")
def report(s: Session, output: str = "reports/index.html") -> None:
    """Render the last runs as one HTML page."""
    from scripts.reporting import report_page
    from scripts.verify.scaling import page

    root = s.settings.root
    runs = report_page.read(root)
    print_table(report_page.bars(runs[-1]))
    rendered = report_page.render(runs, page.newest(root))
    print(root / output if s.shell.dry else report_page.write(root / output, rendered))


@command(to="the revision; the newest one proved healthy before the live one if not given")
def rollback(s: Session, to: int = 0) -> None:
    """Return to an earlier revision and prove it healthy."""
    roll_back(s, to)


@command(service="only this one", explain="print this entry of the rules instead", json=JSON)
def diagnose(s: Session, service: str = "", explain: str = "", json: bool = False) -> None:
    """Say what is wrong with the release and what to do."""
    if explain:
        from scripts.diagnose import describe, read_rules

        refuse_beside("--explain", {"--service": service, "--json": json})
        print(describe(read_rules(), explain))
        return
    show_diagnosis(s, service, as_json=json)


@command(tool="kubectl-ai or kagent, besides the rest")
def install(s: Session, tool: str = "") -> None:
    """Get helm, kubectl, an engine and the target's program."""
    print_table(install_programs(s, tool))


@command("open")
def open_page(s: Session) -> None:
    """Open the app's URL in the browser."""
    import webbrowser

    from scripts.release import operate

    url = operate.url(s)
    print(url)
    if not s.shell.dry:
        webbrowser.open(url)


@command(tools=False, fix="repair what can be repaired safely", json=JSON)
def doctor(s: Session, fix: bool = False, json: bool = False) -> None:
    """Check every prerequisite of this machine."""
    print_doctor(s, fix=fix, as_json=json)
