"""Watching files: batches of paths that have changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

STEP = 30
"""Milliseconds without a change after which a batch is complete."""
POLL = 400
"""Milliseconds between two looks where the system tells nothing."""

LIMIT = (
    "the system cannot watch so many files: looking at them all every {poll} ms instead; "
    "for less work: sysctl fs.inotify.max_user_watches=524288"
)


def watch(
    folders: Sequence[Path], on_batch: Callable[[frozenset[Path]], None], say: Callable[[str], None],
    stop: threading.Event, ready: Callable[[], None] = lambda: None, *, polling: bool = False,
) -> None:  # fmt: skip
    """Call `on_batch` for every batch of changes below the folders, until `stop` is set.

    Where the system has no watches left, the files are looked at again and again.
    """
    import watchfiles

    try:
        changes = watchfiles.watch(
            *outermost(folders), watch_filter=None, step=STEP, stop_event=stop, force_polling=polling,
            poll_delay_ms=POLL, raise_interrupt=False, yield_on_timeout=True, rust_timeout=500,
        )  # fmt: skip
        told = False
        for batch in changes:
            if not told:
                told = True
                ready()
            if batch:
                on_batch(frozenset(Path(path) for _, path in batch))
    except OSError as error:
        if polling or not is_limit(error):
            raise
        say(LIMIT.format(poll=POLL))
        watch(folders, on_batch, say, stop, ready, polling=True)


def is_limit(error: OSError) -> bool:
    """Whether the system has run out of watches, or of instances to watch with."""
    words = str(error).lower()
    return "watch limit" in words or "no space left" in words or "too many open files" in words


def outermost(folders: Sequence[Path]) -> list[Path]:
    """The folders without those that lie in another one."""
    found = sorted(set(folders))
    return [one for one in found if not any(one != other and one.is_relative_to(other) for other in found)]
