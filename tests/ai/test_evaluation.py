"""The fault workloads of a real cluster: the right cause by the rules, and by whoever only reads the prompt."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.recipes import consult, load
from scripts.recipes.consult import Consultation, Desk
from scripts.settings import ROOT

HERE = Path(__file__).parent
FAULTS = HERE.parent / "embedded/recordings/faults"
TABLE = ROOT / "docs/ai-evaluation.md"
DEBUG = load.pick(ROOT, "debug")

_spec = importlib.util.spec_from_file_location("ai_evaluation", HERE / "evaluation.py")
assert _spec and _spec.loader
evaluation = importlib.util.module_from_spec(_spec)
sys.modules["ai_evaluation"] = evaluation
_spec.loader.exec_module(evaluation)
rows: dict[str, tuple[str, str]] = {}


def test_every_recorded_fault_is_evaluated() -> None:
    assert {file.name.removesuffix(".manifest.yaml") for file in FAULTS.glob("*.manifest.yaml")} == set(
        evaluation.EXPECTED
    )


@pytest.mark.parametrize("fault", evaluation.EXPECTED)
def test_both_paths_name_the_cause(
    fault: str,
    make_desk: Callable[..., Desk],
    state_of: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words, cause = evaluation.EXPECTED[fault]
    desk = make_desk(state_of(fault))
    by_rules = consult.consult(desk, DEBUG, {"service": "backend"}, tool="offline")
    diagnosis = next(section for section in by_rules.sections if section.title == "Diagnosis")
    assert diagnosis.urgency == 9 and words in diagnosis.text()
    monkeypatch.setattr(consult, "tools", lambda desk, folder: {"api": evaluation.ScriptedModel()})
    by_model: Consultation = consult.consult(desk, DEBUG, {"service": "backend"}, tool="api")
    assert evaluation.cause_of(by_model.answer.text) == cause
    rows[fault] = (diagnosis.data[0]["title"], cause)


def test_the_table_of_the_documentation_is_what_was_found(request: pytest.FixtureRequest) -> None:
    if len(rows) < len(evaluation.EXPECTED):
        pytest.skip("needs the other tests of this file in the same run")
    lines = [
        "# The fault workloads, answered",
        "",
        "Made by `pytest tests/ai/test_evaluation.py`; a fault is what a real Kubernetes 1.36 said of a broken workload.",
        "The scripted model knows no rule of this repository: its cause shows that the prompt, redacted and cut, still",
        "holds the line that proves it.",
        "",
        "| fault | offline | scripted model |",
        "|---|---|---|",
        *(f"| {fault} | {rows[fault][0].replace('|', '/')} | {rows[fault][1]} |" for fault in sorted(rows)),
    ]
    text = "\n".join(lines) + "\n"
    if not TABLE.is_file():
        TABLE.write_text(text)
    assert TABLE.read_text() == text, "remove docs/ai-evaluation.md and run this file again"
