"""The Secrets the app reads: names and sources are in config/apps/NAME.yaml, values nowhere in the clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import command
from scripts.tasks.support import print_table

if TYPE_CHECKING:
    from scripts.context.session import Session


@command()
def sync(s: Session) -> None:
    """Write changed Secrets, restart what uses them."""
    from scripts.release import operate

    print(", ".join(operate.sync_secrets(s)) or "nothing changed")


@command()
def check(s: Session) -> None:
    """Show which keys there are, and where they come from."""
    from scripts.pipeline import app_secrets
    from scripts.release import operate

    print_table(operate.secret_rows(s))
    app_secrets.refuse_unfit(s)


@command()
def rotate(s: Session) -> None:
    """Renew the generated signing secrets, no downtime."""
    from scripts.release import operate

    print(", ".join(operate.rotate_secrets(s)))


@command(where=False)
def edit(s: Session) -> None:
    """Edit config/secrets.enc, an encrypted file of values."""
    import os
    import sys

    from scripts.secrets import vault

    words = vault.editor(os.environ, terminal=sys.stdin.isatty())
    changed = vault.edit(s.settings.root, lambda file: s.shell.attach([*words, file]), s.say)
    print(f"{vault.FILE}: {'encrypted anew' if changed else 'unchanged'}")
