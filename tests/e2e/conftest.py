"""The main job, run as a user runs it, from a copy of this repository and against a cluster of its own.

The files of this folder know nothing of each other, so that workers can share them, each with a cluster and ports
of its own; they have one engine, where what is built for one is there for the other.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support.project import Project, make_project

# Those that take longest come first, so that none of them is alone at the end; the rest is shared out as it comes.
# The second worker begins with other apps, while the first one builds the product's own for all that follow.
LONG_FIRST = ("zero_downtime", "adopt", "any_services", "guides", "environments", "dev", "trouble", "backup")
ALONE = "page"  # a browser drops its connections whenever a container gets its network interface, or loses it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files: the long ones first, last the one that has to be alone."""
    between = len(LONG_FIRST)
    places = {f"test_{name}": place for place, name in enumerate(LONG_FIRST)} | {f"test_{ALONE}": between + 1}
    items.sort(key=lambda item: places.get(item.path.stem, between))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let the two workers' tests run beside each other, but for the one that has to be alone."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    if not run:
        return (yield)
    with (Path(tempfile.gettempdir()) / f"e2e-{run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if item.path.stem == f"test_{ALONE}" else fcntl.LOCK_SH)
        return (yield)


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
