"""The record of runs grows line by line, and shows when somebody has been at it."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.reporting import audit
from scripts.reporting.audit import Entry
from scripts.settings.model import Outcome
from tests.reporting.test_report import make


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


def test_a_record_of_bytes_that_are_no_text_is_named_and_goes_on_being_kept(file: Path) -> None:
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([lines[0], b"\xff\xfe", lines[2]]))
    audit.append(file, run(4))
    with pytest.raises(UserError, match="line 2 was altered"):
        audit.read(file)
    assert file.read_bytes().count(b"\n") == 4


def noted(installation: str, revision: int, verdict: str = "verified", **more: Any) -> audit.Entry:
    return audit.Entry(
        "2026-01-01", "ada", "pipeline", "abc", "dev", "x", {}, {"todo": revision}, verdict,
        installation=installation, **more,
    )  # fmt: skip


def test_a_failed_revision_reads_failed_and_the_one_that_took_its_place_does_not() -> None:
    entries = [noted("a", 1), noted("a", 2, "failed", rolled_back={"todo": 3}), noted("a", 3)]
    made = audit.made_by(entries, "todo", "a")
    assert made == {
        1: ("ada", "abc", "verified"),
        2: ("ada", "abc", "failed"),
        3: ("ada", "-", "verified, rolled back to"),
    }


@pytest.mark.parametrize("command", ["rollback", "verify.zero-downtime"])
def test_a_revision_that_a_person_went_back_with_is_none_of_the_trees_commit(command: str) -> None:
    entries = [noted("a", 1), replace(noted("a", 2), command=command), noted("a", 2)]
    entries.append(replace(noted("a", 3, "failed"), command="rollback"))
    made = audit.made_by(entries, "todo", "a")
    assert made[2] == ("ada", "-", "verified, rolled back to") and made[3] == ("ada", "abc", "failed")


def test_only_a_run_with_a_health_check_calls_a_revision_verified() -> None:
    looked, rolled_back = (
        Outcome("health", "backend", "done"),
        Outcome("rollback", "backend", "done", 1.0, "health: 1/1"),
    )
    verdicts = [
        audit.entry(make(*outcomes), "ada", "abc").verdict
        for outcomes in ([Outcome("deploy", "todo", "done")], [looked], [rolled_back])
    ]
    assert verdicts == ["deployed", "verified", "verified"]
    assert audit.entry(make(looked, error="no"), "ada", "abc").verdict == "failed"


@pytest.mark.parametrize("later", ["verified", "failed"])
def test_a_revision_that_one_run_deployed_has_the_verdict_of_the_first_that_looked(later: str) -> None:
    entries = [noted("a", 1, "deployed"), noted("a", 1, later), noted("a", 1, "deployed")]
    assert audit.made_by(entries, "todo", "a") == {1: ("ada", "abc", later)}


def test_verdicts_of_another_installation_are_not_those_of_this_one() -> None:
    entries = [noted("removed cluster", 1, "failed"), noted("a", 1), noted("", 2)]
    assert audit.made_by(entries, "todo", "a") == {1: ("ada", "abc", "verified")}


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    argv = ["git", *who, "-C", str(folder), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "a.py").write_text("a = 1\n")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.mark.slow
def test_the_commit_that_is_named_is_the_trees_own(tmp_path: Path) -> None:
    ours, shell = repository(tmp_path / "ours"), Shell()
    head = git(ours, "rev-parse", "HEAD")
    assert audit.commit(shell, ours) == head[:12] and audit.commit(shell, ours, digits=40) == head
    (ours / "ignored").mkdir()
    assert audit.commit(shell, ours) == head[:12]
    (ours / "new.py").write_text("b = 2\n")  # goes into an image as well as what git knows
    assert audit.commit(shell, ours) == f"{head[:12]}+"
    (ours / "new.py").unlink()
    git(ours, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    assert audit.commit(shell, tmp_path / "beside") == head[:12]
    around = repository(tmp_path / "around")
    git(around, "submodule", "--quiet", "add", str(ours), "app")
    assert audit.commit(shell, around / "app") == head[:12]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["app", "ignored"])
def test_a_tree_in_somebody_elses_repository_has_not_its_commit(tmp_path: Path, name: str) -> None:
    unpacked = repository(tmp_path / "around") / name
    unpacked.mkdir()
    (unpacked / "a.py").write_text("a = 1\n")
    assert audit.commit(Shell(), unpacked) == ""


@pytest.mark.slow
def test_where_git_cannot_tell_no_commit_is_named(tmp_path: Path) -> None:
    assert audit.commit(Shell(), tmp_path) == ""
    git(tmp_path, "init", "--quiet")
    assert audit.commit(Shell(), tmp_path) == ""  # nothing was committed yet
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/.git").write_text("gitdir: nowhere\n")
    assert audit.commit(Shell(), tmp_path / "beside") == ""


def test_what_another_run_overtook_has_not_failed_and_a_later_look_at_it_counts() -> None:
    first, second = replace(run(1), verdict=audit.OVERTAKEN), run(2)
    made = audit.made_by([first, second], "todo-chatbot", "")
    assert {number: verdict for number, (_, _, verdict) in made.items()} == {1: "overtaken", 2: "verified"}
    assert audit.made_by([first, run(1)], "todo-chatbot", "")[1][2] == "verified"


@pytest.mark.parametrize("place", ["folder", "/dev/full"])
def test_a_record_that_cannot_be_read_is_not_one_of_nothing(file: Path, place: str) -> None:
    file.unlink()
    if place == "folder":
        file.mkdir()
    else:
        file.symlink_to(place)
    with pytest.raises(UserError, match=r"c\.jsonl: the record of who made what cannot be read: ") as told:
        audit.read(file)
    assert "readable file" in told.value.hint
    with pytest.raises(OSError, match=r"\w"):
        audit.append(file, run(4))
    file.rename(file.with_name("away"))
    file.symlink_to(file.with_name("missing"))
    assert audit.read(file) == []
