"""What images are made with, and which ones a run needs: an engine, base images, a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.context.run import Run
from scripts.images import base_images, engine, plan
from scripts.images.base_images import ReadyBase
from scripts.images.docker import Docker
from scripts.settings.model import Plan


@dataclass(frozen=True)
class Ready:
    """An engine that answers, the base images it has, and what has to be true in the end."""

    client: Docker
    bases: Mapping[str, ReadyBase]
    plan: Plan


def get_ready(run: Run) -> Ready:
    """Return an engine, bases and plan, installing, starting and fetching what is missing where that is allowed.

    Raises UserError naming what cannot be had.
    """
    run.session.fetch_tools()
    client = engine.ensure(run.session.shell, may_install=run.may_install, say=run.display.line)
    bases = ensure_bases(run, client)
    return Ready(client, bases, make_plan(run, bases))


def ensure_bases(run: Run, client: Docker) -> dict[str, ReadyBase]:
    """Return the base images, fetched or made where the engine lacks them."""
    settings = run.session.settings
    return base_images.ensure(
        run.session.shell, client, settings.root, settings.bases,
        may_install=run.may_install, say=run.display.line, services=settings.services,
    )  # fmt: skip


def make_plan(run: Run, bases: Mapping[str, ReadyBase]) -> Plan:
    """Return what has to be true in the end, by sources and bases. Raises UserError for a source that is unreadable."""
    ids = {name: base.id for name, base in bases.items()}
    session = run.session
    return plan.make_plan(session.sized, ids, target=session.cluster.target, standin=session.standin)
