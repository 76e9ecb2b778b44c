"""The fault workloads of a real cluster: the right cause by the rules, and by whoever only reads the prompt."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.ai import consult, recipes
from scripts.ai.consult import Consultation, Desk
from scripts.settings.loading import ROOT

HERE = Path(__file__).parent
FAULTS = HERE.parents[1] / "embedded/tests/recordings/faults"
TABLE = ROOT / "docs/ai-evaluation.md"
DEBUG = recipes.pick(ROOT, "debug")

_spec = importlib.util.spec_from_file_location("ai_evaluation", HERE / "evaluation.py")
assert _spec and _spec.loader
evaluation = importlib.util.module_from_spec(_spec)
sys.modules["ai_evaluation"] = evaluation
_spec.loader.exec_module(evaluation)
HEAD = """# The fault workloads, answered

Written by `pytest tests/ai/test_evaluation.py` where it is missing. A fault is what a real Kubernetes 1.36 said of a
workload that is broken on purpose. The scripted model knows no rule of this repository: its cause shows that the
prompt, redacted and cut to its budget, still holds the line that proves it.

| fault | offline | scripted model |
|---|---|---|"""
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
    if not TABLE.is_file():
        lines = [f"| {fault} | {rows[fault][0].replace('|', '/')} | {rows[fault][1]} |" for fault in sorted(rows)]
        TABLE.write_text("\n".join([HEAD, *lines]) + "\n")
    told = [line.split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| ") and " | " in line]
    # The wording of the rules is theirs to change; which faults are named, and by what line, is checked here.
    found = {cells[0].strip("| "): cells[-1].strip("| ") for cells in told[1:]}
    assert found == {fault: cause for fault, (_, cause) in rows.items()}, f"remove {TABLE} and run this file again"
