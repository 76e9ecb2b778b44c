"""The main job, run as a user runs it, from a copy of this repository and against a cluster of its own.

The files of this folder know nothing of each other, so that workers can share them, each with a cluster and ports
of its own; they have one engine, where what is built for one is there for the other.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import pytest

from tests.support.project import Project, make_project

# Those that take longest come first, so that none of them is alone at the end; the rest is shared out as it comes.
# The second worker begins with other apps, while the first one builds the product's own for all that follow.
LONG_FIRST = ("zero_downtime", "adopt", "page", "any_services", "guides", "environments", "dev", "trouble", "backup")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files: the long ones first."""
    places = {f"test_{name}": place for place, name in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The copy, its cluster removed in the end."""
    folders = (tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("state"))
    with make_project(*folders, f"e2e-{os.getpid()}") as made:
        # One worker at a time: what the first one builds, the other finds.
        with (tmp_path_factory.getbasetemp().parent / "build.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made.invoke("build")
        yield made
