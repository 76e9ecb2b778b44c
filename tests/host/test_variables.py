"""A program that is started here goes where its arguments say, whatever the variables of a person would make it do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.host.paths import ROOT
from scripts.host.shell import Shell

pytestmark = pytest.mark.slow  # all start programs

TELL = "import os; print(os.environ.get({0!r}, 'unset'))"
ASTRAY = {
    "GIT_DIR": "/elsewhere",  # git sets this and the next for its hooks
    "GIT_INDEX_FILE": "/elsewhere",
    "GIT_WORK_TREE": "/elsewhere",
    "HELM_KUBEAPISERVER": "https://production",  # wins over --kube-context
    "HELM_KUBETOKEN": "x",
    "HELM_DRIVER": "configmap",  # where releases are kept
    "HELM_NAMESPACE": "elsewhere",
    "KUBECTL_EXTERNAL_DIFF": "meld",
    "BUILDX_BUILDER": "remote",  # which keeps the image to itself
    "SOURCE_DATE_EPOCH": "0",
    "PGSERVICE": "production",  # wins over PGHOST
    "PGHOSTADDR": "192.0.2.1",
    "PGOPTIONS": "-c search_path=x",
    "LANGUAGE": "de",
    "FORCE_COLOR": "1",
}
SET = {"LC_ALL": "C.UTF-8", "MINIKUBE_IN_STYLE": "false", "KUBERC": "off"}
KEPT = ("DOCKER_HOST", "HTTPS_PROXY", "GIT_SSH_COMMAND", "HELM_CACHE_HOME", "KUBECONFIG", "PGSSLROOTCERT", "LANG")


def told(name: str, value: str, monkeypatch: pytest.MonkeyPatch, **more: str) -> str:
    monkeypatch.setenv(name, value)
    return Shell().probe([sys.executable, "-c", TELL.format(name)], env=more).out.strip()


@pytest.mark.parametrize(("name", "value"), ASTRAY.items())
def test_a_variable_that_leads_elsewhere_reaches_no_program(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(name, value, monkeypatch) == "unset"


@pytest.mark.parametrize(
    ("start", "own", "got"),
    [
        ("print(Shell().probe(ask).out)", {}, "400"),
        ("print(Shell().probe(ask).out)", {"GOGC": "50"}, "50"),
        ("Shell(echo=str).daemon(ask, log=log).wait(); print(log.read_text())", {}, "unset"),
    ],
)
def test_a_program_that_ends_soon_need_not_tidy_its_memory(
    start: str, own: dict[str, str], got: str, tmp_path: Path
) -> None:
    """In a process of its own, since what there is at the beginning counts."""
    ask = [sys.executable, "-c", TELL.format("GOGC")]
    code = f"from pathlib import Path; from scripts.host.shell import Shell; ask = {ask!r}; "
    code += f"log = Path({str(tmp_path / 'log')!r}); {start}"
    env = {name: value for name, value in os.environ.items() if name != "GOGC"} | own
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == got


def test_what_was_there_before_this_program_began_reaches_no_program_either() -> None:
    ask = "import os; print(*sorted(os.environ))"
    code = (
        f"import sys; from scripts.host.shell import Shell; print(Shell().probe([sys.executable, '-c', {ask!r}]).out)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | ASTRAY, capture_output=True, text=True, check=True
    )
    told = done.stdout.split()
    assert "PATH" in told and not ASTRAY.keys() & set(told)


@pytest.mark.parametrize(("name", "value"), SET.items())
def test_programs_speak_english_and_without_pictures(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(name, "de_DE.UTF-8", monkeypatch) == value


@pytest.mark.parametrize("name", KEPT)
def test_what_says_how_a_place_is_reached_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(name, "kept", monkeypatch) == "kept"


def test_what_is_given_on_purpose_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told("PGOPTIONS", "a person's", monkeypatch, PGOPTIONS="given") == "given"


def test_the_commit_that_is_recorded_is_the_checkout_s_own_inside_of_a_git_hook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ours", "theirs"):
        subprocess.run(["git", "init", "-q", tmp_path / name], check=True, env={"PATH": os.environ["PATH"]})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "theirs/.git"))
    asked = Shell().probe(["git", "-C", tmp_path / "ours", "rev-parse", "--absolute-git-dir"])
    assert asked.out.strip() == str(tmp_path / "ours/.git")
