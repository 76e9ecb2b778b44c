"""`./run`: who makes the environment; stand-ins for Python and uv write down how they are called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.host import virtualenvs
from scripts.host.paths import ROOT

pytestmark = pytest.mark.slow  # all start programs

PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$(dirname "$0")/uv" "$3/bin/uv" ;;
"-m pip config list") printf '%s\\n' "$SETTINGS" ;;
"-m pip install "*) while [ $# -gt 1 ]; do shift; done; printf 'pip %s\\n' "$(grep -c == "$1")" >>"$CALLS" ;;
esac
"""
UV = """#!/bin/sh
printf 'uv %s\\n' "$(grep -c == requirements.txt)" >>"$CALLS"
exit "$UV_STATUS"
"""
WHOLE = sum("==" in line for line in (ROOT / "requirements.txt").read_text().splitlines())


@pytest.mark.parametrize(
    ("settings", "status", "calls"),
    [
        ("", "0", ["pip 1", f"uv {WHOLE}"]),
        (":env:.cert='/etc/ssl/index.pem'", "0", ["pip 1", f"uv {WHOLE}"]),
        ("global.index-url='https://pypi.example/simple'", "0", [f"pip {WHOLE}"]),
        (":env:.proxy='http://proxy.example:3128'", "0", [f"pip {WHOLE}"]),
        ("", "2", ["pip 1", f"uv {WHOLE}", f"pip {WHOLE}"]),
    ],
)
def test_uv_makes_the_environment_but_where_pip_has_an_index_of_its_own(
    tmp_path: Path, settings: str, status: str, calls: list[str]
) -> None:
    home, programs, told = tmp_path / "a folder, with a comma", tmp_path / "bin", tmp_path / "calls"
    stand_in(home, programs)
    (home / ".venv").mkdir()
    (home / ".venv/own.txt").write_text("a person's own environment")
    path = f"{programs}:/usr/bin:/bin"
    env = os.environ | {"PATH": path, "SETTINGS": settings, "UV_STATUS": status, "CALLS": str(told)}
    env |= {"PYTHONHOME": "/of/another", "PYTHONPATH": "/of/another"}
    link = tmp_path / "link"
    link.symlink_to(f"{home.name}/run")
    for start in (home / "run", link):  # the second time there is nothing to do
        check = ["sh", "-c", 'test -z "${PYTHONHOME-}${PYTHONPATH-}"']
        subprocess.run([start, *check], check=True, cwd=home, env=env, capture_output=True)
    assert told.read_text().splitlines() == calls
    assert (home / ".venv.yours/own.txt").is_file() and not (home / ".venv/own.txt").exists()
    (home / "requirements.txt").write_text("uv==1\n# via\n")  # another lock: ours is made anew in its place
    subprocess.run([home / "run", *check], check=True, cwd=home, env=env, capture_output=True)
    assert not (home / ".venv/own.txt").exists() and len(list(home.glob(".venv*"))) == 3
    own = virtualenvs.install_command(Path("python"), ["lock.txt"], settings)
    assert ("uv" in Path(own[0]).name) == any(line.startswith("uv") for line in calls)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a:b", "a colon in the path ends a folder's name on PATH"),
        ("a\nb", "a line break in the path ends a program's first line"),
        (os.fsdecode(b"caf\xe9"), "the path is not UTF-8, which uv needs"),
    ],
)
def test_a_checkout_whose_path_cannot_be_worked_with_is_refused(tmp_path: Path, name: str, why: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for file in ("run", "requirements.txt"):
        shutil.copy(ROOT / file, folder)
    done = subprocess.run([folder / "run", "true"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert os.fsdecode(done.stderr) == f"run: {folder}: {why}: move the checkout\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "usage: ./run COMMAND"),
        (["--help"], "usage: ./run COMMAND"),
        (["pipeline"], "pipeline: there is no such program; is ./run invoke pipeline meant?"),
    ],
)
def test_what_is_no_command_is_told_in_one_line(tmp_path: Path, words: list[str], told: str) -> None:
    for name in ("run", "requirements.txt"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    shutil.copy(ROOT / "requirements.txt", tmp_path / ".venv")
    done = subprocess.run([tmp_path / "run", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"run: {told}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("path", ["", "/nonexistent"])
def test_a_path_without_the_system_s_programs_is_told(path: str) -> None:
    done = subprocess.run(["/bin/sh", ROOT / "run", "true"], env={"PATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"run: there is no dirname on PATH ({path}): ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, "-,-"),
        ({"PYTHONDONTWRITEBYTECODE": "1"}, "-,HOME/.venv/pycache"),
        ({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/of/mine"}, "-,/of/mine"),
        ({"PYTHONPYCACHEPREFIX": "/of/mine"}, "-,/of/mine"),
    ],
)
def test_bytecode_that_is_not_wanted_beside_sources_is_kept_in_the_environment(
    tmp_path: Path, given: dict[str, str], kept: str
) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in ("run", "requirements.txt"):
        shutil.copy2(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "requirements.txt", tmp_path / ".venv")
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    names = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    env = {key: value for key, value in os.environ.items() if key not in names} | given
    shown = ["sh", "-c", 'echo "${PYTHONDONTWRITEBYTECODE:--},${PYTHONPYCACHEPREFIX:--}"']
    done = subprocess.run([tmp_path / "run", *shown], env=env, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == kept.replace("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "without", "others"),
    [
        ("a b,c'd%e$f \u00fc", ("HOME", "LANG"), {"LC_ALL": "C", "GIT_DIR": "/nowhere", "PYTHONUTF8": "0"}),
        (
            "-x",
            ("TERM",),
            {"HOME": "/nowhere/at/all", "XDG_CACHE_HOME": "relative", "XDG_STATE_HOME": "", "TMPDIR": "/nowhere"}
            | {"CDPATH": "/:/tmp", "PYTHONSAFEPATH": "1", "PYTHONINSPECT": "1", "PYTHONPATH": "/nowhere"},
        ),
    ],
)
def test_a_dry_run_is_the_first_command_of_a_checkout_wherever_it_lies(
    tmp_path: Path, name: str, without: tuple[str, ...], others: dict[str, str]
) -> None:
    """Without git, a home or a folder for what is temporary: it tells what would be done, or why that cannot be."""
    home = tmp_path / name
    copied(home)
    python_of_ours(home / ".venv")
    env = {key: value for key, value in os.environ.items() if key not in without} | others
    started = ["sh", "-c", './"$0"/run invoke --dry pipeline', name]
    done = subprocess.run(started, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    told = done.stderr.decode() + done.stdout.decode()
    assert "Traceback" not in told and "should not have happened" not in told, told
    assert "Would change: " in told if done.returncode == 0 else "What to do:" in told or "error: " in told, told
    assert "== prepare" in told or done.returncode, told


CLOSED = """
set -e
mount --bind "$1" "$1"
mount -o remount,ro,bind "$1"
cd "$1"
shift
exec "$@"
"""


def stand_in(home: Path, programs: Path) -> None:
    """Make a checkout that is no more than `run` and its lock, and a folder of stand-ins for Python and uv."""
    home.mkdir()
    programs.mkdir()
    for name, text in {"python3": PYTHON, "uv": UV}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    for name in ("run", "requirements.txt"):
        shutil.copy2(ROOT / name, home / name)


def copied(home: Path) -> None:
    """Copy what git knows of this checkout to a folder, as a clone has it."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for file in filter(None, os.fsdecode(tracked).split("\0")):
        if (ROOT / file).is_file() and not file.startswith(("tests/", "shared/")):
            (home / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, home / file)


def python_of_ours(venv: Path) -> None:
    """Make an environment that has this Python's packages, as if `run` had made it."""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (venv / "bin/python").chmod(0o755)
    shutil.copy(ROOT / "requirements.txt", venv)


@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only disk takes root to make")
@pytest.mark.parametrize("command", ["--dry pipeline", "--dry secrets.sync", "secrets.check"])
def test_a_checkout_on_a_read_only_disk_can_be_looked_at(tmp_path: Path, command: str) -> None:
    home, own = tmp_path / "checkout", tmp_path / "home"
    copied(home)
    sums = subprocess.run(["cksum"], input=os.fsencode(home), capture_output=True, check=True).stdout.split()
    python_of_ours(own / ".cache/todo-chatbot/environments" / sums[0].decode())
    env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "VIRTUAL"))}
    started = ["unshare", "--mount", "sh", "-c", CLOSED, "sh", home, "./run", "invoke", *command.split()]
    done = subprocess.run(started, env=env | {"HOME": str(own)}, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    if "mount: " in told or "unshare: " in told:
        pytest.skip("nothing can be mounted here")
    assert "Read-only file system" not in told and "run: making" not in told, told
    assert not (home / ".pipeline").exists() and "should not have happened" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only disk takes root to make")
def test_the_environment_of_a_closed_checkout_is_made_in_the_cache(tmp_path: Path) -> None:
    home, programs, own = tmp_path / "checkout", tmp_path / "bin", tmp_path / "own"
    stand_in(home, programs)
    own.mkdir()
    env = {"PATH": f"{programs}:/usr/bin:/bin", "SETTINGS": "", "UV_STATUS": "0", "CALLS": str(tmp_path / "calls")}
    shown = ["sh", "-c", 'echo "$VIRTUAL_ENV $PYTHONPYCACHEPREFIX"']
    started = ["unshare", "--mount", "sh", "-c", CLOSED, "sh", home, "./run", *shown]
    done = subprocess.run(started, env=env | {"HOME": str(own)}, capture_output=True, text=True, check=False)
    if "mount: " in done.stderr or "unshare: " in done.stderr:
        pytest.skip("nothing can be mounted here")
    assert done.returncode == 0, done.stderr
    venv, bytecode = done.stdout.split()
    assert venv.startswith(f"{own}/.cache/todo-chatbot/environments/") and bytecode == f"{venv}/pycache"
    nowhere = subprocess.run(started, env=env | {"HOME": str(home)}, capture_output=True, text=True, check=False)
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1) and "can be written" in nowhere.stderr
