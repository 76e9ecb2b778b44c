"""The main job: a table of stages, run in order until one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scripts import lock, report
from scripts.clusters.nodes import state_folder
from scripts.model import Outcome, UserError
from scripts.report import Report, StageTime
from scripts.run import Run
from scripts.stages.deploy import deploy
from scripts.stages.images import build, load, tag
from scripts.stages.prepare import prepare
from scripts.stages.verify import access, await_rollout, check_health

Stage = Callable[[Run], Iterator[Outcome]]

STAGES: dict[str, Stage] = {
    "prepare": prepare,
    "build": build,
    "tag": tag,
    "load": load,
    "deploy": deploy,
    "rollout": await_rollout,
    "health": check_health,
    "access": access,
}


def execute(run: Run, stages: Sequence[str], command: str) -> Report:
    """Run stages in order until one fails. Whatever happens, there is a report."""
    started = time.monotonic()
    began = datetime.now(UTC).isoformat(timespec="milliseconds")
    times: list[StageTime] = []
    outcomes: list[Outcome] = []
    error = hint = ""
    for name in stages:
        stage_started = time.monotonic()
        run.display.begin(name)
        try:
            for outcome in STAGES[name](run):
                outcomes.append(outcome)
                run.display.outcome(outcome)
        except UserError as problem:
            error, hint = f"{name}: {problem}", problem.hint
            failed = Outcome(name, "", "failed", time.monotonic() - stage_started, str(problem), problem.hint)
            outcomes.append(failed)
            run.display.outcome(failed)
            break
        finally:
            times.append(StageTime(name, round(time.monotonic() - stage_started, 3)))
    images = {image.service: image.ref for image in run.plan.images} if "plan" in run.__dict__ else {}
    return Report(
        command=command,
        started=began,
        seconds=round(time.monotonic() - started, 3),
        environment=run.session.settings.environment,
        target=run.session.cluster.target if "cluster" in run.session.__dict__ else run.session.settings.target,
        stages=tuple(times),
        outcomes=tuple(outcomes),
        images=images,
        revisions=dict(run.revisions),
        url=run.url,
        error=error,
        hint=hint,
    )


def lock_file(run: Run) -> Path:
    """The lock that keeps two runs from working on one cluster at once."""
    return state_folder("locks", f"{run.session.settings.cluster}.lock")


def execute_locked(run: Run, stages: Sequence[str], command: str) -> Report:
    """`execute`, alone on this cluster, with its report written. A dry run neither locks nor writes."""
    if run.session.shell.dry:
        return execute(run, stages, command)
    with lock.hold(lock_file(run)):
        done = execute(run, stages, command)
        report.write(done, run.session.settings.root)
    return done
