"""Prepare what images are made with: an engine, base images, and the plan of those that a run needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scripts.context.run import Run
from scripts.images import base_images, engine, plan
from scripts.images.base_images import Arrived, Early, ReadyBase
from scripts.images.docker import Docker
from scripts.settings.model import Image, Outcome, Plan


class Begun(Protocol):
    """Builds that go on already."""

    def ended(self) -> Iterator[Outcome]:
        """Yield how each ended, as they do. Raises UserError for the first that fails."""


@dataclass(frozen=True)
class Ready:
    """An engine that answers, the base images it has, and what has to be true in the end.

    `begun` is what was begun of it while the cluster was still starting.
    """

    client: Docker
    bases: Mapping[str, ReadyBase]
    plan: Plan
    begun: Begun | None = None


def get_ready(run: Run) -> Ready:
    """Return an engine, bases and plan, installing, starting and fetching what is missing where that is allowed.

    Raises UserError naming what cannot be had.
    """
    run.session.fetch_tools()
    client = engine.ensure(run.session.shell, may_install=run.may_install, say=run.display.line)
    bases = ensure_bases(run, client)
    return Ready(client, bases, make_plan(run, bases))


def look(run: Run) -> Plan | None:
    """Return the plan as far as it can be told without installing, starting or fetching anything; None where it cannot.

    The tag of an image depends on the base images that an engine has.
    """
    client = engine.find_answering(run.session.shell)
    settings = run.session.settings
    bases = base_images.present(run.session.shell, client, settings.root, settings.bases) if client else None
    return make_plan(run, bases) if bases is not None else None


def ensure_bases(
    run: Run, client: Docker, arrived: Arrived = lambda *_: None, early: Early | None = None
) -> dict[str, ReadyBase]:
    """Return the base images, fetched or made where the engine lacks them; `arrived` hears of each that is awaited.

    `early` is what may have begun already.
    """
    settings = run.session.settings
    return base_images.ensure(
        run.session.shell, client, settings.root, settings.bases,
        may_install=run.may_install, say=run.display.line, services=settings.services, arrived=arrived, early=early,
    )  # fmt: skip


def make_plan(run: Run, bases: Mapping[str, ReadyBase], images: Sequence[Image] | None = None) -> Plan:
    """Return what has to be true in the end, by sources and bases; `images` are those that are decided already.

    Raises UserError for a source that is unreadable.
    """
    ids = {name: base.id for name, base in bases.items()}
    session = run.session
    return plan.make_plan(
        session.sized, ids, target=session.cluster.target, local_database=session.local_database, images=images
    )
