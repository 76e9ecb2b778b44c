"""While a real cluster installed, upgraded, scaled and restarted, only the upgrade that failed was called hopeless."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts import diagnose
from scripts.diagnose import Snapshot

RECORDINGS = Path(__file__).parents[2] / "embedded/tests/recordings"
RULES = diagnose.read_rules()
MARKS = [json.loads(line) for line in (RECORDINGS / "timeline-marks.jsonl").read_text().splitlines()]
START = datetime.fromtimestamp(MARKS[0]["at"], UTC)
AT = {mark["mark"]: mark["at"] - MARKS[0]["at"] for mark in MARKS}


def moments() -> Iterator[tuple[float, Snapshot]]:
    """The state after each change, with the time in seconds from the start."""
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for line in (RECORDINGS / "timeline.jsonl").read_text().splitlines():
        change = json.loads(line)
        key = (change["resource"], change["name"])
        if change["type"] == "DELETED":
            held.pop(key, None)
        else:
            held[key] = change["object"]
        seconds = change["t"]
        yield (
            seconds,
            Snapshot.of(held.values(), "chatbot-dev", START + timedelta(seconds=seconds), services=("backend",)),
        )


@pytest.fixture(scope="module")
def told() -> list[tuple[float, list[diagnose.Finding]]]:
    return [(seconds, diagnose.diagnose(state, RULES)) for seconds, state in moments()]


@pytest.mark.slow
def test_nothing_is_called_hopeless_while_all_goes_well(told: list[tuple[float, list[diagnose.Finding]]]) -> None:
    wrong = [
        (seconds, finding.rule, finding.evidence)
        for seconds, findings in told
        for finding in findings
        if finding.terminal and not AT["failed-upgrade"] <= seconds < AT["helm-test"]
    ]
    assert not wrong


def test_hardly_anything_is_told_while_all_goes_well(told: list[tuple[float, list[diagnose.Finding]]]) -> None:
    rules = {
        finding.rule for seconds, findings in told if seconds < AT["failed-upgrade"] for finding in findings
    }  # before the install and while the controller works there is no Deployment yet
    assert rules <= {"not-deployed"}


def test_a_failing_upgrade_is_found_at_its_first_sign(told: list[tuple[float, list[diagnose.Finding]]]) -> None:
    symptoms = [
        seconds
        for seconds, state in moments()
        for pod in state.kind("Pod")
        for status in pod["status"].get("containerStatuses", ())
        if (status["state"].get("waiting") or {}).get("reason") == "ErrImagePull"
    ]
    seconds, findings = next(
        (seconds, findings) for seconds, findings in told if any(finding.terminal for finding in findings)
    )
    assert [finding.rule for finding in findings] == ["image-not-on-node"]
    assert "todo:absent" in findings[0].title
    assert seconds - symptoms[0] < 2


def test_after_the_rollback_nothing_is_left_of_it(told: list[tuple[float, list[diagnose.Finding]]]) -> None:
    after = [findings for seconds, findings in told if AT["helm-test"] <= seconds < AT["uninstall"]]
    assert after and not any(finding.rule.startswith("image") for findings in after for finding in findings)
