"""`invoke dev` from its start to its end."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.dev import rules, screen, service
from scripts.dev.loop import Ended, Loop, Replaced, ports, session_lock
from scripts.errors import UserError
from scripts.host import lock
from scripts.pipeline import runner, stages
from scripts.reporting.display import PlainDisplay
from scripts.reporting.report import Report

BEFORE = "nothing was deployed: what ran before runs on; see: invoke status"
GO_BACK = "what is live is no verified release: its pods hold synced files; go on: invoke dev; go back: invoke pipeline"


def checked(session: Session, names: Sequence[str]) -> tuple[str, ...]:
    """Return the services to be worked on, all of them if none is named. Raises UserError for one that there is not."""
    known = [one.name for one in session.settings.services]
    for name in names:
        if name not in known:
            raise UserError(f"--service {name}: no such service", f"choose of: {', '.join(known)}")
    if session.settings.security.admission:
        raise UserError(
            f"the environment {session.settings.environment} lets in scanned and signed images only",
            "work in another one: invoke dev --environment=dev",
        )
    return tuple(dict.fromkeys(names)) or tuple(known)


def run(session: Session, names: Sequence[str], *, cleanup: bool, may_install: bool) -> Report | None:
    """Work on services until a person ends it. With `cleanup` the pipeline's report, by which it ended.

    Raises UserError if the release cannot be brought up, or another session is at work.
    """
    chosen = checked(session, names)
    with lock.hold(session_lock(session)):
        shown = screen.choose()
        loop = Loop(_told(session, shown), chosen, shown, may_install=may_install)
        replaced = False
        try:
            with screen.keys(loop.key):
                loop.start()
                shown.line("watching: save a file; Ctrl-C ends")
                loop.work()
        except Replaced:
            replaced = True
        except (Ended, KeyboardInterrupt):  # a signal that asks for an end is as good as Ctrl-C
            pass
        except UserError:
            if loop.deployed:
                shown.line(GO_BACK)
            raise
        finally:
            loop.close()
            shown.close()
    if replaced:
        session.say("ended; the release is as the other command has left it: invoke status")
        return None
    left = GO_BACK if loop.deployed else BEFORE
    session.say("ended; " + ("the pipeline goes back to a verified release" if cleanup else left))
    if not cleanup:
        return None
    return runner.run_pipeline(Run(session, PlainDisplay(), may_install=may_install), stages.NAMES, "pipeline")


def _told(session: Session, shown: screen.Screen) -> Session:
    """Return the same session, whose commands are shown on the screen."""
    from scripts.host.shell import Shell

    return Session(session.settings, Shell(echo=shown.line), target=session.wanted)


def plan(session: Session, names: Sequence[str]) -> list[str]:
    """Return what would be watched, and what each kind of change would do."""
    settings = session.settings
    lines = []
    chosen = checked(session, names)
    for one in (service.with_dev_stage(one) for one in settings.services if one.name in chosen):
        stage = f", stage {one.stage}" if one.stage else ""
        lines.append(f"{one.name}: watches {one.context} ({one.recipe}{stage})")
        found = service.sync_rules(one)
        lines += [f"  sync     {rule.source or '.'} -> {rule.target}" for rule in found]
        lines.append(f"  writable {', '.join(rules.roots(found)) or 'nothing: every change is built'}")
        lines.append("  build    everything else that the image takes from it, as lock files, and the Dockerfile")
    answering = ", ".join(f"{name} {port}" for name, port in sorted(ports(settings, chosen)))
    lines.append(f"ports on localhost: {answering or 'none'}")
    lines.append(f"config: {settings.root / 'config'}, {settings.release.chart} and its values upgrade the release")
    return lines
