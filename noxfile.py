"""The project's own checks: `nox -s lint test` before a commit, `nox` before a merge, and `nox -s long` for the rest.

Sessions without a virtual environment of their own run in the one that `./run` makes from the hash-checked lock.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import nox

sys.path.insert(0, str(Path(__file__).parent))  # nox leaves it out
from scripts.host import virtualenvs
from tests.support import kept_results

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["all"]

# Where a person, or a container's image, wants no bytecode beside sources, it is kept here: each of some thousand
# processes would compile all that it imports, which takes most of them longer than what they do.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(".nox/pycache").resolve()))

# Independent sessions run side by side, those of one track one after another.
TRACKS = (("e2e",), ("lint", "test"), ("services",))
LONG_TRACKS = (("e2e",), ("slow",), ("engine", "conformance"), ("services", "policy"))
# These need no program but Python, and begin while the others are being installed.
ALONE: tuple[str, ...] = ("lint", "test")
# Which of a session's tests several sessions at once ask for; one that is asked for by itself runs all of them.
PART = ["-m", os.environ["NOX_PART"]] if os.environ.get("NOX_PART") else []
# `e2e` takes longest, so these leave it the processors; others have pods, to be ready in the time of a real node.
PATIENT = ("lint", "test", "slow", "services", "policy")
# The rooms of tests that work or wait longest: each is a process of its own, and they begin first.
LONG_ROOMS = ("tests/ai", "tests/diagnose", "tests/adopt", "tests/dev", "embedded")
POSTGRES, CHROMIUM = "/usr/lib/postgresql/*/bin/postgres", "/usr/bin/chromium-headless-shell"
PACKAGES = {POSTGRES: "postgresql", CHROMIUM: "chromium-headless-shell"}  # the whole browser takes twice the time
# What names a failure, and pytest's lines that say why: whoever reads the end of a log has nothing else.
FAILURE = re.compile(
    r"(FAILED|ERROR) \S+|nox > (Command|Session) .*(failed|aborted)|.*: error: |E {3}"
    r"|\s+(\| )+\S+(Error|Warning|Exception|Group)\b"  # of a group of exceptions, which has no such lines
)
SHOWN = 60


COUNT = re.compile(r"(\d+) (passed|failed|errors?)\b")


class Ended(NamedTuple):
    """How one session went: its exit status, wall time in seconds, and what its lines say of it."""

    name: str
    code: int
    seconds: float
    lines: list[str]

    @property
    def failures(self) -> list[str]:
        """Return the last lines that name what failed, and why."""
        return [line for line in self.lines if FAILURE.match(line)][-SHOWN:]

    def count(self, *words: str) -> int:
        """Return how many tests ended in one of these words, by pytest's closing lines."""
        closing = (line for line in self.lines if line.startswith("===") and " in " in line)
        return sum(int(number) for line in closing for number, word in COUNT.findall(line) if word in words)


@nox.session(name="all")
def every(session: nox.Session) -> None:
    """What a merge asks for, in ten minutes on two processors: every part of the product is shown at work."""
    shutil.rmtree(kept_results.KEPT, ignore_errors=True)  # a whole run takes nothing from an earlier one
    _run_tracks(session, TRACKS, "not long")


@nox.session
def long(session: nox.Session) -> None:
    """The rest of the tests, which CI runs as well: every start of another program, the long proofs on clusters."""
    _run_tracks(session, LONG_TRACKS, "long")


def _run_tracks(session: nox.Session, tracks: Sequence[tuple[str, ...]], part: str) -> None:
    """Run the tracks side by side; tell at the end what each session took, and what failed."""
    with ThreadPoolExecutor(len(tracks)) as pool:
        begun = {track: pool.submit(_run_track, part, track) for track in tracks if track == ALONE}
        # Beforehand, since a package manager serves one at a time; a session that lacks something says so itself.
        session.run("invoke", "install", success_codes=[0, 1])
        for path in PACKAGES:
            _debian(session, path)
        begun |= {track: pool.submit(_run_track, part, track) for track in tracks if track not in begun}
        ended = [one for track in tracks for one in begun[track].result()]
    session.log(", ".join(f"{one.name} {one.seconds:.0f} s" for one in ended))
    passed, broken = (sum(one.count(*words) for one in ended) for words in (["passed"], ["failed", "error", "errors"]))
    print(f"{passed} passed, {broken} failed")
    failed = [one for one in ended if one.code]
    if failed:
        lines = (line for one in failed for line in [f"{one.name} failed, see .nox/{one.name}.log", *one.failures])
        session.error("\n  ".join(lines))


def _run_track(part: str, names: tuple[str, ...]) -> list[Ended]:
    return [_run_session(name, part) for name in names]


def _run_session(name: str, part: str) -> Ended:
    """Run a session as a process of its own, showing its lines as they come, each with the session's name."""
    started, lines = time.monotonic(), []
    Path(".nox").mkdir(exist_ok=True)
    patience = ["nice", "-n", "5"] if name in PATIENT else []
    argv = [*patience, sys.executable, "-m", "nox", "--session", name]
    with (
        Path(".nox", f"{name}.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | {"NOX_PART": part},
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            print(f"{name} | {line}", end="", flush=True)
            lines.append(line.rstrip())
    return Ended(name, process.returncode, time.monotonic() - started, lines)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, imports between layers, types, YAML."""
    commands = [
        ["yamllint", "--strict", "."],
        ["mypy"],
        ["lint-imports", "--no-cache"],
        ["lint-imports", "--no-cache", "--config", "embedded/pyproject.toml"],
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
    ]
    _side_by_side(session, commands, os.cpu_count() or 1, env={"PYTHONPATH": "embedded/src"})


@nox.session
def test(session: nox.Session) -> None:
    """Unit, golden, property and replay tests that start no other program, if what they read has changed.

    With -- PATHS also those that start one, and each time.
    """
    if session.posargs:
        session.run("pytest", "-m", "not engine", *session.posargs)
        return
    cores = os.cpu_count() or 1
    # Each collects its own rooms; xdist's workers would each collect all, and hand on every result.
    jobs = [
        [python, "-m", kept_results.__name__, f"{python} {share[0]}", "-m", "not engine and not slow", *share]
        for python in (sys.executable, *_other_pythons(session))
        for share in (*([room] for room in LONG_ROOMS), *_shares(cores))
    ]
    _side_by_side(session, jobs, cores + 1)  # one more than there are processors, as some tests wait


def _side_by_side(
    session: nox.Session, commands: Sequence[Sequence[str]], number: int, env: Mapping[str, str] | None = None
) -> None:
    """Run commands, this many at a time, each shown when it has ended; the first that failed fails the session."""
    with ThreadPoolExecutor(number) as pool:
        list(pool.map(lambda words: print(session.run(*words, env=env, external=True, silent=True)), commands))


def _shares(number: int) -> list[list[str]]:
    """Return the other rooms that pytest looks into by itself in shares of about the same amount of code."""
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    found = [room for room in Path("tests").iterdir() if room.name not in settings["norecursedirs"]]
    rooms = {str(room): sum(file.stat().st_size for file in room.glob("test_*.py")) for room in found}
    rooms = {room: size for room, size in rooms.items() if size and room not in LONG_ROOMS}
    shares: list[list[str]] = [[] for _ in range(number)]
    for room in sorted(rooms, key=rooms.__getitem__, reverse=True):
        min(shares, key=lambda share: sum(map(rooms.__getitem__, share))).append(room)
    return [share for share in shares if share]


@nox.session
def slow(session: nox.Session) -> None:
    """The tests that start other programs, no Docker engine: helm, invoke, and stand-ins of what is not here."""
    for python in (sys.executable, *_other_pythons(session)):
        session.run(python, "-m", "pytest", "-m", "slow and not engine", "-n", "auto", "tests", external=True)


def _other_pythons(session: nox.Session) -> list[str]:
    """Make an environment for each other Python that is on PATH and answers; return their interpreters."""
    made = []
    for minor in range(11, 15):
        found = shutil.which(f"python3.{minor}")
        if minor == sys.version_info.minor or not found:
            continue
        if subprocess.run([found, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode:
            continue  # a stand-in of a version manager, or a Python without its packages
        folder = Path(".nox", f"test-3.{minor}")
        if not (folder / "bin/python").exists():
            session.run(found, "-m", "venv", "--without-pip", str(folder), external=True)
        _install(session, folder / "bin/python", "requirements.txt")
        made.append(str(folder / "bin/python"))
    return made


@nox.session(venv_backend="uv", reuse_venv=True)
def services(session: nox.Session) -> None:
    """The Python services against a real PostgreSQL, in the versions they are deployed with."""
    locks = [f"services/{name}/requirements.txt" for name in ("backend", "agent", "mcp")]
    _install(session, Path(session.bin, "python"), *locks, "tests/services/requirements.txt")
    _debian(session, POSTGRES)
    session.run("python", "-m", "pytest", *PART, "tests/services", *session.posargs)


@nox.session
def policy(session: nox.Session) -> None:
    """checkov on the rendered manifests and the Dockerfiles, hadolint on the Dockerfiles, promtool on the alerts."""
    session.run("pytest", "tests/policy", *session.posargs)


@nox.session
def engine(session: nox.Session) -> None:
    """The embedded cluster, and what the AI tasks do to one, on a real Docker engine with the real helm and kubectl."""
    session.run("invoke", "install")
    # `conformance` runs the recorded commands, and on real nodes.
    places = [
        ["tests/ai", "tests/clusters", "tests/images"],
        ["embedded", "--ignore=embedded/tests/test_api_commands.py"],
    ]
    for words in [session.posargs] if session.posargs else places:
        session.run("pytest", "-m", "engine", *words)


@nox.session
def targets(session: nox.Session) -> None:
    """Every state, start and load of minikube, kind and k3d: on stand-ins, and on the real ones that are on PATH."""
    if not session.posargs:
        session.run("pytest", "-m", "not engine", "tests/clusters", "tests/doctor", "tests/host/test_programs.py")
    session.run("pytest", "-rs", "tests/real", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Broken workloads behave, and are diagnosed, as recorded; on any cluster with -- --kubeconfig F --context C."""
    if not session.posargs:
        session.run("invoke", "install")
    session.run("pytest", "embedded/tests/conformance", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The pipeline against the plain command list, and what commands cost: -- ROUNDS PART…"""
    session.run("invoke", "install")
    session.run("python", "-m", "bench", *session.posargs)


@nox.session(venv_backend="uv", reuse_venv=True)
def e2e(session: nox.Session) -> None:
    """The main job as a user runs it, on real containers, and the app in a real browser."""
    python = Path(session.bin, "python")
    _install(session, python, "tests/browser/requirements.txt")
    _debian(session, CHROMIUM)
    browser = {"BROWSER_PYTHON": str(python)}
    workers = max(2, min(4, (os.cpu_count() or 2) - 1))  # each has a cluster of its own
    words = session.posargs or ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]
    session.run(sys.executable, "-m", "pytest", *PART, "tests/e2e", *words, env=browser, external=True)


@nox.session(venv_backend="uv", reuse_venv=True)
def adopt(session: nox.Session) -> None:
    """Every shape of somebody else's app that is built and used in a test, on one cluster."""
    _debian(session, CHROMIUM)
    words = ["-m", "pytest", "tests/e2e/test_adopt.py", *session.posargs]
    session.run(sys.executable, *words, env={"ADOPT_ALL": "1"}, external=True)


def _install(session: nox.Session, python: Path, *locks: str) -> None:
    """Install from hash-checked locks into the environment of this interpreter."""
    settings = str(session.run(*virtualenvs.PIP_SETTINGS, silent=True, external=True))
    session.run(*virtualenvs.install_command(python, locks, settings), external=True)


def _debian(session: nox.Session, path: str) -> None:
    """Make sure of what a Debian package has, which as root can be installed; otherwise say what to install."""
    package = PACKAGES[path]
    if list(Path("/").glob(path.lstrip("/"))):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        session.error(f"{path} is missing: install the package {package}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    session.run("apt-get", "update", "-qq", external=True)
    session.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", package, external=True, env=quiet)
