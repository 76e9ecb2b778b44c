"""The local database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import command

if TYPE_CHECKING:
    from scripts.context.session import Session


@command()
def password(s: Session) -> None:
    """Set a new password inside, for one that is lost."""
    from scripts.release import database_password

    database_password.renew(s)
    if not s.shell.dry:
        print("the local database has a new password, and its readers have it too")
