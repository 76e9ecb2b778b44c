"""Changes of files arrive in batches, also where the system has no watches left."""

import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


def test_a_name_that_is_no_text_does_not_end_the_watch(tmp_path: Path) -> None:
    said: list[str] = []
    with watched([tmp_path], said) as batches:
        odd = os.fsencode(tmp_path) + b"/caf\xe9.py"
        with open(odd, "w"):  # noqa: PTH123 - a path of bytes
            pass
        while not said:
            (tmp_path / "meanwhile.py").touch()
        seen: set[Path] = set()
        while tmp_path / "a.py" not in seen:  # what is saved before it watches again is looked at by the session
            (tmp_path / "a.py").write_text("x")
            with suppress(queue.Empty):
                seen |= batches.get(timeout=1)
    assert "no UTF-8" in said[0]


@pytest.mark.parametrize(
    "problem",
    [
        OSError("OS file watch limit reached."),
        OSError("No space left on device (os error 28)"),
        RuntimeError("error in underlying watcher: OS file watch limit reached."),
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


def test_the_setting_that_is_named_is_the_one_that_is_used_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., object] = watchfiles.watch

    def refusing(*paths: Path, **given: object) -> object:
        if not given["force_polling"]:
            raise OSError("Too many open files (os error 24)")
        return real(*paths, **given)

    monkeypatch.setattr(watchfiles, "watch", refusing)
    said: list[str] = []
    with watched([tmp_path], said):
        pass
    assert "max_user_instances" in said[0] and "max_user_watches" not in said[0]


def test_a_new_folder_that_finds_no_watch_left_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "fdinfo"
    told.mkdir()
    (told / "7").write_text("inotify wd:1 ino:1\n")  # as Linux tells of the one folder that is there
    sources = tmp_path / "sources"
    sources.mkdir()
    monkeypatch.setattr(watching, "HELD", told)
    monkeypatch.setattr(watching, "SETTLED", 0.0)
    said: list[str] = []
    batches: queue.SimpleQueue[frozenset[Path]] = queue.SimpleQueue()
    begun: queue.SimpleQueue[bool] = queue.SimpleQueue()
    stop = threading.Event()
    thread = threading.Thread(
        target=watching.watch, args=([sources], batches.put, said.append, stop, lambda: begun.put(True)), daemon=True
    )
    thread.start()
    begun.get(timeout=300)
    (sources / "a.py").write_text("x")
    until_seen(batches, {sources / "a.py"})
    assert not said
    (sources / "new").mkdir()
    begun.get(timeout=300)  # anew, and in the other way
    (sources / "new/b.py").write_text("x")
    until_seen(batches, {sources / "new/b.py"})
    stop.set()
    thread.join(300)
    assert len(said) == 1 and "max_user_watches" in said[0]


@pytest.mark.parametrize(
    ("looks", "stays"),
    [([(1, 2), (1, 2)], True), ([(1, 2), (5, 6)], False), ([(1, 2), (2, 2)], False), ([(2, 2)], False)],
)
def test_folders_that_only_wait_for_their_watch_are_no_sign_of_a_limit(
    monkeypatch: pytest.MonkeyPatch, looks: list[tuple[int, int]], stays: bool
) -> None:
    monkeypatch.setattr(watching, "SETTLED", 0.0)
    monkeypatch.setattr(watching, "_watched", lambda _: looks.pop(0))
    assert watching._stays_unwatched([Path()], threading.Event()) is stays


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
