"""Share what tasks need: the way from a task to a run, and from a report to an exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from invoke import Context, Exit

if TYPE_CHECKING:
    from scripts.context.run import Run
    from scripts.context.session import Session
    from scripts.settings.model import Outcome


@contextmanager
def errors_explained() -> Iterator[None]:
    """Turn a problem the user can mend into a message and exit status 1, without a traceback.

    What nobody thought of becomes one line with the place of a file that holds the details. A signal that asks for an
    end is treated as Ctrl-C is: what was started is stopped, locks are given back.
    """
    from scripts.errors import UserError
    from scripts.host.signals import raise_when_signalled
    from scripts.host.terminal import printable

    try:
        with raise_when_signalled():
            yield
    except UserError as error:
        from scripts.secrets.secrecy import clean  # a program's last words may quote one

        told = [clean(f"error: {error}"), *([clean(f"  {error.hint}")] if error.hint else [])]
        print(*map(printable, told), sep="\n", file=sys.stderr)
        raise Exit(code=1) from None
    except KeyboardInterrupt as end:
        code = getattr(end, "code", 130)  # a signal has its own
        raise Exit("interrupted: the next run continues from here", code=code) from None
    except Exit:
        raise
    except EOFError:  # Ctrl-D where an answer is needed
        raise Exit("error: the input ended before the question was answered", code=1) from None
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 whoever read our lines has gone; nobody is to be told
        raise Exit(code=1) from None
    except OSError as problem:
        from scripts.host.files import CLOSED, FULL

        if problem.filename is None and problem.errno in FULL:  # everything but the output says which file it is
            raise Exit(UNWRITTEN.format(problem.strerror), code=1) from None
        if problem.filename is None:
            raise Exit(_unexpected(problem), code=1) from None
        remedy = "\n  make room there, and run it again" if problem.errno in FULL else ""
        if problem.errno in CLOSED:
            remedy = f"\n  {_rights(str(problem.filename))}"
        raise Exit(f"error: {problem.filename}: {problem.strerror}{remedy}", code=1) from None
    except Exception as fault:
        raise Exit(_unexpected(fault), code=1) from None


def _rights(file: str) -> str:
    """Return what to do about a file or folder that this user may not write."""
    from scripts.host.paths import home

    place = home()
    missing = not place.exists() and Path(file).is_relative_to(place)
    return f"there is no home folder {place}: set HOME to a folder of your own" if missing else OTHERS


OTHERS = (
    "give this user the right to it (a run as root or by another user may have made it), or work in a copy of your own"
)
UNWRITTEN = "error: what is printed cannot be written: {}\n  make room there, or let it be printed elsewhere"


def prepare_output() -> None:
    """Let what a terminal has no sign for be printed as its code: a name in another encoding, an arrow in ASCII.

    What was closed before this program began takes what is written, and shows nothing.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 for as long as this program runs
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Write what is left of the output, at the end of the program: nobody is told that its reader has gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of_output()
    except OSError as problem:  # what is printed was not all of it, and a status of 0 would say so
        print(UNWRITTEN.format(problem.strerror), file=sys.stderr, flush=True)
        os._exit(1)


def _let_go_of_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def tell_uncaught(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """Take the place of Python's traceback for what ends the program outside of a task, such as invoke's own files."""
    if isinstance(fault, BrokenPipeError):
        _let_go_of_output()
    elif isinstance(fault, Exception):
        from scripts.host.files import FULL
        from scripts.tasks import invoke_settings

        if isinstance(fault, OSError) and fault.filename is None and fault.errno in FULL:
            print(UNWRITTEN.format(fault.strerror), file=sys.stderr)
            _let_go_of_output()
            return
        print(invoke_settings.explain(fault, trace) or _unexpected(fault), file=sys.stderr)
    elif not isinstance(fault, KeyboardInterrupt):  # who stops a program that has not begun asks for no traceback
        sys.__excepthook__(kind, fault, trace)


def _unexpected(fault: Exception) -> str:
    """Return what to say of an error that nobody thought of; its details go to a file, secrets removed."""
    import tempfile
    import traceback

    from scripts.host.paths import ROOT
    from scripts.secrets.secrecy import clean

    first = next(iter(str(fault).splitlines()), "")
    told = f"error: {clean(f'{type(fault).__name__}: {first}'.rstrip(': '))}"
    details = clean(f"{' '.join(sys.argv)}\n\n{''.join(traceback.format_exception(fault))}")
    for folder in (ROOT / "reports", Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            file = folder / f"error-{os.getpid()}.txt"
            file.write_text(details, encoding="utf-8", errors="backslashreplace")
            return f"{told}\n  this should not have happened; the details, with secrets removed, are in {file}"
    return f"{told}\n  this should not have happened, and its details could not be written anywhere"


def session(c: Context, environment: str, target: str, echo: Callable[[str], None] | None = None) -> Session:
    """Return the session of a task."""
    from scripts.context.session import Session
    from scripts.host import paths, programs
    from scripts.host.shell import Shell
    from scripts.kube import charts
    from scripts.settings.configuration import read_settings

    programs.first_on_path(paths.ROOT)
    shell = Shell(dry=c.config.run.dry, echo=echo)

    def pull(reference: str, version: str, folder: Path) -> None:
        charts.pull(shell, paths.ROOT, reference, version, folder)

    return Session(read_settings(environment=environment, pull=pull), shell, target=target)


@contextmanager
def displayed_run(s: Session, *, install: bool = True) -> Iterator[Run]:
    """Open a run that shows how it goes; `install` allows the installation of system packages."""
    from scripts.context.run import Run
    from scripts.context.session import Session
    from scripts.host.shell import Shell
    from scripts.reporting import display

    shown = display.choose()
    try:
        told = Session(s.settings, Shell(dry=s.shell.dry, echo=shown.line), target=s.wanted)
        yield Run(told, shown, may_install=install)
    finally:
        shown.close()


def run_stages(
    s: Session, stages: Sequence[str], command: str, *, install: bool, as_json: bool, keep: bool = False
) -> None:
    """Run stages of the pipeline, show how it goes, and end with its exit status."""
    from scripts.pipeline import runner
    from scripts.reporting import report

    with displayed_run(s, install=install) as run:
        done = runner.run_pipeline(run, stages, command, keep=keep)
    print(json.dumps(report.as_json(done), indent=1) if as_json else report.summary(done))
    if not done.ok:
        raise Exit(code=1)


def start_cluster(s: Session) -> Outcome:
    """Lead the cluster to running, on an engine that answers. Raises UserError with the cause where that fails."""
    from scripts.diagnose.examine import with_cause
    from scripts.errors import UserError
    from scripts.images import engine

    try:
        if s.target != "context":
            engine.ensure(s.shell, may_install=True, say=s.say)
        s.fetch_tools()
        outcome = s.cluster.up(s.say)
        for addon in s.cluster.addons():
            s.say(f"{addon.target}: {addon.status}, {addon.detail}")
    except UserError as problem:
        raise with_cause(problem, s, "prepare") from None
    return outcome


def remove_cluster(s: Session) -> Outcome:
    """Remove the cluster, and end what led from this machine's ports into it."""
    from scripts.host.paths import state_folder
    from scripts.kube import forward

    outcome = s.cluster.down()
    forward.stop(s.shell, state_folder("forward", s.settings.cluster))
    return outcome


def install_programs(s: Session, tool: str) -> list[tuple[str, Any]]:
    """Fetch what is missing, an AI tool and the program of the target included, and say where each is.

    Raises UserError for a tool that is none.
    """
    from scripts.errors import UserError
    from scripts.host import programs, toolchain
    from scripts.images import engine

    tools = [name for name in programs.PROGRAMS if name.startswith("k") and name not in ("kind", "k3d")]
    if tool and tool not in tools:
        raise UserError(f"--tool {tool}: no such tool", f"choose one of: {', '.join(tools)}")
    root, downloads = s.settings.root, s.settings.downloads
    wanted = [name for name in (s.wanted, tool) if name in programs.PROGRAMS]
    found = {name: programs.install(name, root, downloads, s.say, dry=s.shell.dry) for name in wanted}
    found |= toolchain.locate(s.shell, root, s.say)
    client = engine.ensure(s.shell, may_install=True, say=s.say)
    return [("docker", client.binary), *found.items()]


def print_table(rows: Sequence[tuple[Any, ...]]) -> None:
    """Print columns as wide as they need to be."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def confirm(what: str, items: Sequence[str], yes: bool) -> None:
    """Say what is going to be deleted, and ask unless `yes`. Ends the task where the answer is no."""
    print(what, *(f"  {item}" for item in items), sep="\n")
    if yes:
        return
    if not sys.stdin.isatty():
        raise Exit("nothing deleted: not a terminal, so pass --yes", code=1)
    from scripts.host.terminal import typed

    if typed("Type yes to go on: ") != "yes":
        raise Exit("nothing deleted", code=1)


def roll_back(s: Session, revision: int) -> None:
    """Return to a revision, showing how it goes."""
    from scripts.pipeline import runner
    from scripts.reporting import report

    with displayed_run(s) as run:
        done = runner.return_to(run, revision)
    print(report.summary(done))
    if not done.ok:
        raise Exit(code=1)


def restore_from(s: Session, file: str, *, yes: bool) -> None:
    """Restore an archive, asking before anything that is live is overwritten; ends with the exit status."""
    from scripts.backup import catalog, restore
    from scripts.context.run import Run
    from scripts.reporting import report
    from scripts.reporting.display import PlainDisplay

    contents = restore.open_archive(s, catalog.find(s.settings.root, file))
    restore.reach(Run(s, PlainDisplay()))
    if live := restore.overwritten(s, contents):
        confirm(f"{contents.file.name} takes the place of:", live, yes or s.shell.dry)
    with displayed_run(s) as run:
        done = restore.restore(run, contents)
    print(report.summary(done))
    if not done.ok:
        raise Exit(code=1)


def show_diagnosis(s: Session, service: str, *, as_json: bool) -> None:
    """Print what is wrong now; exit status 1 if anything is."""
    from dataclasses import asdict

    from scripts import diagnose
    from scripts.diagnose import examine
    from scripts.errors import UserError
    from scripts.kube import workloads
    from scripts.pipeline import live
    from scripts.release import operate
    from scripts.secrets import secrecy

    names = [operate.deployment_name(s, service)] if service else examine.workload_names(s)
    place = s.settings.release.namespace
    wanted = [workloads.deployment(place, name) for name in names]
    if not service:  # what a chart has beside the services, and in whatever namespace
        with suppress(UserError):  # not everybody may read helm's records
            found = live.released(s)
            wanted += [one for one in (found.workloads if found else ()) if one not in wanted]
        names = [one.name for one in wanted if one.namespace == place]
    unseen: dict[str, None] = {}
    findings = examine.diagnose_workloads(s, wanted, lambda state: unseen.update(dict.fromkeys(state.unseen)))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        print(diagnose.render(findings) if findings else "nothing is wrong that can be seen from here")
        if unseen:
            print(f"not looked at: {', '.join(unseen)}, which this account may not list")
        if "secrets" in unseen:
            print(secrecy.UNREAD)
        if left := examine.unexamined(s, names):
            shown = ", ".join(left[:5]) + (", …" if len(left) > 5 else "")
            print(f"not looked at: {len(left)} of the namespace's workloads ({shown}); invoke ai.debug --service=NAME")
    if any(not finding.served for finding in findings):
        raise Exit(code=1)


def print_doctor(s: Session, *, fix: bool, as_json: bool) -> None:
    """Print what this machine has and lacks; exit status by the worst of it."""
    from scripts.doctor import checks
    from scripts.doctor.facts import gather

    rows = checks.run_checks(gather(s.settings, s.shell, s.wanted))
    if fix and checks.fixable(rows):
        print(*checks.repair(s, rows), sep="\n", file=sys.stderr)
        rows = checks.run_checks(gather(s.settings, s.shell, s.wanted))
    print(json.dumps(checks.as_json(rows), indent=1) if as_json else checks.render(rows))
    if code := checks.exit_code(rows):
        raise Exit(code=code)


def silent_run(s: Session) -> Run:
    """Return a run that plans but shows nothing, for tasks that need to know which images would be deployed."""
    from scripts.context.run import Run
    from scripts.reporting.display import PlainDisplay

    return Run(s, PlainDisplay(), may_install=False)


def fail_unless(holds: bool, problems: Sequence[str]) -> None:
    """End the task with exit status 1 and the problems, unless it holds."""
    if not holds:
        raise Exit("\n".join(["not proved:", *problems]), code=1)


def refuse_beside(option: str, others: Mapping[str, object]) -> None:
    """Raise UserError for options that have no effect beside another one."""
    if given := [name for name, value in others.items() if value]:
        from scripts.errors import UserError

        raise UserError(f"{given[0]}: has no effect beside {option}", "leave one of them out")


def show_scaling(s: Session, service: str, users: int, window: int | None, *, as_json: bool) -> None:
    """Prove that a service scales, keep and print what was measured; exit status 1 if it is not proved."""
    from scripts.verify.scaling import page, proof

    root = s.settings.root
    with displayed_run(s) as run:
        done = proof.prove(run, service, users=users, stabilization=window)
    if done is None:
        return
    files = page.write(done, root)
    if as_json:
        print(json.dumps(page.as_json(done), indent=1))
    else:
        print_table(
            [*page.rows(done), *zip(("record", "plot"), (file.relative_to(root) for file in files), strict=True)]
        )
    fail_unless(done.ok, done.problems)
