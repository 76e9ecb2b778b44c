"""What tasks share: options' help, and the way from a task to a run and from a report to an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from invoke import Context, Exit

if TYPE_CHECKING:
    from scripts.context.run import Run
    from scripts.context.session import Session

HELP = {
    "environment": "dev, ci or secure",
    "target": "auto, minikube or embedded",
    "install": "forbid the installation of system packages",
    "json": "print the report as JSON",
    "keep": "leave a failed first install for inspection",
}


@contextmanager
def errors_explained() -> Iterator[None]:
    """Turn a problem the user can mend into a message and exit status 1, without a traceback."""
    from scripts.errors import UserError

    try:
        yield
    except UserError as error:
        print(f"error: {error}", *([f"  {error.hint}"] if error.hint else []), sep="\n", file=sys.stderr)
        raise Exit(code=1) from None
    except KeyboardInterrupt:
        raise Exit("interrupted: the next run continues from here", code=130) from None


def session(c: Context, environment: str, target: str, echo: Callable[[str], None] | None = None) -> Session:
    """The session of a task."""
    from scripts.context.session import Session
    from scripts.host.shell import Shell
    from scripts.settings import loading

    return Session(loading.load(environment=environment), Shell(dry=c.config.run.dry, echo=echo), target=target)


def run_stages(
    c: Context,
    stages: Sequence[str],
    command: str,
    *,
    environment: str,
    target: str,
    install: bool,
    as_json: bool,
    keep: bool = False,
) -> None:
    """Run stages of the pipeline, show how it goes, and end with its exit status."""
    with errors_explained():
        from scripts.context.run import Run
        from scripts.pipeline import runner
        from scripts.reporting import display, report

        shown = display.choose()
        try:
            run = Run(session(c, environment, target, shown.line), shown, may_install=install)
            done = runner.execute_locked(run, stages, command, keep=keep)
        finally:
            shown.close()
        print(json.dumps(report.as_json(done), indent=1) if as_json else report.summary(done))
        if not done.ok:
            raise Exit(code=1)


def print_table(rows: Sequence[tuple[Any, ...]]) -> None:
    """Columns as wide as they need to be."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def whole(value: object, option: str) -> int:
    """A number given on the command line. Raises UserError if it is none."""
    from scripts.errors import UserError

    try:
        return int(str(value))
    except ValueError:
        raise UserError(f"{option} {value}: not a whole number", f"for instance: {option}=2") from None


def confirm(what: str, items: Sequence[str], yes: bool) -> None:
    """Say what is going to be deleted, and ask unless `yes`. Ends the task where the answer is no."""
    print(what, *(f"  {item}" for item in items), sep="\n")
    if yes:
        return
    if not sys.stdin.isatty():
        raise Exit("nothing deleted: not a terminal, so pass --yes", code=1)
    if input("Type yes to go on: ").strip() != "yes":
        raise Exit("nothing deleted", code=1)


def roll_back(c: Context, revision: int, *, environment: str, target: str) -> None:
    """Return to a revision, showing how it goes."""
    from scripts.context.run import Run
    from scripts.pipeline import runner
    from scripts.reporting import display, report

    shown = display.choose()
    try:
        run = Run(session(c, environment, target, shown.line), shown)
        done = runner.rollback_locked(run, revision)
    finally:
        shown.close()
    print(report.summary(done))
    if not done.ok:
        raise Exit(code=1)


@contextmanager
def showing(c: Context, environment: str, target: str) -> Iterator[Run]:
    """A run that shows how it goes."""
    from scripts.context.run import Run
    from scripts.reporting import display

    shown = display.choose()
    try:
        yield Run(session(c, environment, target, shown.line), shown)
    finally:
        shown.close()


def restore_from(c: Context, file: str, *, yes: bool, environment: str, target: str) -> None:
    """Restore an archive, asking before anything that is live is overwritten; ends with the exit status."""
    from scripts.backup import restore, shelf
    from scripts.context.run import Run
    from scripts.reporting import report
    from scripts.reporting.display import Plain

    s = session(c, environment, target)
    contents = restore.open_archive(s, shelf.find(s.settings.root, file))
    restore.reach(Run(s, Plain()))
    if live := restore.overwritten(s, contents):
        confirm(f"{contents.file.name} takes the place of:", live, yes or c.config.run.dry)
    with showing(c, environment, target) as run:
        done = restore.restore(run, contents)
    print(report.summary(done))
    if not done.ok:
        raise Exit(code=1)


def show_diagnosis(s: Session, service: str, *, as_json: bool) -> None:
    """Print what is wrong now; exit status 1 if anything is."""
    from dataclasses import asdict

    from scripts import diagnose
    from scripts.diagnose import watchdog
    from scripts.release import operate

    names = [operate.check_service(s, service)] if service else watchdog.names(s)
    findings = watchdog.look(s, names)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        print(diagnose.render(findings) if findings else "nothing is wrong that can be seen from here")
    if findings:
        raise Exit(code=1)


def examine(s: Session, target: str, *, fix: bool, as_json: bool) -> None:
    """Print what this machine has and lacks; exit status by the worst of it."""
    from scripts.doctor import checks

    rows = checks.judge(checks.gather(s.settings, s.shell, target))
    if fix and checks.fixable(rows):
        print(*checks.mend(s, rows), sep="\n", file=sys.stderr)
        rows = checks.judge(checks.gather(s.settings, s.shell, target))
    print(json.dumps(checks.as_json(rows), indent=1) if as_json else checks.render(rows))
    if code := checks.exit_code(rows):
        raise Exit(code=code)


def plan_only(s: Session) -> Run:
    """A run that plans but shows nothing, for tasks that need to know which images would be deployed."""
    from scripts.context.run import Run
    from scripts.reporting.display import Plain

    return Run(s, Plain(), may_install=False)


def prove(holds: bool, problems: Sequence[str]) -> None:
    """End the task with exit status 1 and the problems, unless it holds."""
    if not holds:
        raise Exit("\n".join(["not proved:", *problems]), code=1)


def show_scaling(
    c: Context, service: str, users: int, window: int | None, *, as_json: bool, environment: str, target: str
) -> None:
    """Prove that a service scales, keep and print what was measured; exit status 1 if it is not proved."""
    from scripts.settings.loading import ROOT
    from scripts.verify.scaling import page, proof

    with showing(c, environment, target) as run:
        done = proof.prove(run, service, users=users, stabilization=window)
    if done is None:
        return
    files = page.write(done, ROOT)
    if as_json:
        print(json.dumps(page.as_json(done), indent=1))
    else:
        print_table(
            [*page.rows(done), *zip(("record", "plot"), (file.relative_to(ROOT) for file in files), strict=True)]
        )
    prove(done.ok, done.problems)
