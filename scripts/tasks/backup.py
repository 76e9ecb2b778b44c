"""Backups of the release with its data, and the way back."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, print_table, restore_from, session, showing

ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}


@task(help=ENVIRONMENT | {"output": "file or folder to write to"})
def create(c: Context, output: str = "", environment: str = "dev", target: str = "") -> None:
    """Archive release, Secrets and database, encrypted."""
    with errors_explained():
        from scripts.backup.create import create

        with showing(c, environment, target) as run:
            file = create(run, output)
        print(file)


@task(name="list", help={"json": "print the list as JSON"})
def list_archives(c: Context, json: bool = False) -> None:
    """List the archives, and whether each is whole."""
    with errors_explained():
        from json import dumps

        from scripts.backup import shelf
        from scripts.settings.loading import ROOT

        found = shelf.rows(ROOT)
        print(dumps(shelf.as_json(found), indent=1)) if json else print_table(shelf.table(found))


@task(help=ENVIRONMENT | {"file": "an archive, by path or by its name in backups/"})
def verify(c: Context, file: str, environment: str = "dev", target: str = "") -> None:
    """Prove that an archive is whole and can be read."""
    with errors_explained():
        from scripts.backup import shelf

        s = session(c, environment, target)
        print_table(shelf.verify(s, shelf.find(s.settings.root, file)))


@task(help=ENVIRONMENT | {"file": "an archive, by path or by its name in backups/", "yes": "do not ask"})
def restore(c: Context, file: str, yes: bool = False, environment: str = "dev", target: str = "") -> None:
    """Bring release, Secrets and database back."""
    with errors_explained():
        restore_from(c, file, yes=yes, environment=environment, target=target)
