"""A report says what changed, where the time went, and what to do when something failed."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema

from scripts.diagnose.model import Finding
from scripts.host.paths import ROOT
from scripts.reporting import report
from scripts.reporting.report import Report, StageTime
from scripts.settings.model import Outcome

SCHEMA = json.loads((ROOT / "scripts/reporting/report.schema.json").read_text())


def make(*outcomes: Outcome, started: str = "2026-01-01T00:00:00.000+00:00", error: str = "", hint: str = "") -> Report:
    return Report(
        command="pipeline", started=started, seconds=2.0, environment="dev", target="embedded",
        stages=(StageTime("build", 1.5),), outcomes=outcomes, images={"backend": "todo-chatbot/backend:1"},
        revisions={"todo-chatbot": 3}, url="http://localhost:30000", error=error, hint=hint,
    )  # fmt: skip


def test_an_unchanged_run_says_so() -> None:
    looked = [Outcome(stage, "backend", "done") for stage in report.LOOKS]
    text = report.summary(make(Outcome("build", "backend", "unchanged"), *looked))
    assert "Changed: nothing; the live release was verified" in text and "URL: http://localhost:30000" in text


def test_a_rollback_names_what_it_brought_back_and_that_it_was_proved() -> None:
    waited = [Outcome("rollback", "mcp", "done", 1.0, f"{word}1/1 ready") for word in report.LOOKED]
    text = report.summary(
        make(Outcome("rollback", "auth-secrets", "done"), *waited, Outcome("rollback", "todo", "done"))
    )
    assert text.startswith("Changed: rollback auth-secrets, rollback todo; the live release was verified\n")


def test_only_what_was_verified_is_said_to_be() -> None:
    assert "verified" not in report.summary(make(Outcome("build", "backend", "unchanged")))
    planned = report.summary(make(Outcome("build", "backend", "planned"), Outcome("health", "all", "skipped")))
    assert planned.startswith("Would change: build backend") and "verified" not in planned


def test_a_change_is_named_with_its_revision_and_time() -> None:
    text = report.summary(make(Outcome("build", "backend", "done")))
    assert "Changed: build backend" in text and "Revision: todo-chatbot 3" in text and "build 1.5 s" in text


def test_what_nobody_could_do_for_a_person_is_said_at_the_end() -> None:
    """Between so many lines that went well it is not seen."""
    step = Outcome("prove", "register by its form", "skipped", 1.0, "not proved: nothing is sent")
    text = report.summary(make(Outcome("health", "all", "done"), step, Outcome("tag", "x", "skipped", 0.0, "no need")))
    assert text.splitlines()[-1] == "Look yourself: register by its form: not proved: nothing is sent"


def test_a_failure_says_what_to_do() -> None:
    done = make(error="build: it broke", hint="mend it")
    assert not done.ok
    assert report.summary(done).splitlines() == [
        "FAILED after 2.0 s",
        "  build: it broke",
        "",
        "What to do:",
        "  mend it",
    ]


def test_records_are_whole_and_the_oldest_are_dropped(tmp_path: Path) -> None:
    for number in range(report.KEPT + 5):
        report.write(make(started=f"2026-01-01T00:00:{number:02d}.000+00:00"), tmp_path)
    files = sorted((tmp_path / "reports").iterdir())
    assert len(files) == report.KEPT and all(file.suffix == ".json" for file in files)
    assert json.loads(files[0].read_text())["schema"] == report.SCHEMA


def test_a_record_is_as_its_schema_says() -> None:
    finding = Finding("crash", "backend", "pod/a", "t", "m", ("exit code 1",), "r", "c", terminal=True, rank=1)
    failed = replace(make(Outcome("rollout", "backend", "failed", 1.0)), findings=(asdict(finding),), changes=("x",))
    for done in (make(), failed):
        jsonschema.validate(json.loads(json.dumps(report.as_json(done))), SCHEMA)


def test_the_schema_describes_every_field() -> None:
    assert SCHEMA["properties"]["schema"]["const"] == report.SCHEMA
    assert list(SCHEMA["properties"]) == list(report.as_json(make()))
