"""Tasks: three to ten lines each, which call functions. Heavy modules are imported when a task runs."""

from invoke import Collection

from scripts.tasks import ai, charts, cluster, root, secrets, verify


def namespace() -> Collection:
    """Every task, by the name it is called by."""
    tasks = Collection.from_module(root)
    tasks.add_collection(Collection.from_module(ai))
    tasks.add_collection(Collection.from_module(charts))
    tasks.add_collection(Collection.from_module(cluster))
    tasks.add_collection(Collection.from_module(secrets))
    tasks.add_collection(Collection.from_module(verify))
    return tasks
