"""The pipeline: its stages in order. Each is a function that returns what later stages take."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.context.ready import Ready, get_ready
from scripts.context.run import Run
from scripts.pipeline.access import access
from scripts.pipeline.admission import check_admission
from scripts.pipeline.deploy import deploy
from scripts.pipeline.health import check_health
from scripts.pipeline.images import build, load, tag
from scripts.pipeline.live import Live, read_live
from scripts.pipeline.prepare import prepare
from scripts.pipeline.prove import prove
from scripts.pipeline.rollout import await_rollout
from scripts.settings.model import Outcome


@dataclass(frozen=True)
class Stage:
    """One step. `work` takes the run and a value of the type `takes`, yields what it did, and returns what others take.

    `rolls_back` says that its failure is answered by a return to the revision that was healthy before.
    """

    name: str
    work: Callable[..., Generator[Outcome, None, object]]
    takes: type | None = None
    rolls_back: bool = False


STAGES = (
    Stage("prepare", prepare),
    Stage("build", build, Ready),
    Stage("tag", tag, Ready),
    Stage("load", load, Ready),
    Stage("admit", check_admission, Ready),
    Stage("deploy", deploy, Ready, rolls_back=True),
    Stage("rollout", await_rollout, Live, rolls_back=True),
    Stage("health", check_health, Live, rolls_back=True),
    Stage("access", access, Live, rolls_back=True),
    Stage("prove", prove, Live),
)

# How a stage that is run alone gets what an earlier one would have returned.
SOURCES: Mapping[type, Callable[[Run], Any]] = {Ready: get_ready, Live: read_live}

ADMISSION = "admit"  # asked for by the configuration, and then before every deploy
NAMES = tuple(stage.name for stage in STAGES if stage.name != ADMISSION)


def chosen(names: Iterable[str], *, admission: bool) -> list[Stage]:
    """Return the stages of these names in order, with the admission before a deploy where it is asked for."""
    wanted = set(names)
    if admission and "deploy" in wanted:
        wanted.add(ADMISSION)
    return [stage for stage in STAGES if stage.name in wanted]
