"""Run stages in order until one fails, alone on the release, with a report. There is one way in: `run_stages`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from scripts.context.ready import Ready
from scripts.context.release_lock import hold_release_lock, leave_unfinished
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.paths import audit_file
from scripts.kube.kubectl import Unanswered
from scripts.pipeline import live as live_releases
from scripts.pipeline import rollback, stages
from scripts.pipeline.access import Page
from scripts.pipeline.busy import Untouched
from scripts.pipeline.images import builders
from scripts.pipeline.live import Live
from scripts.pipeline.rollback import RolledBack
from scripts.pipeline.stages import Stage
from scripts.reporting import audit, report
from scripts.reporting.report import Report, StageTime
from scripts.settings.model import Image, Outcome

UNTOLD = "nothing is rolled back: whether the release is healthy cannot be told, as the cluster did not answer"

Work = Callable[[], Generator[Outcome, None, object]]


def run_stages(run: Run, wanted: Sequence[Stage], command: str, *, keep: bool = False) -> Report:
    """Run stages in order until one fails, alone on this release. Whatever happens, there is a report.

    A failed deploy, or one that is not healthy, is undone; `keep` leaves a failed first install as it is. A dry run
    neither locks nor writes.
    """
    with hold_release_lock(run.session), builders(run) as pool:
        ahead = {"prepare", "build"} <= {stage.name for stage in wanted}
        runner = _Runner(replace(run, builders=pool) if ahead else run)
        done = runner.run(wanted, command, keep=keep)
        if not run.dry:
            if runner.left_work:
                leave_unfinished(run.session)
            try:
                _write(run, done, runner.record, overtaken=runner.overtaken)
            except OSError as problem:  # what was done is told all the same, and is as true
                place = problem.filename or "the record"
                run.display.line(f"warning: {place}: {problem.strerror}; the record of this run is not kept")
    return done


def run_pipeline(run: Run, names: Iterable[str], command: str, *, keep: bool = False) -> Report:
    """Run the stages of these names, with the admission where the configuration asks for it."""
    chosen = stages.chosen(names, admission=run.session.settings.security.admission)
    return run_stages(run, chosen, command, keep=keep)


def return_to(run: Run, revision: int) -> Report:
    """Return to `revision`, or where it is 0 to the newest proved one before the live one."""

    def work(run: Run) -> Generator[Outcome, None, Live]:
        return (yield from rollback.return_to(run, revision or rollback.last_verified_revision(run)))

    return run_stages(run, [Stage("rollback", work)], "rollback")


class _Runner:
    """The outcomes so far, and what the stages returned, by type."""

    def __init__(self, run: Run) -> None:
        self._started = time.monotonic()
        self._run = replace(run, began=self._started)
        self._began = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._times: list[StageTime] = []
        self._outcomes: list[Outcome] = []
        self._returned: dict[type, Any] = {}
        self._undone = RolledBack()
        self._problem: UserError | None = None
        self._begun = False  # whether the stage has what it takes, and was begun
        self.left_work = False  # whether it failed in the middle of a change, which the next run may have to mend
        self._beside: list[Future[list[Outcome]]] = []

    def run(self, wanted: Sequence[Stage], command: str, *, keep: bool) -> Report:
        """Run the stages, undoing a failed deploy, and return the report."""
        for stage in wanted:
            if stage.takes is Live:
                self._begin_later()
            if self._stage(stage.name, partial(self._work, stage)):
                continue
            changing = stage.rolls_back or stage.name == "rollback"
            self.left_work = changing and self._begun and not isinstance(self._problem, Untouched)
            if stage.rolls_back and self.left_work and not self._run.dry:
                if isinstance(self._problem, Unanswered) and (stage.takes is Live or not self._run.deployed):
                    self._run.display.line(UNTOLD)
                else:
                    self._stage("rollback", partial(self._undo, keep=keep))
            break
        self._begin_later()
        for job in self._beside:
            for outcome in job.result():
                self._add(outcome)
        return self._report(command)

    @property
    def record(self) -> Mapping[str, Any]:
        """Return helm's record of the app's release that this run was about; empty where it came to none."""
        live: Live = self._returned.get(Live, Live())
        return live.records.get(self._run.session.settings.release.name) or self._undone.record

    @property
    def overtaken(self) -> bool:
        """Return whether another run has made a newer revision before this one was seen to be healthy or not."""
        return self._undone.overtaken or isinstance(self._problem, live_releases.Overtaken)

    def _begin_later(self) -> None:
        """Begin what was put off: beside what only waits, it keeps nobody from a processor."""
        while self._run.builders and self._run.later:
            self._beside.append(self._run.builders.submit(self._run.later.pop(0)))

    def _work(self, stage: Stage) -> Generator[Outcome, None, object]:
        """Run a stage with what it takes: from an earlier stage, else from where a lone stage gets it."""
        self._begun = False
        if stage.takes and stage.takes not in self._returned:
            self._returned[stage.takes] = stages.SOURCES[stage.takes](self._run)
        self._begun = True
        return stage.work(self._run, *([self._returned[stage.takes]] if stage.takes else []))

    def _undo(self, *, keep: bool) -> Generator[Outcome, None, None]:
        self._undone = yield from rollback.roll_back(self._run, keep=keep)

    def _stage(self, name: str, work: Work) -> bool:
        """Do a stage, showing what it does. False if it failed."""
        started = time.monotonic()
        self._run.display.begin(name)
        try:
            returned = self._drain(work())
            if returned is not None:
                self._returned[type(returned)] = returned
        except UserError as problem:
            from scripts.diagnose.examine import with_cause  # only a run that failed needs the rules

            told = with_cause(problem, self._run.session, name)
            self._problem = self._problem or told
            self._add(Outcome(name, "", "failed", time.monotonic() - started, str(told), _clean(told.hint)))
            return False
        finally:
            self._times.append(StageTime(name, round(time.monotonic() - started, 3)))
        return True

    def _drain(self, outcomes: Generator[Outcome, None, object]) -> object:
        while True:
            try:
                self._add(next(outcomes))
            except StopIteration as end:
                return end.value

    def _add(self, outcome: Outcome) -> None:
        if outcome.status == "failed":
            outcome = replace(outcome, detail=_clean(outcome.detail))
        if self._run.dry and outcome.status == "done":  # nothing was: its commands were only printed
            outcome = replace(outcome, status="planned")
        ended = outcome.ended or time.monotonic() - self._started  # a build may have ended before its stage began
        self._outcomes.append(replace(outcome, ended=round(ended, 3)))
        self._run.display.outcome(outcome)

    def _report(self, command: str) -> Report:
        session, problem = self._run.session, self._problem
        ready: Ready | None = self._returned.get(Ready)
        live: Live = self._returned.get(Live, Live())
        page: Page | None = self._returned.get(Page)
        images: Iterable[Image] = ready.plan.images if ready else ()
        return Report(
            command=command,
            started=self._began,
            seconds=round(time.monotonic() - self._started, 3),
            environment=session.settings.environment,
            target=_target(session),
            stages=tuple(self._times),
            outcomes=tuple(self._outcomes),
            images={image.service: image.ref for image in images},
            revisions=self._revisions(live),
            rolled_back=dict(self._undone.live.revisions),
            url=page.url if page else "",
            changes=live.changes,
            error=_clean(str(problem or "")),
            hint=_clean(problem.hint if problem else ""),
            findings=tuple(asdict(finding) for finding in getattr(problem, "findings", ())),
        )

    def _revisions(self, live: Live) -> dict[str, int]:
        """Return the revisions this run is about: those it made or verified, or the one that failed."""
        failed = self._undone.failed
        known = dict(live.revisions) | ({self._run.session.settings.release.name: failed} if failed else {})
        return known or (dict(self._run.returned) if self._problem else {})


def _clean(problem: str) -> str:
    """Return what is told of a problem, without the secrets that a program may quote in its last words."""
    if not problem:
        return ""
    from scripts.secrets.secrecy import clean  # only a run that failed needs its hundred patterns

    return clean(problem)


def _target(session: Session) -> str:
    """Return the kind of cluster, or the name that was asked for where its program is missing."""
    try:
        return session.target
    except UserError:
        return session.wanted


def _write(run: Run, done: Report, record: Mapping[str, Any], *, overtaken: bool) -> None:
    """Write the report, and a line of the audit record where the cluster may have been changed."""
    session = run.session
    root = session.settings.root
    report.write(done, root)
    if done.revisions or not done.ok:
        installation = ""
        with suppress(UserError):  # the record is written all the same where the cluster has gone
            record = record or live_releases.record_of(session, run.returned).get(session.settings.release.name, {})
            installation = live_releases.installation(session, record) if record else ""
        line = audit.entry(done, audit.who(), audit.commit(session.shell, root), installation)
        line = replace(line, verdict=audit.OVERTAKEN) if overtaken else line
        file = audit_file(session.settings.cluster)
        audit.append(file, line)
        if run.returned and not done.ok and run.returned not in (done.revisions, done.rolled_back):
            audit.append(file, replace(line, revisions=run.returned, rolled_back={}))  # its rollback failed too
