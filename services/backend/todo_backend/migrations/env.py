"""Alembic's environment: runs in the connection and transaction of the caller, which holds the lock."""

from alembic import context

from todo_backend.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
