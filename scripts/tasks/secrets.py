"""The Secrets the app reads: names and sources are in config/secrets.yaml, values nowhere in the tree in the clear."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, print_table, session

ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}


@task(help=ENVIRONMENT)
def sync(c: Context, environment: str = "dev", target: str = "") -> None:
    """Write the Secrets that changed, restart who uses them."""
    with errors_explained():
        from scripts.release import operate

        print(", ".join(operate.sync_secrets(session(c, environment, target))) or "nothing changed")


@task(help=ENVIRONMENT)
def check(c: Context, environment: str = "dev", target: str = "") -> None:
    """Show which keys there are, and where they come from."""
    with errors_explained():
        from scripts.release import operate

        print_table(operate.secret_rows(session(c, environment, target)))


@task(help=ENVIRONMENT)
def rotate(c: Context, environment: str = "dev", target: str = "") -> None:
    """Renew the generated signing secrets without downtime."""
    with errors_explained():
        from scripts.release import operate

        print(", ".join(operate.rotate_secrets(session(c, environment, target))))


@task
def edit(c: Context) -> None:
    """Edit config/secrets.enc, an encrypted file of values."""
    with errors_explained():
        import os

        from scripts.secrets import vault

        s = session(c, "dev", "")
        editor = os.environ.get("EDITOR", "vi")
        changed = vault.edit(s.settings.root, lambda file: s.shell.attach([editor, file]))
        print(f"{vault.FILE}: {'encrypted anew' if changed else 'unchanged'}")
