"""A file is whole, or as it was; what somebody else made first is never overwritten."""

import os
import threading
from pathlib import Path

import pytest

from scripts.host.files import make_once, read_bytes, read_text, write_whole


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
    with pytest.raises(OSError, match="No space") as caught:
        write_whole(file, "new")
    assert caught.value.filename == str(file), "which a write does not say by itself"
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_pipe_or_a_device_takes_what_is_written_and_stays_what_it_is(tmp_path: Path) -> None:
    """`--output=/dev/null` as root must not put a file in the place of the machine's own."""
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_whole(tmp_path / "pipe", "all of it")
    reader.join(300)
    assert got == [b"all of it"] and (tmp_path / "pipe").is_fifo()
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


def test_what_another_run_made_first_stays(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert make_once(file, "first") and not make_once(file, "second")
    assert file.read_text() == "first" and list(tmp_path.iterdir()) == [file]


def test_a_pipe_is_read_to_its_end_as_programs_that_keep_secrets_hand_them_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    content = b"KEY=x\r\n" * 20_000  # more than a pipe holds at once
    writer = threading.Thread(target=(tmp_path / ".env").write_bytes, args=(content,))
    writer.start()
    assert read_text(tmp_path / ".env") == content.decode().replace("\r\n", "\n")
    writer.join()


def test_a_pipe_into_which_nobody_writes_is_no_reason_to_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / ".env")
    monkeypatch.setattr("scripts.host.files.WRITER_SECONDS", 0.01)
    with pytest.raises(OSError, match="nobody wrote to it"):
        read_bytes(tmp_path / ".env")


def test_a_device_has_no_end_and_is_refused_but_for_the_empty_one() -> None:
    assert read_bytes(Path(os.devnull)) == b""
    with pytest.raises(OSError, match="device"):
        read_bytes(Path("/dev/zero"))
