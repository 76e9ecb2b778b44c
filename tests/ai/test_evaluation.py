"""The fault workloads of a real cluster: the right cause by the rules, and by whoever only reads the prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.ai import consult, recipes
from scripts.ai.consult import Connection, Consultation
from scripts.host.paths import ROOT
from tests.support import ai_answers as evaluation

HERE = Path(__file__).parent
FAULTS = HERE.parents[1] / "embedded/tests/recordings/faults"
DEBUG = recipes.pick(ROOT, "debug")


def test_every_recorded_fault_is_evaluated() -> None:
    assert {file.name.removesuffix(".manifest.yaml") for file in FAULTS.glob("*.manifest.yaml")} == set(
        evaluation.EXPECTED
    )


@pytest.mark.slow
@pytest.mark.parametrize("fault", evaluation.EXPECTED)
def test_both_paths_name_the_cause(
    fault: str,
    make_desk: Callable[..., Connection],
    state_of: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words, cause = evaluation.EXPECTED[fault]
    connection = make_desk(state_of(fault))
    by_rules = consult.consult(connection, DEBUG, {"service": "backend"}, tool="offline")
    diagnosis = next(section for section in by_rules.sections if section.title == "Diagnosis")
    assert diagnosis.urgency == 9 and words in diagnosis.text()
    monkeypatch.setattr(consult, "tools", lambda connection, folder: {"api": evaluation.ScriptedModel()})
    by_model: Consultation = consult.consult(connection, DEBUG, {"service": "backend"}, tool="api")
    assert evaluation.cause_of(by_model.answer.text) == cause
