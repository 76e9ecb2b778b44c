"""What all tests of the task runner have in common."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import cache

import pytest

from scripts.host.variables import SHORT_LIVED
from scripts.secrets import secrecy

# What a shell starts in the background ignores Ctrl-C, and so do its children: programs that are asked to end by it
# would be waited for in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.update(SHORT_LIVED | os.environ)  # helm and kubectl are started by tests too


@cache
def engine_answers() -> bool:
    """Whether a Docker engine answers here."""
    docker = shutil.which("docker")
    return bool(docker) and not subprocess.run([docker, "version"], capture_output=True, check=False).returncode


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a Docker engine where none answers; `nox -s engine` starts one first."""
    if item.get_closest_marker("engine") and not engine_answers():
        pytest.skip("no Docker engine answers: run `./run invoke install` first")


@pytest.fixture(autouse=True)
def _no_secret_of_another_test() -> Iterator[None]:
    """What one test has written into a Secret is no secret in the next one."""
    yield
    secrecy.forget()
