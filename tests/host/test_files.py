"""A file is whole, or as it was; what somebody else made first is never overwritten."""

from pathlib import Path

import pytest

from scripts.host.files import make_once, write_whole


def test_a_file_is_replaced_in_one_step_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "new folder/a.json"
    write_whole(file, "one")
    write_whole(file, b"two", mode=0o600)
    assert file.read_text() == "two" and file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    write_whole(file, "old")

    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, "new")
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_what_another_run_made_first_stays(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert make_once(file, "first") and not make_once(file, "second")
    assert file.read_text() == "first" and list(tmp_path.iterdir()) == [file]
