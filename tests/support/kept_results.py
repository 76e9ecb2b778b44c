"""Run pytest, or say that these tests passed and that nothing they read has changed since, as `go test` does.

`python -m tests.support.kept_results NAME ARGUMENT…`: the arguments are pytest's, the result is kept under that name.
What decides is everything a result can come from: the code that was loaded and the files that were read, each by its
content as it was before the tests began; the names of all files of the repository, for those that were looked for in
vain; the arguments, the variables of the process, Python and its packages, and the folders of programs. Where the tests
started another program, of which nobody here knows what it read, every file and the commit count. Only what passed is
kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

KEPT = Path(".nox", "passed")
COMMIT = "HEAD"
# A shell sets these anew for each command, folder and window.
OF_A_SHELL = {"_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES"}
# Started by the standard library for `platform.uname`; it reads no file of the repository.
WITHOUT_FILES = {"uname"}


def contents(root: Path) -> dict[str, str]:
    """Return the digest of each file of the repository by its path, ignored ones left out, and the commit as `COMMIT`.

    Empty where git says nothing.
    """
    try:
        names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        commit = _git(root, "rev-parse", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return {}
    paths = {name: root / name for name in names if name}
    found = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items() if path.is_file()}
    return {**found, COMMIT: commit}


def _git(root: Path, *words: str) -> str:
    return os.fsdecode(subprocess.run(["git", "-C", root, *words], capture_output=True, check=True).stdout)


def around(arguments: Iterable[str], names: Iterable[str], variables: Mapping[str, str]) -> str:
    """Return a digest of what a result comes from beside the contents of files."""
    # Bytecode appears there whenever a package is first loaded.
    packages = sorted({path.name for path in Path(sysconfig.get_path("purelib")).iterdir()} - {"__pycache__"})
    folders = [Path(folder) for folder in os.get_exec_path(dict(variables))]
    programs = [(folder, folder.stat().st_mtime_ns) for folder in folders if folder.is_dir()]
    own = {name: value for name, value in variables.items() if name not in OF_A_SHELL}
    told = [sys.version, packages, programs, sorted(own.items()), list(arguments), sorted(names)]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


def is_unchanged(kept: Mapping[str, Any], around_now: str, files: Mapping[str, str]) -> bool:
    """Whether a kept result would be the same now."""
    return kept["around"] == around_now and all(files.get(name) == digest for name, digest in kept["files"].items())


class Reads:
    """What this process reads and starts, by Python's own audit events (PEP 578)."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.programs: set[str] = set()
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            self.paths.add(os.fsdecode(arguments[0]))
        elif event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system"):
            self.programs.add(os.fsdecode(arguments[0]))

    def of_repository(self, root: Path) -> set[str]:
        """Return the paths below a folder that were opened, or whose code was loaded, perhaps from bytecode."""
        loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        paths = {Path(os.path.normpath(root / path)) for path in [*self.paths, *loaded] if path}
        below = {path for path in paths if path.is_relative_to(root)}
        below |= {path.resolve() for path in below}  # where a link leads counts, too
        return {str(path.relative_to(root)) for path in below if path.is_relative_to(root)}


class Count:
    """A plugin of pytest that counts the tests that passed."""

    passed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one test."""
        self.passed += report.when == "call" and report.passed


def main(name: str, *arguments: str) -> int:
    """Run the tests or tell of the kept result; return pytest's exit status."""
    root, file = Path.cwd(), KEPT / re.sub(r"\W+", "-", name)
    files = contents(root)
    beside = around(arguments, files, os.environ)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = None
    if kept and is_unchanged(kept, beside, files):
        print(f"{name}: {kept['passed']} tests passed at {kept['when']}, and nothing that they read has changed since")
        return 0
    file.unlink(missing_ok=True)
    import pytest  # half a second, which is what this is here to save

    reads, count = Reads(), Count()
    status = pytest.main(list(arguments), plugins=[count])
    if files and status == pytest.ExitCode.OK:
        read = set(files) if reads.programs - WITHOUT_FILES else reads.of_repository(root) & files.keys()
        counted = {path: files[path] for path in sorted(read)}
        result = {"around": beside, "files": counted, "passed": count.passed, "when": time.strftime("%F %T")}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result), encoding="utf-8")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
