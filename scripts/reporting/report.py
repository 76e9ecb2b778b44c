"""Report a run: the record that is written, and the summary a person reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.settings.model import UNPROVED, Outcome

SCHEMA = 1  # of the JSON; a change of meaning raises it
KEPT = 50  # reports in the folder
FOLDER = "reports"


@dataclass(frozen=True)
class StageTime:
    """The time that a stage took, in seconds of wall time."""

    stage: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """One run. `started` is UTC in ISO 8601. `revisions` are those it made or verified, or the ones that failed;
    `rolled_back` those that took the place of failed ones, proved healthy.
    """

    command: str
    started: str
    seconds: float
    environment: str
    target: str
    stages: tuple[StageTime, ...]
    outcomes: tuple[Outcome, ...]
    images: dict[str, str]
    revisions: dict[str, int]
    url: str = ""
    error: str = ""
    hint: str = ""
    findings: tuple[dict[str, Any], ...] = ()
    changes: tuple[str, ...] = ()
    rolled_back: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Return whether everything that was asked for is true now."""
        return not self.error and all(outcome.status != "failed" for outcome in self.outcomes)

    @property
    def verified(self) -> bool:
        """Return whether a health check passed, in a rollback too."""
        done = [item for item in self.outcomes if item.status == "done"]
        return any(item.stage == "health" or item.detail.startswith("health: ") for item in done)

    @property
    def changed(self) -> bool:
        """Return whether the run built or deployed anything."""
        return any(item.status == "done" for item in self.outcomes if item.stage in ("build", "load", "deploy"))


def as_json(report: Report) -> dict[str, Any]:
    """Return the record of a run, as `--json` prints it and `reports/` keeps it."""
    return {"schema": SCHEMA, "ok": report.ok, "changed": report.changed} | asdict(report)


def write(report: Report, root: Path) -> Path:
    """Keep the record, dropping the oldest beyond `KEPT`. A record is whole or not there."""
    folder = root / FOLDER
    name = report.started.replace(":", "").replace("+0000", "Z")
    file = folder / f"{name}.json"
    write_whole(file, json.dumps(as_json(report), indent=1) + "\n")
    for old in sorted(folder.glob("[0-9]*.json"))[:-KEPT]:
        old.unlink()
    return file


def build_times(root: Path, among: int = 10) -> dict[str, float]:
    """Return how many seconds the build of each service took the last time that one of the newest reports
    tells of it.
    """
    found: dict[str, float] = {}
    for file in sorted((root / FOLDER).glob("[0-9]*.json"))[-among:]:
        with suppress(OSError, ValueError, KeyError, TypeError):  # an estimate: what cannot be read tells nothing
            for item in parsing.from_json(file.read_text(encoding="utf-8"))["outcomes"]:
                if item["stage"] == "build" and item["status"] == "done":
                    found[item["target"]] = float(item["seconds"])
    return found


def summary(report: Report) -> str:
    """Return the end of a run, for a person: what changed, where the time went, and the URL or the way on."""
    lines = []
    if not report.ok:
        lines += [f"FAILED after {report.seconds:.1f} s", *_indented(report.error or _failures(report.outcomes))]
        if report.hint:
            lines += ["", "What to do:", *_indented(report.hint)]
        return "\n".join(lines)
    lines.append(_changes(report))
    lines += [f"  {change}" for change in report.changes]
    if report.revisions:
        lines.append("Revision: " + ", ".join(f"{name} {number}" for name, number in report.revisions.items()))
    times = [f"{item.stage} {item.seconds:.1f} s" for item in report.stages if item.seconds >= 0.05]
    lines.append(f"Time: {report.seconds:.1f} s" + (f" ({', '.join(times)})" if times else ""))
    if report.url:
        lines.append(f"URL: {report.url}")
    lines += _unproved(report.outcomes)
    return "\n".join(lines)


LOOKED = ("rollout: ", "health: ")  # how the outcomes of these stages begin within a rollback
LOOKS = ("rollout", "health", "access", "prove")  # stages that change nothing


def _changes(report: Report) -> str:
    """Return what the run did, what a dry run would do, and whether it looked at the live release."""
    acts = [item for item in report.outcomes if item.stage not in LOOKS and not item.detail.startswith(LOOKED)]
    planned = [f"{item.stage} {item.target}" for item in acts if item.status == "planned"]
    if planned:
        return f"Would change: {', '.join(planned)}"
    done = [f"{item.stage} {item.target}" for item in acts if item.status == "done"]
    return f"Changed: {', '.join(done) or 'nothing'}" + ("; the live release was verified" if report.verified else "")


def _unproved(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what a person may not be able to do, though nothing failed."""
    found = [item for item in outcomes if item.status == "skipped" and item.detail.startswith(UNPROVED)]
    return [f"Look yourself: {item.target}: {item.detail}" for item in found]


def _failures(outcomes: Sequence[Outcome]) -> str:
    return "\n".join(f"{item.stage} {item.target}: {item.detail}" for item in outcomes if item.status == "failed")


def _indented(text: str) -> list[str]:
    return ["  " + line for line in text.splitlines()]
