"""The main job: a table of stages, run in order until one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from scripts.context.run import Run
from scripts.diagnose.watchdog import explained
from scripts.errors import UserError
from scripts.host import lock
from scripts.host.paths import audit_file, state_folder
from scripts.pipeline import rollback
from scripts.pipeline.admission import let_in
from scripts.pipeline.deploy import deploy
from scripts.pipeline.images import build, load, tag
from scripts.pipeline.prepare import prepare
from scripts.pipeline.verify import access, await_rollout, check_health
from scripts.reporting import audit, report
from scripts.reporting.report import Report, StageTime
from scripts.settings.model import Outcome

Stage = Callable[[Run], Iterator[Outcome]]

STAGES: dict[str, Stage] = {
    "prepare": prepare,
    "build": build,
    "tag": tag,
    "load": load,
    "admit": let_in,
    "deploy": deploy,
    "rollout": await_rollout,
    "health": check_health,
    "access": access,
}
UNDONE = ("deploy", "rollout", "health", "access")  # stages whose failure is answered by a rollback


def execute(run: Run, stages: Sequence[str], command: str, *, keep: bool = False) -> Report:
    """Run stages in order until one fails. Whatever happens, there is a report.

    A deploy that fails, or is not healthy, is undone; `keep` leaves a failed first install as it is.
    """
    log = _Log(run)
    for name in _guarded(stages, run.session.settings.security.admission):
        if log.stage(name, partial(STAGES[name], run)):
            continue
        if name in UNDONE and not run.session.shell.dry:
            log.stage("rollback", lambda: rollback.roll_back(run, keep=keep))
        break
    return log.report(command)


def _guarded(stages: Sequence[str], admission: bool) -> list[str]:
    """The stages with the check of the images' attestations before the deploy, where the configuration asks for it."""
    return [item for name in stages for item in (("admit", name) if admission and name == "deploy" else (name,))]


class _Log:
    """What happened so far."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._started = time.monotonic()
        self._began = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._times: list[StageTime] = []
        self._outcomes: list[Outcome] = []
        self._problem: UserError | None = None

    def stage(self, name: str, work: Callable[[], Iterator[Outcome]]) -> bool:
        """Do a stage, showing what it does. False if it failed."""
        started = time.monotonic()
        self._run.display.begin(name)
        try:
            for outcome in work():
                self._add(outcome)
        except UserError as problem:
            told = explained(problem, self._run.session, name)
            self._problem = self._problem or told
            self._add(Outcome(name, "", "failed", time.monotonic() - started, str(told), told.hint))
            return False
        finally:
            self._times.append(StageTime(name, round(time.monotonic() - started, 3)))
        return True

    def _add(self, outcome: Outcome) -> None:
        self._outcomes.append(replace(outcome, ended=round(time.monotonic() - self._started, 3)))
        self._run.display.outcome(outcome)

    def report(self, command: str) -> Report:
        """The record of it."""
        session = self._run.session
        planned = self._run.plan.images if "plan" in self._run.__dict__ else ()
        problem = self._problem
        return Report(
            command=command,
            started=self._began,
            seconds=round(time.monotonic() - self._started, 3),
            environment=session.settings.environment,
            target=session.__dict__.get("target", session.settings.target),
            stages=tuple(self._times),
            outcomes=tuple(self._outcomes),
            images={image.service: image.ref for image in planned},
            revisions=dict(self._run.revisions),
            url=self._run.url,
            changes=tuple(self._run.changes),
            error=str(problem or ""),
            hint=problem.hint if problem else "",
            findings=tuple(asdict(finding) for finding in getattr(problem, "findings", ())),
        )


def rollback_locked(run: Run, revision: int) -> Report:
    """Return to `revision`, or to the newest proved one before the live one, alone on this cluster."""

    def work(run: Run) -> Iterator[Outcome]:
        return rollback.return_to(run, revision or rollback.previous(run))

    return perform_locked(run, {"rollback": work}, "rollback")


def perform_locked(run: Run, stages: Mapping[str, Stage], command: str) -> Report:
    """Do stages in order until one fails, alone on this cluster, with a report. A dry run neither locks nor writes."""

    def work() -> Report:
        log = _Log(run)
        for name, stage in stages.items():
            if not log.stage(name, partial(stage, run)):
                break
        return log.report(command)

    if run.session.shell.dry:
        return work()
    with lock.hold(lock_file(run)):
        done = work()
        _keep(run, done)
    return done


def _keep(run: Run, done: Report) -> None:
    """Write the report, and a line of the audit record where the cluster may have been changed."""
    session = run.session
    report.write(done, session.settings.root)
    if done.revisions or not done.ok:
        root = session.settings.root
        audit.append(
            audit_file(session.settings.cluster), audit.entry(done, audit.who(), audit.commit(session.shell, root))
        )


def lock_file(run: Run) -> Path:
    """The lock that keeps two runs from working on one cluster at once."""
    return state_folder("locks", f"{run.session.settings.cluster}.lock")


def execute_locked(run: Run, stages: Sequence[str], command: str, *, keep: bool = False) -> Report:
    """`execute`, alone on this cluster, with its report written. A dry run neither locks nor writes."""
    if run.session.shell.dry:
        return execute(run, stages, command, keep=keep)
    with lock.hold(lock_file(run)):
        done = execute(run, stages, command, keep=keep)
        _keep(run, done)
    return done
