"""Hold what the stages of one run share, and run things side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.reporting.display import Display
from scripts.settings.model import Outcome

STOP_SECONDS = 0.1  # between two attempts to stop what still runs


@dataclass(frozen=True)
class Run:
    """One run through some of the stages: where it works, where it shows itself, and what it may install.

    `builders` are there where it prepares and builds: a build begins as soon as what it stands on is ready. `began` is
    when it did, by the monotonic clock in seconds. `deployed` are the releases that it had helm change, and `returned`
    the revisions that its rollbacks made, whatever became of them. `about` are those that it deployed or found live,
    which somebody else's may have taken the place of since. `later` is work that no stage waits for: it is begun when
    there are pods to wait for, and waited for at the end.
    """

    session: Session
    display: Display
    may_install: bool = True
    builders: Executor | None = None
    began: float = field(default_factory=time.monotonic)
    deployed: set[str] = field(default_factory=set)
    returned: dict[str, int] = field(default_factory=dict)
    about: dict[str, int] = field(default_factory=dict)
    later: list[Callable[[], list[Outcome]]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """Return the namespace of the release."""
        return self.session.settings.release.namespace

    @property
    def dry(self) -> bool:
        """Return whether effects are only printed."""
        return self.session.shell.dry


@contextmanager
def threads(run: Run, at_once: int = 16) -> Iterator[ThreadPoolExecutor]:
    """Yield threads for side by side work; an interrupt stops the processes they wait for, so that they end."""
    pool = ThreadPoolExecutor(max_workers=at_once)
    try:
        yield pool
    except (KeyboardInterrupt, SystemExit):
        end = Thread(target=pool.shutdown, kwargs={"cancel_futures": True})
        end.start()
        # Again and again: a thread may start one more process after the first time.
        while end.is_alive():
            run.session.shell.interrupt()
            end.join(STOP_SECONDS)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def outcomes_of(jobs: Iterable[Future[Outcome]]) -> Iterator[Outcome]:
    """Yield outcomes as they come; all that ended well, before the first failure is raised."""
    failure: UserError | None = None
    for job in as_completed(list(jobs)):
        try:
            yield job.result()
        except UserError as error:
            failure = failure or error
    if failure:
        raise failure
