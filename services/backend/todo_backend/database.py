"""Connections to PostgreSQL, and the migrations that bring it up to date."""

import asyncio
import logging
import random
import re

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

MIGRATION_LOCK = 0x746F646F
"""Key of the advisory lock that lets one replica migrate while the others wait."""

log = logging.getLogger(__name__)


class NotMigrated(Exception):
    """The tables are not up to date yet."""


class Database:
    """One engine, and whether its tables are up to date."""

    def __init__(self, url: str, pool_size: int) -> None:
        self.engine: AsyncEngine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            pool_recycle=300,
            pool_pre_ping=True,
            # No server-side prepared statements: they break behind a pooler in transaction mode.
            connect_args={"connect_timeout": 5, "prepare_threshold": None, "application_name": "todo-backend"},
        )
        self.sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)
        self._migrated = asyncio.Event()

    async def check(self) -> None:
        """Raise if the database cannot serve requests now."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        if not self._migrated.is_set():
            raise NotMigrated("the tables are being migrated")

    async def migrate(self) -> None:
        """Migrate once; tries again for as long as the database cannot be reached."""
        delay = 0.25
        while True:
            try:
                async with self.engine.begin() as connection:
                    # Released with the transaction, so a replica that dies while migrating holds nobody up.
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                    await connection.run_sync(_upgrade)
            except (SQLAlchemyError, OSError) as error:
                log.warning("cannot migrate the database yet", extra={"error": first_line(error)})
                await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311 spreads retries, guards nothing
                delay = min(delay * 2, 5)
            else:
                self._migrated.set()
                log.info("database is up to date")
                return

    async def close(self) -> None:
        await self.engine.dispose()


def driver_url(url: str) -> str:
    """The same address, naming the driver. Accepts the forms providers hand out."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url)


def first_line(error: BaseException) -> str:
    """The driver's own words; SQLAlchemy wraps them in several lines."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:300]


def _upgrade(connection: Connection) -> None:
    # Imported here: alembic is needed for a moment only, and a start must not wait for it.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "todo_backend:migrations")
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        # A release that was rolled back left its tables behind. Migrations only add, so older code works on with them.
        log.warning("the database is newer than this release", extra={"revision": current})
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
