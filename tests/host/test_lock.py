"""Two runs never work on one cluster at once, and a run that was killed leaves no lock behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.host import lock

HOLDER = """
import sys
from pathlib import Path
from scripts.host import lock
with lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_run_is_told_who_holds_the_lock_and_a_killed_holder_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "locks/c.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"process {holder.pid}"), lock.hold(file):
            pass
        holder.kill()
    with lock.hold(file):
        pass
