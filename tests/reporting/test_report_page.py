"""The page of the last runs stands alone and shows what happened, harmless whatever is in the reports."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.reporting import report, report_page
from scripts.reporting.report import Report, StageTime
from scripts.settings.model import Outcome


def run(number: int, error: str = "") -> Report:
    status = "failed" if error else "done"
    return Report(
        command="pipeline", started=f"2026-01-01T00:00:{number:02d}.000+00:00", seconds=10.0 + number,
        environment="dev", target="embedded", stages=(StageTime("build", 8.0), StageTime("rollout", 2.0)),
        outcomes=(Outcome("build", "backend", status, 8.0, "<script>alert(1)</script>", ended=8.0),),
        images={"backend": "todo-chatbot/backend:1"}, revisions={"todo-chatbot": number}, error=error,
    )  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_shows_the_newest_run_and_the_trend(tmp_path: Path) -> None:
    for number in range(1, 4):
        report.write(run(number, error="build: it <broke>" if number == 3 else ""), tmp_path)
    page = report_page.render(report_page.read(tmp_path))
    tags = Tags()
    tags.feed(page)
    assert "pipeline: failed in 13.0 s" in page and "it &lt;broke&gt;" in page
    assert tags.seen.count("svg") == 2 and "script" not in tags.seen and tags.links == []


def test_without_runs_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no runs"):
        report_page.read(tmp_path)


def test_a_report_is_json_with_a_schema_number(tmp_path: Path) -> None:
    data = json.loads(report.write(run(1), tmp_path).read_text())
    assert {"schema", "ok", "changed", "command", "started", "seconds", "stages", "outcomes", "url"} <= data.keys()


def test_a_bar_a_stage_shows_what_went_on_at_once() -> None:
    def outcome(stage: str, seconds: float, ended: float) -> dict[str, object]:
        return {"stage": stage, "target": "x", "status": "done", "seconds": seconds, "ended": ended, "detail": ""}

    stages = [
        {"stage": "prepare", "seconds": 6.0},
        {"stage": "build", "seconds": 5.0},
        {"stage": "deploy", "seconds": 2.0},
    ]
    outcomes = [outcome("prepare", 6.0, 6.0), outcome("build", 5.0, 8.0), outcome("deploy", 2.0, 10.0)]
    rows = report_page.bars({"seconds": 10.0, "stages": stages, "outcomes": outcomes}, width=10)
    assert [(name, bar, told) for name, bar, told in rows] == [
        ("prepare", "██████    ", "6.0 s"),
        ("build", "   █████  ", "5.0 s"),
        ("deploy", "        ██", "2.0 s"),
    ]


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/2026-01-01T000000Z.json").write_text('{"ok": tr')
    with pytest.raises(UserError, match=r"2026-01-01T000000Z\.json cannot be read"):
        report_page.read(tmp_path)


def test_only_a_run_that_checked_the_live_release_is_called_verified() -> None:
    build, health = ({"stage": stage, "status": "done", "detail": ""} for stage in ("build", "health"))
    rolled_back = {"stage": "rollback", "status": "done", "detail": "health: 1/1 ready"}
    told = [report_page.verdict({"ok": True, "outcomes": [one]}) for one in (build, health, rolled_back)]
    assert told == ["done", "verified", "verified"]
    assert report_page.verdict({"ok": False, "outcomes": [health]}) == "failed"
