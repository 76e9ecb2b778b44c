"""`docs/requirements.md` is whole, and what it names exists; `docs/values.md` is what the charts say."""

from __future__ import annotations

import ast
import re

import pytest

from scripts.release import values_doc
from tests.support.charts import ROOT

IDS = {
    *(
        f"REQ-{n:03}"
        for n in (*range(1, 6), *range(10, 17), *range(20, 27), *range(30, 36), *range(40, 48), *range(50, 58))
    ),
    *(f"NFR-{n:03}" for n in (*range(1, 5), *range(10, 14), *range(20, 25), *range(30, 34))),
}


def table() -> dict[str, tuple[list[str], list[str]]]:
    """Requirement → (files, tests) that the table names."""
    found = {}
    for line in (ROOT / "docs/requirements.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"(REQ|NFR)-\d{3}", cells[0]):
            assert cells[0] not in found, f"{cells[0]} stands twice"
            found[cells[0]] = (re.findall(r"`([^`]+)`", cells[2]), re.findall(r"`([^`]+)`", cells[3]))
    return found


def test_every_requirement_has_its_place_and_its_test() -> None:
    found = table()
    assert found.keys() == IDS
    assert not [key for key, (files, tests) in found.items() if not files or not tests]


def test_files_exist() -> None:
    assert not [name for files, _ in table().values() for name in files if not (ROOT / name).exists()]


@pytest.mark.slow
def test_tests_exist() -> None:
    missing = []
    for name in sorted({name for _, tests in table().values() for name in tests}):
        file, _, function = name.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8")) if (ROOT / file).is_file() else ast.Module([], [])
        if function not in {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }:
            missing.append(name)
    assert not missing


def test_generated_files_are_current() -> None:
    old = [str(file.relative_to(ROOT)) for file, text in values_doc.files().items() if file.read_text("utf-8") != text]
    assert not old, "run: python -m scripts.release.values_doc"
