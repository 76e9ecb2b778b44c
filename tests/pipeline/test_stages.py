"""The stages hand on what they made; a lone one gets it by itself; a failed deploy is undone, and said so."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.run import Run
from scripts.errors import UserError
from scripts.host.shell import CommandError, Result
from scripts.kube.kubectl import unanswered
from scripts.pipeline import rollback, runner, stages
from scripts.pipeline.busy import BusyRelease
from scripts.pipeline.live import Live
from scripts.pipeline.rollback import RolledBack
from scripts.pipeline.stages import Stage
from scripts.reporting import report
from scripts.reporting.display import PlainDisplay
from scripts.reporting.report import Report
from scripts.settings.model import Outcome


@dataclass(frozen=True)
class Flour:
    """What the first stage makes and the second takes."""

    grams: int


def run(*, dry: bool = False) -> Run:
    release = SimpleNamespace(name="todo", namespace="shop")
    settings = SimpleNamespace(release=release, environment="dev", cluster="c", root=None)
    session: Any = SimpleNamespace(settings=settings, shell=SimpleNamespace(dry=dry), target="embedded")
    return Run(session, PlainDisplay(io.StringIO()))


def play(*wanted: Stage, dry: bool = False) -> Report:
    return runner._Runner(run(dry=dry)).run(wanted, "pipeline", keep=False)


def mill(run: Run) -> Generator[Outcome, None, Flour]:
    yield Outcome("mill", "wheat", "done")
    return Flour(500)


def bake(run: Run, flour: Flour) -> Generator[Outcome, None, None]:
    yield Outcome("bake", "bread", "done", detail=f"{flour.grams} g")


def burn(run: Run) -> Generator[Outcome, None, None]:
    yield Outcome("burn", "crust", "done")
    raise UserError("it is black", "watch it")


def test_a_stage_takes_what_an_earlier_one_returned() -> None:
    done = play(Stage("mill", mill), Stage("bake", bake, Flour))
    assert [(item.target, item.detail) for item in done.outcomes] == [("wheat", ""), ("bread", "500 g")]


@pytest.mark.parametrize("last", [bake, burn])
def test_what_goes_on_beside_later_stages_is_told_at_the_end_also_of_a_failed_run(last: Any) -> None:
    begun, go = threading.Event(), threading.Event()

    def sweep() -> list[Outcome]:
        begun.set()
        assert go.wait(300)
        return [Outcome("mill", "dust", "done")]

    def mill_and_sweep(run: Run) -> Generator[Outcome, None, Flour]:
        run.later.append(sweep)
        return (yield from mill(run))

    def grind(run: Run) -> Generator[Outcome, None, Live]:
        yield Outcome("grind", "wheat", "done")
        assert not begun.is_set()  # there is nothing yet to wait for
        return Live()

    def end(run: Run, live: Live) -> Generator[Outcome, None, None]:
        assert begun.wait(300)
        go.set()  # only here, so that nobody has waited for the sweeping before
        yield from last(run, *([Flour(1)] if last is bake else []))

    with ThreadPoolExecutor(1) as pool:
        wanted = [Stage("mill", mill_and_sweep), Stage("grind", grind), Stage("end", end, Live)]
        done = runner._Runner(replace(run(), builders=pool)).run(wanted, "pipeline", keep=False)
    assert done.outcomes[-1].target == "dust" and done.ok == (last is bake)


def test_a_lone_stage_gets_what_it_takes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "SOURCES", {Flour: lambda run: Flour(250)})
    assert play(Stage("bake", bake, Flour)).outcomes[0].detail == "250 g"


def test_a_dry_run_claims_nothing_done() -> None:
    assert {item.status for item in play(Stage("mill", mill), dry=True).outcomes} == {"planned"}


def test_the_first_failure_ends_the_run_and_keeps_what_was_done_before() -> None:
    done = play(Stage("burn", burn), Stage("mill", mill))
    assert [(item.stage, item.status) for item in done.outcomes] == [("burn", "done"), ("burn", "failed")]
    assert (done.ok, done.error, done.hint) == (False, "it is black", "watch it")


def test_what_a_program_quotes_in_its_last_words_is_told_without_its_secrets(tmp_path: Path) -> None:
    """No rule knows such a failure: its words are all there is, on the screen, in the record and in `--json`."""

    def push(run: Run) -> Generator[Outcome, None, None]:
        yield Outcome("push", "wheat", "failed", detail="https://bob:correct-horse@registry.example.org answered 500")
        raise CommandError(["docker", "push"], Result(1, "", "Put https://bob:correct-horse@registry.example.org: 500"))

    shown = io.StringIO()
    one = replace(run(), display=PlainDisplay(shown))
    done = runner._Runner(one).run([Stage("push", push)], "pipeline", keep=False)
    kept = report.write(done, tmp_path).read_text()
    for told in (shown.getvalue(), report.summary(done), kept, json.dumps(report.as_json(done))):
        assert "docker push failed" in told or told is shown.getvalue()
        assert "correct-horse" not in told and "CONNECTION" in told


def test_a_release_that_somebody_else_is_at_work_on_is_not_rolled_back_under_their_hands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deploy(run: Run) -> Generator[Outcome, None, None]:
        yield Outcome("deploy", "nothing", "unchanged")
        raise BusyRelease("release todo is pending-upgrade since 12:00:00: somebody else's helm is at work on it")

    undone: list[bool] = []
    monkeypatch.setattr(rollback, "roll_back", lambda run, keep: undone.append(keep) or iter(()))
    one = runner._Runner(run())
    done = one.run([Stage("deploy", deploy, rolls_back=True)], "deploy", keep=False)
    assert not done.ok and not undone and [item.stage for item in done.outcomes] == ["deploy", "deploy"]
    assert not one.left_work, "the next run would take their work for what this one left"


def test_the_report_tells_the_revision_that_failed_from_the_one_that_took_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def undo(run: Run, *, keep: bool) -> Generator[Outcome, None, RolledBack]:
        yield Outcome("rollback", "todo", "done")
        return RolledBack(failed=7, live=Live({"todo": 8}))

    monkeypatch.setattr(rollback, "roll_back", undo)
    done = play(Stage("deploy", burn, rolls_back=True))
    assert (done.ok, done.revisions, done.rolled_back) == (False, {"todo": 7}, {"todo": 8})


def test_a_rollback_that_fails_is_told_by_the_revision_it_made() -> None:
    def back(run: Run) -> Generator[Outcome, None, Live]:
        run.returned["todo"] = 9
        yield Outcome("rollback", "todo", "done")
        raise UserError("not rolled out")

    assert play(Stage("rollback", back)).revisions == {"todo": 9}


def test_no_revision_is_asked_of_helm_that_the_release_does_not_have() -> None:
    with pytest.raises(UserError, match="todo has no revision 9") as refused:
        rollback._refuse_unknown(run(), 9, {1, 3})
    assert "choose one of: 1, 3" in (refused.value.hint or "")


def test_every_stage_takes_what_an_earlier_one_or_a_source_gives() -> None:
    assert {stage.takes for stage in stages.STAGES} - {None} == stages.SOURCES.keys()


@pytest.mark.parametrize(
    ("stage", "sources"),
    [
        # A stage on its own that cannot even learn what there is to judge.
        (Stage("health", bake, Live, rolls_back=True), {Live: lambda run: list(iter_failing())}),
        # One that was begun, and whose question was not answered.
        (Stage("health", lambda run, live: iter_failing(), Live, rolls_back=True), {Live: lambda run: Live()}),
        # A deploy that could not learn what is there, and changed nothing.
        (Stage("deploy", lambda run: iter_failing(), rolls_back=True), {}),
    ],
)
def test_what_cannot_be_told_of_a_release_is_no_reason_to_roll_it_back(
    monkeypatch: pytest.MonkeyPatch, stage: Stage, sources: Any
) -> None:
    monkeypatch.setattr(stages, "SOURCES", sources)
    undone: list[bool] = []
    monkeypatch.setattr(rollback, "roll_back", lambda run, keep: undone.append(keep) or iter(()))
    done = play(stage)
    assert not done.ok and "(Forbidden)" in done.error and not undone
    assert "lacks that right" in done.hint


def iter_failing() -> Generator[Outcome, None, None]:
    yield from ()
    raise unanswered("get secrets", Result(1, "", "Error from server (Forbidden): secrets is forbidden"))
