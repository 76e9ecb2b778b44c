"""What the stages of one run share, and how they do things side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.images import base_images, engine, plan
from scripts.images.base_images import ReadyBase
from scripts.images.docker import Docker
from scripts.reporting.display import Display
from scripts.settings.model import Outcome, Plan


@dataclass
class Run:
    """One run through some of the stages."""

    session: Session
    display: Display
    may_install: bool = True
    restarts: set[str] = field(default_factory=set)
    url: str = ""
    changes: list[str] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)

    @cached_property
    def client(self) -> Docker:
        """A Docker client whose engine answers."""
        return engine.ensure(self.session.shell, may_install=self.may_install, say=self.display.line)

    @cached_property
    def bases(self) -> dict[str, ReadyBase]:
        """The base images, present on the engine."""
        settings = self.session.settings
        return base_images.ensure(
            self.session.shell, self.client, settings.root, settings.bases,
            may_install=self.may_install, say=self.display.line,
        )  # fmt: skip

    @cached_property
    def plan(self) -> Plan:
        """What has to be true in the end."""
        ids = {name: base.id for name, base in self.bases.items()}
        target = self.session.cluster.target
        return plan.make_plan(self.session.settings, ids, target=target, standin=self.session.standin)

    @property
    def namespace(self) -> str:
        """Where everything of the app lives."""
        return self.session.settings.release.namespace

    @property
    def deployments(self) -> list[str]:
        """The Deployments of this run: one a planned image, of the same name."""
        return [image.service for image in self.plan.images]


@contextmanager
def threads(run: Run, at_once: int = 16) -> Iterator[ThreadPoolExecutor]:
    """Threads for side by side work; an interrupt stops the processes they wait for, so that they end."""
    pool = ThreadPoolExecutor(max_workers=at_once)
    try:
        yield pool
    except (KeyboardInterrupt, SystemExit):
        run.session.shell.interrupt()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def ended(jobs: Iterable[Future[Outcome]]) -> Iterator[Outcome]:
    """Outcomes as they come; all that ended well, before the first failure is raised."""
    failure: UserError | None = None
    for job in as_completed(list(jobs)):
        try:
            yield job.result()
        except UserError as error:
            failure = failure or error
    if failure:
        raise failure
