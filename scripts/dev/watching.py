"""Watching files: batches of paths that have changed."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

STEP = 30
"""Milliseconds without a change after which a batch is complete."""
POLL = 400
"""Milliseconds between two looks where the system tells nothing."""

LIMIT = "the system cannot watch so many files: they are looked at every {poll} ms; for less work: sysctl {setting}"
INSTANCES, WATCHES = "fs.inotify.max_user_instances=1024", "fs.inotify.max_user_watches=524288"
SETTLED = 1.0
"""Seconds in which a folder that is new gets its watch."""
HELD = Path("/proc/self/fdinfo")
"""Where Linux tells what is watched by this process."""


def watch(
    folders: Sequence[Path], on_batch: Callable[[frozenset[Path]], None], say: Callable[[str], None],
    stop: threading.Event, ready: Callable[[], None] = lambda: None, *, polling: bool = False,
) -> None:  # fmt: skip
    """Call `on_batch` for every batch of changes below the folders, until `stop` is set.

    Where the system has no watches left, the files are looked at again and again. A folder that is taken away and comes
    back, as by a change of branches, is watched anew; `ready` is called whenever watching begins.
    """
    roots = outermost(folders)
    while not stop.is_set():
        seen = {root: _identity(root) for root in roots}
        try:
            _watch_until_replaced(seen, on_batch, stop, ready, polling=polling)
        except (OSError, RuntimeError) as error:  # the second where a folder that is new finds no watch left
            if not polling and is_limit(error):
                say(LIMIT.format(poll=POLL, setting=INSTANCES if "too many open" in str(error).lower() else WATCHES))
                polling = True
            elif "unable to decode path" in str(error).lower():
                say(f"{error}: no file whose name is no UTF-8 goes live; rename it")
            elif _same(seen):
                raise
        while not stop.is_set() and not all(_identity(root) for root in roots):
            stop.wait(POLL / 1000)


def _watch_until_replaced(
    seen: Mapping[Path, Identity], on_batch: Callable[[frozenset[Path]], None], stop: threading.Event,
    ready: Callable[[], None], *, polling: bool,
) -> None:  # fmt: skip
    """Watch until `stop` is set or one of the folders is not the one any more that was `seen`."""
    import watchfiles

    changes = watchfiles.watch(
        *seen, watch_filter=None, step=STEP, stop_event=stop, force_polling=polling,
        poll_delay_ms=POLL, raise_interrupt=False, yield_on_timeout=True, rust_timeout=500,
    )  # fmt: skip
    told = False
    for batch in changes:
        if not told:
            told = True
            ready()
        if batch:
            on_batch(frozenset(Path(path) for _, path in batch))
        if not _same(seen):
            return
        came = any(kind == watchfiles.Change.added and Path(path).is_dir() for kind, path in batch)
        if came and not polling and _stays_unwatched(seen, stop):
            raise OSError(errno.ENOSPC, "OS file watch limit reached")


def _stays_unwatched(roots: Collection[Path], stop: threading.Event) -> bool:
    """Return whether folders below are not watched: each is by itself, and nobody is told of one that finds none left.

    While many are made one after the other some always wait for their watch: only what stays so counts.
    """
    first = _watched(roots)
    return first[0] < first[1] and not stop.wait(SETTLED) and _watched(roots) == first


def _watched(roots: Iterable[Path]) -> tuple[int, int]:
    """Return how many folders this process watches, and how many there are; nothing where no system tells."""
    if not HELD.is_dir():
        return 0, 0
    held = 0
    for file in HELD.iterdir():
        with suppress(OSError):  # closed meanwhile
            held += file.read_text().count("inotify wd:")
    return held, sum(1 for root in roots for _ in os.walk(root))


Identity = tuple[int, int] | None


def _identity(folder: Path) -> Identity:
    """Return which folder this is; None where there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _same(seen: Mapping[Path, Identity]) -> bool:
    return all(_identity(folder) == one for folder, one in seen.items())


def is_limit(error: Exception) -> bool:
    """Return whether the system has run out of watches, or of instances to watch with."""
    words = str(error).lower()
    return "watch limit" in words or "no space left" in words or "too many open files" in words


def outermost(folders: Sequence[Path]) -> list[Path]:
    """Return the folders without those that lie in another one."""
    found = sorted(set(folders))
    return [one for one in found if not any(one != other and one.is_relative_to(other) for other in found)]
