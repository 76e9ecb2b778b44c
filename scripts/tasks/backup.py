"""Backups of the release with its data, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import JSON, command
from scripts.tasks.support import displayed_run, print_table, restore_from

if TYPE_CHECKING:
    from scripts.context.session import Session

ARCHIVE = "an archive, by path or by its name in backups/"


@command(output="file or folder to write to")
def create(s: Session, output: str = "") -> None:
    """Archive release, Secrets and database, encrypted."""
    from scripts.backup.create import create

    with displayed_run(s) as run:
        file = create(run, output)
    if not s.shell.dry:
        print(file)


@command("list", where=False, json=JSON)
def list_archives(s: Session, json: bool = False) -> None:
    """List the archives, and whether each is whole."""
    from json import dumps

    from scripts.backup import catalog

    found = catalog.rows(s.settings.root)
    print(dumps(catalog.as_json(found), indent=1)) if json else print_table(catalog.table(found))


@command(file=ARCHIVE)
def verify(s: Session, file: str) -> None:
    """Verify that an archive is whole and can be read."""
    from scripts.backup import catalog

    print_table(catalog.check_archive(s, catalog.find(s.settings.root, file)))


@command(file=ARCHIVE, yes="do not ask")
def restore(s: Session, file: str, yes: bool = False) -> None:
    """Bring release, Secrets and database back."""
    restore_from(s, file, yes=yes)
