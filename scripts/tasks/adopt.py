"""Somebody else's application: one file about it, then the same pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import command

if TYPE_CHECKING:
    from scripts.context.session import Session


@command(
    where=False,
    path="the application's folder, which is only read",
    name="the app's name; default the folder's",
    answers="a file of KEY: VALUE with answers to what cannot be inferred",
    own_chart="deploy it by its own Helm chart",
)
def adopt(s: Session, path: str, name: str = "", answers: str = "", own_chart: bool = False) -> None:
    """Infer an app's file from its folder."""
    from pathlib import Path

    from scripts.adopt import asking

    asking.run(s, Path(path), name=name, answers=answers, own_chart=own_chart)
