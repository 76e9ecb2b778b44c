"""The record of runs grows line by line, and shows when somebody has been at it."""

from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.reporting import audit
from scripts.reporting.audit import Entry


def run(number: int) -> Entry:
    return Entry(
        started=f"2026-01-0{number}T00:00:00.000+00:00", who="ada", command="pipeline", commit="abc+",
        environment="dev", target="embedded", images={"mcp": f"todo-chatbot/mcp:{number}"},
        revisions={"todo-chatbot": number}, verdict="verified",
    )  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "audit/c.jsonl"
    for number in (1, 2, 3):
        audit.append(made, run(number))
    return made


def test_what_is_appended_is_read(file: Path) -> None:
    assert audit.read(file) == [run(1), run(2), run(3)]
    assert audit.read(file.with_name("none")) == []


@pytest.mark.parametrize("harm", ["altered", "removed", "swapped", "cut"])
def test_tampering_is_found_and_its_line_named(file: Path, harm: str) -> None:
    lines = file.read_text().splitlines()
    if harm == "altered":
        lines[1] = lines[1].replace("ada", "eve")
    elif harm == "removed":
        del lines[1]
    elif harm == "swapped":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines[1] = lines[1][:20]
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match="line 2 was altered"):
        audit.read(file)


def test_a_broken_record_goes_on_being_kept(file: Path) -> None:
    file.write_text(file.read_text()[:-20])
    audit.append(file, run(4))
    assert len(file.read_text().splitlines()) == 4
    with pytest.raises(UserError, match="line 3 was altered"):
        audit.read(file)
