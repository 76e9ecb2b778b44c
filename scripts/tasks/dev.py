"""The inner loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke import Exit

from scripts.tasks.options import INSTALL, command

if TYPE_CHECKING:
    from scripts.context.session import Session


@command(
    service="work on this one only; may be given several times",
    cleanup="return to a verified release at the end",
    install=INSTALL,
)
def dev(s: Session, service: list[str] = [], cleanup: bool = False, install: bool = True) -> None:  # noqa: B006
    """Work on the app: saved files go live at once."""
    from scripts.dev import command as session
    from scripts.reporting import report

    if s.shell.dry:
        print(*session.plan(s, service), sep="\n")
        return
    done = session.run(s, service, cleanup=cleanup, may_install=install)
    if done is not None:
        print(report.summary(done))
        if not done.ok:
            raise Exit(code=1)
