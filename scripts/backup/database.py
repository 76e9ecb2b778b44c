"""The database: where it runs, and the commands that dump it, list a dump and restore one.

In the cluster they run in the database's pod and take their credentials from its environment. A database outside of the
cluster is reached from this machine, by PostgreSQL's own variables, with the client programs on PATH.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from scripts.backup.manifest import Where
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.kube.kubectl import Kubectl
from scripts.secrets import database_url

PROGRAMS = ("pg_dump", "pg_restore", "psql")
CHUNK_BYTES = 4 << 20  # bytes of a dump in one member of the archive
END = b"\nend of the dump\n"  # follows what pg_dump wrote, so that a stream that was cut off is noticed

_POD = 'export PGUSER="$POSTGRES_USER" PGPASSWORD="$POSTGRES_PASSWORD" PGDATABASE="$POSTGRES_DB"\n'
_DUMP = "pg_dump --format=custom && printf '\\nend of the dump\\n'"
_LIST = "pg_restore --list && cat >/dev/null"
# One transaction, which ends well only if the dump could be read to its end and every statement worked. Tables that are
# younger than the dump could depend on what it replaces, so every table of this user goes first.
_RESTORE = """
{
    printf "BEGIN; SET LOCAL lock_timeout = '60s'; %s\\n" "$1"
    pg_restore --clean --if-exists --no-owner --no-privileges --file=- && printf 'COMMIT;\\n\\\\echo restored\\n'
} | psql --no-psqlrc --quiet --output=/dev/null --set=ON_ERROR_STOP=1 | grep '^restored$' >/dev/null
"""
_DROP = (
    "DO $$DECLARE name text; BEGIN FOR name IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
    "WHERE tableowner = current_user AND schemaname <> 'information_schema' AND schemaname NOT LIKE 'pg\\_%' "
    "LOOP EXECUTE 'DROP TABLE IF EXISTS ' || name || ' CASCADE'; END LOOP; END$$;"
)
_PARAMETERS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "channel_binding": "PGCHANNELBINDING",
    "options": "PGOPTIONS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}


@dataclass(frozen=True)
class Database:
    """A database and how to run a script next to it. `env` holds credentials, and is never shown."""

    where: Where
    name: str
    prefix: tuple[str, ...]
    preamble: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)

    def command(self, script: str, *words: str) -> list[str]:
        """Return the argv that runs a script for sh, in which `$1` and so on are `words`."""
        return [*self.prefix, "sh", "-c", self.preamble + script.strip(), "sh", *words]


def where_is(url: str, services: Collection[str]) -> Where:
    """Return whether a connection URL leads to one of the namespace's own Services. Raises UserError if it is none."""
    try:
        host = database_url.parsed(url).host
    except ValueError as problem:
        text = f"the app's Secrets hold no usable DATABASE_URL: it {problem}"
        raise UserError(text, "see: invoke secrets.check") from None
    return "cluster" if host.split(".")[0] in services else "external"


NONE = Database("none", "none", ())
"""Of an app that reads no PostgreSQL."""


def in_cluster(kubectl: Kubectl, namespace: str) -> Database:
    """Return the database that the chart `database` runs."""
    words = ("exec", "--stdin", "deployment/database", "--container", "database", "--namespace", namespace, "--")
    return Database("cluster", "deployment/database", tuple(kubectl.command(*words)), _POD)


def external(url: str, path: str | None = None) -> Database:
    """Return a database outside of the cluster. Raises UserError if this machine lacks the client programs."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if missing:
        raise UserError(
            f"the database is outside of the cluster, and this machine lacks {', '.join(missing)}",
            "install PostgreSQL's client programs, of the server's version or newer: apt-get install postgresql-client",
        )
    try:
        # The app's driver may have other words for what the client programs know as sslmode.
        parts = database_url.parsed(database_url.understood(url, {"scheme": "postgresql"})[0])
    except ValueError as problem:
        raise UserError(f"DATABASE_URL: {problem}", "correct it where it is set") from None
    env = {
        "PGHOST": parts.host,
        "PGPORT": str(parts.port),
        "PGUSER": parts.user,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.database,
    }
    env |= {_PARAMETERS[name]: value for name, value in parts.parameters.items() if name in _PARAMETERS}
    return Database("external", parts.host, (), env={name: value for name, value in env.items() if value})


def dump(shell: Shell, database: Database, progress: Callable[[int], None]) -> Iterator[bytes]:
    """Yield what pg_dump writes, in pieces; `progress` gets the bytes so far.

    Raises UserError if it is not all of it.
    """
    with shell.reading(database.command(_DUMP), env=database.env) as stream:
        rest = yield from pieces(stream, progress)
    if last := without_end(rest):
        yield last


def pieces(stream: Iterable[bytes], progress: Callable[[int], None]) -> Generator[bytes, None, bytes]:
    """Yield pieces of equal size. Returns the rest, which may hold the mark of the end."""
    held = bytearray()
    total = 0
    for data in stream:
        held += data
        total += len(data)
        progress(total)
        while len(held) >= CHUNK_BYTES + len(END):
            yield bytes(held[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
    return bytes(held)


def without_end(rest: bytes) -> bytes:
    """Return the last piece, without the mark of the end. Raises UserError if the mark is missing."""
    if not rest.endswith(END):
        raise UserError("the connection to the database broke before the dump was complete", "run the backup again")
    return rest[: -len(END)]


def count_entries(shell: Shell, database: Database, chunks: Iterable[bytes]) -> int:
    """Return how many entries a dump's table of contents has. Raises CommandError if pg_restore cannot read it."""
    text = shell.feed(database.command(_LIST), chunks, env=database.env, quiet=True).out
    return sum(1 for line in text.splitlines() if line and not line.startswith(";"))


def restore(shell: Shell, database: Database, chunks: Iterable[bytes]) -> None:
    """Replace what is in the database by a dump, in one transaction. Raises CommandError, and then nothing changed."""
    shell.feed(database.command(_RESTORE, _DROP), chunks, env=database.env)
