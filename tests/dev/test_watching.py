"""Changes of files arrive in batches, also where the system has no watches left."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import watchfiles

from scripts.dev import watching


@contextmanager
def watched(folders: list[Path], said: list[str]) -> Iterator["queue.SimpleQueue[frozenset[Path]]"]:
    """The batches of a watch that has begun."""
    batches: queue.SimpleQueue[frozenset[Path]] = queue.SimpleQueue()
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=watching.watch, args=(folders, batches.put, said.append, stop, ready.set), daemon=True
    )
    thread.start()
    assert ready.wait(300)
    yield batches
    stop.set()
    thread.join(300)


def until_seen(batches: "queue.SimpleQueue[frozenset[Path]]", wanted: set[Path]) -> None:
    while wanted:
        wanted -= batches.get(timeout=300)


def test_writes_and_deletes_are_seen(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    old = tmp_path / "sub/old.py"
    old.write_text("")
    with watched([tmp_path, tmp_path / "sub"], []) as batches:
        new = tmp_path / "sub/new.py"
        new.write_text("x")
        old.unlink()
        until_seen(batches, {new, old})


@pytest.mark.parametrize(
    "problem",
    [
        OSError("OS file watch limit reached."),
        OSError("No space left on device (os error 28)"),
        RuntimeError(
            # Where a folder that is new finds no watch left.
            "error in underlying watcher: OS file watch limit reached."
        ),  # a folder that is new finds none left
    ],
)
def test_without_watches_the_files_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    real: Callable[..., object] = watchfiles.watch

    def refusing(*paths: Path, **given: object) -> object:
        if not given["force_polling"]:
            raise problem
        return real(*paths, **given)

    monkeypatch.setattr(watchfiles, "watch", refusing)
    said: list[str] = []
    with watched([tmp_path], said) as batches:
        (tmp_path / "a.py").write_text("x")
        until_seen(batches, {tmp_path / "a.py"})
    assert len(said) == 1
    assert "max_user_watches" in said[0]


def test_a_folder_that_is_taken_away_and_comes_back_is_watched_again(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    batches: queue.SimpleQueue[frozenset[Path]] = queue.SimpleQueue()
    begun: queue.SimpleQueue[bool] = queue.SimpleQueue()
    stop = threading.Event()
    thread = threading.Thread(
        target=watching.watch, args=([folder], batches.put, lambda _: None, stop, lambda: begun.put(True)), daemon=True
    )
    thread.start()
    begun.get(timeout=120)
    folder.rename(tmp_path / "away")
    folder.mkdir()
    begun.get(timeout=120)
    (folder / "new.py").write_text("x")
    until_seen(batches, {folder / "new.py"})
    stop.set()
    thread.join(120)


def test_another_error_is_not_taken_for_it(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        watching.watch([tmp_path / "missing"], lambda _: None, lambda _: None, threading.Event())


def test_only_the_outermost_folders_are_watched() -> None:
    assert watching.outermost([Path("/a/b"), Path("/a"), Path("/ab"), Path("/a")]) == [Path("/a"), Path("/ab")]
