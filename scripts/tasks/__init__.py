"""Tasks: three to ten lines each, which call functions. Heavy modules are imported when a task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invoke import Collection


def namespace() -> Collection:
    """Return every task, by the name it is called by."""
    # Here, so that `python -m scripts.tasks` comes to its own first line before it loads them.
    from invoke import Collection

    from scripts.tasks import (
        adopt,
        ai,
        backup,
        charts,
        cluster,
        database,
        dev,
        monitor,
        root,
        secrets,
        security,
        verify,
    )

    tasks = Collection.from_module(root)
    tasks.configure({"environment": "dev", "target": ""})
    tasks.add_task(adopt.adopt)
    tasks.add_task(monitor.monitor)
    tasks.add_task(dev.dev)
    tasks.add_collection(Collection.from_module(ai))
    tasks.add_collection(Collection.from_module(backup))
    tasks.add_collection(Collection.from_module(charts))
    tasks.add_collection(Collection.from_module(cluster))
    tasks.add_collection(Collection.from_module(database))
    tasks.add_collection(Collection.from_module(secrets))
    tasks.add_collection(Collection.from_module(security))
    tasks.add_collection(Collection.from_module(verify))
    return tasks
