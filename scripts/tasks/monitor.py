"""The live view. Its own module, so that rich is loaded for nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import command

if TYPE_CHECKING:
    from scripts.context.session import Session


@command(
    interval="seconds between two looks",
    once="print a single view and end",
    json="print a single view as JSON",
)
def monitor(s: Session, interval: float = 2.0, once: bool = False, json: bool = False) -> None:
    """Watch pods, load, errors and latency live."""
    from scripts.monitor import live

    live.run(s, interval=interval, once=once, as_json=json)
